#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "core/answers.hpp"
#include "core/engine_parts.hpp"
#include "core/overloaded.hpp"
#include "core/query.hpp"

namespace nemcon::core {

// ---- peers ------------------------------------------------------------------------------------

void Engine::Parts::on(const PeerUp& event) {
  if (!context.membership.has(event.peer)) return;
  context.membership.on_up(event.peer, context.now());
  say_hello(context.membership.peer(event.peer), true);
}

void Engine::Parts::on(const PeerDown& event) {
  if (!context.membership.has(event.peer)) return;
  context.membership.on_down(event.peer);
  driver.on_peer_down(context.membership.peer(event.peer).node);
}

void Engine::Parts::say_hello(Peer& peer, bool wants_answer) {
  peer.hello_at = context.now() + std::chrono::milliseconds{500};
  Hello hello{.name = context.options.name,
              .nonce = context.options.nonce,
              .wants_answer = wants_answer,
              .fenced = context.membership.is_fenced(),
              .seen = std::nullopt,
              .lives = context.state.lives(),
              .queues = {},
              .services = services.names()};
  if (!peer.node.is_zero() && peer.sighting.incarnation != Incarnation{}) {
    hello.seen = peer.sighting;
  }
  for (const auto& [id, queue] : context.state.queues()) {
    hello.queues.push_back({.name = queue->row().name, .ordering = queue->row().ordering});
  }
  // Rule P-37: the boot count that this HELLO shows must be durable first.
  context.outbox.release_after(context.outbox.written(),
                               Send{.to = peer.index, .message = std::move(hello)},
                               context.effects());
}

void Engine::Parts::announce_services() {
  for (const auto& [index, known] : context.membership.peers()) {
    if (known.is_live()) say_hello(context.membership.peer(index), false);
  }
}

// A second process of a peer's data directory learns that it has been replaced; who waits for this
// node learns that it is fenced.
void Engine::Parts::tell_what_was_seen(Peer& peer) {
  if (!peer.is_live() && !context.membership.is_fenced()) return;
  if (peer.hello_at <= context.now()) say_hello(peer, false);
}

void Engine::Parts::on_hello(const FrameReceived& frame, const Hello& hello) {
  Peer& peer = context.membership.peer(frame.from);
  if (hello.name != peer.name) return context.blame(frame.from, "hello under another name");
  const bool was_live = peer.is_live();
  const std::optional<std::string> lost_state =
      context.membership.on_hello(peer, frame.header, hello, context.outbox.durable());
  peer.clock = std::max(peer.clock, frame.header.clock);
  context.membership.measure(peer, frame.header, context.now());
  if (peer.refused) context.note("peer refused: its state is older", peer.name);
  if (!peer.refused) record_sighting(peer);
  if (hello.wants_answer) say_hello(peer, false);
  if (lost_state) context.fence(*lost_state);
  if (peer.is_live() && !was_live) driver.on_peer_up(peer.node);
  context.membership.update_joined(context.now());
}

void Engine::Parts::on(const FrameReceived& event) {
  if (!context.membership.has(event.from) || context.is_absurd(event.from, event.header)) return;
  Peer& peer = context.membership.peer(event.from);
  const Duration limit = context.options.timing.max_drift;
  const bool drifted = context.clock.is_too_far_ahead(event.header.clock, limit);
  if (context.membership.is_of_another(peer, event.header.from)) {
    return context.blame(event.from, "a frame under another node's id");  // Rule P-43.
  }
  const Lsn written = context.outbox.written();
  for (const Message& message : event.messages) {
    if (const auto* hello = std::get_if<Hello>(&message)) {
      on_hello(event, *hello);
      continue;
    }
    if (!context.membership.try_accept(peer, event.header)) {
      context.note("frame from a peer that is not live", kind_of(message));
      tell_what_was_seen(peer);
      continue;
    }
    // With every frame: a clock that was set right again must be believed again (Rule P-22).
    context.membership.measure(peer, event.header, context.now());
    if (!drifted) context.clock.merge(event.header.clock);
    if (context.is_absurd(event.from, message)) continue;
    on_message(event.header.from, message, drifted);
    drain_to_self();
  }
  // What stands here because of its word stands with the proof that it gave it: an old copy of the
  // peer, which has forgotten, is found out (Rule P-37).
  if (context.outbox.written() != written && peer.is_live()) record_sighting(peer);
}

// ---- messages ---------------------------------------------------------------------------------

void Engine::Parts::on_message(const NodeId& from, const Message& message, bool drifted) {
  if (context.membership.is_fenced()) return;
  std::visit(Overloaded{
                 [](const Hello&) {},
                 [&](const Prepare& prepare) {
                   if (prepare.descriptor != nullptr)
                     participant.on_prepare(from, prepare, drifted);
                 },
                 [&](const Vote& vote) { on_vote(from, vote); },
                 [&](const Accepted& accepted) { driver.on_accepted(from, accepted); },
                 [&](const AskPromise& ask) {
                   if (ask.descriptor == nullptr) return;
                   if (!context.is_self(from)) {
                     driver.on_other_leader({ask.descriptor->id, ask.digest});
                   }
                   witness.on_ask_promise(from, ask);
                   driver.watch({ask.descriptor->id, ask.digest}, from);
                 },
                 [&](const Promise& promise) { driver.on_promise(from, promise); },
                 [&](const Propose& propose) {
                   if (propose.descriptor == nullptr) return;
                   witness.on_propose(from, propose);
                   driver.watch({propose.descriptor->id, propose.digest}, from);
                 },
                 [&](const Refuse& refuse) { driver.on_refuse(from, refuse); },
                 [&](const Query& query) { on_query(from, query); },
                 [&](const TransactionStatus& status) {
                   participant.on_shown(from, status);
                   submissions.on_status(from, status);
                   driver.on_status(from, status);
                 },
                 [&](const Decision& decision) { on_decision(from, decision); },
                 [&](const DecisionAck& ack) { driver.on_decision_ack(from, ack); },
                 [&](const Forget& forget) { driver.on_forget(from, forget); },
                 [&](const ForgetAck& ack) { driver.on_forget_ack(from, ack); },
             },
             message);
}

void Engine::Parts::on_vote(const NodeId& from, const Vote& vote) {
  if (vote.descriptor != nullptr && vote.descriptor->id != vote.key.id) {
    return context.blame(from, "vote with the descriptor of another transaction");
  }
  const DescriptorPtr shown = vote.descriptor ? vote.descriptor : driver.descriptor_of(vote.key);
  if (witness.on_vote(from, vote, shown)) driver.watch(vote.key, from);
  driver.on_vote(from, vote);
}

void Engine::Parts::on_query(const NodeId& from, const Query& query) {
  // Rule P-37: a node that may have lost its state does not know what it does not know.
  const bool may_deny = context.membership.may_work_alone(context.now());
  TransactionStatus status = what_is_known(context.state, participant, query);
  if (status.knowledge == Knowledge::none && !may_deny) return;
  // Rule P-42: who has no part in it asks for a client that came to it; and which clients can, the
  // configuration says. No answer is one that may be lost.
  const Transaction* row = context.state.find(status.key);
  if (row != nullptr && find_node(*row->descriptor, from) < 0 &&
      !context.may_vouch(from, *row->descriptor)) {
    context.note("asked for a client that the asker may not speak for", query.id);
    return;
  }
  context.promise(from, std::move(status));
}

void Engine::Parts::on_decision(const NodeId& from, const Decision& decision) {
  participant.on_decision(from, decision, driver.learnt(decision.key));
  driver.on_decided_here(decision.key);
}

}  // namespace nemcon::core
