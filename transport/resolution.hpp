// Resolution: the address behind a host name, looked up on a thread of its own.
//
// ZeroMQ would look it up on the thread that serves all links: a name server that does not answer
// stops them all for seconds, heartbeats included. And it does not say when there is no such name.
// One owner thread; whoever does not wait any more destroys it, and the lookup ends unheard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "transport/poller.hpp"

namespace nemcon::transport {

class Resolution {
 public:
  // For "tcp://NAME:PORT"; not for what has no name in it: an address, or a path.
  [[nodiscard]] static bool is_needed(std::string_view endpoint);

  // Begins. `poller` must outlive it.
  Resolution(Poller& poller, const std::string& endpoint);
  ~Resolution();
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;

  // True once take() has something.
  [[nodiscard]] bool is_ready() const { return ready_; }

  // The endpoint with an IPv4 address in place of the name. local_closed: why there is none.
  // Nothing while the lookup goes on.
  [[nodiscard]] std::optional<core::Result<std::string>> take();

 private:
  struct Lookup;

  Poller* poller_;
  std::shared_ptr<Lookup> lookup_;
  bool ready_ = false;
};

}  // namespace nemcon::transport
