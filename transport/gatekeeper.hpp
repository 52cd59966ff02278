// Gatekeeper: tells ZeroMQ which keys may connect (ZAP, RFC 27), before anything of a connection
// reaches its owner.
//
// One for each process, since there is one ZeroMQ context; each node asks under a domain of its
// own. A domain or a key that it does not know is refused. A ZeroMQ that has keys and no
// gatekeeper lets everybody in unless it is told otherwise: RouterSocket does, and
// prove_refusal() shows before a node starts that it works.
//
// It has a thread, as a handshake must not wait for a node that is busy. All calls: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "transport/keys.hpp"
#include "transport/links.hpp"

namespace nemcon::transport {

class Gatekeeper {
 public:
  // Starts it at the first call. local_refused: something else in this process answers to ZeroMQ
  // already, and nobody knows whom that lets in.
  [[nodiscard]] static core::Result<Gatekeeper*> of_process();

  // From the next handshake on these and no others are let in under `domain`.
  void admit(const std::string& domain, std::set<PublicKey> keys);

  // From the next handshake on nobody is.
  void close(const std::string& domain);

  // Whom it turned away, since the last call. Of the first few it is known who it was.
  struct Refusals {
    struct One {
      std::string key;
      std::string address;
    };

    std::uint64_t count = 0;
    std::vector<One> first;
  };

  [[nodiscard]] Refusals take_refusals(const std::string& domain);

  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;
  ~Gatekeeper() = delete;  // It lives as long as the process.

  class Impl;

 private:
  explicit Gatekeeper(Impl& impl) : impl_(impl) {}

  Impl& impl_;
};

// Connects to `endpoint`, which this process listens on, with a key that nobody knows. Blocks until
// that was refused as it must be. local_refused: it was not, within ten seconds.
[[nodiscard]] core::Status prove_refusal(Context& context, const std::string& endpoint,
                                         const PublicKey& server_key);

}  // namespace nemcon::transport
