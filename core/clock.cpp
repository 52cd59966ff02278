#include "core/clock.hpp"

#include <algorithm>
#include <cstdlib>

namespace nemcon::core {

namespace {

// A tenth: fast enough to follow any real oscillator, slow enough that a jump of an hour takes
// ten hours to arrive, long before which `max_drift` has been noticed.
constexpr std::uint64_t slew_divisor = 10;

// A step that was a mistake is usually taken back within seconds.
constexpr Duration step_patience = std::chrono::minutes{1};
constexpr std::int64_t steady_within_ms = 1'000;

}  // namespace

// Whether the system clock has gone as the monotonic one does for so long that it can be believed.
bool HybridClock::has_stood(std::uint64_t wall_ms) {
  const auto offset = static_cast<std::int64_t>(wall_ms) - monotonic_ms(last_now_);
  if (std::abs(offset - offset_ms_) > steady_within_ms) {
    offset_ms_ = offset;
    offset_since_ = last_now_;
  }
  return last_now_ - offset_since_ >= step_patience;
}

void HybridClock::observe(Instant now, std::uint64_t wall_ms, std::int64_t known_drift_ms) {
  if (!observed_) {
    observed_ = true;
    last_now_ = now;
    wall_ms_ = wall_ms;
    return;
  }
  if (now <= last_now_) return;
  remainder_ += now - last_now_;
  last_now_ = now;
  const bool believes_steps = peers_ == Peers::none && has_stood(wall_ms);
  const auto elapsed = static_cast<std::uint64_t>(remainder_ / std::chrono::milliseconds{1});
  if (elapsed == 0) return;
  remainder_ -= std::chrono::milliseconds{elapsed};
  if (believes_steps) {
    wall_ms_ = wall_ms;
    return;
  }
  const std::uint64_t expected = wall_ms_ + elapsed;
  const std::uint64_t slew = elapsed / slew_divisor + 1;
  if (wall_ms > expected) {
    const auto ahead = static_cast<std::uint64_t>(std::max<std::int64_t>(known_drift_ms, 0));
    wall_ms_ = std::min(wall_ms, expected + std::max(slew, ahead));
  } else {
    const auto behind = static_cast<std::uint64_t>(-std::min<std::int64_t>(known_drift_ms, 0));
    const std::uint64_t back = std::max(std::min(slew, elapsed), behind);
    wall_ms_ = std::max(wall_ms, expected - std::min(back, expected));
  }
}

Hlc HybridClock::tick() {
  // The count overflows into the milliseconds by itself: both are one number.
  latest_ = std::max(present(), Hlc{latest_.value() + 1});
  return latest_;
}

Hlc HybridClock::present() const {
  return std::max(Hlc::from_ms(limited_ms()), latest_);
}

void HybridClock::merge(Hlc seen) {
  latest_ = std::max(latest_, seen);
}

bool HybridClock::is_too_far_ahead(Hlc other, Duration max_drift) const {
  const auto drift_ms = static_cast<std::uint64_t>(max_drift / std::chrono::milliseconds{1});
  return other.wall_ms() > wall_ms_ + drift_ms;
}

}  // namespace nemcon::core
