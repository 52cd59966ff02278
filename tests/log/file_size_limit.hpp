// FileSizeLimit: while it lives no file of this process grows beyond that size; a write that would
// comes back short, and one that begins there fails with EFBIG. One at a time, in one thread.
#pragma once

#include <csignal>
#include <cstdint>

#include <sys/resource.h>

#include "core/check.hpp"

namespace nemcon::log::test {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t byte_count) {
    NEMCON_CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = before_;
    limit.rlim_cur = byte_count;
    NEMCON_CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }

  ~FileSizeLimit() {
    static_cast<void>(::setrlimit(RLIMIT_FSIZE, &before_));
    static_cast<void>(::signal(SIGXFSZ, handler_));
  }

  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

}  // namespace nemcon::log::test
