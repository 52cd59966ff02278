// Plan: what one seed stands for. Every seed draws its own mesh, load and faults, most of them with
// a part of the faults switched off, so that no fault hides what another one would show.
//
// Real processes have a time of their own: the same seed gives the same plan, not the same run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/history.hpp"

namespace nemcon::chaos {

using Milliseconds = std::chrono::milliseconds;

struct QueuePlan {
  std::string name;
  sim::QueueOrder order = sim::QueueOrder::producer;
  Milliseconds lease{30'000};
  unsigned deliveries_max = 20;
  unsigned messages_max = 0;  // 0: no limit.
  bool waits_when_full = false;
  std::size_t consumer_count = 1;  // More only where nobody asks for the order.
};

struct NodePlan {
  std::string name;
  std::vector<QueuePlan> queues;
};

struct ProducerPlan {
  std::string name;                // Empty: anonymous.
  std::vector<std::size_t> homes;  // Nodes in the order in which they are tried.
  std::size_t window = 1;          // Transactions under way.
  Milliseconds think_max{0};       // Between two.
  std::size_t filling_bytes_max = 0;
};

// Parts in a million, of every delivery.
struct ConsumerPlan {
  std::uint32_t credit = 32;
  std::uint32_t nacks = 0;
  std::uint32_t rejects = 0;
  std::uint32_t forgets = 0;
  std::uint32_t crashes = 0;
  std::uint32_t transacts = 0;
};

struct ServicePlan {
  std::string name;
  std::size_t node = 0;
  std::size_t instance_count = 1;
  std::uint32_t refuses = 0;
  std::uint32_t read_only = 0;
  std::uint32_t fails = 0;  // commit or roll_back throws, and is called again.
  Milliseconds think_max{0};
};

// Mean time between two faults of a kind; zero: never.
struct FaultPlan {
  Milliseconds kill{0};
  Milliseconds pause{0};
  Milliseconds cut{0};
  Milliseconds one_way{0};
  Milliseconds isolate{0};
  Milliseconds flap{0};
  Milliseconds loss{0};
  Milliseconds delay{0};
  Milliseconds reset{0};
  Milliseconds clock{0};
  Milliseconds disk_full{0};
  Milliseconds client_kill{0};
  bool far_clock = false;           // Off by an hour, not by seconds.
  std::size_t clock_victim = 0;     // The same node all the time, so that most clocks agree.
  std::size_t disk_victim = 0;      // The one whose disk is small.
  Milliseconds trouble_max{3'000};  // How long one fault lasts.
};

// What the command line fixes; the rest is drawn.
struct Wishes {
  std::size_t nodes = 0;
  std::string mode;
  Milliseconds trouble{0};
  std::string other_nemcond;
};

struct Plan {
  std::uint64_t seed = 0;
  std::string mode;  // "S", "X", "C".
  std::vector<NodePlan> nodes;
  std::vector<ProducerPlan> producers;
  ConsumerPlan consumer;
  std::vector<ServicePlan> services;
  FaultPlan faults;
  bool has_liar = false;         // One more node, which has part in nothing and lies about it.
  Milliseconds trouble{10'000};  // How long faults go on.
  std::string other_nemcond;     // The program of one node; empty: all have that of this build.
  std::size_t other_node = 0;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string transactions_section() const;
};

[[nodiscard]] Plan draw_plan(std::uint64_t seed, const Wishes& wishes);

}  // namespace nemcon::chaos
