// How an Acceptor finds out who is there, and whom it turns away.
#include <algorithm>
#include <utility>

#include "transport/acceptor.hpp"

namespace nemcon::transport {

namespace {

// In which a refusal leaves, and the other side goes by itself.
constexpr core::Duration refusal_patience = std::chrono::seconds{1};
constexpr std::uint32_t leaving_of_key_max = 64;

}  // namespace

void Acceptor::on_stranger(const RoutedFrame& routed, const core::Result<FrameInfo>& info) {
  const Origin origin = socket_.origin();
  Inbound stranger{.address = origin.address,
                   .user_id = origin.user_id,
                   .connection = socket_.intake().claim(routed.descriptor)};
  if (has_too_many(stranger.user_id)) {
    stranger.name = "with the key " + stranger.user_id;
    report(stranger, RefusalReason::fault, "has more connections than one may");
    return socket_.intake().end(stranger.connection);
  }
  if (!info) {
    const bool other_version = info.error().code == core::Errc::remote_version;
    const RefusalReason reason = other_version ? RefusalReason::version : RefusalReason::malformed;
    ++(other_version ? parts_.counters.frames_of_other_version : parts_.counters.frames_malformed);
    return mute_stranger(routed, std::move(stranger), reason, info.error().detail);
  }
  if (info->kind == FrameKind::greeting) return on_greeting(routed, std::move(stranger));
  if (info->kind == FrameKind::bye) {
    // It goes by itself, and may have gone long ago. Its descriptor is another connection's then,
    // which has the time to claim it.
    let_go(add(routed, std::move(stranger)), refusal_patience);
    return;
  }
  ++parts_.counters.frames_ignored;
  refuse(routed.routing_id, RefusalReason::stranger, "greet first");
  let_go(add(routed, std::move(stranger)), refusal_patience);
}

void Acceptor::on_greeting(const RoutedFrame& routed, Inbound inbound) {
  const core::Result<Greeting> greeting = decode_greeting(routed.frame.view);
  if (!greeting) {
    ++parts_.counters.frames_malformed;
    return mute_stranger(routed, std::move(inbound), RefusalReason::malformed,
                         greeting.error().detail);
  }
  inbound.role = greeting->role;
  inbound.name = greeting->name;
  inbound.frame_bytes_max = greeting->frame_bytes_max;
  if (greeting->version_min > protocol_version || greeting->version_max < protocol_version) {
    ++parts_.counters.frames_of_other_version;
    return mute_stranger(routed, std::move(inbound), RefusalReason::version,
                         "protocol versions " + std::to_string(greeting->version_min) + " to " +
                             std::to_string(greeting->version_max) + " are not spoken here");
  }
  const auto refused = [&](RefusalReason reason, const std::string& text) {
    turn_away(routed, std::move(inbound), reason, text);
  };
  const Verified verified = parts_.authenticator.verify({.role = greeting->role,
                                                         .name = greeting->name,
                                                         .user_id = inbound.user_id,
                                                         .address = inbound.address});
  if (verified.is_lie) {
    ++parts_.counters.senders_forged;
    return mute_stranger(routed, std::move(inbound), verified.reason, verified.text);
  }
  if (!verified.accepted) return refused(verified.reason, verified.text);
  inbound.name = verified.name;
  if (penalties_.holds(inbound.role, inbound.name, now_)) {
    return refused(RefusalReason::fault, "muted a moment ago");
  }
  if (inbound.role == Role::peer) {
    const PeerEndpoint* peer = find_peer(inbound.name);
    if (peer == nullptr) return refused(RefusalReason::unknown, "not a peer of this node");
    inbound.peer = peer->peer;
  } else if (clients_.size() >= parts_.options.limits.clients_max) {
    return refused(RefusalReason::full, "too many clients");
  } else if (has_its_share(inbound.name)) {
    return refused(RefusalReason::full, "too many connections of this client");
  }
  welcome(routed, std::move(inbound));
}

// One client takes no more than half of all places. Without keys nobody knows whose they are.
bool Acceptor::has_its_share(const std::string& client_name) const {
  const auto found = clients_by_name_.find(client_name);
  if (parts_.security == nullptr || found == clients_by_name_.end()) return false;
  return found->second >= std::max(parts_.options.limits.clients_max / 2, 1U);
}

// Of a key, those that are let in and those that are on their way out.
bool Acceptor::has_too_many(const std::string& user_id) const {
  const auto found = connections_by_key_.find(user_id);
  if (parts_.security == nullptr || found == connections_by_key_.end()) return false;
  return found->second >= parts_.options.limits.clients_max / 2 + leaving_of_key_max;
}

void Acceptor::welcome(const RoutedFrame& routed, Inbound inbound) {
  encode(control_,
         Welcome{.frame_bytes_max = parts_.limits.frame_bytes_max, .name = parts_.options.name});
  if (socket_.try_send(routed.routing_id, control_.view()) != Handed::taken) {
    return socket_.intake().end(inbound.connection);
  }
  ++parts_.counters.handshakes_accepted;
  std::erase_if(reported_, [&inbound](const Reported& reported) {
    return reported.role == inbound.role && reported.name == inbound.name;
  });
  Inbound& added = add(routed, std::move(inbound));
  if (added.role == Role::client) {
    added.link = core::LinkId{++link_count_};
    clients_.emplace(added.link, &added);
    ++clients_by_name_[added.name];
    return;
  }
  if (const auto current = peers_.find(added.peer); current != peers_.end()) {
    refuse(current->second->routing_id, RefusalReason::replaced, "connected anew");
    let_go(*current->second, refusal_patience);
  }
  peers_[added.peer] = &added;
}

Acceptor::Inbound& Acceptor::add(const RoutedFrame& routed, Inbound inbound) {
  inbound.routing_id = routed.routing_id;
  inbound.heard = now_;
  if (!inbound.user_id.empty()) ++connections_by_key_[inbound.user_id];
  auto& slot = connections_[routed.routing_id];
  slot = std::make_unique<Inbound>(std::move(inbound));
  return *slot;
}

void Acceptor::turn_away(const RoutedFrame& routed, Inbound inbound, RefusalReason reason,
                         const std::string& text) {
  ++parts_.counters.handshakes_refused;
  refuse(routed.routing_id, reason, text);
  report(inbound, reason, text);
  let_go(add(routed, std::move(inbound)), refusal_patience);
}

const PeerEndpoint* Acceptor::find_peer(const std::string& name) const {
  for (const PeerEndpoint& peer : parts_.options.peers) {
    if (peer.name == name) return &peer;
  }
  return nullptr;
}

void Acceptor::refuse(std::string_view routing_id, RefusalReason reason, const std::string& text) {
  encode(control_, Refused{.reason = reason, .text = text});
  // Who does not take it learns it by the silence.
  static_cast<void>(socket_.try_send(routing_id, control_.view()));
}

}  // namespace nemcon::transport
