#include "node/bell.hpp"

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::node {

Bell::Bell() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  NEMCON_CHECK(descriptor_ >= 0, errno);
}

Bell::~Bell() {
  close(descriptor_);
}

void Bell::ring() {
  const std::uint64_t one = 1;
  const ssize_t written = write(descriptor_, &one, sizeof one);
  // EAGAIN: the counter is at its end; it rings all the same.
  NEMCON_CHECK(written == sizeof one || errno == EAGAIN, errno);
}

void Bell::quiet() {
  std::uint64_t count = 0;
  const ssize_t taken = read(descriptor_, &count, sizeof count);
  NEMCON_CHECK(taken == sizeof count || errno == EAGAIN, errno);
}

}  // namespace nemcon::node
