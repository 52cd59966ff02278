// Schedule: virtual time. A priority queue of (time, sequence): two happenings of one moment
// come in the order in which they were planned, so a run is a function of its seed.
//
// Units: nanoseconds since the world began.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/time.hpp"

namespace nemcon::sim {

using Time = core::Duration;

// Work is finished by itself; a timer may be renewed for ever. "Idle" means no work is left.
enum class Nature : std::uint8_t { work, timer };

class Schedule {
 public:
  [[nodiscard]] Time now() const { return now_; }

  void at(Time when, Nature nature, std::function<void()> action);

  void after(Time delay, std::function<void()> action) {
    at(now_ + delay, Nature::work, std::move(action));
  }

  // Runs the next happening, if it comes not later than `horizon`. Otherwise time becomes
  // `horizon` and the result is false.
  bool try_step(Time horizon);

  void run_until(Time horizon) {
    while (try_step(horizon)) {
    }
  }

  [[nodiscard]] std::size_t work_count() const { return work_count_; }

  [[nodiscard]] std::uint64_t step_count() const { return step_count_; }

 private:
  struct Happening {
    Time when;
    std::uint64_t sequence = 0;
    Nature nature = Nature::work;
    std::function<void()> action;

    bool operator>(const Happening& other) const {
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  Time now_{0};
  std::uint64_t next_sequence_ = 0;
  std::uint64_t step_count_ = 0;
  std::size_t work_count_ = 0;
  std::vector<Happening> heap_;
};

}  // namespace nemcon::sim
