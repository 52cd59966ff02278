// Poller: sleeps until one of many descriptors is readable, and remembers which.
//
// ZeroMQ's descriptors are edge-triggered: readable means that its thread has left a notice, and
// any call on the socket may take the notice away while messages are still waiting. So each has
// a flag, `ready`: set when the descriptor was readable and by every call that may have taken a
// notice; cleared only when a receive found nothing. While a flag is set, nobody sleeps.
//
// To be woken costs tens of microseconds, where a processor had gone to rest more than the wait
// itself. So while events come at short intervals it looks again and again for a moment before it
// sleeps, and gives its processor to whoever wants it in between (docs/decisions/012).
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
  // How many of `entries_` are readable; 0 after the timeout.
  [[nodiscard]] int look(core::Duration timeout);
  [[nodiscard]] int look_busily(core::Duration timeout);
  [[nodiscard]] int sleep(core::Duration timeout);

  int epoll_ = -1;
  std::vector<pollfd> entries_;
  bool is_busy_ = false;  // The last event came soon.
};

}  // namespace nemcon::transport
