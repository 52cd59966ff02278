// Plan: what one seed stands for. Swarm testing: every seed draws its own mesh, mode, workload
// and set of faults, most of them with a part of the faults switched off, so that no fault hides
// what another one would show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/options.hpp"
#include "tests/sim/consumer.hpp"
#include "tests/sim/keys.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/producer.hpp"
#include "tests/sim/service.hpp"

namespace nemcon::sim {

struct ServicePlan {
  std::string name;
  std::size_t node = 0;
  std::size_t instance_count = 1;
};

// Mean time between two faults of a kind; zero: never.
struct FaultPlan {
  Time crash{0};
  Time pause{0};
  Time cut{0};
  Time slow_disk{0};
  Time full_disk{0};
  Time failed_flush{0};
  Time clock_jump{0};
  Time link{0};  // Client links broken or silent.
  Time client_restart{0};
  Time service_restart{0};
  Time upgrade{0};  // A node comes back with another protocol version, for a while.
  Time down_max = std::chrono::seconds{3};
  // Of crashes, pauses and cuts, in parts of a million: they last longer than outcomes are kept.
  std::uint32_t outages = 0;
  bool far_jumps = false;        // Of the wall clock: hours, not seconds.
  std::size_t gone_count = 0;    // Nodes that never come back.
  bool restores_backup = false;  // One of them comes back with an old disk, and must be fenced.
  bool clones = false;           // One of them runs twice.
  bool rots = false;             // One of them has a flipped bit on its disk.
  NetworkRates network;
};

struct Plan {
  std::uint64_t seed = 0;
  std::vector<core::Options> nodes;
  std::string mode;  // "S", "X3", "X5", "C".
  std::vector<ServicePlan> services;
  std::vector<ProducerPlan> producers;
  ConsumerHabits consumer;
  ServiceHabits service;
  std::size_t consumers_per_queue = 1;
  FaultPlan faults;
  Time trouble = std::chrono::seconds{8};     // How long faults go on.
  Time patience = std::chrono::seconds{240};  // How long everything may take after healing.
  bool zombies = false;                       // Two processes of one named client.
  bool is_long = false;  // Goes on for longer than outcomes are kept, with less at a time.
  KeyPlan keys;
  std::optional<std::size_t> liar;  // A node that says what it likes.

  [[nodiscard]] std::string text() const;
};

// Whom a client's key stands for: its name, or its label when its sessions are anonymous.
[[nodiscard]] std::string account_of_producer(const ProducerPlan& producer, std::size_t index);

struct PlanWishes {
  std::uint64_t seed = 1;
  std::uint32_t size = 100;  // Scales the number of transactions, 100 being the usual.
  bool is_long = false;      // It must be a long one, which else few are.
};

[[nodiscard]] Plan draw_plan(const PlanWishes& wishes);

}  // namespace nemcon::sim
