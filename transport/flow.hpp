// Small machines that both ends of a connection have: how far the sender may run ahead, how long
// the other side has been silent, when to try again.
//
// Pure values; the owner's thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/check.hpp"
#include "core/rate.hpp"
#include "core/time.hpp"
#include "transport/links.hpp"

namespace nemcon::transport {

// Bytes sent and not yet known to be taken. A ping carries the count of bytes sent before it;
// its pong says that all of these were taken.
class FlowWindow {
 public:
  // One frame of any size may go when less than the window is under way.
  [[nodiscard]] bool is_full() const { return under_way() >= link_window_bytes; }

  [[nodiscard]] std::uint64_t under_way() const { return sent_ - taken_; }

  [[nodiscard]] bool wants_ping() const { return sent_ - marked_ >= link_window_bytes / 16; }

  [[nodiscard]] std::uint64_t mark() const { return sent_; }

  void on_frame(std::size_t byte_count) { sent_ += byte_count; }

  void on_ping() { marked_ = sent_; }

  // A mark that was never sent changes nothing: it could only hurt who invents it.
  void on_pong(std::uint64_t mark) {
    if (mark > taken_ && mark <= sent_) taken_ = mark;
  }

 private:
  // Invariant: taken_ <= sent_ and marked_ <= sent_.
  std::uint64_t sent_ = 0;
  std::uint64_t marked_ = 0;
  std::uint64_t taken_ = 0;
};

// How fast the other side asks: one second's worth of its requests may be unpaid.
class Pace {
 public:
  void on_requests(std::uint64_t count, core::Instant now) { rate_.spend(count * each, now); }

  [[nodiscard]] bool is_too_fast(core::Instant now) const {
    return rate_.paid_until() > now + burst;
  }

  // Not yet after the first request that would fit in again: then each one had to be held.
  [[nodiscard]] bool may_go_on(core::Instant now) const {
    return rate_.paid_until() <= now + burst / 2;
  }

 private:
  static constexpr core::Duration burst = std::chrono::seconds{1};
  static constexpr core::Duration each = burst / requests_per_second_max;

  core::Rate rate_;
};

// Time in which this side was able to listen. It goes with the caller's, but a pause of the
// caller (stopped, swapped out) counts as one step at most: that nothing was heard meanwhile says
// nothing about the others.
class ListeningTime {
 public:
  explicit ListeningTime(core::Duration step_max) : step_max_(step_max) {}

  core::Instant advance(core::Instant now) {
    NEMCON_CHECK(now >= last_ || last_ == core::Instant{});
    if (last_ != core::Instant{}) listened_ += std::min(now - last_, step_max_);
    last_ = now;
    return listened_;
  }

  // How long from `now` on until it reads `deadline`.
  [[nodiscard]] core::Duration until(core::Instant deadline, core::Instant now) const {
    return std::max(core::Duration::zero(), deadline - listened_ - (now - last_));
  }

 private:
  core::Duration step_max_;
  core::Instant last_{};
  core::Instant listened_{};
};

// Waits between attempts: doubled from the first to the largest, a random half taken off, so
// that a mesh that lost one node does not come back to it in one moment.
class Backoff {
 public:
  Backoff(core::Duration first, core::Duration largest) : first_(first), largest_(largest) {}

  void reset() { next_ = core::Duration::zero(); }

  [[nodiscard]] core::Duration next(std::uint64_t random) {
    next_ = std::clamp(2 * next_, first_, std::max(first_, largest_));
    const auto half = static_cast<std::uint64_t>(next_.count() / 2);
    return next_ - core::Duration{static_cast<core::Duration::rep>(random % (half + 1))};
  }

 private:
  core::Duration first_;
  core::Duration largest_;
  core::Duration next_{};
};

}  // namespace nemcon::transport
