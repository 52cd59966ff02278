// NodeSecurity: the keys of a node while it runs: its own, whose the others are, and what the
// gatekeeper asks for. Owner's thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/gatekeeper.hpp"
#include "transport/hashing.hpp"
#include "transport/key_ring.hpp"

namespace nemcon::transport {

class NodeSecurity {
 public:
  // `gatekeeper` must outlive it.
  NodeSecurity(Gatekeeper& gatekeeper, NodeKeys keys)
      : gatekeeper_(gatekeeper),
        domain_("nemcon." + std::to_string(random_u64())),
        keys_(std::move(keys)),
        ring_(keys_) {
    gatekeeper_.admit(domain_, ring_.keys());
  }

  ~NodeSecurity() { gatekeeper_.close(domain_); }

  NodeSecurity(const NodeSecurity&) = delete;
  NodeSecurity& operator=(const NodeSecurity&) = delete;

  void replace(NodeKeys keys) {
    keys_ = std::move(keys);
    ring_.replace(keys_);
    gatekeeper_.admit(domain_, ring_.keys());
  }

  [[nodiscard]] const std::string& domain() const { return domain_; }

  [[nodiscard]] const KeyPair& own() const { return *keys_.own; }

  [[nodiscard]] const std::shared_ptr<const KeyPair>& shared_own() const { return keys_.own; }

  [[nodiscard]] KeyRing& ring() { return ring_; }

  // Empty for a name that has none any more.
  [[nodiscard]] const std::vector<PublicKey>& keys_of_peer(const std::string& name) const {
    static const std::vector<PublicKey> none;
    const auto found = keys_.peers.find(name);
    return found == keys_.peers.end() ? none : found->second;
  }

  [[nodiscard]] Gatekeeper::Refusals take_refusals() { return gatekeeper_.take_refusals(domain_); }

 private:
  Gatekeeper& gatekeeper_;
  std::string domain_;
  NodeKeys keys_;
  KeyRing ring_;
};

}  // namespace nemcon::transport
