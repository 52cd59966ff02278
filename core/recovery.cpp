// The driver when somebody is missing: questions, and the watch over rows that another node is
// expected to finish. What they cannot answer, ballots do (ballots.cpp).
#include <algorithm>

#include "core/answers.hpp"
#include "core/driver.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// First repetition of a vote to all its witnesses; before that a slow flush looks like a loss.
constexpr Duration widen_after = std::chrono::milliseconds{150};

}  // namespace

// ---- watching ---------------------------------------------------------------------------------

void Driver::on_life_begins() {
  for (const TransactionKey& key : context_.state.transactions().keys()) {
    const Transaction& row = *context_.state.find(key);
    if (row.descriptor->one_phase) continue;  // Waits for its service only.
    restart(row);
  }
}

void Driver::restart(const Transaction& row) {
  const TransactionKey key = row.key();
  const bool initiator = context_.is_self(key.id.initiator);
  if (row.outcome && (initiator || row.settled)) {
    Drive& drive = open_drive(row.descriptor, row.digest);
    drive.outcome = row.outcome;
    drive.phase = row.settled ? Phase::forgetting : Phase::informing;
    for (const BranchVote& vote : votes_of(row)) {
      drive.learner.report_vote(vote.branch, vote.value, vote.replies);
    }
    wake(drive, context_.random.up_to(context_.options.timing.rank_step));
    return;
  }
  if (row.outcome) {
    on_decided_here(key);
    return;
  }
  Watch& watch = watches_[key];
  watch.asked_by = row.descriptor->nodes[0].node;
  watch.resend_at = context_.now() + context_.options.timing.resend_max;
  watch.deadline = context_.now() + std::chrono::milliseconds{row.descriptor->deadline_ms};
  // Ask soon: the others have probably decided meanwhile.
  watch.recover_at = context_.now() + context_.options.timing.resend_first +
                     context_.random.up_to(context_.options.timing.rank_step);
  schedule(key, watch);
}

void Driver::watch(const TransactionKey& key, const NodeId& asked_by) {
  const Transaction* row = context_.state.find(key);
  if (row == nullptr || row->outcome || row->descriptor->one_phase) return;
  const Timing& timing = context_.options.timing;
  const Descriptor& descriptor = *row->descriptor;
  const Duration deadline = std::chrono::milliseconds{descriptor.deadline_ms};
  const auto rank = static_cast<Duration::rep>(rank_of(descriptor, context_.options.node));
  Duration patience = row->own.empty() ? 3 * deadline : deadline;
  // Its link was lost before; on_peer_down() was there too early to see this one.
  const NodeId& initiator = descriptor.nodes[0].node;
  const bool is_lost = !context_.is_self(initiator) && !context_.membership.is_live(initiator);
  if (is_lost) patience = std::min(patience, timing.initiator_lost);

  Watch& watch = watches_[key];
  watch.asked_by = asked_by;
  watch.resend_count = 0;
  watch.resend_at = context_.now() + widen_after;
  watch.deadline = context_.now() + deadline;
  watch.recover_at =
      context_.now() + patience + rank * timing.rank_step + context_.random.up_to(timing.rank_step);
  schedule(key, watch);
}

void Driver::schedule(const TransactionKey& key, Watch& watch) {
  const Instant at = watch.decided ? watch.recover_at : std::min(watch.resend_at, watch.recover_at);
  watch_deadlines_.set(key, watch.due, at, DuesOf{watches_});
}

void Driver::unwatch(const TransactionKey& key) {
  if (watches_.erase(key)) watch_deadlines_.on_gone(key, DuesOf{watches_});
}

// Somebody else told the decision: those that wait here are told, and the initiator goes on.
void Driver::take_over(Drive& drive) {
  const TransactionKey key = drive.key();
  const Transaction* row = context_.state.find(key);
  const Remembered* remembered = context_.state.sessions().find_remembered(key);
  if (row != nullptr && row->outcome) {
    drive.outcome = row->outcome;
  } else if (row == nullptr && remembered != nullptr) {
    drive.outcome = remembered->outcome;
  } else {
    return;
  }
  if (drive.self == 0) {
    decide(drive, Outcome{*drive.outcome});
    return;
  }
  answer_waiters(drive);
  close_drive(key);
}

void Driver::on_decided_here(const TransactionKey& key) {
  if (Drive* drive = find_drive(key); drive != nullptr && !drive->outcome) take_over(*drive);
  const Transaction* row = context_.state.find(key);
  // Told again: that does not put off asking.
  const Watch* known = watches_.find(key);
  if (row != nullptr && known != nullptr && known->decided) return;
  if (row == nullptr || !row->outcome || row->descriptor->one_phase) return unwatch(key);
  // Others leave the rest to the initiator (Rule P-13): it must be at it, whoever told it.
  if (context_.is_self(key.id.initiator) && find_drive(key) == nullptr) restart(*row);
  Watch& watch = watches_[key];
  watch = Watch{.decided = true, .due = watch.due};
  // Rule P-14: nobody told us to forget for that long: ask, and finish it ourselves.
  watch.recover_at = context_.now() + context_.options.timing.retention +
                     context_.random.up_to(context_.options.timing.retention / 8);
  schedule(key, watch);
}

void Driver::on_watch_deadline(const TransactionKey& key) {
  Watch* found = watches_.find(key);
  const Transaction* row = context_.state.find(key);
  if (found == nullptr || row == nullptr) {
    unwatch(key);
    return;
  }
  Watch& watch = *found;
  if (context_.now() >= watch.recover_at) {
    watch.recover_at = context_.now() + context_.options.timing.resend_max * 4;
    if (find_drive(key) == nullptr) {
      context_.note(watch.decided ? "not told to forget" : "in doubt", key.id);
      Drive& drive = open_drive(row->descriptor, row->digest);
      drive.deadline = watch.deadline;
      start_asking(drive);
    }
  } else if (!watch.decided) {
    resend_vote(key, watch);
  }
  schedule(key, watch);
}

void Driver::send_vote(const TransactionKey& key, const NodeId& asked_by) {
  const Transaction& row = *context_.state.find(key);
  const Descriptor& descriptor = *row.descriptor;
  const NodeId& initiator = descriptor.nodes[0].node;
  std::set<NodeId> targets = {initiator, asked_by};
  for (const OwnBranch& own : row.own) {
    const Branch& branch = descriptor.branches[own.branch];
    std::size_t wanted = quorum_of(branch.witnesses.size());
    if (is_witness(branch, branch.node)) wanted -= 1;
    for (const std::uint8_t witness : branch.witnesses) {
      if (wanted == 0) break;
      if (witness == branch.node) continue;
      targets.insert(descriptor.nodes[witness].node);
      wanted -= 1;
    }
  }
  const auto refuses = [](const OwnBranch& own) { return own.vote.choice == Choice::no; };
  const bool early = planted(Mutant::no_vote_before_flush) && std::ranges::all_of(row.own, refuses);
  for (const NodeId& target : targets) {
    if (early) {
      context_.send(target, vote_of(row, target != asked_by));
      continue;
    }
    context_.promise(target, vote_of(row, target != asked_by));
  }
}

void Driver::resend_vote(const TransactionKey& key, Watch& watch) {
  const Timing& timing = context_.options.timing;
  watch.resend_count += 1;
  watch.resend_at =
      context_.now() +
      std::min(timing.resend_max, widen_after * (1U << std::min(watch.resend_count, 6U)));
  const Transaction& row = *context_.state.find(key);
  if (row.own.empty()) return;
  const Vote vote = vote_of(row, true);
  if (vote.votes.empty()) return;
  std::set<NodeId> targets = {row.descriptor->nodes[0].node, watch.asked_by};
  for (const OwnBranch& own : row.own) {
    for (const std::uint8_t witness : row.descriptor->branches[own.branch].witnesses) {
      targets.insert(row.descriptor->nodes[witness].node);
    }
  }
  targets.erase(context_.options.node);
  for (const NodeId& target : targets)
    context_.promise(target, vote);
}

// When the link to the initiator is lost its transactions are taken up sooner.
void Driver::on_peer_down(const NodeId& node) {
  const Timing& timing = context_.options.timing;
  for (const TransactionKey& key : watches_.keys()) {
    Watch& watch = watches_[key];
    const Transaction* row = context_.state.find(key);
    if (watch.decided || row == nullptr || row->descriptor->nodes[0].node != node) continue;
    const auto rank = static_cast<Duration::rep>(rank_of(*row->descriptor, context_.options.node));
    watch.recover_at = std::min(watch.recover_at,
                                context_.now() + timing.initiator_lost + rank * timing.rank_step);
    schedule(key, watch);
  }
}

// It may know what is asked for, or be the one that is waited for: whatever had backed off begins
// anew. What it has been told already is told again, which changes nothing.
void Driver::on_peer_up(const NodeId& node) {
  for (const TransactionKey& key : drives_.keys()) {
    Drive& drive = *drives_.find(key);
    if (find_node(*drive.descriptor, node) < 0) continue;
    drive.resend_count = 0;
    drive.failed_ballots = 0;
    if (drive.phase == Phase::asking) {
      ask(drive);
    } else if (drive.phase != Phase::promising && drive.phase != Phase::accepting) {
      wake(drive, context_.random.up_to(context_.options.timing.resend_first));
    }
  }
  for (const TransactionKey& key : watches_.keys()) {
    Watch& watch = watches_[key];
    const Transaction* row = context_.state.find(key);
    if (watch.decided || row == nullptr || find_node(*row->descriptor, node) < 0) continue;
    watch.resend_count = 0;
    watch.resend_at = context_.now() + context_.random.up_to(context_.options.timing.resend_first);
    schedule(key, watch);
  }
}

// ---- asking -----------------------------------------------------------------------------------

void Driver::follow(const DescriptorPtr& descriptor, const Digest& digest,
                    const std::optional<Waiter>& waiter) {
  Drive& drive = open_drive(descriptor, digest);
  if (waiter) drive.waiters.push_back(*waiter);
  if (!drive.outcome && drive.phase == Phase::preparing && drive.contents.empty()) {
    drive.deadline = context_.now() + std::chrono::milliseconds{descriptor->deadline_ms};
    start_asking(drive);
  }
}

void Driver::start_asking(Drive& drive) {
  drive.phase = Phase::asking;
  ask(drive);
}

void Driver::ask(Drive& drive) {
  drive.somebody_works = false;
  wake(drive, context_.options.timing.query_patience);
  const TransactionKey key = drive.key();
  for (const NodeRef& ref : drive.descriptor->nodes) {
    context_.send(ref.node, Query{.id = key.id,
                                  .digest = key.digest,
                                  .wants_descriptor = false,
                                  .expires = drive.descriptor->expires});
  }
}

bool Driver::is_forgotten_elsewhere(const Drive& drive) {
  const auto is_done = [&](std::size_t node) {
    return static_cast<int>(node) == drive.self || drive.too_old.test(node);
  };
  return is_done(0) && std::ranges::all_of(participants_of(*drive.descriptor), is_done);
}

// Unknown, never "rolled back" (Rule P-15).
void Driver::tell_too_old(Drive& drive, const NodeId& by) {
  for (const Waiter& waiter : drive.waiters) {
    context_.reply(waiter.link, Concluded{.request = waiter.request,
                                          .id = drive.descriptor->id,
                                          .verdict = Verdict::unknown,
                                          .reason = Reason::too_old,
                                          .text = "finished and forgotten, or too late",
                                          .by = context_.membership.name_of(by)});
  }
  drive.waiters.clear();
}

// A witness or a read-only voter that missed the end: the other participants and the initiator have
// finished with the transaction, told its client and forgotten it. Nobody is in doubt, and what
// other witnesses still hold serves nobody either. Only once this node refuses the id as well
// (Rule P-15).
bool Driver::try_drop(Drive& drive) {
  const TransactionKey key = drive.key();
  const Transaction* row = context_.state.find(key);
  const bool forgotten = is_forgotten_elsewhere(drive);
  if (row == nullptr) {
    if (forgotten && drive.self < 0) tell_too_old(drive, key.id.initiator);
    // One that only asks does so for its clients.
    if (!drive.waiters.empty() || (!forgotten && drive.self >= 0)) return false;
    close_drive(key);
    return true;
  }
  if (!forgotten || row->outcome || row->is_prepared()) return false;
  const Hlc expires = drive.descriptor->expires;
  if (!context_.state.sessions().is_too_old(key.id, expires)) {
    // An anonymous client's may be too old by its expiry alone: our floor gets there, too.
    if (is_anonymous(key.id)) return false;
    context_.write(AcknowledgedUpTo{.client = key.id.client,
                                    .epoch = key.id.epoch,
                                    .ack_upto = Sequence{key.id.sequence.value() + 1}},
                   Urgency::lazy);
  }
  context_.note("forgotten everywhere else", key.id);
  context_.write(Forgotten{.key = key, .outcome = Outcome{.reason = Reason::too_old}},
                 Urgency::lazy);
  unwatch(key);
  close_drive(key);
  return true;
}

void Driver::finish_asking(Drive& drive) {
  const TransactionKey key = drive.key();
  evaluate(drive);
  const Drive* open = find_drive(key);
  if (open == nullptr || open->outcome || try_drop(drive)) return;
  const bool outsider = drive.self < 0 || drive.descriptor->one_phase;
  const bool patient = drive.somebody_works && context_.now() < drive.deadline;
  // A ballot could not get anywhere with those that have forgotten, or are not there: each attempt
  // would cost others a flush. Who comes back is asked at once (on_peer_up).
  const Transaction* row = context_.state.find(key);
  const bool in_doubt = row != nullptr && row->is_prepared();
  const bool pointless = !in_doubt && is_forgotten_elsewhere(drive);
  if (outsider || patient || pointless || !can_win(drive) || !context_.membership.may_vote()) {
    ask(drive);
    const Timing& timing = context_.options.timing;
    wake(drive, std::min(timing.resend_max,
                         timing.query_patience * (1U << std::min(drive.resend_count, 5U))));
    drive.resend_count += 1;
    if (!drive.descriptor->one_phase || drive.contents.empty()) return;
    // With no time left in it this is a question that leaves a durable "no" where nothing is.
    std::vector<std::uint8_t> all;
    for (std::size_t index = 0; index < drive.descriptor->branches.size(); ++index) {
      all.push_back(static_cast<std::uint8_t>(index));
    }
    send_prepare(drive, drive.descriptor->branches[0].node, all);
    return;
  }
  if (planted(Mutant::abort_alone) && in_doubt) {
    return decide(drive, Outcome{.committed = false, .reason = Reason::deadline});
  }
  if (planted(Mutant::commit_on_time_out) && in_doubt) {
    return decide(drive, Outcome{.committed = true, .at = context_.clock.present()});
  }
  start_ballot(drive);
}

void Driver::on_status(const NodeId& from, const TransactionStatus& status) {
  Drive* drive = find_drive(status.key);
  if (drive == nullptr) {
    // The same transaction under another descriptor, or finished before it had one.
    const std::vector<TransactionKey> others = drives_.keys_of(status.key.id);
    if (others.empty() || !status.outcome) return;
    Drive& other = *drives_.find(others.front());
    // Only a participant's word rules ours out: it cannot vote for both.
    if (!branches_at(*other.descriptor, from).empty()) finish_elsewhere(other, status);
    return;
  }
  const int node = find_node(*drive->descriptor, from);
  if (node < 0) return;
  if (status.knowledge == Knowledge::working) drive->somebody_works = true;
  if (status.knowledge == Knowledge::too_old) {
    drive->too_old.set(static_cast<std::size_t>(node));
  }
  drive->highest_seen = std::max(drive->highest_seen, status.promised);
  for (const BranchVote& vote : status.votes) {
    if (vote.branch >= drive->descriptor->branches.size()) return;
    if (drive->descriptor->branches[vote.branch].node != node) return;
    drive->learner.report_vote(vote.branch, vote.value, vote.replies);
  }
  for (const Acceptance& accepted : status.accepted) {
    drive->learner.report(static_cast<std::size_t>(node), accepted.branch, accepted.ballot,
                          accepted.value);
  }
  if (status.outcome && status.forgotten && try_forget(*drive, *status.outcome)) return;
  if (drive->outcome) {
    // A commit needed its yes: a node that calls it too old has applied and forgotten it.
    if (status.knowledge == Knowledge::too_old) on_informed(from, *drive);
    return;
  }
  if (!status.outcome) {
    evaluate(*drive);
    return;
  }
  decide(*drive, *status.outcome);
}

// Everybody has applied the outcome and some have forgotten it: nobody will tell this node to
// (Rule P-14). Not while its own part is undone.
bool Driver::try_forget(Drive& drive, const Outcome& outcome) {
  const TransactionKey key = drive.key();
  const Transaction* row = context_.state.find(key);
  if (row == nullptr || row->is_prepared() || row->awaits_service()) return false;
  drive.outcome = outcome;
  answer_waiters(drive);
  context_.write(Forgotten{.key = key, .outcome = outcome}, Urgency::lazy);
  unwatch(key);
  close_drive(key);
  return true;
}

}  // namespace nemcon::core
