#include "transport/key_ring.hpp"

#include "core/mutant.hpp"

namespace nemcon::transport {

namespace {

const char* to_text(Role role) {
  return role == Role::peer ? "node" : "client";
}

bool is_called(const std::string& claimed, Role role, const std::string& name) {
  return claimed.empty() || claimed == name ||
         (role == Role::client && is_session_of(claimed, name));
}

}  // namespace

bool is_session_of(std::string_view session_name, std::string_view client_name) {
  if (!session_name.starts_with(client_name)) return false;
  return session_name.size() == client_name.size() || session_name[client_name.size()] == '/';
}

void KeyRing::replace(const NodeKeys& keys) {
  holders_.clear();
  keys_.clear();
  const auto add = [this](Role role, const auto& names) {
    for (const auto& [name, public_keys] : names) {
      for (const PublicKey& key : public_keys) {
        holders_.insert_or_assign(transport::to_text(key), Holder{.role = role, .name = name});
        keys_.insert(key);
      }
    }
  };
  add(Role::client, keys.clients);
  add(Role::peer, keys.peers);
}

Verified KeyRing::verify(const Claim& claim) {
  const auto found = holders_.find(claim.user_id);
  // It was on the ring when the connection was made, and is not any more.
  if (found == holders_.end()) return {.name = {}, .text = "its key is not valid here"};
  const Holder& holder = found->second;
  if (claim.role == Role::peer && core::planted(core::Mutant::peer_by_its_word)) {
    return {.accepted = true, .name = claim.name, .text = {}};
  }
  if (holder.role != claim.role || !is_called(claim.name, claim.role, holder.name)) {
    const std::string owner = std::string(to_text(holder.role)) + ' ' + holder.name;
    return {.name = {},
            .text = "its key is that of " + owner + ", and not of whom it says it is",
            .is_lie = true};
  }
  return {.accepted = true, .name = holder.name, .text = {}};
}

bool KeyRing::is_valid(const std::string& user_id, Role role, const std::string& name) const {
  const auto found = holders_.find(user_id);
  return found != holders_.end() && found->second.role == role && found->second.name == name;
}

}  // namespace nemcon::transport
