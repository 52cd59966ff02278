// Nemesis: makes the faults of a plan happen, one after the other and side by side, and heals them.
// What it will do is drawn before it begins. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/cluster.hpp"
#include "tests/chaos/network.hpp"
#include "tests/chaos/plan.hpp"
#include "tests/sim/random.hpp"

namespace nemcon::chaos {

using FaultCounts = std::map<std::string, std::uint64_t>;

// What it has power over besides nodes and network.
struct Clients {
  std::function<void(std::uint64_t chance)> kill;  // One of them.
  std::function<void(bool on)> crowd;              // Stage::crowds.
};

class Nemesis {
 public:
  // `network` is null on loopback: its faults are left out.
  Nemesis(const Plan& plan, Cluster& cluster, Network* network, Clients clients);

  // Until the trouble of the plan is over or `is_over` says so.
  void run(const std::function<bool()>& is_over);

  // Nothing disturbs any more, and what was killed is started: it may take a while to be ready.
  void heal();

  [[nodiscard]] const FaultCounts& counts() const { return counts_; }

 private:
  struct Action {
    Milliseconds at{0};
    std::function<void()> act;
  };

  using Fault = void (Nemesis::*)(Milliseconds at, Milliseconds length);

  void draw(Milliseconds mean, Fault fault);
  void draw_all();
  void plan_at(Milliseconds at, std::function<void()> act);

  [[nodiscard]] std::size_t draw_node() { return random_.below(cluster_.size()); }

  [[nodiscard]] std::size_t draw_other(std::size_t node);

  void draw_kill(Milliseconds at, Milliseconds length);
  void draw_pause(Milliseconds at, Milliseconds length);
  void draw_cut(Milliseconds at, Milliseconds length);
  void draw_one_way(Milliseconds at, Milliseconds length);
  void draw_isolate(Milliseconds at, Milliseconds length);
  void draw_flap(Milliseconds at, Milliseconds length);
  void draw_loss(Milliseconds at, Milliseconds length);
  void draw_delay(Milliseconds at, Milliseconds length);
  void draw_reset(Milliseconds at, Milliseconds length);
  void draw_clock(Milliseconds at, Milliseconds length);
  void draw_disk(Milliseconds at, Milliseconds length);
  void draw_client(Milliseconds at, Milliseconds length);

  // Both ways.
  void plan_cut(Milliseconds at, Milliseconds length, std::size_t a, std::size_t b);
  void revive(std::size_t node);
  void fill_disk(std::size_t node);
  void free_disk(std::size_t node);
  void watch_disk();

  const Plan& plan_;
  Cluster& cluster_;
  Network* network_;
  Clients clients_;
  sim::Random random_;
  std::vector<Action> actions_;
  FaultCounts counts_;
  // While a full disk has shown no effect: how often its node had refused new work before.
  std::optional<std::uint64_t> refusals_before_;
};

}  // namespace nemcon::chaos
