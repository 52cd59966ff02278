#include "core/context.hpp"

#include <cstdint>
#include <functional>

#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

Context::Context(Options given)
    : options(std::move(given)),
      permissions(options.name, options.permissions),
      state(options),
      outbox(Lsn{}),
      clock(options.peers.empty() ? Peers::none : Peers::some),
      membership(options, state),
      random(options.seed) {}

void Context::begin_step(const Input& input, Effects& effects) {
  NEMCON_CHECK(input.now >= now_, "time went back within a life");
  now_ = input.now;
  effects_ = &effects;
  clock.observe(input.now, input.wall_ms, membership.known_drift_ms());
  membership.on_time(static_cast<std::int64_t>(clock.wall_ms()) - monotonic_ms(now_));
  clock.limit(membership.ceiling_ms(now_));
}

Lsn Context::write(Record record, Urgency urgency) {
  const Lsn lsn = outbox.assign();
  state.apply(record, lsn);
  clock.merge(state.clock());  // Rule P-22: a decision is always merged, from whatever clock.
  effects_->writes.push_back(
      {.lsn = lsn, .record = std::move(record), .urgent = urgency == Urgency::urgent});
  return lsn;
}

void Context::hand_over(Lsn after, const NodeId& to, Message message) {
  if (membership.is_fenced()) return;
  if (is_self(to)) {
    outbox.release_after(after, SendToSelf{std::move(message)}, *effects_);
    return;
  }
  const Peer* peer = membership.find(to);
  if (peer == nullptr || !peer->is_live()) return;  // Asked again when it is there.
  outbox.release_after(after, Send{.to = peer->index, .message = std::move(message)}, *effects_);
}

void Context::send(const NodeId& to, Message message) {
  hand_over(outbox.durable(), to, std::move(message));
}

void Context::promise(const NodeId& to, Message message) {
  hand_over(outbox.written(), to, std::move(message));
}

void Context::reply(LinkId link, Reply reply) {
  quotas.on_reply(link, reply);
  effects_->replies.push_back({.link = link, .reply = std::move(reply)});
}

void Context::reply_after(Lsn lsn, LinkId link, Reply reply) {
  quotas.on_reply(link, reply);
  outbox.release_after(lsn, ClientReply{.link = link, .reply = std::move(reply)}, *effects_);
}

void Context::note(const char* what, const TransactionId& id, std::string detail) {
  effects_->notes.push_back({.what = what, .transaction = id, .detail = std::move(detail)});
}

void Context::note(const char* what, std::string detail) {
  effects_->notes.push_back(
      {.what = what, .transaction = std::nullopt, .detail = std::move(detail)});
}

void Context::blame(const NodeId& node, std::string what) {
  if (const Peer* peer = membership.find(node); peer != nullptr) {
    blame(peer->index, std::move(what));
  }
}

void Context::blame(PeerIndex peer, std::string what) {
  note("peer blamed", what);
  effects_->faults.push_back({.peer = peer, .what = std::move(what)});
}

bool Context::is_stranger(const NodeId& from, const Descriptor& descriptor, const char* what) {
  if (find_node(descriptor, from) >= 0 || planted(Mutant::believe_strangers)) return false;
  note("not named by the transaction", descriptor.id, what);
  blame(from, std::string{what} + " by a node that the transaction does not name");
  return true;
}

std::string Context::deny(const std::string& principal, Verb verb, const std::string& name,
                          const std::string& node, const std::string& through) {
  std::string why = permissions.refusal(principal, verb, name, node);
  note("denied", why);
  effects_->denials.push_back({.principal = principal,
                               .what = std::string{to_text(verb)} + ' ' + name + '@' + node,
                               .through = through});
  return why;
}

bool Context::may_vouch(const NodeId& from, const Descriptor& descriptor) const {
  return !permissions.is_secured() || is_self(from) ||
         permissions.lets_vouch(membership.name_of(from), descriptor.principal);
}

void Context::take_acknowledged(const NodeId& from, const Descriptor& descriptor,
                                Sequence ack_upto) {
  const TransactionId& id = descriptor.id;
  if (!may_vouch(from, descriptor) || ack_upto <= state.sessions().ack_upto(id.client, id.epoch))
    return;
  write(AcknowledgedUpTo{.client = id.client, .epoch = id.epoch, .ack_upto = ack_upto},
        Urgency::lazy);
}

std::string Context::deny_vouching(const std::string& peer, const std::string& principal) {
  std::string why = "peer " + peer + " may not speak for client \"" + principal + "\"; node " +
                    options.name + " would let it with `vouches` in its [[peer]]";
  note("denied", why);
  effects_->denials.push_back({.principal = principal, .what = "pass through", .through = peer});
  return why;
}

void Context::fence(std::string why) {
  if (membership.is_fenced()) return;
  membership.fence();
  effects_->fenced = Fenced{std::move(why)};
}

Context::Checked& Context::checked_slot(const DescriptorPtr& descriptor) {
  if (checked_.empty()) checked_.resize(checked_max);
  return checked_[std::hash<const Descriptor*>{}(descriptor.get()) / 64 % checked_max];
}

void Context::take_as_checked(const DescriptorPtr& descriptor, const Digest& digest) {
  checked_slot(descriptor) = {.descriptor = descriptor, .digest = digest};
}

Status Context::check(const DescriptorPtr& given, const Digest& digest) {
  const Checked& known = checked_slot(given);
  if (known.descriptor == given && known.digest == digest) return Nothing{};
  const Descriptor& descriptor = *given;
  if (Status status = validate(descriptor, options.limits.branches_max); !status) return status;
  if (options.hashing.of_descriptor(descriptor) != digest) {
    return Error{Errc::remote_malformed, "the digest is not the descriptor's"};
  }
  const std::string& principal = descriptor.principal;
  const ClientId& client = descriptor.id.client;
  const bool is_owner = !is_anonymous(descriptor.id)
                            ? !principal.empty() && options.hashing.of_name(principal) == client
                            : principal.empty() || marked(client, principal) == client;
  if (!is_owner) {
    return Error{Errc::remote_malformed, "the principal does not own the transaction id"};
  }
  take_as_checked(given, digest);
  return Nothing{};
}

ClientId Context::marked(ClientId chosen, std::string_view principal) const {
  // No session has such a name (Submissions::on_open).
  const std::string name = "#" + std::string{account_of(principal)};
  return {.high = options.hashing.of_name(name).high, .low = chosen.low};
}

Hlc Context::tombstone_expiry(const TransactionId& id) const {
  if (!is_anonymous(id)) return Hlc::never();
  const auto kept_ms = 2 * options.timing.retention / std::chrono::milliseconds{1};
  return Hlc::from_ms(clock.wall_ms() + static_cast<std::uint64_t>(kept_ms));
}

bool Context::refuses_for_room() const {
  return disk_full && !planted(Mutant::ignore_full_disk);
}

std::optional<Reason> Context::refuses_work() const {
  if (membership.is_fenced()) return Reason::rolled_back_node;
  if (stopping) return Reason::stopping;
  if (refuses_for_room()) return Reason::disk_full;
  return std::nullopt;
}

}  // namespace nemcon::core
