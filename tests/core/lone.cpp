#include "tests/core/lone.hpp"

namespace nemcon::core::tests {

Lone::Lone(const Layout& layout) : Lone(layout, 1) {}

Lone::Lone(const Layout& layout, std::size_t self) : self_(self), node_(options_of(layout, self)) {
  for (std::size_t peer = 0; peer < layout.node_count; ++peer) {
    if (peer == self) continue;
    Ghost ghost{.incarnation = incarnation_of(peer), .nonce = 9000 + peer};
    for (const QueueOptions& queue : layout.queues) {
      ghost.queues.push_back({.name = queue.name, .ordering = queue.ordering});
    }
    ghosts_.emplace(peer, ghost);
  }
  node_.begin();
  for (const auto& [peer, ghost] : ghosts_)
    greet(peer);
}

FrameHeader Lone::header_from(std::size_t peer) const {
  const Ghost& ghost = ghosts_.at(peer);
  const auto elapsed_ms = node_.now.time_since_epoch() / std::chrono::milliseconds{1};
  const auto wall_ms = static_cast<std::int64_t>(wall_origin_ms) + elapsed_ms + ghost.skew_ms;
  return {.from = node_id(peer),
          .incarnation = ghost.incarnation,
          .boot = ghost.boot,
          .lsn = Lsn{ghost.lsn},
          .clock = Hlc::from_ms(static_cast<std::uint64_t>(wall_ms)),
          .wall_ms = static_cast<std::uint64_t>(wall_ms),
          .to_incarnation = incarnation_of(self_),
          .to_boot = node_.engine().header_for(peer_index(peer)).boot};
}

Effects Lone::hear(std::size_t from, Message message) {
  return hear(from, header_from(from), std::move(message));
}

Effects Lone::hear(std::size_t from, const FrameHeader& header, Message message) {
  return node_.step(
      FrameReceived{.from = peer_index(from), .header = header, .messages = {std::move(message)}});
}

Effects Lone::greet(std::size_t peer) {
  return greet(peer, std::nullopt);
}

Effects Lone::greet(std::size_t peer, const std::optional<Sighting>& seen) {
  node_.step(PeerUp{peer_index(peer)});
  const Ghost& ghost = ghosts_.at(peer);
  return hear(peer, Hello{.name = name_of(peer),
                          .nonce = ghost.nonce,
                          .wants_answer = false,
                          .seen = seen,
                          .lives = {},
                          .queues = ghost.queues,
                          .services = ghost.services});
}

Effects Lone::lose(std::size_t peer) {
  return node_.step(PeerDown{peer_index(peer)});
}

void Lone::crash_and_recover() {
  node_.crash();
  node_.options().nonce += 1;
  node_.begin();
  for (const auto& [peer, ghost] : ghosts_)
    greet(peer);
}

// ---- what peers say ---------------------------------------------------------------------------

Value yes_at(Hlc at) {
  return {.choice = Choice::yes, .at = at};
}

Value yes_now() {
  return yes_at(Hlc::from_ms(wall_origin_ms + 1000));
}

Value no_because(Reason reason) {
  return {.choice = Choice::no, .at = {}, .reason = reason};
}

Vote vote_of(const Told& told, std::uint8_t branch, const Value& value) {
  return {.key = told.key(),
          .descriptor = told.descriptor,
          .votes = {{.branch = branch, .value = value, .replies = {}}},
          .accepted = is_witness(told.descriptor->branches[branch],
                                 told.descriptor->branches[branch].node)};
}

Decision commit_of(const Told& told, Hlc at) {
  return {.key = told.key(), .outcome = {.committed = true, .at = at}};
}

Decision roll_back_of(const Told& told) {
  return {.key = told.key(),
          .outcome = {.committed = false,
                      .at = {},
                      .by = told.descriptor->id.initiator,
                      .reason = Reason::deadline}};
}

Forget forget_of(const Told& told, const Outcome& outcome) {
  return {.key = told.key(), .outcome = outcome, .ack_upto = {}};
}

AskPromise ask_promise_of(const Told& told, const Ballot& ballot) {
  return {.descriptor = told.descriptor, .digest = told.digest, .ballot = ballot};
}

Ballot ballot_of(std::uint32_t round, std::size_t leader) {
  return {.round = round, .leader = node_id(leader), .boot = Boot{1}};
}

}  // namespace nemcon::core::tests
