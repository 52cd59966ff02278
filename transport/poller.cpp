#include "transport/poller.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>

#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/check.hpp"
#include "transport/links.hpp"

namespace nemcon::transport {

namespace {

using Clock = std::chrono::steady_clock;

constexpr core::Duration busy_interval = std::chrono::milliseconds{1};
constexpr core::Duration busy_time = std::chrono::microseconds{100};

// Rounded up: waking just before a deadline would only mean to look twice.
int to_milliseconds(core::Duration timeout) {
  if (timeout <= core::Duration::zero()) return 0;
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return static_cast<int>(std::min<std::int64_t>(count, std::numeric_limits<int>::max()));
}

}  // namespace

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  NEMCON_CHECK(epoll_ >= 0, errno);
}

Poller::~Poller() {
  ::close(epoll_);
}

void Poller::add(int descriptor, bool& ready) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &ready;
  const int done = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  NEMCON_CHECK(done == 0, errno);
}

void Poller::remove(int descriptor) {
  const int done = ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  NEMCON_CHECK(done == 0, errno);
}

void Poller::wait(core::Duration timeout, std::span<Watched> watched) {
  entries_.clear();
  entries_.push_back({.fd = epoll_, .events = POLLIN, .revents = 0});
  for (const Watched& w : watched) {
    entries_.push_back({.fd = w.descriptor, .events = POLLIN, .revents = 0});
  }
  const bool may_sleep = timeout > core::Duration::zero();
  const int found = !may_sleep ? look(timeout) : is_busy_ ? look_busily(timeout) : sleep(timeout);
  for (std::size_t i = 0; i < watched.size(); ++i) {
    watched[i].readable = found > 0 && entries_[i + 1].revents != 0;
  }
  if (found <= 0 || entries_.front().revents == 0) return;
  std::array<epoll_event, 64> events{};
  const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < ready; ++i) {
    *static_cast<bool*>(events[static_cast<std::size_t>(i)].data.ptr) = true;
  }
}

int Poller::look(core::Duration timeout) {
  const int found = ::poll(entries_.data(), entries_.size(), to_milliseconds(timeout));
  // A signal ends the sleep early, which is always allowed.
  NEMCON_CHECK(found >= 0 || errno == EINTR, errno);
  return std::max(found, 0);
}

int Poller::look_busily(core::Duration timeout) {
  const auto until = Clock::now() + std::min(timeout, busy_time);
  do {
    if (const int found = look(core::Duration::zero()); found > 0) return found;
    ::sched_yield();
  } while (Clock::now() < until);
  return sleep(timeout);
}

int Poller::sleep(core::Duration timeout) {
  const auto began = Clock::now();
  const int found = look(timeout);
  is_busy_ = found > 0 && Clock::now() - began < busy_interval;
  return found;
}

}  // namespace nemcon::transport
