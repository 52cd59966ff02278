#include "transport/intake.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace nemcon::transport {

namespace {

// What a frame takes beside its bytes: heads, and with keys a number and a code. Rather too much.
constexpr std::int64_t frame_overhead = 64;

// Counting costs system calls; an owner that is behind for less has no trouble.
constexpr core::Duration behind_min = std::chrono::milliseconds{20};
constexpr std::int64_t look_each_bytes = 64 << 10;

constexpr core::Duration stranger_interval = std::chrono::milliseconds{2};
constexpr std::size_t strangers_at_once = 32;

// So little at a time that not much comes between two looks; what a handshake needs.
constexpr int stranger_window = 2048;
constexpr int any_window = 1 << 30;

void set_window(int descriptor, int bytes) {
  static_cast<void>(::setsockopt(descriptor, IPPROTO_TCP, TCP_WINDOW_CLAMP, &bytes, sizeof bytes));
}

// By the kernel; nothing of what is no TCP connection.
std::optional<std::uint64_t> received_of(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

// By ZeroMQ.
std::optional<std::int64_t> read_of(int descriptor) {
  const std::optional<std::uint64_t> received = received_of(descriptor);
  int unread = 0;
  if (!received || ::ioctl(descriptor, SIOCINQ, &unread) != 0) return std::nullopt;
  return static_cast<std::int64_t>(*received) - unread;
}

}  // namespace

Intake::Intake(std::size_t frame_bytes_max)
    : one_bytes_max_(std::max(waiting_bytes_max, 2 * static_cast<std::int64_t>(frame_bytes_max))) {}

void Intake::on_accepted(int descriptor, core::Instant now) {
  if (descriptor < 0) return;
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= known_.size()) known_.resize(index + 1);
  if (known_[index].is_stranger) std::erase(strangers_, descriptor);
  known_[index] = {.number = ++last_number_, .accepted_at = now};
  if (!received_of(descriptor)) return;
  known_[index].is_stranger = true;
  strangers_.push_back(descriptor);
  set_window(descriptor, stranger_window);
}

ConnectionRef Intake::find(int descriptor) const {
  const auto index = static_cast<std::size_t>(descriptor);
  if (descriptor < 0 || index >= known_.size()) return {};
  return {.descriptor = descriptor, .number = known_[index].number};
}

ConnectionRef Intake::claim(int descriptor) {
  if (is_known(descriptor)) known_[static_cast<std::size_t>(descriptor)].number = ++last_number_;
  return find(descriptor);
}

void Intake::on_ended(int descriptor) {
  if (is_stranger(descriptor)) std::erase(strangers_, descriptor);
  if (is_known(descriptor)) known_[static_cast<std::size_t>(descriptor)] = {};
  if (const auto found = counted_.find(descriptor); found != counted_.end()) {
    all_waiting_ -= found->second.waiting;
    counted_.erase(found);
  }
}

bool Intake::on_taken(int descriptor, std::size_t byte_count, core::Instant now) {
  if (is_known(descriptor)) {
    Known& known = known_[static_cast<std::size_t>(descriptor)];
    known.is_taken_of = true;
    if (std::exchange(known.is_stranger, false)) {
      std::erase(strangers_, descriptor);
      set_window(descriptor, any_window);
    }
  }
  if (!behind_since_) behind_since_ = now;
  if (now < *behind_since_ + behind_min) return false;
  auto found = counted_.find(descriptor);
  if (found == counted_.end()) {
    const std::optional<std::int64_t> read = read_of(descriptor);
    if (read) counted_[descriptor] = {.received_before = *read};
    return false;
  }
  Counted& counted = found->second;
  counted.taken += static_cast<std::int64_t>(byte_count) + frame_overhead;
  if (counted.taken < counted.looked_at + look_each_bytes) return false;
  counted.looked_at = counted.taken;
  const std::optional<std::int64_t> read = read_of(descriptor);
  if (!read) return false;
  all_waiting_ -= counted.waiting;
  counted.waiting = std::max<std::int64_t>(*read - counted.received_before - counted.taken, 0);
  all_waiting_ += counted.waiting;
  const bool is_most = std::ranges::all_of(
      counted_, [&](const auto& one) { return one.second.waiting <= counted.waiting; });
  if (counted.waiting <= one_bytes_max_ && !(all_waiting_ > all_waiting_bytes_max && is_most))
    return false;
  cut_descriptor(descriptor);
  all_waiting_ -= counted.waiting;
  counted_.erase(found);
  return true;
}

void Intake::on_drained() {
  behind_since_.reset();
  counted_.clear();
  all_waiting_ = 0;
}

void Intake::tend(core::Instant now) {
  if (strangers_.empty() || now < look_at_) return;
  look_at_ = now + stranger_interval;
  const std::size_t count = std::min(strangers_.size(), strangers_at_once);
  for (std::size_t i = 0; i < count && !strangers_.empty(); ++i) {
    if (next_stranger_ >= strangers_.size()) next_stranger_ = 0;
    const int descriptor = strangers_[next_stranger_];
    const std::optional<std::uint64_t> received = received_of(descriptor);
    const bool is_late =
        now >= known_[static_cast<std::size_t>(descriptor)].accepted_at + stranger_time_max;
    if (received && *received <= stranger_bytes_max && !is_late) {
      ++next_stranger_;
      continue;
    }
    if (received && is_late) end(find(descriptor));
    if (received && !is_late) cut_descriptor(descriptor);
    std::erase(strangers_, descriptor);
  }
}

std::optional<core::Instant> Intake::deadline() const {
  if (strangers_.empty()) return std::nullopt;
  return look_at_;
}

void Intake::look_at_unfinished() {
  std::int64_t all = 0;
  std::multimap<std::int64_t, int> unfinished;
  for (int descriptor = 0; descriptor < static_cast<int>(known_.size()); ++descriptor) {
    Known& known = known_[static_cast<std::size_t>(descriptor)];
    if (known.number == 0 || known.is_stranger) continue;
    const std::optional<std::uint64_t> received = received_of(descriptor);
    if (!received) continue;
    if (std::exchange(known.is_taken_of, false)) known.received_before = *received;
    const auto bytes = static_cast<std::int64_t>(*received - known.received_before);
    all += bytes;
    unfinished.emplace(bytes, descriptor);
  }
  // The largest first.
  for (auto most = unfinished.rbegin(); most != unfinished.rend(); ++most) {
    if (most->first <= one_bytes_max_ && all <= all_waiting_bytes_max) break;
    all -= most->first;
    cut_descriptor(most->second);
  }
}

void Intake::end(const ConnectionRef& connection) const {
  if (connection.number == 0 || find(connection.descriptor).number != connection.number) return;
  static_cast<void>(::shutdown(connection.descriptor, SHUT_RDWR));
}

void Intake::cut(const ConnectionRef& connection) {
  ++cut_count_;
  end(connection);
}

void Intake::cut_descriptor(int descriptor) {
  ++cut_count_;
  static_cast<void>(::shutdown(descriptor, SHUT_RDWR));
}

}  // namespace nemcon::transport
