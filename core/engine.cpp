#include "core/engine.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/check.hpp"
#include "core/engine_parts.hpp"

namespace nemcon::core {

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
