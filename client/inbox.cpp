#include "client/inbox.hpp"

#include <algorithm>
#include <utility>

namespace nemcon::client {

std::uint32_t Inbox::restart(std::uint64_t subscription) {
  const std::lock_guard lock{mutex_};
  subscription_ = subscription;
  arrived_.clear();
  returned_ = 0;
  std::uint64_t credit = options_.credit;
  if (options_.count_max > 0) credit = std::min(credit, options_.count_max - handed_);
  granted_ = handed_ + credit;
  return static_cast<std::uint32_t>(credit);
}

void Inbox::put(Arrived arrived) {
  const std::lock_guard lock{mutex_};
  if (arrived.subscription != subscription_) return;
  arrived_.push_back(std::move(arrived));
  changed_.notify_one();
}

void Inbox::fail(const Error& error) {
  const std::lock_guard lock{mutex_};
  error_ = error;
  changed_.notify_all();
}

Inbox::Taken Inbox::take(std::optional<std::chrono::steady_clock::time_point> deadline) {
  std::unique_lock lock{mutex_};
  Taken taken;
  while (true) {
    const auto is_due = [&] { return stopped_ || error_ || !arrived_.empty(); };
    if (deadline) {
      if (!changed_.wait_until(lock, *deadline, is_due)) break;
    } else {
      changed_.wait(lock, is_due);
    }
    if (stopped_) break;
    if (error_) throw Error{*error_};
    Arrived next = std::move(arrived_.front());
    arrived_.pop_front();
    if (next.lease_end > std::chrono::steady_clock::now()) {
      taken.arrived = std::move(next);
      ++handed_;
      break;
    }
    ++returned_;  // Waited here for too long: the node delivers it again.
    --granted_;
  }
  taken.credit = collect_credit();
  taken.subscription = subscription_;
  return taken;
}

std::uint32_t Inbox::return_credit(std::uint64_t subscription) {
  const std::lock_guard lock{mutex_};
  if (subscription != subscription_ || stopped_) return 0;
  ++returned_;
  return collect_credit();
}

// In quarters, so that the node is not told of every single one.
std::uint32_t Inbox::collect_credit() {
  std::uint64_t enough = std::max<std::uint32_t>(1, options_.credit / 4);
  if (options_.count_max > 0) {
    const std::uint64_t wanted = options_.count_max - granted_;
    returned_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(returned_, wanted));
    enough = std::min(enough, wanted);
  }
  if (returned_ == 0 || returned_ < enough) return 0;
  granted_ += returned_;
  return std::exchange(returned_, 0);
}

void Inbox::stop() {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  changed_.notify_all();
}

std::deque<Arrived> Inbox::take_rest() {
  const std::lock_guard lock{mutex_};
  return std::exchange(arrived_, {});
}

}  // namespace nemcon::client
