#include "client/gate.hpp"

#include <utility>

namespace nemcon::client {

Gate::Pass::Pass(std::shared_ptr<Gate> gate, std::uint64_t bytes)
    : gate_(std::move(gate)), bytes_(bytes) {}

Gate::Pass::Pass(Pass&& other) noexcept
    : gate_(std::move(other.gate_)), bytes_(std::exchange(other.bytes_, 0)) {}

Gate::Pass& Gate::Pass::operator=(Pass&& other) noexcept {
  if (this != &other) {
    if (gate_) gate_->leave(bytes_);
    gate_ = std::move(other.gate_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

Gate::Pass::~Pass() {
  if (gate_) gate_->leave(bytes_);
}

bool Gate::has_room(std::uint64_t bytes) const {
  if (count_ == 0) return true;  // One that is larger than the bound must still get through.
  return count_ < count_max_ && bytes_ + bytes <= bytes_max_;
}

bool Gate::try_enter(std::uint64_t bytes, std::chrono::steady_clock::time_point deadline,
                     Pass& pass) {
  std::unique_lock lock{mutex_};
  const bool entered =
      changed_.wait_until(lock, deadline, [&] { return closed_ || has_room(bytes); });
  if (!entered || closed_) return false;
  ++count_;
  bytes_ += bytes;
  lock.unlock();
  pass = Pass{shared_from_this(), bytes};
  return true;
}

Gate::Pass Gate::enter_at_once(std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  ++count_;
  bytes_ += bytes;
  return {shared_from_this(), bytes};
}

bool Gate::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  return changed_.wait_until(lock, deadline, [&] { return count_ == 0; });
}

void Gate::close() {
  const std::lock_guard lock{mutex_};
  closed_ = true;
  changed_.notify_all();
}

void Gate::leave(std::uint64_t bytes) {
  const std::lock_guard lock{mutex_};
  --count_;
  bytes_ -= bytes;
  changed_.notify_all();
}

}  // namespace nemcon::client
