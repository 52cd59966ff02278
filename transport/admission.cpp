#include "transport/admission.hpp"

#include <algorithm>

#include <dirent.h>
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

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

// Drops every packet that is for this listening socket.
void attach_filter(int descriptor) {
  sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop_all};
  // Paths refuse, or do not care.
  static_cast<void>(
      ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

void detach_filter(int descriptor) {
  const int unused = 0;
  static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused));
}

}  // namespace

int listen_backlog() {
  return static_cast<int>(std::clamp<std::size_t>(descriptors_max() / 8, 16, 1024));
}

Admission::Admission(std::size_t wanted_max, std::size_t reserved) {
  // What waits in the kernel when the filter comes is accepted all the same.
  const std::size_t kept =
      descriptors_open() + reserved + static_cast<std::size_t>(listen_backlog());
  const std::size_t possible = descriptors_max() > kept ? descriptors_max() - kept : 0;
  connections_max_ = std::max<std::size_t>(std::min(wanted_max, possible), 1);
}

void Admission::on_listening(int descriptor) {
  listening_.push_back(descriptor);
  if (is_holding_off_) attach_filter(descriptor);
}

void Admission::on_accepted() {
  ++connection_count_;
  if (!is_holding_off_ && connection_count_ >= connections_max_) hold_off(true);
}

void Admission::on_ended() {
  if (connection_count_ > 0) --connection_count_;
  // Not at the first that goes: or it would change with every connection.
  if (is_holding_off_ && connection_count_ < connections_max_ - connections_max_ / 16) {
    hold_off(false);
  }
}

void Admission::on_closed() {
  connection_count_ = 0;
  listening_.clear();
  is_holding_off_ = false;
}

void Admission::hold_off(bool hold) {
  is_holding_off_ = hold;
  if (hold) ++held_off_count_;
  for (const int descriptor : listening_) {
    if (hold) {
      attach_filter(descriptor);
    } else {
      detach_filter(descriptor);
    }
  }
}

}  // namespace nemcon::transport
