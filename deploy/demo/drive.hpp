// Drive: one run of the demo, from nothing to the audit's verdict.
//
// One thread. Errors: std::runtime_error with what went wrong; Interrupted on SIGINT or SIGTERM.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "deploy/demo/cast.hpp"
#include "deploy/demo/kill_plan.hpp"

namespace nemcon::demo {

class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

// From now on SIGINT and SIGTERM make a Drive throw Interrupted.
void catch_interruptions();

struct DriveOptions {
  Setting setting;
  std::size_t order_count = 0;
  std::size_t kills_each = 0;  // How often every node and service is killed.
};

class Drive {
 public:
  explicit Drive(const DriveOptions& options);

  // Starts, feeds, kills, waits, audits, stops, prints the summary.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  // Something to do with a victim at a time. `pause` is that of a kill: until it is started again.
  struct Due {
    Clock::time_point at;
    std::chrono::milliseconds pause{0};
    std::size_t victim = 0;
  };

  enum class Show : std::uint8_t { when_due, now };

  void feed();
  [[nodiscard]] bool is_quiet() const;
  void begin_round(std::size_t done);
  void allow();
  void kill_and_restart();
  void show_progress(const std::string& line, Show show);
  void audit();
  void print_summary() const;

  const DriveOptions options_;
  Cast cast_;
  std::deque<KillRound> rounds_;  // Still to come.
  std::vector<Due> kills_;        // Of the round that has begun.
  std::vector<Due> restarts_;     // Of those that are down.
  std::size_t allowed_ = 0;       // What the client was told last.
  std::array<std::size_t, killable.size()> kill_counts_{};
  Clock::time_point shown_;
  std::chrono::duration<double> fed_{};  // How long the orders took.
};

}  // namespace nemcon::demo
