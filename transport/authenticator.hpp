// Who is at the other end of a connection. The answer is given once, at the handshake; what a
// later frame says about its sender is never looked at.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {

// What is known about a connection when its greeting arrives.
struct Claim {
  Role role = Role::client;
  std::string name;     // What it says it is.
  std::string user_id;  // What the security layer of ZeroMQ vouches for; empty without one.
  std::string address;  // Remote network address, for diagnostics; may be empty.
};

struct Verified {
  bool accepted = false;
  std::string name;  // Whom the connection is bound to, when accepted.
  RefusalReason reason = RefusalReason::forbidden;  // Why not, else.
  std::string text;
  bool is_lie = false;  // It says it is somebody else than its key says.
};

// Called on the thread that owns the sockets; must outlive them.
class Authenticator {
 public:
  Authenticator() = default;
  virtual ~Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  [[nodiscard]] virtual Verified verify(const Claim& claim) = 0;
};

// Without keys: a peer is who it says it is if the configuration names it, a client is who it
// says it is. For loopback and for networks where everybody is trusted.
class TrustedNames final : public Authenticator {
 public:
  explicit TrustedNames(std::vector<std::string> peer_names);

  [[nodiscard]] Verified verify(const Claim& claim) override;

 private:
  std::vector<std::string> peer_names_;
};

}  // namespace nemcon::transport
