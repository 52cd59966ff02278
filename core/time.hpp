// Time as the core knows it. There is no now(): time enters only with an input.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>

namespace nemcon::core {

// Monotonic time of this process; measures deadlines, never orders anything between nodes.
struct CoreClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
};

using Duration = CoreClock::duration;
using Instant = CoreClock::time_point;

[[nodiscard]] constexpr std::int64_t monotonic_ms(Instant now) {
  return now.time_since_epoch() / std::chrono::milliseconds{1};
}

// Hybrid logical clock value: 48 bits of wall milliseconds, 16 bits of count within one.
class Hlc {
 public:
  constexpr Hlc() = default;

  constexpr explicit Hlc(std::uint64_t value) : value_(value) {}

  static constexpr Hlc from_ms(std::uint64_t wall_ms) { return Hlc{wall_ms << 16U}; }

  static constexpr Hlc never() { return Hlc{~std::uint64_t{0}}; }

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  [[nodiscard]] constexpr std::uint64_t wall_ms() const { return value_ >> 16U; }

  friend constexpr auto operator<=>(const Hlc&, const Hlc&) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace nemcon::core
