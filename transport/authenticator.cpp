#include "transport/authenticator.hpp"

#include <algorithm>
#include <utility>

namespace nemcon::transport {

TrustedNames::TrustedNames(std::vector<std::string> peer_names)
    : peer_names_(std::move(peer_names)) {}

Verified TrustedNames::verify(const Claim& claim) {
  if (claim.role == Role::client) return {.accepted = true, .name = claim.name, .text = {}};
  if (std::ranges::find(peer_names_, claim.name) == peer_names_.end()) {
    return {.name = {}, .reason = RefusalReason::unknown, .text = "not a peer of this node"};
  }
  return {.accepted = true, .name = claim.name, .text = {}};
}

}  // namespace nemcon::transport
