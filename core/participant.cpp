#include "core/participant.hpp"

#include <algorithm>

#include "core/answers.hpp"
#include "core/check.hpp"
#include "core/gate.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// A service that was never seen in this life is waited for that long after a start, since
// applications connect again within a second or two; later it is refused at once.
constexpr Duration service_grace = std::chrono::seconds{3};

}  // namespace

void Participant::on_life_begins() {
  life_began_ = context_.now();
  for (const TransactionKey& key : context_.state.transactions().keys()) {
    const Transaction& row = *context_.state.find(key);
    if (row.outcome) notify_services(row);
  }
}

// ---- PREPARE ----------------------------------------------------------------------------------

void Participant::on_prepare(const NodeId& from, const Prepare& prepare, bool sender_drifted) {
  if (ignore_prepare(from, prepare) || answer_known(from, prepare)) return;
  const TransactionKey key{prepare.descriptor->id, prepare.digest};
  take_in(from, prepare);
  Preparing* taken = preparing_.find(key);
  if (taken == nullptr) return;
  std::optional<Objection> objection = object_at_once(from, prepare);
  // Rule P-23: it was composed after what its client had seen. Whoever brings it need not have.
  const Hlc created = prepare.descriptor->created;
  if (sender_drifted ||
      context_.clock.is_too_far_ahead(created, context_.options.timing.max_drift)) {
    objection = Objection{Reason::clock_drift, "the initiator's clock is ahead"};
  } else {
    context_.clock.merge(created);
  }
  if (objection) {
    vote_no(*taken, *objection);
    return;
  }
  ask_services(*taken);
  advance(key);
}

bool Participant::ignore_prepare(const NodeId& from, const Prepare& prepare) {
  const Descriptor& descriptor = *prepare.descriptor;
  if (const Status valid = context_.check(prepare.descriptor, prepare.digest); !valid) {
    context_.note("bad descriptor", descriptor.id, valid.error().detail);
    context_.blame(from, valid.error().detail);
    return true;
  }
  for (const std::uint8_t branch : prepare.branches) {
    if (branch >= descriptor.branches.size()) return true;
    const NodeRef& ref = descriptor.nodes[descriptor.branches[branch].node];
    if (ref.node != context_.options.node || ref.incarnation != context_.options.incarnation) {
      context_.note("prepare for another incarnation", descriptor.id);
      return true;
    }
  }
  const bool alone = descriptor.one_phase && context_.is_self(from);
  if (alone ? !context_.membership.may_work_alone(context_.now())
            : !context_.membership.may_vote()) {
    context_.note("not taking part yet", descriptor.id);
    return true;
  }
  return prepare.branches.empty();
}

// A copy, a conflicting submission, or something long finished: the answer is known.
bool Participant::answer_known(const NodeId& from, const Prepare& prepare) {
  const TransactionId& id = prepare.descriptor->id;
  const TransactionKey key{id, prepare.digest};
  if (Preparing* preparing = preparing_.find(key); preparing != nullptr) {
    context_.note("duplicate prepare", id);
    preparing->driver = from;
    if (prepare.branches == preparing->branches) return true;
  }
  const Transaction* bound = context_.state.find(key);
  if (bound == nullptr || bound->own.empty()) bound = context_.state.find_bound(id);
  if (bound != nullptr && !(planted(Mutant::bind_twice) && bound->digest != prepare.digest)) {
    if (bound->digest != prepare.digest) {
      context_.note("descriptor conflict", id);
      context_.promise(from, Refuse{.key = key,
                                    .why = Refusal::conflict,
                                    .promised = {},
                                    .descriptor = bound->descriptor,
                                    .bound = bound->digest});
      return true;
    }
    const bool all_known = std::ranges::all_of(
        prepare.branches, [&](std::uint8_t branch) { return bound->find_own(branch) != nullptr; });
    if (!all_known) return false;
    context_.note("duplicate prepare", id);
    if (bound->outcome) {
      context_.promise(from, status_of(*bound, false));
    } else {
      context_.promise(from, vote_of(*bound, false));
    }
    return true;
  }
  if (const Sessions::Ended* ended = context_.state.sessions().find_ended(key)) {
    context_.note("prepare of a finished transaction", id);
    context_.promise(from, TransactionStatus{.key = ended->first,
                                             .knowledge = Knowledge::decided,
                                             .outcome = ended->second.outcome,
                                             .forgotten = ended->second.forgotten});
    return true;
  }
  if (context_.state.sessions().is_too_old(id, prepare.descriptor->expires)) {
    context_.note("prepare too old", id);
    context_.promise(from, Refuse{.key = key, .why = Refusal::too_old});
    return true;
  }
  return false;
}

std::optional<Objection> Participant::object_at_once(const NodeId& from,
                                                     const Prepare& prepare) const {
  const TransactionKey key{prepare.descriptor->id, prepare.digest};
  if (context_.state.sessions().is_fenced(key.id)) {
    return Objection{Reason::fenced, "a newer session of this client is open"};
  }
  // Rule P-11: after a promise to a leader the branch can only be voted no.
  if (const Transaction* row = context_.state.find(key);
      row != nullptr && !row->promised.is_zero()) {
    return Objection{Reason::preempted, "recovery was faster"};
  }
  // Rule P-42.
  if (auto why = refusal_of(context_, from, *prepare.descriptor, prepare.branches)) {
    return Objection{Reason::forbidden, *why};
  }
  if (prepare.remaining_ms == 0) return Objection{Reason::deadline, "no time left"};
  if (context_.refuses_for_room()) return Objection{Reason::disk_full, "no room on disk"};
  return std::nullopt;
}

void Participant::take_in(const NodeId& from, const Prepare& prepare) {
  const TransactionKey key{prepare.descriptor->id, prepare.digest};
  Preparing preparing;
  if (const Preparing* known = preparing_.find(key); known != nullptr) {
    preparing = *known;  // The second wave, while the first still waits.
  }
  preparing.descriptor = prepare.descriptor;
  preparing.digest = prepare.digest;
  preparing.driver = from;
  for (const std::uint8_t branch : prepare.branches) {
    const Transaction* row = context_.state.find(key);
    const bool voted = row != nullptr && row->find_own(branch) != nullptr;
    const bool known = std::ranges::find(preparing.branches, branch) != preparing.branches.end();
    if (!voted && !known) preparing.branches.push_back(branch);
  }
  if (!try_take_contents(prepare, preparing, context_.is_self(from))) {
    context_.note("contents do not match the descriptor", key.id);
    context_.blame(from, "contents do not match the descriptor");
    return;
  }
  preparing.deadline =
      context_.now() + std::min<Duration>(std::chrono::milliseconds{prepare.remaining_ms},
                                          context_.options.timing.deadline_max);
  preparing.order_until = context_.now() + (preparing.deadline - context_.now()) / 2;
  deadlines_.set(key, preparing.deadline);
  preparing_.set(key, std::move(preparing));

  const bool is_named = find_node(*prepare.descriptor, from) >= 0;
  if (is_named) context_.take_acknowledged(from, *prepare.descriptor, prepare.ack_upto);
}

// Those of this node itself have been hashed when it made the descriptor.
bool Participant::try_take_contents(const Prepare& prepare, Preparing& preparing, bool own) {
  std::size_t next = 0;
  for (const std::uint8_t branch : prepare.branches) {
    const auto& operations = prepare.descriptor->branches[branch].operations;
    for (std::size_t index = 0; index < operations.size(); ++index) {
      const Operation& operation = operations[index];
      if (operation.kind != OperationKind::deliver && operation.kind != OperationKind::call) {
        continue;
      }
      if (next == prepare.contents.size()) return false;
      const Content& content = prepare.contents[next++];
      if (!own && context_.options.hashing.of_content(content) != operation.payload) return false;
      preparing.contents[{branch, static_cast<std::uint8_t>(index)}] = content;
    }
  }
  return next == prepare.contents.size();
}

void Participant::ask_services(Preparing& preparing) {
  // What cannot succeed anyway is not put to an application.
  Objection objection;
  for (const std::uint8_t branch : preparing.branches) {
    for (const Operation& operation : preparing.descriptor->branches[branch].operations) {
      if (operation.kind == OperationKind::call) continue;
      if (check_operation(preparing, operation, objection) == Readiness::objection) return;
    }
  }
  for (const std::uint8_t branch : preparing.branches) {
    const auto& operations = preparing.descriptor->branches[branch].operations;
    for (std::size_t index = 0; index < operations.size(); ++index) {
      const auto operation = static_cast<std::uint8_t>(index);
      if (operations[index].kind != OperationKind::call) continue;
      if (preparing.answers.contains({branch, operation})) continue;
      preparing.answers[{branch, operation}];
      services_.ask({.transaction = preparing.key(), .branch = branch, .operation = operation},
                    {.service = operations[index].target,
                     .principal = preparing.descriptor->principal,
                     .content = preparing.contents[{branch, operation}],
                     .deadline = preparing.deadline});
    }
  }
}

// ---- the way to the vote ----------------------------------------------------------------------

void Participant::advance(const TransactionKey& key) {
  Preparing* found = preparing_.find(key);
  if (found == nullptr) return;
  Preparing& preparing = *found;
  Objection objection;
  switch (check(preparing, objection)) {
    case Readiness::ready:
      vote_yes(preparing);
      return;
    case Readiness::objection:
      vote_no(preparing, objection);
      return;
    case Readiness::wait:
      break;
  }
  preparing.held = objection;
  held_.insert(key);
  if (context_.now() < preparing.order_until) deadlines_.set(key, preparing.order_until);
}

Participant::Readiness Participant::check(Preparing& preparing, Objection& objection) {
  Readiness worst = Readiness::ready;
  for (const auto& [index, answer] : preparing.answers) {
    if (answer.given && !answer.yes) {
      objection = {Reason::service_refused, answer.text};
      return Readiness::objection;
    }
  }
  for (const std::uint8_t branch : preparing.branches) {
    const auto& operations = preparing.descriptor->branches[branch].operations;
    for (std::size_t index = 0; index < operations.size(); ++index) {
      const Operation& operation = operations[index];
      Readiness readiness = Readiness::ready;
      if (operation.kind == OperationKind::call) {
        const bool given = preparing.answers[{branch, static_cast<std::uint8_t>(index)}].given;
        const bool known = services_.is_known(operation.target);
        if (!known && context_.now() >= life_began_ + service_grace) {
          objection = {Reason::unknown_service, "no service " + operation.target};
          return Readiness::objection;
        }
        readiness = given ? Readiness::ready : Readiness::wait;
        if (!given) {
          objection = {known ? Reason::service_unavailable : Reason::unknown_service,
                       operation.target + " did not answer in time"};
        }
      } else {
        readiness = check_operation(preparing, operation, objection);
      }
      if (readiness == Readiness::objection) return readiness;
      if (readiness == Readiness::wait) worst = Readiness::wait;
    }
  }
  return worst;
}

Participant::Readiness Participant::check_operation(const Preparing& preparing,
                                                    const Operation& operation,
                                                    Objection& objection) {
  if (operation.kind == OperationKind::deliver) {
    return check_deliver(preparing, operation, objection);
  }
  const Queue* queue = context_.state.find_queue(operation.target);
  if (queue == nullptr) {
    objection = {Reason::unknown_queue, "no queue " + operation.target};
    return Readiness::objection;
  }
  if (operation.kind == OperationKind::check) {
    if (queue->row().message_count <= operation.limit) return Readiness::ready;
    objection = {Reason::check_failed, operation.target + " holds more messages"};
    return Readiness::objection;
  }
  const LeaseRef* lease = leases_.find(operation.token);
  if (lease == nullptr || lease->queue != queue->row().queue ||
      lease->client != preparing.descriptor->id.client) {
    objection = {Reason::lease_lost, "the delivery is not leased to this client any more"};
    return Readiness::objection;
  }
  return Readiness::ready;
}

Participant::Readiness Participant::check_deliver(const Preparing& preparing,
                                                  const Operation& operation,
                                                  Objection& objection) {
  const Queue* queue = context_.state.find_queue(operation.target);
  if (queue == nullptr) {
    objection = {Reason::unknown_queue, "no queue " + operation.target};
    return Readiness::objection;
  }
  if (!context_.state.is_configured(operation.target)) {
    objection = {Reason::queue_closing, operation.target + " takes no new messages"};
    return Readiness::objection;
  }
  if (operation.payload_bytes > context_.options.limits.message_bytes_max) {
    objection = {Reason::too_large,
                 "message of " + std::to_string(operation.payload_bytes) + " bytes"};
    return Readiness::objection;
  }
  const TransactionId& id = preparing.descriptor->id;
  if (queue->row().ordering == Ordering::producer) {
    const Sessions& sessions = context_.state.sessions();
    // Rule P-31: this alone keeps the order of a producer.
    if (sessions.high(id.client, queue->row().queue) > std::pair{id.epoch, id.sequence} &&
        !planted(Mutant::ignore_high_mark)) {
      objection = {Reason::out_of_order, "a later transaction of this producer came first"};
      return Readiness::objection;
    }
    // Rule P-32: this only avoids needless aborts. One that never comes must not end all after it.
    if (operation.previous.value() != 0 && context_.now() < preparing.order_until &&
        !sessions.is_known(id, operation.previous)) {
      objection = {Reason::out_of_order, "the producer's preceding transaction did not arrive"};
      return Readiness::wait;
    }
  }
  if (!queue->has_room_for(operation.payload_bytes)) {
    objection = {Reason::queue_full, operation.target + " is full"};
    return queue->options().when_full == WhenFull::wait ? Readiness::wait : Readiness::objection;
  }
  return Readiness::ready;
}

void Participant::on_known(const TransactionId& id) {
  end_superseded(id);
  if (held_.empty()) return;
  std::vector<TransactionKey> keys;
  for (const TransactionKey& key : held_) {
    if (key.id.client == id.client) keys.push_back(key);
  }
  for (const TransactionKey& key : keys)
    advance(key);
}

void Participant::on_room(QueueId queue) {
  if (held_.empty() || context_.state.queue(queue).options().when_full != WhenFull::wait) return;
  const std::vector<TransactionKey> keys{held_.begin(), held_.end()};
  for (const TransactionKey& key : keys)
    advance(key);
}

void Participant::on_service_vote(const ServiceVote& vote) {
  Preparing* preparing = preparing_.find(vote.call.transaction);
  if (preparing == nullptr) return;
  Answer& answer = preparing->answers[{vote.call.branch, vote.call.operation}];
  answer = {.given = true,
            .yes = vote.yes,
            .read_only = vote.read_only,
            .text = vote.text,
            .reply = vote.reply};
  if (vote.reply.byte_count() > context_.options.limits.reply_bytes_max) {
    answer.text = "the service's reply is too large";
    vote_no(*preparing, {Reason::too_large, answer.text});
    return;
  }
  advance(vote.call.transaction);
}

void Participant::on_deadline(Instant now) {
  while (const std::optional<TransactionKey> key = deadlines_.try_pop(now)) {
    Preparing* preparing = preparing_.find(*key);
    if (preparing == nullptr) continue;
    if (now < preparing->deadline) {
      deadlines_.set(*key, preparing->deadline);
      advance(*key);
      continue;
    }
    Objection objection = preparing->held;
    if (objection.reason == Reason::none) objection = {Reason::deadline, "not ready in time"};
    vote_no(*preparing, objection);
  }
}

// ---- the vote ---------------------------------------------------------------------------------

PreparedOperation Participant::prepared_operation(const Preparing& preparing, std::uint8_t branch,
                                                  std::uint8_t operation) {
  const Operation& asked = preparing.descriptor->branches[branch].operations[operation];
  PreparedOperation prepared;
  if (asked.kind == OperationKind::deliver) {
    prepared.queue = context_.state.find_queue(asked.target)->row().queue;
    prepared.content = preparing.contents.at({branch, operation});
    prepared.bytes = prepared.content.byte_count();
  } else if (asked.kind == OperationKind::consume) {
    const LeaseRef& lease = *leases_.find(asked.token);
    const Entry& entry = *context_.state.queue(lease.queue).find(lease.position);
    prepared.queue = lease.queue;
    prepared.position = lease.position;
    prepared.bytes = entry.message.content.byte_count();
    prepared.delivery_count = entry.delivery_count;
  } else if (asked.kind == OperationKind::call) {
    const Answer& answer = preparing.answers.at({branch, operation});
    prepared.reply = answer.reply;
    prepared.read_only = answer.read_only;
    if (!answer.read_only) prepared.content = preparing.contents.at({branch, operation});
  }
  return prepared;
}

OwnBranch Participant::prepared_branch(const Preparing& preparing, std::uint8_t index) {
  OwnBranch branch{.branch = index, .state = BranchState::voted_yes};
  branch.vote.choice = Choice::yes;
  branch.vote.read_only = true;
  const auto& operations = preparing.descriptor->branches[index].operations;
  for (std::size_t operation = 0; operation < operations.size(); ++operation) {
    branch.operations.push_back(
        prepared_operation(preparing, index, static_cast<std::uint8_t>(operation)));
    const OperationKind kind = operations[operation].kind;
    const bool changes = kind == OperationKind::deliver || kind == OperationKind::consume ||
                         (kind == OperationKind::call && !branch.operations.back().read_only);
    if (changes) branch.vote.read_only = false;
  }
  if (!branch.vote.read_only) branch.vote.at = context_.clock.tick();
  return branch;
}

void Participant::vote_yes(Preparing& preparing) {
  std::vector<OwnBranch> branches;
  for (const std::uint8_t index : preparing.branches) {
    branches.push_back(prepared_branch(preparing, index));
  }
  const TransactionKey key = preparing.key();
  end_consumed_leases(branches, *preparing.descriptor);
  if (preparing.descriptor->one_phase) {
    Outcome outcome{.committed = true};
    for (const OwnBranch& branch : branches)
      outcome.at = std::max(outcome.at, branch.vote.at);
    write_alone(preparing, std::move(branches), outcome);
  } else {
    write_votes(key, preparing.descriptor, std::move(branches));
    new_votes_.push_back({.key = key, .driver = preparing.driver});
  }
  finish(key);
}

// Two operations on one delivery cannot both have it: the second finds the lease gone, which
// check() has to see before the vote. A claim ends the lease (Rule P-34).
void Participant::end_consumed_leases(const std::vector<OwnBranch>& branches,
                                      const Descriptor& descriptor) {
  for (const OwnBranch& branch : branches) {
    for (const Operation& operation : descriptor.branches[branch.branch].operations) {
      if (operation.kind == OperationKind::consume) leases_.remove(operation.token);
    }
  }
}

// Those that were asked need not answer any more; those that said yes roll back.
void Participant::dismiss_services(const Preparing& preparing) {
  for (const auto& [index, answer] : preparing.answers) {
    const CallKey call{
        .transaction = preparing.key(), .branch = index.first, .operation = index.second};
    const auto& operation = preparing.descriptor->branches[index.first].operations[index.second];
    if (!answer.given) {
      services_.give_up(call);
    } else if (answer.yes && !answer.read_only) {
      services_.decide(call,
                       {.service = operation.target,
                        .principal = preparing.descriptor->principal,
                        .content = preparing.contents.at(index)},
                       Outcome{});
    }
  }
}

// Rule P-5: two submissions of one id may be on their way to a vote here. The first that gets
// there binds the id; the other must not vote any more.
void Participant::end_superseded(const TransactionId& id) {
  for (const TransactionKey& key : preparing_.keys_of(id)) {
    const Preparing ended = std::move(*preparing_.find(key));
    preparing_.erase(key);
    deadlines_.clear(key);
    held_.erase(key);
    context_.note("another submission came first", id);
    dismiss_services(ended);
    (void)answer_known(ended.driver, Prepare{.descriptor = ended.descriptor,
                                             .digest = ended.digest,
                                             .branches = ended.branches,
                                             .contents = {}});
  }
}

void Participant::vote_no(Preparing& preparing, const Objection& objection) {
  const TransactionKey key = preparing.key();
  const Preparing voted = preparing;
  dismiss_services(voted);
  if (voted.descriptor->one_phase) {
    write_alone(voted, {},
                Outcome{.committed = false,
                        .at = {},
                        .by = context_.options.node,
                        .reason = objection.reason,
                        .text = objection.text});
  } else {
    std::vector<OwnBranch> branches;
    for (const std::uint8_t index : voted.branches) {
      branches.push_back({.branch = index,
                          .state = BranchState::voted_no,
                          .vote = {.choice = Choice::no,
                                   .at = {},
                                   .reason = objection.reason,
                                   .text = objection.text}});
    }
    write_votes(key, voted.descriptor, std::move(branches));
    new_votes_.push_back({.key = key, .driver = voted.driver});
  }
  finish(key);
}

void Participant::write_votes(const TransactionKey& key, const DescriptorPtr& descriptor,
                              std::vector<OwnBranch> branches) {
  const Transaction* row = context_.state.find(key);
  // Rule P-18: after a promise the own vote is no acceptance at ballot 0 any more.
  const bool accepted = row == nullptr || row->promised.is_zero();
  context_.write(Voted{.key = key,
                       .descriptor = row == nullptr ? descriptor : nullptr,
                       .branches = std::move(branches),
                       .accepted = accepted},
                 Urgency::urgent);
}

void Participant::write_alone(const Preparing& preparing, std::vector<OwnBranch> branches,
                              const Outcome& outcome) {
  const TransactionKey key = preparing.key();
  std::vector<BranchVote> votes;
  for (const OwnBranch& branch : branches) {
    BranchVote vote{.branch = branch.branch, .value = branch.vote, .replies = {}};
    vote.replies = replies_of(*preparing.descriptor, branch);
    votes.push_back(std::move(vote));
  }
  context_.write(DecidedAlone{.key = key,
                              .descriptor = preparing.descriptor,
                              .branches = std::move(branches),
                              .outcome = outcome},
                 Urgency::urgent);
  if (const Transaction* row = context_.state.find(key); row != nullptr) notify_services(*row);
  context_.promise(preparing.driver, TransactionStatus{.key = key,
                                                       .knowledge = Knowledge::decided,
                                                       .votes = std::move(votes),
                                                       .outcome = outcome});
}

void Participant::finish(const TransactionKey& key) {
  preparing_.erase(key);
  deadlines_.clear(key);
  held_.erase(key);
  on_known(key.id);
}

void Participant::vote_no_for_recovery(const DescriptorPtr& descriptor, const Digest& digest) {
  const TransactionKey key{descriptor->id, digest};
  Preparing preparing;
  if (const Preparing* found = preparing_.find(key); found != nullptr) preparing = *found;
  preparing.descriptor = descriptor;
  preparing.digest = digest;
  preparing.driver = descriptor->nodes[0].node;
  preparing.branches.clear();
  const Transaction* row = context_.state.find(key);
  for (const std::uint8_t branch : branches_at(*descriptor, context_.options.node)) {
    if (row == nullptr || row->find_own(branch) == nullptr) preparing.branches.push_back(branch);
  }
  if (preparing.branches.empty()) return;
  vote_no(preparing, objection_to_recovery(key));
}

}  // namespace nemcon::core
