#include "transport/admission.hpp"

#include <algorithm>
#include <utility>

#include <dirent.h>
#include <sys/resource.h>

#include "transport/listen_filter.hpp"

namespace nemcon::transport {

namespace {

std::size_t descriptors_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::size_t{1} << 20U;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t descriptors_open() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  std::size_t count = 0;
  while (::readdir(directory) != nullptr)
    ++count;
  ::closedir(directory);
  return count;
}

// ZeroMQ's thread accepts a connection in some 50 us; on a busy machine the owner, who sets the
// filter, may wait some milliseconds for a processor.
std::size_t accepted_meanwhile() {
  return std::min<std::size_t>(descriptors_max() / 4, 256);
}

}  // namespace

int listen_backlog() {
  return static_cast<int>(std::clamp<std::size_t>(descriptors_max() / 8, 16, 1024));
}

Admission::Admission(std::size_t wanted_max, std::size_t reserved, std::uint32_t rate_max)
    : rates_(rate_max) {
  // What waits in the kernel when the filter comes is accepted all the same.
  const std::size_t kept = descriptors_open() + reserved + accepted_meanwhile() +
                           static_cast<std::size_t>(listen_backlog());
  const std::size_t possible = descriptors_max() > kept ? descriptors_max() - kept : 0;
  connections_max_ = std::max<std::size_t>(std::min(wanted_max, possible), 1);
}

void Admission::on_listening(int descriptor) {
  listening_.push_back(descriptor);
  set_filter(descriptor);
}

void Admission::on_accepted(int descriptor, core::Instant now) {
  ++connection_count_;
  if (!is_holding_off_ && connection_count_ >= connections_max_) hold_off(true);
  if (descriptor < 0) return;
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= accepted_.size()) accepted_.resize(index + 1);
  const std::optional<Accepted> former = std::exchange(accepted_[index], std::nullopt);
  if (former && former->is_known) rates_.on_known_ended(former->from, now);
  const std::optional<NetworkAddress> from = address_of_peer(descriptor);
  if (!from) return;
  accepted_[index] = Accepted{.from = *from};
  note(rates_.on_accepted(*from, now), *from);
}

std::optional<Admission::Accepted>* Admission::find(int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  const bool is_there = descriptor >= 0 && index < accepted_.size() && accepted_[index];
  return is_there ? &accepted_[index] : nullptr;
}

void Admission::on_known(int descriptor) {
  std::optional<Accepted>* const one = find(descriptor);
  if (one == nullptr || std::exchange((*one)->is_known, true)) return;
  rates_.on_known((*one)->from);
}

void Admission::note(bool is_faster, const NetworkAddress& from) {
  if (!is_faster) return;
  ++addresses_held_off_count_;
  last_held_off_ = from;
  set_filters();
}

void Admission::on_ended(int descriptor, core::Instant now) {
  if (std::optional<Accepted>* const one = find(descriptor); one != nullptr) {
    const auto [from, is_known] = *std::exchange(*one, std::nullopt);
    if (is_known) rates_.on_known_ended(from, now);
    if (!is_known) note(rates_.on_failed(from, now), from);
  }
  if (connection_count_ > 0) --connection_count_;
  // Not at the first that goes: or it would change with every connection.
  if (is_holding_off_ && connection_count_ < connections_max_ - connections_max_ / 16) {
    hold_off(false);
  }
}

void Admission::tend(core::Instant now) {
  if (rates_.release(now)) set_filters();
}

void Admission::on_closed(core::Instant now) {
  for (const std::optional<Accepted>& one : accepted_) {
    if (one && one->is_known) rates_.on_known_ended(one->from, now);
  }
  connection_count_ = 0;
  accepted_.clear();
  listening_.clear();
  is_holding_off_ = false;
}

void Admission::hold_off(bool hold) {
  is_holding_off_ = hold;
  if (hold) ++held_off_count_;
  set_filters();
}

void Admission::set_filters() const {
  for (const int listening : listening_)
    set_filter(listening);
}

void Admission::set_filter(int listening) const {
  if (is_holding_off_) return drop_all(listening);
  if (!rates_.held_off().empty()) return drop_from(listening, rates_.held_off());
  drop_none(listening);
}

}  // namespace nemcon::transport
