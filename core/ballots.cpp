// The driver when it leads a ballot: promises, a proposal, and backing off. docs/protocol.md, Rules
// P-17 to P-20.
#include <algorithm>
#include <vector>

#include "core/answers.hpp"
#include "core/driver.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

// A majority of the witnesses of each branch that is not chosen yet is there.
bool Driver::can_win(const Drive& drive) const {
  const Descriptor& descriptor = *drive.descriptor;
  const auto is_there = [&](std::uint8_t witness) {
    const NodeId& node = descriptor.nodes[witness].node;
    return context_.is_self(node) || context_.membership.is_live(node);
  };
  for (std::size_t index = 0; index < descriptor.branches.size(); ++index) {
    if (drive.learner.chosen(static_cast<std::uint8_t>(index))) continue;
    const std::vector<std::uint8_t>& witnesses = descriptor.branches[index].witnesses;
    const auto there = static_cast<std::size_t>(std::ranges::count_if(witnesses, is_there));
    if (there < quorum_of(witnesses.size())) return false;
  }
  return true;
}

void Driver::start_ballot(Drive& drive) {
  // Rule P-17: the boot count makes a ballot unique across restarts of its leader.
  drive.ballot = {.round = 1 + std::max(drive.highest_seen.round, drive.ballot.round),
                  .leader = context_.options.node,
                  .boot = context_.state.boot()};
  if (planted(Mutant::reuse_ballot)) {
    drive.ballot = {.round = 1, .leader = context_.options.node, .boot = {}};
  }
  drive.highest_seen = drive.ballot;
  drive.phase = Phase::promising;
  drive.promises.clear();
  drive.proposed = false;
  context_.note("recovery ballot", drive.descriptor->id, std::to_string(drive.ballot.round));
  wake(drive, context_.options.timing.query_patience * 2);
  for (const NodeRef& ref : drive.descriptor->nodes) {
    context_.send(ref.node, AskPromise{.descriptor = drive.descriptor,
                                       .digest = drive.digest,
                                       .ballot = drive.ballot,
                                       .response = 0});
  }
}

void Driver::on_promise(const NodeId& from, const Promise& promise) {
  Drive* drive = find_drive(promise.key);
  if (drive == nullptr || drive->outcome) return;
  if (context_.is_stranger(from, *drive->descriptor, "promise")) return;
  if (promise.outcome) {
    decide(*drive, *promise.outcome);
    return;
  }
  if (drive->phase != Phase::promising || promise.ballot != drive->ballot) return;
  const int node = find_node(*drive->descriptor, from);
  const auto index = static_cast<std::size_t>(node);
  const bool known = std::ranges::any_of(
      drive->promises, [&](const PromiseOf& given) { return given.node == index; });
  if (known) return;
  PromiseOf given{.node = index, .promise = promise};
  // A free leader does not propose a timestamp from the future (Rule P-22).
  std::erase_if(given.promise.votes, [&](const BranchValue& vote) {
    return context_.clock.is_too_far_ahead(vote.value.at, context_.options.timing.max_drift);
  });
  for (const BranchValue& vote : promise.votes) {
    if (vote.branch < drive->descriptor->branches.size() &&
        drive->descriptor->branches[vote.branch].node == node) {
      drive->learner.report_vote(vote.branch, vote.value, {});
    }
  }
  drive->promises.push_back(std::move(given));
  evaluate(*drive);
  if (Drive* open = find_drive(promise.key); open != nullptr) try_propose(*open);
}

void Driver::try_propose(Drive& drive) {
  if (drive.outcome || drive.proposed || drive.phase != Phase::promising) return;
  Propose propose{
      .descriptor = drive.descriptor, .digest = drive.digest, .ballot = drive.ballot, .values = {}};
  for (std::size_t index = 0; index < drive.descriptor->branches.size(); ++index) {
    const auto branch = static_cast<std::uint8_t>(index);
    std::optional<Value> value =
        value_to_propose(*drive.descriptor, branch, drive.ballot, drive.promises);
    if (!value) return;
    propose.values.push_back({.branch = branch, .value = std::move(*value)});
  }
  // Invariant: one content for each ballot.
  drive.proposed = true;
  drive.phase = Phase::accepting;
  wake(drive, context_.options.timing.query_patience * 2);
  for (const NodeRef& ref : drive.descriptor->nodes)
    context_.send(ref.node, propose);
}

void Driver::back_off(Drive& drive) {
  const Duration step = context_.options.timing.rank_step;
  drive.phase = Phase::asking;
  drive.failed_ballots += 1;
  const Duration wait =
      (step + context_.random.up_to(step)) * (1U << std::min(drive.failed_ballots - 1, 6U));
  ask(drive);
  wake(drive, std::max<Duration>(wait, context_.options.timing.query_patience));
}

void Driver::on_other_leader(const TransactionKey& key) {
  Drive* drive = find_drive(key);
  if (drive == nullptr || drive->outcome) return;
  if (drive->phase != Phase::promising && drive->phase != Phase::accepting) return;
  back_off(*drive);
}

void Driver::on_refuse(const NodeId& from, const Refuse& refuse) {
  Drive* drive = find_drive(refuse.key);
  if (drive == nullptr || context_.is_stranger(from, *drive->descriptor, "refuse")) return;
  if (drive->outcome) return on_bound_elsewhere(from, refuse);
  context_.note("refused", refuse.key.id, std::to_string(static_cast<int>(refuse.why)));
  switch (refuse.why) {
    case Refusal::ballot:
      drive->highest_seen = std::max(drive->highest_seen, refuse.promised);
      if (drive->phase == Phase::promising || drive->phase == Phase::accepting) back_off(*drive);
      return;
    case Refusal::conflict:
      if (!branches_at(*drive->descriptor, from).empty()) adopt_bound(*drive, refuse);
      return;
    case Refusal::too_old: {
      if (refuse.challenge != 0 && try_insist(*drive, from, refuse.challenge)) return;
      // Unlike a question, what it refused had the descriptor, with its expiry.
      if (const int node = find_node(*drive->descriptor, from); node >= 0) {
        drive->too_old.set(static_cast<std::size_t>(node));
      }
      // Only the clients are told.
      if (planted(Mutant::too_old_is_rolled_back)) {
        return decide(*drive, Outcome{.committed = false, .reason = Reason::too_old});
      }
      tell_too_old(*drive, from);
      return;
    }
    case Refusal::drift:
      return;  // The deadline ends it.
  }
}

// Rule P-39: a witness knows nothing of what this node voted yes for, and its client is past it.
bool Driver::try_insist(const Drive& drive, const NodeId& from, std::uint64_t challenge) {
  const Transaction* row = context_.state.find(drive.key());
  if (row == nullptr || !row->is_prepared() || drive.phase != Phase::promising) return false;
  context_.send(from, AskPromise{.descriptor = drive.descriptor,
                                 .digest = drive.digest,
                                 .ballot = drive.ballot,
                                 .response = challenge});
  return true;
}

// This submission was given up, and who is told took part in another one: a participant's counts.
// An initiator has nothing to be told of this one.
void Driver::on_bound_elsewhere(const NodeId& from, const Refuse& refuse) {
  Drive* drive = find_drive(refuse.key);
  if (refuse.why != Refusal::conflict || drive->phase != Phase::informing) return;
  if (!branches_at(*drive->descriptor, from).empty() && !drive->is_told()) {
    std::vector<Waiter> waiters = std::move(drive->waiters);
    drive->waiters.clear();
    pass_on(waiters, *drive, refuse);
    drive = find_drive(refuse.key);
    drive->waiters = std::move(waiters);
  }
  on_informed(from, *drive);
}

Outcome Driver::lost() const {
  return Outcome{.committed = false,
                 .at = {},
                 .by = context_.options.node,
                 .reason = Reason::descriptor_conflict,
                 .text = "another submission of this id came first"};
}

// Lets them wait for the submission that is bound, if it came along.
void Driver::pass_on(std::vector<Waiter>& waiters, const Drive& drive, const Refuse& refuse) {
  const TransactionId id = drive.descriptor->id;
  if (refuse.descriptor == nullptr || refuse.bound == drive.digest || refuse.descriptor->id != id ||
      !context_.check(refuse.descriptor, refuse.bound)) {
    return;
  }
  for (const Waiter& waiter : waiters)
    follow(refuse.descriptor, refuse.bound, waiter);
  waiters.clear();
}

// A participant is bound to another submission of the same id: no yes for ours can follow there,
// so ours is rolled back for those that prepared it; the clients hear the outcome of the other.
void Driver::adopt_bound(Drive& drive, const Refuse& refuse) {
  std::vector<Waiter> waiters = std::move(drive.waiters);
  drive.waiters.clear();
  pass_on(waiters, drive, refuse);
  Drive& own = *find_drive(refuse.key);
  own.waiters = std::move(waiters);
  decide(own, lost());
}

// `drive` cannot commit any more: a participant has finished the same id under another digest.
void Driver::finish_elsewhere(Drive& drive, const TransactionStatus& status) {
  if (drive.outcome) return;
  std::vector<Waiter> waiters = std::move(drive.waiters);
  drive.waiters.clear();
  for (const Waiter& waiter : waiters) {
    context_.reply(waiter.link, Concluded{.request = waiter.request,
                                          .id = status.key.id,
                                          .verdict = verdict_of(*status.outcome),
                                          .at = status.outcome->at,
                                          .reason = status.outcome->reason,
                                          .text = status.outcome->text,
                                          .by = context_.membership.name_of(status.outcome->by)});
  }
  decide(drive, lost());
}

}  // namespace nemcon::core
