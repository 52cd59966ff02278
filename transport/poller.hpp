// Poller: sleeps until one of many descriptors is readable, and remembers which.
//
// ZeroMQ's descriptors are edge-triggered: readable means that its thread has left a notice, and
// any call on the socket may take the notice away while messages are still waiting. So each has
// a flag, `ready`: set when the descriptor was readable and by every call that may have taken a
// notice; cleared only when a receive found nothing. While a flag is set, nobody sleeps.
//
// One thread. A flag must outlive its registration.
#pragma once

#include <span>
#include <vector>

#include <poll.h>

#include "core/time.hpp"

namespace nemcon::transport {

struct Watched;

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add(int descriptor, bool& ready);

  // Before the descriptor is closed.
  void remove(int descriptor);

  // Returns when one of the descriptors is readable, their flags set, or after `timeout`.
  void wait(core::Duration timeout, std::span<Watched> watched);

 private:
  int epoll_ = -1;
  std::vector<pollfd> entries_;
};

}  // namespace nemcon::transport
