#include "transport/acceptor.hpp"

#include <algorithm>
#include <utility>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "transport/text.hpp"

namespace nemcon::transport {

using core::Mutant;
using core::planted;

namespace {

// Of one receive(): so that a flood on the sockets does not keep the owner from its other work.
// Requests can be so small that thousands are few bytes, and each of them is work.
constexpr std::size_t events_per_turn = 256;
constexpr int frames_per_turn = 1024;
constexpr std::size_t bytes_per_turn = std::size_t{8} << 20U;

// Of what costs more than it does to ask: an answer is made, or others are told or asked.
std::uint64_t cost_of(const core::Request& request) {
  if (std::holds_alternative<core::Open>(request) ||
      std::holds_alternative<core::Inspect>(request) ||
      std::holds_alternative<core::Serve>(request) ||
      std::holds_alternative<core::Unserve>(request)) {
    return requests_for_dear_one;
  }
  const auto* const submit = std::get_if<core::Submit>(&request);
  const bool asks_all =
      std::holds_alternative<core::Ask>(request) || (submit != nullptr && submit->retry);
  return asks_all ? requests_for_asking_all : 1;
}

bool is_enough(std::size_t event_count, std::size_t byte_count) {
  return event_count >= events_per_turn || byte_count >= bytes_per_turn;
}

// Tables that strangers can make grow.
constexpr std::size_t muted_count_max = 16'384;

// Everybody who may be here, each while it connects anew, and as many strangers.
std::size_t connections_max(const NodeSocketsOptions& options) {
  constexpr std::size_t strangers_max = 1024;
  return options.limits.clients_max + 2 * options.peers.size() + strangers_max;
}

// For the connections that we make, with what ZeroMQ has beside each, and for files.
std::size_t descriptors_reserved(const NodeSocketsOptions& options) {
  return 64 + 8 * options.peers.size();
}

}  // namespace

Acceptor::Acceptor(Parts parts)
    : parts_(parts),
      socket_(parts.context, parts.poller,
              SocketTuning{.heartbeat_interval = parts.options.timing.heartbeat_interval,
                           .heartbeat_timeout = parts.options.timing.heartbeat_timeout,
                           .handshake_patience = parts.options.timing.handshake_patience,
                           .frame_bytes_max = parts.limits.frame_bytes_max,
                           .own_keys = parts.security ? &parts.security->own() : nullptr,
                           .domain = parts.security ? parts.security->domain() : "",
                           .connections_max = connections_max(parts.options),
                           .descriptors_reserved = descriptors_reserved(parts.options),
                           .connect_rate_max = parts.options.connect_rate_max}) {}

core::Result<std::string> Acceptor::bind(const std::string& endpoint) {
  return socket_.bind(endpoint);
}

bool Acceptor::is_ready() const {
  return socket_.is_ready() || !pending_.empty() || (!holds_clients_ && !held_.empty());
}

// ---- receiving ------------------------------------------------------------------------------

void Acceptor::receive(core::Instant now, std::vector<NodeEvent>& events) {
  now_ = now;
  socket_.observe(now);
  const std::size_t before = events.size();
  release_held(events);
  std::size_t byte_count = 0;
  for (int i = 0;
       i < frames_per_turn && !is_enough(events.size() - before, byte_count) && socket_.is_ready();
       ++i) {
    const std::optional<RoutedFrame> routed = socket_.try_receive(now);
    if (!routed) break;
    byte_count += routed->frame.view.size();
    on_frame(*routed, events);
  }
}

void Acceptor::on_frame(const RoutedFrame& routed, std::vector<NodeEvent>& events) {
  ++parts_.counters.frames_in;
  parts_.counters.bytes_in += routed.frame.view.size();
  const auto found = connections_.find(routed.routing_id);
  if (found != connections_.end() && found->second->is_muted) {
    ++parts_.counters.frames_ignored;
    return;
  }
  const core::Result<FrameInfo> info =
      routed.is_whole ? read_frame_info(routed.frame.view)
                      : core::Error{core::Errc::remote_malformed, "a message of several parts"};
  if (found == connections_.end()) return on_stranger(routed, info);
  Inbound& inbound = *found->second;
  if (routed.is_flood) {
    return blame(inbound, {core::Errc::remote_malformed, "more than it may send at once"});
  }
  if (parts_.security != nullptr && !socket_.is_from(inbound.user_id)) {
    return blame_forger(inbound, "a frame that another key has sent");
  }
  if (!info) return blame(inbound, info.error());
  inbound.heard = now_;
  if (inbound.role == Role::client) {
    if (ignores_hold(inbound, routed.frame.view.size())) {
      return cut(inbound, "it was told to hold, and has gone on asking");
    }
    charge(inbound, 1);
  }
  on_bound(inbound, info->kind, routed.frame, events);
}

void Acceptor::on_bound(Inbound& inbound, FrameKind kind, const ReceivedFrame& frame,
                        std::vector<NodeEvent>& events) {
  switch (kind) {
    case FrameKind::peer:
      return on_messages(inbound, frame, events);
    case FrameKind::requests:
      return on_requests(inbound, frame, events);
    case FrameKind::ping:
      return on_ping(inbound, frame.view);
    case FrameKind::pong:
      return on_pong(inbound, frame.view);
    case FrameKind::bye:
      return end(inbound);
    case FrameKind::greeting:
    case FrameKind::welcome:
    case FrameKind::refusal:
    case FrameKind::replies:
    case FrameKind::hold:
    case FrameKind::go_on:
      break;
  }
  blame(inbound, {core::Errc::remote_malformed, "a frame of a kind that is not expected"});
}

void Acceptor::on_messages(Inbound& inbound, const ReceivedFrame& frame,
                           std::vector<NodeEvent>& events) {
  if (inbound.role != Role::peer) {
    return blame(inbound, {core::Errc::remote_malformed, "messages from a client"});
  }
  core::Result<PeerFrame> decoded = decode_peer(frame, parts_.limits);
  if (!decoded) return blame(inbound, decoded.error());
  PeerFrame peer_frame = std::move(decoded).value();
  events.emplace_back(core::FrameReceived{.from = inbound.peer,
                                          .header = peer_frame.header,
                                          .messages = std::move(peer_frame.messages)});
}

void Acceptor::on_requests(Inbound& inbound, const ReceivedFrame& frame,
                           std::vector<NodeEvent>& events) {
  if (inbound.role != Role::client) {
    return blame(inbound, {core::Errc::remote_malformed, "requests from a node"});
  }
  // Also behind those that wait: a client's requests stay in order.
  if (holds_clients_ || !held_.empty()) return hold(inbound, frame);
  take_requests(inbound, frame, events);
}

void Acceptor::take_requests(Inbound& inbound, const ReceivedFrame& frame,
                             std::vector<NodeEvent>& events) {
  if (!paced_.contains(inbound.link)) return take_now(inbound, frame, events);
  hold_by_pace(inbound, frame);
}

void Acceptor::take_now(Inbound& inbound, const ReceivedFrame& frame,
                        std::vector<NodeEvent>& events) {
  core::Result<std::vector<core::Request>> decoded = decode_requests(frame, parts_.limits);
  if (!decoded) return blame(inbound, decoded.error());
  std::uint64_t cost = 0;
  for (core::Request& request : std::move(decoded).value()) {
    cost += cost_of(request);
    if (!is_own_name(inbound, request)) {
      return blame_forger(inbound, "a session under a name that its key is not for");
    }
    events.emplace_back(core::ClientRequested{.link = inbound.link, .request = std::move(request)});
  }
  charge(inbound, cost);
}

void Acceptor::release_held(std::vector<NodeEvent>& events) {
  const std::size_t before = events.size();
  std::size_t byte_count = 0;
  while (!holds_clients_ && !held_.empty() && !is_enough(events.size() - before, byte_count)) {
    const Held held = std::move(held_.front());
    held_.pop_front();
    held_bytes_ -= held.frame.view.size();
    byte_count += held.frame.view.size();
    const auto found = clients_.find(held.link);
    if (found == clients_.end()) continue;
    take_requests(*found->second, held.frame, events);
  }
}

// A session has no name, or one of those that its key is for.
bool Acceptor::is_own_name(const Inbound& inbound, const core::Request& request) const {
  const auto* const open = std::get_if<core::Open>(&request);
  if (parts_.security == nullptr || open == nullptr) return true;
  return open->name.empty() || is_session_of(open->name, inbound.name) ||
         planted(Mutant::session_by_its_word);
}

void Acceptor::on_ping(Inbound& inbound, std::string_view frame) {
  const core::Result<std::uint64_t> mark = decode_mark(frame);
  if (!mark) return blame(inbound, mark.error());
  encode_pong(control_, *mark);
  if (send_control(inbound) == Handed::gone) forget(inbound);
}

void Acceptor::on_pong(Inbound& inbound, std::string_view frame) {
  const core::Result<std::uint64_t> mark = decode_mark(frame);
  if (!mark) return blame(inbound, mark.error());
  const std::uint64_t before = inbound.flow.under_way();
  inbound.flow.on_pong(*mark);
  if (inbound.role == Role::client) unread_bytes_ -= before - inbound.flow.under_way();
}

// ---- muting ---------------------------------------------------------------------------------

void Acceptor::mute_stranger(const RoutedFrame& routed, Inbound inbound, RefusalReason reason,
                             const std::string& text) {
  ++parts_.counters.handshakes_refused;
  mute(add(routed, std::move(inbound)), reason, text);
}

void Acceptor::mute(Inbound& inbound, RefusalReason reason, const std::string& text) {
  NEMCON_CHECK(!inbound.is_muted);
  refuse(inbound.routing_id, reason, text);
  report(inbound, reason, text);
  ++parts_.counters.connections_muted;
  let_go(inbound, parts_.options.timing.gone_after);
}

// Nothing of it is read any more, and it is ended when what it was told has had time to leave.
void Acceptor::let_go(Inbound& inbound, core::Duration patience) {
  unbind(inbound);
  inbound.is_muted = true;
  inbound.end_at = now_ + patience;
  ++muted_count_;
  if (muted_count_ > muted_count_max) end(inbound);
}

void Acceptor::blame(Inbound& inbound, const core::Error& error) {
  const bool other_version = error.code == core::Errc::remote_version;
  ++(other_version ? parts_.counters.frames_of_other_version : parts_.counters.frames_malformed);
  if (!inbound.name.empty()) penalties_.add(inbound.role, inbound.name, now_);
  mute(inbound, other_version ? RefusalReason::version : RefusalReason::malformed, error.detail);
}

void Acceptor::blame_forger(Inbound& inbound, const std::string& what) {
  ++parts_.counters.senders_forged;
  mute(inbound, RefusalReason::forbidden, what);
}

void Acceptor::on_keys_replaced(core::Instant now) {
  now_ = std::max(now_, now);
  if (planted(Mutant::revoked_key_served)) return;
  std::vector<Inbound*> revoked;
  for (const auto& [routing_id, inbound] : connections_) {
    const bool is_valid =
        parts_.security->ring().is_valid(inbound->user_id, inbound->role, inbound->name);
    if (!inbound->is_muted && !is_valid) revoked.push_back(inbound.get());
  }
  for (Inbound* const inbound : revoked) {
    ++parts_.counters.keys_revoked;
    mute(*inbound, RefusalReason::forbidden, "its key is not valid any more");
  }
}

core::Status Acceptor::change_own_keys() {
  const core::Status changed = socket_.change_keys(now_, parts_.security->own());
  is_bound_ = changed.has_value();
  while (!connections_.empty())
    forget(*connections_.begin()->second);
  return changed;
}

void Acceptor::close() {
  socket_.close(now_);
  is_bound_ = true;  // Nothing is to be bound again.
  while (!connections_.empty())
    forget(*connections_.begin()->second);
}

void Acceptor::mute_peer(core::Instant now, core::PeerIndex peer, const std::string& why) {
  now_ = std::max(now_, now);
  for (const PeerEndpoint& p : parts_.options.peers) {
    if (p.peer == peer) penalties_.add(Role::peer, p.name, now_);
  }
  const auto found = peers_.find(peer);
  if (found != peers_.end()) mute(*found->second, RefusalReason::fault, why);
}

void Acceptor::unbind(Inbound& inbound) {
  drop_held_by_pace(inbound);
  if (inbound.is_muted) {
    --muted_count_;
    return;
  }
  if (clients_.erase(inbound.link) > 0) {
    const auto same = clients_by_name_.find(inbound.name);
    if (--same->second == 0) clients_by_name_.erase(same);
    unread_bytes_ -= inbound.flow.under_way();
    ++parts_.counters.clients_gone;
    pending_.emplace_back(core::ClientGone{inbound.link});
    return;
  }
  const auto found = peers_.find(inbound.peer);
  if (found != peers_.end() && found->second == &inbound) peers_.erase(found);
}

// One that has ended.
void Acceptor::forget(Inbound& inbound) {
  unbind(inbound);
  const auto same = connections_by_key_.find(inbound.user_id);
  if (same != connections_by_key_.end() && --same->second == 0) connections_by_key_.erase(same);
  connections_.erase(connections_.find(inbound.routing_id));
}

void Acceptor::end(Inbound& inbound) {
  socket_.intake().end(inbound.connection);
  forget(inbound);
}

// ---- sending and liveness -------------------------------------------------------------------

Handed Acceptor::send_control(Inbound& inbound) {
  return socket_.try_send(inbound.routing_id, control_.view());
}

void Acceptor::ping(Inbound& inbound) {
  encode_ping(control_, inbound.flow.mark());
  if (send_control(inbound) == Handed::taken) inbound.flow.on_ping();
}

SendResult Acceptor::send_to_client(core::LinkId to, std::span<const core::Reply> replies) {
  const auto found = clients_.find(to);
  if (found == clients_.end()) {
    parts_.counters.sends_down += replies.size();
    return SendResult::down;
  }
  const SendResult result = send_frames(*found->second, replies);
  if (result == SendResult::full) parts_.counters.sends_full += replies.size();
  if (result == SendResult::down) {
    parts_.counters.sends_down += replies.size();
    forget(*found->second);
  }
  return result;
}

// With very many that do not read, those few wait who have most.
bool Acceptor::has_enough_unread(const Inbound& inbound) const {
  const bool is_crowd = unread_bytes_ >= parts_.options.unread_bytes_max;
  return inbound.flow.is_full() || (is_crowd && inbound.flow.under_way() >= link_window_bytes / 16);
}

// Takes away from `replies` what was sent, or can never be.
SendResult Acceptor::send_frames(Inbound& inbound, std::span<const core::Reply>& replies) {
  const DecodeLimits limits = limits_of_receiver(parts_.limits, inbound.frame_bytes_max);
  SendResult result = SendResult::sent;
  while (!replies.empty()) {
    if (has_enough_unread(inbound)) return SendResult::full;
    const core::Result<std::size_t> count = encode_replies(out_, replies, limits);
    if (!count) {
      ++parts_.counters.sends_too_large;
      result = SendResult::too_large;
      replies = replies.subspan(1);
      continue;
    }
    const Handed handed = socket_.try_send(inbound.routing_id, out_.view());
    if (handed != Handed::taken) {
      return handed == Handed::gone ? SendResult::down : SendResult::full;
    }
    replies = replies.subspan(*count);
    ++parts_.counters.frames_out;
    parts_.counters.bytes_out += out_.byte_count();
    inbound.flow.on_frame(out_.byte_count());
    unread_bytes_ += out_.byte_count();
    if (inbound.flow.wants_ping()) ping(inbound);
  }
  return result;
}

std::string Acceptor::client_name(core::LinkId link) const {
  const auto found = clients_.find(link);
  return found == clients_.end() ? std::string{} : found->second->name;
}

bool Acceptor::tend_one(Inbound& inbound) {
  const LinkTiming& timing = parts_.options.timing;
  const core::Duration silent = now_ - inbound.heard;
  if (inbound.is_muted) {
    if (now_ < inbound.end_at) return true;
    socket_.intake().end(inbound.connection);
    // Where it cannot be ended there is no other way to learn that it has.
    if (inbound.connection.number == 0) inbound.end_at = now_ + timing.gone_after;
    encode(control_, Refused{.reason = RefusalReason::malformed, .text = "muted"});
    return send_control(inbound) != Handed::gone;
  }
  if (silent >= timing.gone_after) {
    socket_.intake().end(inbound.connection);
    return false;
  }
  let_go_on(inbound);
  if (silent < timing.ping_interval + timing.ping_interval / 2) return true;
  // It should have pinged. ZeroMQ knows a connection that has ended, but only if asked.
  encode_ping(control_, inbound.flow.mark());
  return send_control(inbound) != Handed::gone;
}

void Acceptor::tend(core::Instant now, std::vector<NodeEvent>& events) {
  now_ = now;
  socket_.tend(now);
  tend_paced(events);
  if (now >= next_sweep_) {
    next_sweep_ = now + parts_.options.timing.ping_interval / 2;
    std::vector<Inbound*> gone;
    for (const auto& [routing_id, inbound] : connections_) {
      if (!tend_one(*inbound)) gone.push_back(inbound.get());
    }
    for (Inbound* inbound : gone)
      forget(*inbound);
    penalties_.tidy(now);
    socket_.intake().look_at_unfinished();
    count_strangers();
    count_refused_keys();
    count_floods();
    watch_admission();
    if (!is_bound_) is_bound_ = socket_.bind_again();
  }
  for (NodeEvent& event : pending_)
    events.push_back(std::move(event));
  pending_.clear();
}

}  // namespace nemcon::transport
