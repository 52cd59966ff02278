// KeyRing: whose key is whose. The Authenticator of a node that has keys.
//
// ZeroMQ's handshake proves that the other end has the secret half of a key, and the gatekeeper
// lets in only keys that are on the ring. Who has that key is looked up here; the name that a
// greeting carries must agree, or be empty.
//
// Owner's thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "transport/authenticator.hpp"
#include "transport/keys.hpp"

namespace nemcon::transport {

// What a node knows of keys. Each name may have several, so that one can be replaced without a
// pause; no key belongs to two.
struct NodeKeys {
  std::shared_ptr<const KeyPair> own;
  std::map<std::string, std::vector<PublicKey>> peers;
  std::map<std::string, std::vector<PublicKey>> clients;
};

// A client may call each of its sessions by its name, or by that, a slash and more.
[[nodiscard]] bool is_session_of(std::string_view session_name, std::string_view client_name);

class KeyRing final : public Authenticator {
 public:
  explicit KeyRing(const NodeKeys& keys) { replace(keys); }

  // From now on these, and no others.
  void replace(const NodeKeys& keys);

  [[nodiscard]] Verified verify(const Claim& claim) override;

  // Does the key that ZeroMQ vouched for (as text) still belong to whom its connection is bound to?
  [[nodiscard]] bool is_valid(const std::string& user_id, Role role, const std::string& name) const;

  [[nodiscard]] const std::set<PublicKey>& keys() const { return keys_; }

 private:
  struct Holder {
    Role role = Role::client;
    std::string name;
  };

  std::map<std::string, Holder> holders_;  // By the text of the key.
  std::set<PublicKey> keys_;
};

}  // namespace nemcon::transport
