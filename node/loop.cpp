#include "node/loop.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <variant>

#include <poll.h>
#include <time.h>

#include "core/check.hpp"
#include "core/overloaded.hpp"

namespace nemcon::node {

namespace {

// With nothing to wait for; any event ends it earlier.
constexpr core::Duration sleep_max = std::chrono::hours{1};

}  // namespace

Loop::Loop(Parts parts) : parts_(std::move(parts)), written_(parts_.last), durable_(parts_.last) {}

void Loop::run() {
  read_clock();
  step(core::LifeBegins{});
  carry_out();
  while (!stop_at_ || (!is_drained() && now_ < *stop_at_)) {
    const bool has_facts = sleep();
    read_clock();
    if (has_facts) take_facts();
    take_events();
    pass_deadline();
    carry_out();
    if (parts_.audit != nullptr) parts_.audit->tend({.now = now_, .wall_ms = wall_ms_});
  }
  if (!is_drained()) parts_.trace.warning("stopping with work under way", {});
}

void Loop::finish() {
  read_clock();
  take_facts();
  // Orders of these steps have no taker any more; they were never promised to anybody.
  send_messages();
  send_replies();
}

bool Loop::is_drained() const {
  return parts_.engine.is_quiet() && durable_ == written_ && store_orders_open_ == 0;
}

// ---- waiting --------------------------------------------------------------------------------

bool Loop::sleep() {
  core::Duration timeout = sleep_max;
  if (wake_at_) timeout = std::min(timeout, *wake_at_ - now_);
  if (stop_at_) timeout = std::min(timeout, *stop_at_ - now_);
  timeout = std::max(timeout, core::Duration::zero());
  Bell& bell = parts_.mailboxes.loop_bell;
  if (parts_.mailboxes.to_journal.is_full()) {
    // Only the journal can help now; sockets would wake us for what we would not read.
    pollfd watched{.fd = bell.descriptor(), .events = POLLIN, .revents = 0};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout);
    return ::poll(&watched, 1, static_cast<int>(milliseconds.count())) > 0;
  }
  transport::Watched watched{.descriptor = bell.descriptor(), .readable = false};
  parts_.sockets.poll(now_, timeout, {&watched, 1});
  return watched.readable;
}

void Loop::read_clock() {
  // Unlike the steady clock it goes on while the machine sleeps: or the system clock would seem to
  // have jumped, and be followed slowly only.
  timespec boot_time{};
  NEMCON_CHECK(::clock_gettime(CLOCK_BOOTTIME, &boot_time) == 0);
  const core::Instant now{std::chrono::duration_cast<core::Duration>(
      std::chrono::seconds{boot_time.tv_sec} + std::chrono::nanoseconds{boot_time.tv_nsec})};
  NEMCON_CHECK(now >= now_);
  now_ = now;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  wall_ms_ = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(wall).count());
}

// ---- what came in ---------------------------------------------------------------------------

void Loop::take_facts() {
  parts_.mailboxes.loop_bell.quiet();
  parts_.mailboxes.to_loop.take(facts_);
  for (LoopFact& fact : facts_)
    on_fact(fact);
  facts_.clear();
}

void Loop::on_fact(LoopFact& fact) {
  std::visit(core::Overloaded{
                 [this](const JournalDurable& durable) {
                   NEMCON_CHECK(durable.upto <= written_, durable.upto, written_);
                   durable_ = durable.upto;
                   step(core::WriteDurable{durable.upto});
                 },
                 [this](const RoomShort& room) { on_room_short(room); },
                 [this](core::ReadDone& done) {
                   NEMCON_CHECK(store_orders_open_ > 0);
                   --store_orders_open_;
                   step(std::move(done));
                 },
                 [this](const core::CheckpointDone& done) {
                   NEMCON_CHECK(store_orders_open_ > 0);
                   --store_orders_open_;
                   journal_order_.release_upto = done.upto;
                   step(done);
                 },
                 [this](const StopAsked&) {
                   if (stop_at_) return;
                   stop_at_ = now_ + drain_patience;
                   step(core::StopRequested{});
                 },
                 [this](KeysReplaced& replaced) {
                   // An endpoint that is not bound again at once keeps nobody's rights.
                   const core::Status set = parts_.sockets.set_keys(now_, std::move(replaced.keys));
                   step(core::PermissionsReplaced{std::move(replaced.permissions)});
                   replaced.done->set_value(set);
                 },
             },
             fact);
}

void Loop::on_room_short(const RoomShort& fact) {
  const bool was_full = journal_is_short_ || store_is_short_;
  (fact.where == RoomShort::Where::journal ? journal_is_short_ : store_is_short_) = fact.is_short;
  const bool is_full = journal_is_short_ || store_is_short_;
  if (is_full == was_full) return;
  if (is_full) {
    parts_.trace.error("disk full, refusing new work",
                       {{"where", journal_is_short_ ? "journal" : "store"}});
  } else {
    parts_.trace.info("disk has room again", {});
  }
  step(core::DiskFull{is_full});
}

void Loop::take_events() {
  if (parts_.mailboxes.to_journal.is_full()) return;
  parts_.sockets.receive(now_, events_);
  for (transport::NodeEvent& event : events_)
    on_event(event);
  events_.clear();
}

void Loop::on_event(transport::NodeEvent& event) {
  FailPoints& points = parts_.fail_points;
  const bool armed = points.is_armed();
  std::visit(
      core::Overloaded{
          [&](core::FrameReceived& frame) {
            if (!armed) return step(std::move(frame));
            const std::vector<core::Message> messages = frame.messages;
            for (const auto& m : messages)
              points.hit(Moment::before_receive, kind_of(m));
            step(std::move(frame));
            for (const auto& m : messages)
              points.hit(Moment::after_receive, kind_of(m));
          },
          [&](core::ClientRequested& request) {
            if (std::holds_alternative<core::Open>(request.request)) {
              step(core::ClientKnown{.link = request.link,
                                     .name = parts_.sockets.client_name(request.link)});
            }
            if (!armed) return step(std::move(request));
            const char* const kind = kind_of(request.request);
            points.hit(Moment::before_receive, kind);
            step(std::move(request));
            points.hit(Moment::after_receive, kind);
          },
          [&](const core::PeerUp& up) {
            parts_.trace.info("peer up", {{"peer", peer_name(up.peer)}});
            step(up);
          },
          [&](const core::PeerDown& down) {
            parts_.trace.info("peer down", {{"peer", peer_name(down.peer)}});
            step(down);
          },
          [&](const core::ClientGone& gone) { step(gone); },
          [&](const transport::LinkTrouble& trouble) {
            parts_.trace.warning(
                "link trouble",
                {{"peer", trouble.peer ? peer_name(*trouble.peer) : ""}, {"what", trouble.what}});
            record(trouble, 1);
          },
          [&](const transport::LinkTroubleAgain& again) { record(again.trouble, again.count); },
      },
      event);
}

void Loop::record(const transport::LinkTrouble& trouble, std::uint64_t count) {
  const bool is_about_room = trouble.reason == transport::RefusalReason::full ||
                             trouble.reason == transport::RefusalReason::replaced;
  if (is_about_room) return;
  record(AuditKind::authentication, trouble.peer ? peer_name(*trouble.peer) : "", trouble.what,
         count);
}

// What strangers, clients and peers cause, as often as they like.
void Loop::record(AuditKind kind, const std::string& who, const std::string& what,
                  std::uint64_t count) {
  if (parts_.audit == nullptr) return;
  parts_.audit->note_often({.now = now_, .wall_ms = wall_ms_}, kind, who, what, count);
}

void Loop::pass_deadline() {
  if (!wake_at_ || now_ < *wake_at_) return;
  wake_at_.reset();
  step(core::DeadlinePassed{});
}

// ---- one step -------------------------------------------------------------------------------

void Loop::step(core::Event event) {
  parts_.engine.step({.now = now_, .wall_ms = wall_ms_, .event = std::move(event)}, effects_);
  collect();
}

// Moves what the step wants to what the turn wants.
void Loop::collect() {
  report(effects_);
  for (core::Send& send : effects_.sends)
    messages_.add(send.to, std::move(send.message));
  for (core::ClientReply& reply : effects_.replies) {
    if (auto* report = std::get_if<core::Report>(&reply.reply)) add_link_counts(*report);
    replies_.add(reply.link, std::move(reply.reply));
  }
  for (const core::Write& write : effects_.writes) {
    NEMCON_CHECK(write.lsn.value() == written_.value() + 1, write.lsn, written_);
    written_ = write.lsn;
    journal_order_.urgent = journal_order_.urgent || write.urgent;
  }
  if (journal_order_.writes.empty()) {
    journal_order_.writes.swap(effects_.writes);
  } else {
    journal_order_.writes.insert(journal_order_.writes.end(),
                                 std::make_move_iterator(effects_.writes.begin()),
                                 std::make_move_iterator(effects_.writes.end()));
  }
  for (const core::Read& read : effects_.reads)
    store_orders_.emplace_back(read);
  if (effects_.checkpoint) store_orders_.emplace_back(std::move(*effects_.checkpoint));
  wake_at_ = effects_.wake_at;

  effects_.sends.clear();
  effects_.replies.clear();
  effects_.writes.clear();
  effects_.reads.clear();
  effects_.checkpoint.reset();
  effects_.faults.clear();
  effects_.denials.clear();
  effects_.fenced.reset();
  effects_.notes.clear();
  effects_.wake_at.reset();
}

// The engine counts what it does; what strangers try is known to the sockets only.
void Loop::add_link_counts(core::Report& report) const {
  if (report.counts.empty()) return;
  const transport::LinkCounters& links = parts_.sockets.counters();
  const auto add = [&](const char* name, std::uint64_t value) {
    report.counts.push_back({.name = name, .value = value});
  };
  add("links_accepted", links.handshakes_accepted);
  add("links_refused", links.handshakes_refused);
  add("links_failed", links.handshakes_failed);
  add("links_held_off", links.links_held_off);
  add("links_rested", links.links_rested);
  add("connections_cut", links.connections_cut);
  add("clients_paced", links.clients_paced);
  add("addresses_held_off", links.addresses_held_off);
  add("links_muted", links.connections_muted);
  add("links_lost", links.links_lost);
  add("keys_refused", links.keys_refused);
  add("keys_revoked", links.keys_revoked);
  add("senders_forged", links.senders_forged);
  add("clients_gone", links.clients_gone);
  add("frames_in", links.frames_in);
  add("frames_out", links.frames_out);
  add("frames_malformed", links.frames_malformed);
  add("frames_of_other_version", links.frames_of_other_version);
  add("frames_ignored", links.frames_ignored);
}

void Loop::report(const core::Effects& effects) {
  for (const core::PeerFault& fault : effects.faults) {
    parts_.trace.warning("peer broke the protocol, muted",
                         {{"peer", peer_name(fault.peer)}, {"what", fault.what}});
    parts_.sockets.mute_peer(now_, fault.peer, fault.what);
    record(AuditKind::fault, peer_name(fault.peer), fault.what);
  }
  for (const core::AccessDenied& denied : effects.denials) {
    record(AuditKind::denied, denied.principal,
           denied.what + (denied.through.empty() ? "" : " through " + denied.through));
  }
  if (effects.fenced) {
    parts_.trace.error("FENCED: this node takes no part in the mesh any more",
                       {{"why", effects.fenced->why}});
    record(AuditKind::fenced, "", effects.fenced->why);
  }
  if (effects.notes.empty() || !parts_.trace.wants(TraceLevel::debug)) return;
  for (const core::Note& note : effects.notes) {
    const std::string id = note.transaction ? core::to_text(*note.transaction) : "";
    parts_.trace.debug(note.what, {{"transaction", id}, {"detail", note.detail}});
  }
}

// ---- what goes out --------------------------------------------------------------------------

void Loop::carry_out() {
  send_orders();
  send_messages();
  send_replies();
  hold_or_resume();
}

void Loop::send_orders() {
  if (!journal_order_.writes.empty() || journal_order_.release_upto.value() != 0) {
    const bool taken = parts_.mailboxes.to_journal.put(std::exchange(journal_order_, {}));
    NEMCON_CHECK(taken);
  }
  for (StoreOrder& order : store_orders_) {
    const bool taken = parts_.mailboxes.to_store.put(std::move(order));
    NEMCON_CHECK(taken);
    ++store_orders_open_;
  }
  store_orders_.clear();
}

void Loop::send_messages() {
  FailPoints& points = parts_.fail_points;
  messages_.flush([&](core::PeerIndex to, std::span<const core::Message> messages) {
    if (points.is_armed()) {
      for (const auto& m : messages)
        points.hit(Moment::before_send, kind_of(m));
    }
    const core::FrameHeader header = parts_.engine.header_for(to);
    const transport::SendResult result = parts_.sockets.send_to_peer(to, header, messages);
    if (points.is_armed()) {
      for (const auto& m : messages)
        points.hit(Moment::after_send, kind_of(m));
    }
    // The engine sends again what matters; an item that never fits is our own mistake.
    if (result == transport::SendResult::too_large) {
      parts_.trace.error("message too large for a frame", {{"peer", peer_name(to)}});
    }
  });
}

void Loop::send_replies() {
  FailPoints& points = parts_.fail_points;
  replies_.flush([&](core::LinkId to, std::span<const core::Reply> replies) {
    if (points.is_armed()) {
      for (const auto& r : replies)
        points.hit(Moment::before_reply, kind_of(r));
    }
    const transport::SendResult result = parts_.sockets.send_to_client(to, replies);
    if (points.is_armed()) {
      for (const auto& r : replies)
        points.hit(Moment::after_reply, kind_of(r));
    }
    if (result == transport::SendResult::too_large) {
      parts_.trace.error("reply too large for a frame", {{"link", std::to_string(to.value())}});
    }
  });
}

void Loop::hold_or_resume() {
  const bool hold = parts_.engine.is_congested() ||
                    parts_.mailboxes.to_journal.count() >= journal_orders_clients_max ||
                    parts_.mailboxes.to_store.is_full();
  if (hold == holds_clients_) return;
  holds_clients_ = hold;
  if (hold) {
    parts_.sockets.hold_clients();
  } else {
    parts_.sockets.resume_clients();
  }
}

const std::string& Loop::peer_name(core::PeerIndex peer) const {
  NEMCON_CHECK(peer.value() < parts_.peer_names.size(), peer);
  return parts_.peer_names[peer.value()];
}

}  // namespace nemcon::node
