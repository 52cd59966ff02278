// Nemesis: carries out the faults of a plan, and heals them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"

namespace nemcon::sim {

class Nemesis {
 public:
  Nemesis(World& world, const FaultPlan& plan, std::vector<Session*> clients,
          std::vector<Session*> services);
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  // Faults come until heal().
  void begin();

  // Everything that can be mended is mended; nodes that are gone stay away.
  void heal();

  // Nodes that are gone for good, or fenced.
  [[nodiscard]] const std::set<std::size_t>& lost() const { return lost_; }

  // Of those, the ones whose old disk others have seen past (Rule P-37).
  [[nodiscard]] const std::set<std::size_t>& must_be_fenced() const { return must_be_fenced_; }

  // How often each kind of fault was done.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  using Fault = void (Nemesis::*)();

  void plan(Time mean, Fault fault);
  void crash_one();
  void crash_now(std::size_t node);
  void plan_restart(std::size_t node);
  void upgrade_one();
  void install(std::size_t node, std::uint8_t version);
  void pause_one();
  void cut_some();
  void slow_one_disk();
  void fill_one_disk();
  void fail_one_flush();
  void jump_one_clock();
  [[nodiscard]] bool may_be_far_off(std::size_t node) const;
  void hurt_one_link();
  void restart_one_client();
  void restart_one_service();
  void plan_losses();
  [[nodiscard]] std::vector<std::size_t> untouched() const;
  [[nodiscard]] bool is_known_to_all(std::size_t node) const;
  void lose_one();
  [[nodiscard]] std::optional<core::Sighting> kept_sighting(std::size_t other,
                                                            std::size_t node) const;
  [[nodiscard]] bool is_seen_past(std::size_t node, core::Lsn lsn) const;
  void restore_backup(std::size_t node);
  void call_all();
  void clone(std::size_t node);
  void rot_one();
  void later(Time delay, std::function<void()> action);
  [[nodiscard]] std::optional<std::size_t> pick_running();
  [[nodiscard]] std::size_t pick_present();
  Time between(Time low, Time high);
  Time length(Time low, Time high);
  void isolate(std::size_t node, bool is_cut);

  World& world_;           // Must outlive the nemesis.
  const FaultPlan& plan_;  // Must outlive the nemesis.
  Random random_;
  std::vector<Session*> clients_;
  std::vector<Session*> services_;
  bool active_ = false;
  Time calm_until_{0};  // No faults before this: what follows must be seen by all.
  std::map<std::size_t, Time> clock_settles_at_;  // Of clocks that were far off.
  std::set<std::size_t> lost_;
  std::map<std::size_t, DiskImage> backups_;
  std::set<std::size_t> must_be_fenced_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace nemcon::sim
