#include "core/engine.hpp"

#include <algorithm>
#include <utility>

#include "core/answers.hpp"
#include "core/check.hpp"
#include "core/consumers.hpp"
#include "core/context.hpp"
#include "core/driver.hpp"
#include "core/gate.hpp"
#include "core/overloaded.hpp"
#include "core/participant.hpp"
#include "core/query.hpp"
#include "core/report.hpp"
#include "core/services.hpp"
#include "core/submissions.hpp"
#include "core/witness.hpp"

namespace nemcon::core {

class Engine::Parts {
 public:
  Parts(Options options, Restored restored);

  void step(const Input& input, Effects& effects);

  Context context;
  Leases leases;
  Services services;
  Participant participant;
  Witness witness;
  Driver driver;
  Consumers consumers;
  Submissions submissions;
  Reporter reporter;
  Gate gate;
  bool checkpointing = false;

 private:
  void restore(Restored restored);
  void define_queues();

  void on(const LifeBegins& event);
  void on(const FrameReceived& event);
  void on(const PeerUp& event);
  void on(const PeerDown& event);
  void on(const ClientRequested& event);
  void on(const ClientGone& event);

  void on(const ClientKnown& event) { submissions.on_known(event); }

  void on(const PermissionsReplaced& event);

  void on(const WriteDurable& event);
  void on(const ReadDone& event);
  void on(const CheckpointDone& event);
  void on(const DiskFull& event);
  void on(const DeadlinePassed& event);
  void on(const StopRequested& event);

  void on_hello(const FrameReceived& frame, const Hello& hello);
  void say_hello(Peer& peer, bool wants_answer);
  void announce_services();

  // Once `change` is made, if other services are there than before.
  template <class Change>
  void announce_change(const Change& change) {
    const std::vector<std::string> served = services.names();
    change();
    if (services.names() != served) announce_services();
  }

  void tell_what_was_seen(Peer& peer);
  void on_message(const NodeId& from, const Message& message, bool drifted);
  void on_vote(const NodeId& from, const Vote& vote);
  void on_query(const NodeId& from, const Query& query);
  void on_decision(const NodeId& from, const Decision& decision);
  void on_request(const Client& client, const Request& request);

  void settle();
  void drain_to_self();
  void follow_votes();
  void take_checkpoint();
  void record_sightings();
  void record_sighting(Peer& peer);
  void raise_floor();
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  void check_invariants() const;

  bool delivering_ = false;
  bool fence_is_told_ = false;
  std::optional<Instant> checkpoint_at_;
  Instant floor_at_{};
  Lsn checkpointing_upto_;
};

// ---- life -------------------------------------------------------------------------------------

Engine::Parts::Parts(Options options, Restored restored)
    : context(std::move(options)),
      services(context),
      participant(context, services, leases),
      witness(context, participant),
      driver(context, participant),
      consumers(context, leases),
      submissions(context, participant, driver),
      reporter(context, participant, driver, consumers, leases),
      gate(context, services, leases) {
  restore(std::move(restored));
}

// One door for durable state: rows as they were at the checkpoint, then the same apply() as live.
void Engine::Parts::restore(Restored restored) {
  // Later kinds refer to earlier ones: a transaction to its queues and its session.
  auto order = [](const Row& row) {
    if (std::holds_alternative<MetaRow>(row)) return 0;
    if (std::holds_alternative<QueueRow>(row)) return 1;
    if (std::holds_alternative<TransactionRow>(row)) return 3;
    return 2;
  };
  std::ranges::stable_sort(restored.rows, {}, order);
  for (Row& row : restored.rows)
    context.state.load(std::move(row));
  Lsn lsn = restored.checkpoint;
  for (const Record& record : restored.records) {
    lsn = Lsn{lsn.value() + 1};
    context.state.apply(record, lsn);
  }
  (void)context.state.take_touched();
  context.outbox.restore(lsn);
  context.clock.merge(context.state.clock());
  context.membership.recall_sightings();
}

void Engine::Parts::on(const LifeBegins&) {
  const Boot boot{context.state.boot().value() + 1};
  context.write(Started{.boot = boot, .clock = context.clock.latest()}, Urgency::urgent);
  leases.begin_life(boot);
  define_queues();
  context.membership.on_life_begins(context.now());
  participant.on_life_begins();
  driver.on_life_begins();
  floor_at_ = context.now() + context.options.timing.retention / 8;
  for (const auto& [id, queue] : context.state.queues())
    context.state.touch(id);
}

void Engine::Parts::define_queues() {
  auto define = [this](const std::string& name, Ordering ordering) {
    if (const Queue* known = context.state.find_queue(name); known != nullptr) {
      if (known->row().ordering != ordering) {
        context.note("ordering of an existing queue cannot change", name);
      }
      return;
    }
    context.write(
        QueueDefined{.queue = context.state.next_queue(), .name = name, .ordering = ordering},
        Urgency::lazy);
  };
  for (const QueueOptions& queue : context.options.queues) {
    define(queue.name, queue.ordering);
    define(queue.name + ".dead", Ordering::none);
  }
}

void Engine::Parts::step(const Input& input, Effects& effects) {
  context.begin_step(input, effects);
  std::visit([this](const auto& event) { on(event); }, input.event);
  settle();
  effects.wake_at = next_deadline();
  check_invariants();
}

// What a step has set off: messages to the own node, deliveries, checkpoints.
void Engine::Parts::settle() {
  drain_to_self();
  // A fenced node answers nothing: nobody must wait for it.
  if (context.membership.is_fenced() && !std::exchange(fence_is_told_, true)) announce_services();
  // Rule P-37: a node that may turn out to be an old copy hands out nothing; what it holds may
  // have been consumed since.
  const bool delivers = context.membership.may_work_alone(context.now());
  if (delivers && !delivering_) {
    for (const auto& [id, queue] : context.state.queues())
      context.state.touch(id);
  }
  delivering_ = delivers;
  if (delivers) {
    // What services reported meanwhile: "nothing is known of it" is true from now on only.
    for (const InDoubt& report : services.take_reports())
      participant.on_in_doubt(report);
    services.ask_to_look_again();
  }
  for (;;) {
    const std::set<QueueId> touched = context.state.take_touched();
    if (touched.empty()) break;
    for (const QueueId queue : touched) {
      participant.on_room(queue);
      if (delivers) consumers.serve(queue);
    }
    drain_to_self();
  }
  take_checkpoint();
}

void Engine::Parts::drain_to_self() {
  follow_votes();
  for (;;) {
    std::vector<Message> messages = context.outbox.take_to_self();
    if (messages.empty()) return;
    for (const Message& message : messages)
      on_message(context.options.node, message, false);
    follow_votes();
  }
}

// Fresh votes: first copies out, and an eye on their end.
void Engine::Parts::follow_votes() {
  for (const Participant::NewVote& vote : participant.take_new_votes()) {
    driver.send_vote(vote.key, vote.driver);
    driver.watch(vote.key, vote.driver);
  }
}

void Engine::Parts::check_invariants() const {
  NEMCON_CHECK(context.outbox.durable() <= context.outbox.written());
  NEMCON_CHECK(context.clock.latest() >= context.state.clock(), "a timestamp from the future");
}

std::optional<Instant> Engine::Parts::next_deadline() const {
  std::optional<Instant> earliest = floor_at_;
  for (const std::optional<Instant>& at :
       {participant.earliest(), services.earliest(), driver.earliest(), consumers.earliest(),
        submissions.earliest(), context.membership.earliest(context.now()),
        checkpointing ? std::nullopt : checkpoint_at_}) {
    if (at && *at < *earliest) earliest = at;
  }
  return earliest;
}

void Engine::Parts::on(const DeadlinePassed&) {
  const Instant now = context.now();
  participant.on_deadline(now);
  services.on_deadline(now);
  driver.on_deadline(now);
  consumers.on_deadline(now);
  submissions.on_deadline(now);
  context.membership.update_joined(now);
  for (const PeerIndex index : context.membership.ungreeted()) {
    Peer& peer = context.membership.peer(index);
    if (peer.hello_at <= now) say_hello(peer, true);
  }
  raise_floor();
}

void Engine::Parts::on(const StopRequested&) {
  context.stopping = true;
}

void Engine::Parts::on(const DiskFull& event) {
  if (context.disk_full != event.full) {
    context.note(event.full ? "no room on disk" : "room on disk again");
  }
  context.disk_full = event.full;
}

// ---- storage ----------------------------------------------------------------------------------

void Engine::Parts::on(const WriteDurable& event) {
  context.outbox.on_durable(event.upto, context.effects());
}

void Engine::Parts::on(const ReadDone& event) {
  consumers.on_read(event);
}

void Engine::Parts::on(const CheckpointDone& event) {
  NEMCON_CHECK(checkpointing && event.upto == checkpointing_upto_, event.upto);
  checkpointing = false;
  context.state.on_checkpoint_done();
}

void Engine::Parts::take_checkpoint() {
  if (!context.state.is_dirty()) return;
  const Limits& limits = context.options.limits;
  if (!checkpoint_at_) {
    checkpoint_at_ = context.now() + context.options.timing.checkpoint_interval;
  }
  const bool due = context.stopping || context.now() >= *checkpoint_at_ ||
                   context.state.overlay_bytes() >= limits.overlay_bytes_checkpoint;
  if (checkpointing || !due) return;
  checkpoint_at_.reset();
  checkpointing = true;
  record_sightings();
  checkpointing_upto_ = context.outbox.written();
  context.outbox.release_after(checkpointing_upto_, context.state.collect(checkpointing_upto_),
                               context.effects());
}

// What was seen of peers outlives this life, so that an old copy of one is found out (Rule P-37).
void Engine::Parts::record_sightings() {
  for (const auto& [index, known] : context.membership.peers()) {
    if (known.is_live()) record_sighting(context.membership.peer(index));
  }
}

void Engine::Parts::record_sighting(Peer& peer) {
  if (peer.sighting == peer.recorded) return;
  peer.recorded = peer.sighting;
  context.write(PeerSeen{.node = peer.node, .name = peer.name, .sighting = peer.sighting},
                Urgency::lazy);
}

// Rule P-15: raised durably, in steps, never past what the slowest peer's clock allows.
void Engine::Parts::raise_floor() {
  if (context.now() < floor_at_) return;
  const Duration retention = context.options.timing.retention;
  floor_at_ = context.now() + retention / 8;
  const auto retention_ms = static_cast<std::uint64_t>(retention / std::chrono::milliseconds{1});
  const std::uint64_t own_ms = context.clock.wall_ms();
  for (const auto& [index, known] : context.membership.peers()) {
    // An idle peer's clock is known from its last frame only: ask, or the floor would stand still.
    const bool is_behind = known.clock.wall_ms() + retention_ms / 8 < own_ms;
    if (known.is_live() && is_behind) say_hello(context.membership.peer(index), true);
  }
  const std::uint64_t wall_ms = context.membership.slowest_ms(own_ms);
  if (wall_ms <= retention_ms) return;
  const Hlc floor = Hlc::from_ms(wall_ms - retention_ms);
  if (floor > context.state.sessions().floor()) {
    context.write(FloorRaised{.floor = floor}, Urgency::lazy);
  }
}

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
  Vote known = vote;
  const bool first_copy = vote.descriptor == nullptr;
  if (first_copy) known.descriptor = driver.descriptor_of(vote.key);
  if (witness.on_vote(from, known)) driver.watch(vote.key, from);
  driver.on_vote(from, vote);
}

void Engine::Parts::on_query(const NodeId& from, const Query& query) {
  // Rule P-37: a node that may have lost its state does not know what it does not know.
  const bool may_deny = context.membership.may_work_alone(context.now());
  TransactionStatus status = what_is_known(context.state, participant, query);
  if (status.knowledge == Knowledge::none && !may_deny) return;
  context.promise(from, std::move(status));
}

void Engine::Parts::on_decision(const NodeId& from, const Decision& decision) {
  participant.on_decision(from, decision, driver.learnt(decision.key));
  driver.on_decided_here(decision.key);
}

// ---- clients ----------------------------------------------------------------------------------

void Engine::Parts::on(const ClientGone& event) {
  submissions.on_client_gone(event.link);
  driver.on_client_gone(event.link);
  announce_change([&] { services.on_client_gone(event.link); });
  consumers.on_client_gone(event.link);
}

void Engine::Parts::on(const PermissionsReplaced& event) {
  context.permissions = Permissions{context.options.name, event.permissions};
  consumers.end_where([this](LinkId link, const std::string& queue) {
    return !gate.may_go_on(submissions.find(link), Verb::consume, queue);
  });
  const bool fewer = services.end_where([this](LinkId link, const std::string& service) {
    return !gate.may_go_on(submissions.find(link), Verb::serve, service);
  });
  if (fewer) announce_services();
}

void Engine::Parts::on(const ClientRequested& event) {
  if (const auto* open = std::get_if<Open>(&event.request)) {
    submissions.on_open(event.link, *open);
    return;
  }
  const Client* client = submissions.find(event.link);
  if (client == nullptr) {
    context.note("request before open");
    context.reply(event.link, Denied{.request = 0,
                                     .retryable = true,
                                     .reason = Reason::forbidden,
                                     .text = "no session is open on this link"});
    return;
  }
  if (gate.admits(*client, event.request)) on_request(*client, event.request);
}

void Engine::Parts::on_request(const Client& client, const Request& request) {
  const LinkId link = client.link;
  std::visit(
      Overloaded{
          [](const Open&) {},
          [&](const Submit& submit) { submissions.on_submit(client, submit); },
          [&](const Ask& ask) { submissions.on_ask(client, ask); },
          [&](const Acknowledge& ack) { submissions.on_acknowledge(client, ack); },
          [&](const Subscribe& subscribe) { consumers.on_subscribe(link, client.id, subscribe); },
          [&](const AddCredit& add) { consumers.on_add_credit(link, add); },
          [&](const Unsubscribe& unsubscribe) { consumers.on_unsubscribe(link, unsubscribe); },
          [&](const Settle& settled) { consumers.on_settle(link, settled); },
          [&](const Serve& serve) {
            announce_change([&] { (void)services.try_serve(link, serve); });
          },
          [&](const Unserve& unserve) {
            announce_change([&] { services.remove_instance(link, unserve.service); });
          },
          [&](const ServiceVote& vote) {
            if (services.try_take_vote(link, vote)) participant.on_service_vote(vote);
          },
          [&](const ServiceDone& done) { participant.on_service_done(done.call); },
          [&](const Inspect& inspect) { context.promise_reply(link, reporter.report(inspect)); },
      },
      request);
}

// ---- the door ---------------------------------------------------------------------------------

Engine::Engine(Options options, Restored restored)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(restored))) {}

Engine::~Engine() = default;

void Engine::step(const Input& input, Effects& effects) {
  parts_->step(input, effects);
}

FrameHeader Engine::header_for(PeerIndex to) const {
  const Context& context = parts_->context;
  const Sighting seen = context.membership.sighting_of(to);
  return {.from = context.options.node,
          .incarnation = context.options.incarnation,
          .boot = context.state.boot(),
          .lsn = context.outbox.durable(),
          .clock = context.clock.present(),
          .wall_ms = context.clock.wall_ms(),
          .to_incarnation = seen.incarnation,
          .to_boot = seen.boot};
}

bool Engine::is_congested() const {
  const Context& context = parts_->context;
  return context.state.overlay_bytes() >= context.options.limits.overlay_bytes_max;
}

bool Engine::is_quiet() const {
  // A clean stop leaves nothing to replay, unless there is no room for it.
  const bool stored =
      !parts_->checkpointing && (!parts_->context.state.is_dirty() || parts_->context.disk_full);
  return stored && parts_->context.outbox.is_empty() &&
         parts_->participant.preparing_count() == 0 && parts_->driver.drive_count() == 0;
}

std::vector<Row> Engine::dump() const {
  return parts_->context.state.dump();
}

}  // namespace nemcon::core
