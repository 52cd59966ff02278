#include "core/submissions.hpp"

#include <algorithm>
#include <tuple>

#include "core/answers.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

const Client* Submissions::find(LinkId link) const {
  const auto found = clients_.find(link);
  return found == clients_.end() ? nullptr : &found->second;
}

void Submissions::on_client_gone(LinkId link) {
  clients_.erase(link);
  known_.erase(link);
  context_.quotas.on_client_gone(link);
  for (auto& [id, inquiry] : inquiries_) {
    std::erase_if(inquiry.waiters, [&](const Waiter& waiter) { return waiter.link == link; });
  }
}

// ---- SUBMIT -----------------------------------------------------------------------------------

void Submissions::deny(const Waiter& waiter, const NotComposed& why) {
  context_.reply(waiter.link, Denied{.request = waiter.request,
                                     .retryable = why.retryable,
                                     .reason = why.reason,
                                     .text = why.text});
}

void Submissions::conclude(const Waiter& waiter, const TransactionId& id, const Outcome& outcome,
                           const std::vector<Content>& replies) {
  context_.promise_reply(
      waiter.link,
      Concluded{.request = waiter.request,
                .id = id,
                .verdict = outcome.committed ? Verdict::committed : Verdict::rolled_back,
                .at = outcome.at,
                .reason = outcome.reason,
                .text = outcome.text,
                .by = outcome.committed ? "" : context_.membership.name_of(outcome.by),
                .replies = replies});
}

// Of all instances of this id the one that says most about its end: committed, undecided, rolled
// back. One that lost against another submission says nothing of that other.
const Transaction* Submissions::find_telling(const TransactionId& id) const {
  const Transaction* found = nullptr;
  for (const TransactionKey& key : context_.state.transactions().keys_of(id)) {
    const Transaction& row = *context_.state.find(key);
    if (row.outcome && row.outcome->committed) return &row;
    if (row.outcome && !ends_id(*row.outcome)) continue;
    if (found == nullptr || !row.outcome) found = &row;
  }
  return found;
}

// Decided here, or on the way: the answer is there, or will come by itself.
bool Submissions::try_answer_known(const TransactionId& id, const Waiter& waiter) {
  if (driver_.try_wait(id, waiter)) return true;
  const Sessions::Ended* ended = context_.state.sessions().find_ended(id);
  const Transaction* row = find_telling(id);
  const bool was_committed = ended != nullptr && ended->second.outcome.committed;
  if (row != nullptr && !was_committed) {
    if (row->outcome) {
      conclude(waiter, id, *row->outcome, row->replies);
    } else {
      driver_.follow(row->descriptor, row->digest, waiter);
    }
    return true;
  }
  if (ended == nullptr || !ends_id(ended->second.outcome)) return false;
  conclude(waiter, id, ended->second.outcome, {});
  return true;
}

// The client took the time from a node whose clock was wrong; a fresh session has it from here. But
// of what was submitted before it must hear the end: it is carried out where nobody knows of it,
// though its outcome is kept for longer then, as long as a clock may have been off.
std::optional<NotComposed> Submissions::refuse_expiry(const Submit& submit) const {
  constexpr std::uint64_t off_max_ms = std::chrono::milliseconds{std::chrono::hours{24}}.count();
  const auto kept_ms =
      static_cast<std::uint64_t>(context_.options.timing.retention / std::chrono::milliseconds{1});
  const std::uint64_t now_ms = context_.clock.present().wall_ms();
  const std::uint64_t later_max_ms = 2 * kept_ms + (submit.retry ? off_max_ms : 0);
  if (submit.expires > Hlc::from_ms(now_ms + later_max_ms)) {
    return NotComposed{Reason::clock_drift, "it expires later than retention allows",
                       !submit.retry};
  }
  // Elsewhere it may be too old when it arrives. What was submitted before may have got through.
  if (!submit.retry && submit.expires < Hlc::from_ms(now_ms + kept_ms / 2)) {
    return NotComposed{Reason::clock_drift, "it expires sooner than retention allows", true};
  }
  return std::nullopt;
}

std::optional<NotComposed> Submissions::refuse(const Client& client, const Submit& submit) {
  if (submit.id.client != client.id || submit.id.initiator.is_zero() ||
      (client.name.empty() != is_anonymous(submit.id))) {
    return NotComposed{Reason::forbidden, "the transaction id is not this session's"};
  }
  if (const std::optional<Reason> reason = context_.refuses_work()) {
    return NotComposed{*reason, to_text(*reason), true};
  }
  // Rule P-37: an old copy of this node would know nothing of what it is asked to begin.
  if (!context_.membership.may_work_alone(context_.now())) {
    return NotComposed{Reason::unavailable, "the node has just started and looks for its peers",
                       true};
  }
  if (context_.clock.is_too_far_ahead(submit.after, context_.options.timing.max_drift)) {
    return NotComposed{Reason::clock_drift, "the client's clock is ahead of this node's"};
  }
  if (client.name.empty()) {
    if (auto why = refuse_expiry(submit)) return why;
  }
  // By number, not only by count: the oldest unfinished transaction must get in, or a full window
  // would never open again.
  const Sessions& sessions = context_.state.sessions();
  const std::uint64_t first = sessions.ack_upto(client.id, submit.id.epoch).value();
  const std::uint32_t window = context_.options.limits.window_max;
  const bool is_beyond = submit.id.sequence.value() >= std::max<std::uint64_t>(first, 1) + window;
  if (is_beyond && sessions.open_count(client.id) >= window) {
    return NotComposed{Reason::window_full, "too many unacknowledged outcomes", true};
  }
  if (auto why = composer_.check_limits(submit)) return why;
  return refuse_quota(client, submit);
}

// Last of all: what is refused for another reason costs nothing.
std::optional<NotComposed> Submissions::refuse_quota(const Client& client, const Submit& submit) {
  const Timing& timing = context_.options.timing;
  const Duration wanted = submit.deadline_ms == 0
                              ? timing.service_deadline
                              : Duration{std::chrono::milliseconds{submit.deadline_ms}};
  Quotas::Demand demand{.link = client.link,
                        .request = submit.request,
                        .account = std::string{account_of(client.principal)},
                        .epoch = submit.id.epoch,
                        .sequence = submit.id.sequence,
                        .deadline = std::min(wanted, timing.deadline_max)};
  for (const Part& part : submit.parts)
    demand.byte_count += part.content.byte_count();
  const std::optional<std::string> excess =
      context_.quotas.refuse(demand, context_.permissions.quota_of(demand.account), context_.now());
  if (!excess) return std::nullopt;
  context_.note("over quota", submit.id, *excess);
  return NotComposed{Reason::window_full, *excess, true};
}

void Submissions::on_submit(const Client& client, const Submit& submit) {
  if (!client.name.empty() && submit.expires != Hlc::never()) {
    Submit of_named = submit;
    of_named.expires = Hlc::never();
    return on_submit(client, of_named);
  }
  const Waiter waiter{.link = client.link, .request = submit.request};
  acknowledge_upto(client, submit.id.epoch, submit.ack_upto);
  if (try_answer_known(submit.id, waiter)) return;
  if (const std::optional<NotComposed> why = refuse(client, submit)) {
    deny(waiter, *why);
    return;
  }
  context_.clock.merge(submit.after);
  if (context_.state.sessions().is_too_old(submit.id, submit.expires)) {
    context_.promise_reply(client.link, Concluded{.request = submit.request,
                                                  .id = submit.id,
                                                  .verdict = Verdict::unknown,
                                                  .reason = Reason::too_old,
                                                  .text = "finished and forgotten, or too late"});
    return;
  }
  if (context_.state.sessions().is_fenced(submit.id)) {
    turn_away_fenced(waiter, submit);
    return;
  }
  // Also what goes to a queue of this node alone: another node may have turned it away for good.
  if (may_have_begun(submit)) {
    inquire(client, submit.id, waiter, &submit);
    return;
  }
  if (!try_send_alone(client, submit)) start(client, submit);
}

// One message to one queue of this node, with nothing to wait for: one record.
bool Submissions::try_send_alone(const Client& client, const Submit& submit) {
  if (submit.parts.size() != 1 || submit.parts[0].kind != OperationKind::deliver) return false;
  if (!context_.membership.may_work_alone(context_.now())) return false;
  const Part& part = submit.parts[0];
  const std::variant<Route, NotComposed> routed = composer_.route(part, client.principal);
  const Route* route = std::get_if<Route>(&routed);
  if (route == nullptr || !context_.is_self(route->node)) return false;
  const Queue* queue = context_.state.find_queue(route->name);
  if (queue == nullptr || !context_.state.is_configured(route->name) ||
      !queue->has_room_for(part.content.byte_count())) {
    return false;
  }
  const Sessions& sessions = context_.state.sessions();
  const TransactionId& id = submit.id;
  if (queue->row().ordering == Ordering::producer &&
      (sessions.high(id.client, queue->row().queue) > std::pair{id.epoch, id.sequence} ||
       (part.previous.value() != 0 && !sessions.is_known(id, part.previous)))) {
    return false;
  }
  const Hlc at = context_.clock.tick();
  context_.write(Sent{.id = id,
                      .expires = submit.expires,
                      .producer = client.producer,
                      .queue = queue->row().queue,
                      .at = at,
                      .content = part.content},
                 Urgency::urgent);
  participant_.on_known(id);
  conclude({.link = client.link, .request = submit.request}, id,
           Outcome{.committed = true, .at = at}, {});
  return true;
}

void Submissions::start(const Client& client, const Submit& submit) {
  const Waiter waiter{.link = client.link, .request = submit.request};
  std::variant<Composed, NotComposed> result = composer_.compose(submit, client.principal);
  if (auto* why = std::get_if<NotComposed>(&result)) {
    deny(waiter, *why);
    return;
  }
  Composed& composed = std::get<Composed>(result);
  if (const Status valid = validate(*composed.descriptor, context_.options.limits.branches_max);
      !valid) {
    deny(waiter, {Reason::malformed, valid.error().detail});
    return;
  }
  driver_.begin(composed.descriptor, composed.digest, std::move(composed.contents), waiter);
}

// Rule P-23: an earlier submission of it may be under way, or have ended, somewhere else.
bool Submissions::may_have_begun(const Submit& submit) const {
  if (planted(Mutant::resubmit_unasked)) return false;
  return submit.retry || !context_.is_self(submit.id.initiator);
}

// Nothing is remembered of it, as of all that is denied: one that knows more names, or does not
// know of the newer session, may carry out what is submitted again while nobody can ask this one.
void Submissions::turn_away_fenced(const Waiter& waiter, const Submit& submit) {
  context_.promise_reply(waiter.link,
                         Denied{.request = waiter.request,
                                .retryable = false,
                                .reason = Reason::fenced,
                                .text = "a newer session of this client is open",
                                .epoch = context_.state.sessions().find(submit.id.client)->newest});
}

namespace {

// What a part and the operation made of it have in common.
using PartKey = std::tuple<OperationKind, std::string, LeaseToken, Digest>;

std::vector<PartKey> parts_of(const Submit& submit, const Hashing& hashing) {
  std::vector<PartKey> parts;
  for (const Part& part : submit.parts) {
    const bool carries = part.kind == OperationKind::deliver || part.kind == OperationKind::call;
    parts.emplace_back(part.kind, part.target.substr(0, part.target.rfind('@')), part.token,
                       carries ? hashing.of_content(part.content) : Digest{});
  }
  std::ranges::sort(parts);
  return parts;
}

std::vector<PartKey> parts_of(const Descriptor& descriptor) {
  std::vector<PartKey> parts;
  for (const Branch& branch : descriptor.branches) {
    for (const Operation& operation : branch.operations) {
      parts.emplace_back(operation.kind, operation.target, operation.token, operation.payload);
    }
  }
  std::ranges::sort(parts);
  return parts;
}

}  // namespace

// Rule P-43: a descriptor that somebody shows for an id is that of the transaction if it names who
// shows it, and asks for what the client asked for.
bool Submissions::is_about(const Inquiry& inquiry, const NodeId& from,
                           const TransactionStatus& status) const {
  if (status.descriptor == nullptr || status.descriptor->id != status.key.id ||
      find_node(*status.descriptor, from) < 0 ||
      !context_.check(status.descriptor, status.key.digest)) {
    return false;
  }
  return !inquiry.submit ||
         parts_of(*inquiry.submit, context_.options.hashing) == parts_of(*status.descriptor);
}

// Rule P-43: its initiator, a node that a part is for, or one that shows that it is named.
bool Submissions::is_credible(const Inquiry& inquiry, const NodeId& from,
                              const TransactionStatus& status) const {
  if (context_.is_self(from) || from == status.key.id.initiator) return true;
  if (planted(Mutant::believe_hearsay)) return true;
  if (is_about(inquiry, from, status)) return true;
  return inquiry.submit && std::ranges::any_of(inquiry.submit->parts, [&](const Part& part) {
           const std::variant<Route, NotComposed> found = composer_.find_route(part);
           const auto* route = std::get_if<Route>(&found);
           return route != nullptr && route->node == from;
         });
}

// ---- questions to the mesh --------------------------------------------------------------------

void Submissions::on_ask(const Client& client, const Ask& ask) {
  const Waiter waiter{.link = client.link, .request = ask.request};
  const Transaction* row = find_telling(ask.id);
  if (row != nullptr && is_in_doubt(*row, context_.clock.wall_ms())) {
    // Nobody can say when: a coordinator may be gone (mode C).
    context_.reply(waiter.link, Concluded{.request = waiter.request,
                                          .id = ask.id,
                                          .verdict = Verdict::in_doubt,
                                          .text = "voted yes, and waits for the decision"});
    return;
  }
  if (try_answer_known(ask.id, waiter)) return;
  inquire(client, ask.id, waiter, nullptr);
}

void Submissions::inquire(const Client& client, const TransactionId& id, const Waiter& waiter,
                          const Submit* submit) {
  Inquiry& inquiry = inquiries_[id];
  inquiry.waiters.push_back(waiter);
  // Who only asks is not who it is carried out for.
  if (submit != nullptr) {
    inquiry.client = client;
    inquiry.submit = *submit;
  }
  inquiry.expected = {context_.options.node};
  for (const auto& [index, peer] : context_.membership.peers()) {
    if (peer.is_live()) inquiry.expected.insert(peer.node);
  }
  deadlines_.set(id, context_.now() + context_.options.timing.query_patience);
  const std::set<NodeId> targets = inquiry.expected;
  for (const NodeId& node : targets) {
    context_.send(node, Query{.id = id,
                              .digest = {},
                              .wants_descriptor = true,
                              .expires = submit == nullptr ? Hlc::never() : submit->expires});
  }
}

void Submissions::on_status(const NodeId& from, const TransactionStatus& status) {
  const auto found = inquiries_.find(status.key.id);
  if (found == inquiries_.end()) return;
  Inquiry& inquiry = found->second;
  inquiry.answered.insert(from);
  const bool credible = is_credible(inquiry, from, status);
  if (status.knowledge == Knowledge::too_old) {
    if (!credible) inquiry.too_old_by_hearsay.insert(from);
    inquiry.too_old |= credible || inquiry.too_old_by_hearsay.size() > 1;
  }
  if (!status.outcome && is_about(inquiry, from, status)) {
    inquiry.descriptor = status.descriptor;
    inquiry.digest = status.key.digest;
  }
  if (status.knowledge != Knowledge::too_old) {
    inquiry.best = std::max(inquiry.best, status.knowledge);
  }
  if (status.outcome) {
    const auto says_so = [&](const auto& said) { return said.second == *status.outcome; };
    if (!credible) inquiry.hearsay.insert_or_assign(from, *status.outcome);
    if (credible || std::ranges::count_if(inquiry.hearsay, says_so) > 1) {
      on_outcome(status.key.id, inquiry, *status.outcome);
    }
  }
  const auto open = inquiries_.find(status.key.id);
  if (open != inquiries_.end() && open->second.answered == open->second.expected) {
    finish_inquiry(status.key.id);
  }
}

void Submissions::on_outcome(const TransactionId& id, Inquiry& inquiry, const Outcome& outcome) {
  if (!ends_id(outcome)) {
    inquiry.conflict = true;
    return;
  }
  for (const Waiter& waiter : inquiry.waiters)
    conclude(waiter, id, outcome, {});
  deadlines_.clear(id);
  inquiries_.erase(id);
}

void Submissions::finish_inquiry(TransactionId id) {
  const Inquiry inquiry = std::move(inquiries_.at(id));
  inquiries_.erase(id);
  deadlines_.clear(id);
  if (inquiry.waiters.empty()) return;
  if (inquiry.descriptor != nullptr) {
    for (const Waiter& waiter : inquiry.waiters) {
      driver_.follow(inquiry.descriptor, inquiry.digest, waiter);
    }
    return;
  }
  const bool nobody = inquiry.best == Knowledge::none;
  const bool is_hearsay = !inquiry.hearsay.empty() || !inquiry.too_old_by_hearsay.empty();
  const bool all_answered = inquiry.answered == inquiry.expected;
  if (nobody && inquiry.submit && all_answered && !inquiry.too_old &&
      inquiry.too_old_by_hearsay.empty() && !inquiry.conflict) {
    start(inquiry.client, *inquiry.submit);
    return;
  }
  for (const Waiter& waiter : inquiry.waiters) {
    if (inquiry.submit && !inquiry.too_old) {
      deny(waiter, {Reason::unavailable, "not every node answered whether it knows this id", true});
      continue;
    }
    context_.reply(waiter.link,
                   Concluded{.request = waiter.request,
                             .id = id,
                             .verdict = nobody || is_hearsay ? Verdict::unknown : Verdict::in_doubt,
                             .reason = inquiry.too_old ? Reason::too_old : Reason::not_found,
                             .text = inquiry.too_old ? "finished and forgotten, or too late"
                                     : is_hearsay    ? "only a node that may have no part in it "
                                                       "says that it ended: submit it again"
                                     : nobody        ? "no node that can be reached knows this id"
                                                     : "being decided",
                             .by = {},
                             .replies = {}});
  }
}

void Submissions::on_deadline(Instant now) {
  while (const std::optional<TransactionId> id = deadlines_.try_pop(now)) {
    if (inquiries_.contains(*id)) finish_inquiry(*id);
  }
}

}  // namespace nemcon::core
