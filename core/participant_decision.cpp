// The participant after its vote: the decision, the services that carry it out, and what an
// application reports as in doubt.
#include <algorithm>

#include "core/mutant.hpp"
#include "core/participant.hpp"

namespace nemcon::core {

namespace {

constexpr std::size_t to_be_shown_max = 1'000;

// What is decided stays so, whatever is told later.
bool is_open(const Transaction& row, const Outcome& told) {
  if (!row.outcome) return true;
  return planted(Mutant::late_roll_back_wins) && row.outcome->committed && !told.committed;
}

}  // namespace

// ---- DECISION ---------------------------------------------------------------------------------

// Rule P-12: nothing here says whether the transaction names this sender. The id names its
// initiator.
bool Participant::must_be_shown(const NodeId& from, const TransactionKey& key,
                                const Learnt& learnt) const {
  return learnt.descriptor == nullptr && from != key.id.initiator && !context_.is_self(from) &&
         !is_shown(key) && !planted(Mutant::believe_unshown);
}

void Participant::ask_to_show(const NodeId& from, const Decision& decision) {
  const TransactionKey& key = decision.key;
  if (to_be_shown_.size() >= to_be_shown_max) to_be_shown_.clear();
  to_be_shown_[key] = {.by = from, .outcome = decision.outcome};
  context_.send(from, Query{.id = key.id, .digest = key.digest, .wants_descriptor = true});
}

void Participant::on_shown(const NodeId& from, const TransactionStatus& status) {
  const TransactionKey key = status.key;
  const auto asked = to_be_shown_.find(key);
  if (asked == to_be_shown_.end() || asked->second.by != from) return;
  // A pure witness that drives shows the descriptor: the outcome is in its DECISION alone.
  if (status.descriptor == nullptr) return;
  const Outcome outcome = asked->second.outcome;
  to_be_shown_.erase(asked);
  const Descriptor& descriptor = *status.descriptor;
  if (descriptor.id != key.id || find_node(descriptor, context_.options.node) < 0 ||
      !context_.check(status.descriptor, key.digest)) {
    context_.blame(from, "a decision with a descriptor that does not fit");
    return;
  }
  if (context_.is_stranger(from, descriptor, "decision")) return;
  shown_ = Shown{.key = key, .expires = descriptor.expires};
  on_decision(from, Decision{.key = key, .outcome = outcome}, {});
  shown_.reset();
}

// Rule P-40: what is rolled back here, where the id has a branch, cannot commit under any other
// descriptor, unless this node is bound to that one.
Outcome Participant::as_seen_here(const TransactionKey& key, const Outcome& outcome) const {
  const Transaction* row = context_.state.find(key);
  const bool has_branch = row == nullptr
                              ? !context_.is_self(key.id.initiator)
                              : !branches_at(*row->descriptor, context_.options.node).empty();
  if (ends_id(outcome) || !has_branch || is_bound_elsewhere(key)) return outcome;
  Outcome seen = outcome;
  seen.reason = Reason::preempted;
  return seen;
}

// Who gave up a submission hears here whether that ends the id.
void Participant::acknowledge(const NodeId& from, const Decision& decision) {
  const TransactionKey& key = decision.key;
  if (!ends_id(decision.outcome) && is_bound_elsewhere(key)) {
    const Transaction* bound = context_.state.find_bound(key.id);
    const bool known = bound != nullptr && bound->digest != key.digest;
    context_.promise(from, Refuse{.key = key,
                                  .why = Refusal::conflict,
                                  .promised = {},
                                  .descriptor = known ? bound->descriptor : nullptr,
                                  .bound = known ? bound->digest : Digest{}});
    return;
  }
  context_.promise(from, DecisionAck{.key = key});
}

// Of what has no row here. False: it is not to be acknowledged.
bool Participant::try_take_unknown(const NodeId& from, const Decision& decision,
                                   const Learnt& learnt) {
  const TransactionKey& key = decision.key;
  const Sessions& sessions = context_.state.sessions();
  const Hlc expires = is_shown(key)                  ? shown_->expires
                      : learnt.descriptor != nullptr ? learnt.descriptor->expires
                                                     : Hlc::never();
  // Rule P-14: not believed, but whoever finishes it must not wait for us.
  if (sessions.is_too_old(key.id, expires)) {
    const bool is_believed = !decision.outcome.committed && ends_id(decision.outcome);
    if (!is_believed) {
      context_.promise(from, TransactionStatus{.key = key, .knowledge = Knowledge::too_old});
    }
    return is_believed;
  }
  // Known under another digest: what was bound here is another submission of this id.
  if (sessions.find_ended(key.id) != nullptr || context_.state.find_bound(key.id) != nullptr) {
    return true;
  }
  // Rule P-12: no yes of ours can follow, so an abort needs nothing; a commit that we know
  // nothing about is not ours to believe.
  if (decision.outcome.committed && !context_.is_self(key.id.initiator)) {
    context_.note("commit of an unknown transaction", key.id);
    // One of an anonymous client may have been forgotten when it expired, which the descriptor
    // says.
    if (is_anonymous(key.id) && expires == Hlc::never()) ask_to_show(from, decision);
    return false;
  }
  if (must_be_shown(from, key, learnt)) {
    context_.note("decision of an unknown transaction", key.id);
    ask_to_show(from, decision);
    return false;
  }
  context_.write(Decided{.key = key,
                         .descriptor = learnt.descriptor,
                         .outcome = as_seen_here(key, decision.outcome),
                         .replies = learnt.replies,
                         .expires = context_.tombstone_expiry(key.id)},
                 Urgency::lazy);
  on_known(key.id);
  return true;
}

void Participant::on_decision(const NodeId& from, const Decision& decision, const Learnt& learnt) {
  const TransactionKey& key = decision.key;
  if (planted(Mutant::roll_back_another) && !decision.outcome.committed) {
    const Transaction* bound = context_.state.find_bound(key.id);
    if (bound != nullptr && bound->digest != key.digest) {
      return on_decision(from, Decision{.key = bound->key(), .outcome = decision.outcome}, {});
    }
  }
  const Transaction* row = context_.state.find(key);
  const Preparing* preparing = preparing_.find(key);
  const DescriptorPtr known = row != nullptr         ? row->descriptor
                              : preparing != nullptr ? preparing->descriptor
                                                     : learnt.descriptor;
  if (known != nullptr && context_.is_stranger(from, *known, "decision")) return;
  // A vote that is still held must not be given after this, whatever else is known of the id.
  if (preparing != nullptr && !decision.outcome.committed) {
    vote_no_for_recovery(preparing->descriptor, key.digest);
    row = context_.state.find(key);
  }
  if (row == nullptr) {
    if (!try_take_unknown(from, decision, learnt)) return;
    row = context_.state.find(key);
  }
  if (row != nullptr && is_open(*row, decision.outcome)) {
    if (decision.outcome.committed) {
      const bool all_yes = std::ranges::all_of(
          branches_at(*row->descriptor, context_.options.node), [&](std::uint8_t branch) {
            const OwnBranch* own = row->find_own(branch);
            return own != nullptr && own->state == BranchState::voted_yes;
          });
      if (!all_yes) {
        context_.note("commit without our vote", key.id);
        context_.blame(from, "commit without our vote");
        return;
      }
    }
    const Urgency urgency = somebody_waits_for(*row) ? Urgency::urgent : Urgency::lazy;
    context_.write(Decided{.key = key,
                           .descriptor = nullptr,
                           .outcome = as_seen_here(key, decision.outcome),
                           .replies = learnt.replies},
                   urgency);
    notify_services(*context_.state.find(key));
    on_known(key.id);
  }
  acknowledge(from, decision);
}

// A decision rides with the next batch unless a consumer or a service waits for it.
bool Participant::somebody_waits_for(const Transaction& row) {
  for (const OwnBranch& branch : row.own) {
    if (branch.state != BranchState::voted_yes) continue;
    const auto& operations = row.descriptor->branches[branch.branch].operations;
    for (std::size_t index = 0; index < branch.operations.size(); ++index) {
      const OperationKind kind = operations[index].kind;
      if (kind == OperationKind::call && !branch.operations[index].read_only) return true;
      const bool in_queue = kind == OperationKind::deliver || kind == OperationKind::consume;
      if (in_queue && context_.state.queue(branch.operations[index].queue).has_demand()) {
        return true;
      }
    }
  }
  return false;
}

void Participant::notify_services(const Transaction& row) {
  for (const OwnBranch& branch : row.own) {
    const auto& operations = row.descriptor->branches[branch.branch].operations;
    for (std::size_t index = 0; index < branch.operations.size(); ++index) {
      const PreparedOperation& prepared = branch.operations[index];
      if (operations[index].kind != OperationKind::call) continue;
      if (prepared.read_only || prepared.notified) continue;
      services_.decide({.transaction = row.key(),
                        .branch = branch.branch,
                        .operation = static_cast<std::uint8_t>(index)},
                       {.service = operations[index].target,
                        .principal = row.descriptor->principal,
                        .content = prepared.content},
                       *row.outcome);
    }
  }
}

std::map<TransactionKey, DescriptorPtr> Participant::preparing() const {
  std::map<TransactionKey, DescriptorPtr> all;
  for (const TransactionKey& key : preparing_.keys())
    all.emplace(key, preparing_.find(key)->descriptor);
  return all;
}

std::optional<std::pair<TransactionKey, DescriptorPtr>> Participant::find_preparing(
    const TransactionId& id) const {
  const std::vector<TransactionKey> keys = preparing_.keys_of(id);
  if (keys.empty()) return std::nullopt;
  return std::pair{keys.front(), preparing_.find(keys.front())->descriptor};
}

void Participant::on_service_done(const CallKey& call) {
  if (!services_.try_finish(call)) return;
  const Transaction* row = context_.state.find(call.transaction);
  if (row == nullptr) return;
  const OwnBranch* branch = row->find_own(call.branch);
  if (branch == nullptr || call.operation >= branch->operations.size()) return;
  context_.write(
      ServiceNotified{.key = call.transaction, .branch = call.branch, .operation = call.operation},
      Urgency::lazy);
}

void Participant::on_in_doubt(const InDoubt& report) {
  if (planted(Mutant::in_doubt_unheard)) return;
  const CallKey& call = report.call;
  const TransactionKey& key = call.transaction;
  if (preparing_.contains(key)) return;  // It is asked again and answers the same.
  const Call told{.service = report.service, .principal = {}, .content = {}};
  if (const Transaction* row = context_.state.find_bound(key.id); row != nullptr) {
    const bool same = row->digest == key.digest;
    const OwnBranch* branch = same ? row->find_own(call.branch) : nullptr;
    if (branch != nullptr && branch->state == BranchState::voted_yes) return;  // Still in doubt.
    const bool committed = branch != nullptr && branch->state == BranchState::committed;
    services_.decide(call, told, committed ? *row->outcome : Outcome{});
    return;
  }
  const Sessions& sessions = context_.state.sessions();
  if (sessions.find_ended(key.id) != nullptr) {
    const Remembered* same = sessions.find_remembered(key);
    services_.decide(call, told, same != nullptr ? same->outcome : Outcome{});
    return;
  }
  if (!services_.is_confirmed(report)) {
    context_.note("service in doubt about an unknown transaction, asked again", key.id,
                  report.service);
    return;
  }
  if (sessions.is_too_old(key.id, Hlc::never())) {
    // Not forgotten here before the service had confirmed a commit (Rule P-35): no commit it was.
    context_.note("service in doubt about a forgotten transaction", key.id, report.service);
    services_.decide(call, told, Outcome{});
    return;
  }
  // A vote for it must be impossible before the application may roll back.
  if (planted(Mutant::rollback_without_tombstone)) return services_.decide(call, told, Outcome{});
  context_.write(TurnedAway{.id = key.id,
                            .expires = context_.tombstone_expiry(key.id),
                            .outcome = {.committed = false,
                                        .at = {},
                                        .by = context_.options.node,
                                        .reason = Reason::preempted,
                                        .text = "the node restarted before its vote"}},
                 Urgency::urgent);
  on_known(key.id);
  services_.decide(call, told, Outcome{});
}

// ---- other submissions of the id ----------------------------------------------------------------

// To another submission of the id, which may commit or has committed.
bool Participant::is_bound_elsewhere(const TransactionKey& key) const {
  const Transaction* bound = context_.state.find_bound(key.id);
  const Sessions::Ended* ended = context_.state.sessions().find_ended(key.id);
  return (bound != nullptr && bound->digest != key.digest) ||
         (ended != nullptr && ended->second.outcome.committed);
}

// What the client reads if this "no" ends it. That another submission of the id may have ended
// otherwise must show.
Objection Participant::objection_to_recovery(const TransactionKey& key) const {
  if (is_bound_elsewhere(key)) {
    return {Reason::descriptor_conflict, "another submission of this id came first"};
  }
  if (context_.state.sessions().is_fenced(key.id)) {
    return {Reason::fenced, "a newer session of this client is open"};
  }
  return {Reason::preempted, "recovery was faster"};
}

}  // namespace nemcon::core
