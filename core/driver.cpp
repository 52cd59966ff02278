#include "core/driver.hpp"

#include <algorithm>
#include <set>

#include "core/answers.hpp"
#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

Driver::Drive& Driver::open_drive(const DescriptorPtr& descriptor, const Digest& digest) {
  const TransactionKey key{descriptor->id, digest};
  if (Drive* known = find_drive(key); known != nullptr) return *known;
  Drive drive{.descriptor = descriptor, .digest = digest, .learner = Learner{descriptor}};
  drive.self = find_node(*descriptor, context_.options.node);
  drive.began = context_.now();
  drive.deadline = context_.now();
  return drives_.set(key, std::move(drive));
}

Driver::Drive* Driver::find_drive(const TransactionKey& key) {
  return drives_.find(key);
}

void Driver::close_drive(const TransactionKey& key) {
  if (drives_.erase(key)) drive_deadlines_.on_gone(key, DuesOf{drives_});
}

void Driver::wake(Drive& drive, Duration in) {
  drive_deadlines_.set(drive.key(), drive.due, context_.now() + in, DuesOf{drives_});
}

void Driver::begin(const DescriptorPtr& descriptor, const Digest& digest,
                   std::vector<std::vector<Content>> contents,
                   const std::optional<Waiter>& waiter) {
  Drive& drive = open_drive(descriptor, digest);
  drive.contents = std::move(contents);
  drive.deadline = context_.now() + std::chrono::milliseconds{descriptor->deadline_ms};
  if (waiter) drive.waiters.push_back(*waiter);
  send_prepares(drive);
}

bool Driver::try_wait(const TransactionId& id, const Waiter& waiter) {
  Drive* best = nullptr;
  for (const TransactionKey& key : drives_.keys_of(id)) {
    Drive& drive = *drives_.find(key);
    if (drive.is_told() || drive.phase == Phase::forgetting) continue;
    if (best == nullptr || !drive.outcome) best = &drive;
  }
  if (best == nullptr) return false;
  best->waiters.push_back(waiter);
  return true;
}

void Driver::on_client_gone(LinkId link) {
  for (const TransactionKey& key : drives_.keys()) {
    std::erase_if(drives_.find(key)->waiters,
                  [&](const Waiter& waiter) { return waiter.link == link; });
  }
}

// ---- PREPARE ----------------------------------------------------------------------------------

// Rule P-33: branches of the second wave wait until all others voted yes.
bool Driver::is_due(const Drive& drive, std::uint8_t branch) const {
  if (drive.learner.has_vote(branch)) return false;
  return drive.descriptor->one_phase || !drive.descriptor->branches[branch].second ||
         drive.second_wave;
}

void Driver::send_prepares(Drive& drive) {
  const Descriptor& descriptor = *drive.descriptor;
  std::map<std::size_t, std::vector<std::uint8_t>> by_node;
  for (std::size_t index = 0; index < descriptor.branches.size(); ++index) {
    const auto branch = static_cast<std::uint8_t>(index);
    if (is_due(drive, branch)) by_node[descriptor.branches[index].node].push_back(branch);
  }
  const Timing& timing = context_.options.timing;
  const Duration pause =
      std::min(timing.resend_max, timing.resend_first * (1U << std::min(drive.resend_count, 7U)));
  const Duration left = drive.deadline + context_.random.up_to(timing.rank_step) - context_.now();
  wake(drive, std::max(Duration{}, std::min(pause, left)));
  drive.resend_count += 1;
  for (const auto& [node, branches] : by_node)
    send_prepare(drive, node, branches);
}

void Driver::send_prepare(Drive& drive, std::size_t node,
                          const std::vector<std::uint8_t>& branches) {
  const Duration left = std::max(Duration{}, drive.deadline - context_.now());
  const TransactionId& id = drive.descriptor->id;
  Prepare prepare{.descriptor = drive.descriptor,
                  .digest = drive.digest,
                  .branches = branches,
                  .contents = {},
                  .remaining_ms = static_cast<std::uint32_t>(left / std::chrono::milliseconds{1}),
                  .ack_upto = context_.state.sessions().ack_upto(id.client, id.epoch)};
  for (const std::uint8_t branch : branches) {
    const std::vector<Content>& contents = drive.contents[branch];
    prepare.contents.insert(prepare.contents.end(), contents.begin(), contents.end());
  }
  context_.send(drive.descriptor->nodes[node].node, std::move(prepare));
}

// ---- votes ------------------------------------------------------------------------------------

// A vote for what is not driven here: the voter has not heard the outcome yet, or this initiator
// began it in an earlier life, and finds out now and finishes it.
void Driver::on_stray_vote(const NodeId& from, const Vote& vote) {
  const Transaction* row = context_.state.find(vote.key);
  if (row != nullptr && row->outcome && !context_.is_self(from)) {
    context_.promise(from, Decision{.key = vote.key, .outcome = *row->outcome});
    return;
  }
  const Remembered* remembered = context_.state.sessions().find_remembered(vote.key);
  if (row == nullptr && remembered != nullptr) {
    context_.promise(from, Decision{.key = vote.key, .outcome = remembered->outcome});
    return;
  }
  const bool own = context_.is_self(vote.key.id.initiator) && vote.descriptor != nullptr;
  if (!own || context_.is_self(from)) return;
  if (!context_.check(vote.descriptor, vote.key.digest)) return;
  if (context_.is_stranger(from, *vote.descriptor, "vote")) return;
  follow(vote.descriptor, vote.key.digest, std::nullopt);
}

void Driver::on_vote(const NodeId& from, const Vote& vote) {
  if (find_drive(vote.key) == nullptr) on_stray_vote(from, vote);
  Drive* drive = find_drive(vote.key);
  if (drive == nullptr || context_.is_stranger(from, *drive->descriptor, "vote")) return;
  const int node = find_node(*drive->descriptor, from);
  for (const BranchVote& one : vote.votes) {
    if (one.branch >= drive->descriptor->branches.size()) return;
    if (drive->descriptor->branches[one.branch].node != node) return;
    drive->learner.report_vote(one.branch, one.value, one.replies);
    if (vote.accepted) {
      drive->learner.report(static_cast<std::size_t>(node), one.branch, Ballot{}, one.value);
    }
  }
  evaluate(*drive);
}

void Driver::on_accepted(const NodeId& from, const Accepted& accepted) {
  Drive* drive = find_drive(accepted.key);
  if (drive == nullptr || context_.is_stranger(from, *drive->descriptor, "accepted")) return;
  const int node = find_node(*drive->descriptor, from);
  for (const BranchValue& value : accepted.values) {
    drive->learner.report(static_cast<std::size_t>(node), value.branch, accepted.ballot,
                          value.value);
  }
  evaluate(*drive);
}

void Driver::evaluate(Drive& drive) {
  if (drive.outcome) return;
  if (const std::optional<Outcome> outcome = drive.learner.conclude()) {
    if (outcome->committed && has_lost_vote(drive)) {
      context_.fence("the mesh holds a yes of this node that it does not remember");
      return;
    }
    decide(drive, *outcome);
    return;
  }
  if (drive.phase != Phase::preparing || drive.second_wave) return;
  const auto& branches = drive.descriptor->branches;
  bool has_second = false;
  for (std::size_t index = 0; index < branches.size(); ++index) {
    if (branches[index].second) {
      has_second = true;
    } else if (!drive.learner.has_vote(static_cast<std::uint8_t>(index))) {
      return;
    }
  }
  if (!has_second) return;
  drive.second_wave = true;
  drive.resend_count = 0;
  send_prepares(drive);
}

// Rule P-38: witnesses prove a vote of ours of which no trace is left here.
bool Driver::has_lost_vote(const Drive& drive) const {
  const TransactionKey key = drive.key();
  const Sessions& sessions = context_.state.sessions();
  if (drive.self < 0 || drive.descriptor->one_phase || sessions.find_ended(key.id) != nullptr ||
      sessions.is_too_old(key.id, drive.descriptor->expires)) {
    return false;
  }
  const Transaction* row = context_.state.find(key);
  for (const std::uint8_t branch : branches_at(*drive.descriptor, context_.options.node)) {
    const OwnBranch* own = row == nullptr ? nullptr : row->find_own(branch);
    if (own == nullptr || own->state == BranchState::voted_no) return true;
  }
  return false;
}

// ---- the end ----------------------------------------------------------------------------------

void Driver::decide(Drive& drive, const Outcome& outcome) {
  context_.note(outcome.committed ? "committed" : "rolled back", drive.descriptor->id,
                outcome.committed ? "" : to_text(outcome.reason));
  const bool only_asks = drive.self < 0 || drive.descriptor->one_phase;
  if (only_asks && !ends_id(outcome) && !drive.waiters.empty()) return;  // Asks on.
  drive.outcome = outcome;
  if (ends_id(outcome)) answer_waiters(drive);
  if (only_asks) {
    close_drive(drive.key());
    return;
  }
  drive.phase = Phase::informing;
  drive.resend_count = 0;
  inform(drive);
}

void Driver::answer_waiters(Drive& drive) {
  const Outcome& outcome = *drive.outcome;
  for (const Waiter& waiter : drive.waiters) {
    context_.reply(waiter.link,
                   Concluded{.request = waiter.request,
                             .id = drive.descriptor->id,
                             .verdict = verdict_of(outcome),
                             .at = outcome.at,
                             .reason = outcome.reason,
                             .text = outcome.text,
                             .by = outcome.committed ? "" : context_.membership.name_of(outcome.by),
                             .replies = drive.learner.replies()});
  }
  drive.waiters.clear();
}

// Participants and the initiator; a read-only voter has nothing left to do.
std::vector<std::size_t> Driver::to_inform(const Drive& drive) const {
  const auto& branches = drive.descriptor->branches;
  std::vector<std::size_t> nodes = {0};
  for (std::size_t index = 0; index < branches.size(); ++index) {
    const Value* vote = drive.learner.find_vote(static_cast<std::uint8_t>(index));
    if (vote != nullptr && vote->read_only) continue;
    if (std::ranges::find(nodes, branches[index].node) == nodes.end()) {
      nodes.push_back(branches[index].node);
    }
  }
  if (planted(Mutant::last_peer_untold) && nodes.size() > 1) nodes.pop_back();
  return nodes;
}

void Driver::inform(Drive& drive) {
  const std::vector<std::size_t> all = to_inform(drive);
  const auto is_informed = [&](std::size_t node) {
    return drive.informed.test(node) ||
           (planted(Mutant::forget_before_informed) && drive.resend_count > 0);
  };
  if (std::ranges::all_of(all, is_informed)) {
    all_informed(drive);
    return;
  }
  const Timing& timing = context_.options.timing;
  wake(drive,
       std::min(timing.resend_max, timing.resend_first * (4U << std::min(drive.resend_count, 6U))));
  drive.resend_count += 1;
  if (planted(Mutant::peers_told_once) && drive.resend_count > 1) return;
  const TransactionKey key = drive.key();
  for (const std::size_t node : all) {
    if (is_informed(node)) continue;
    context_.send(drive.descriptor->nodes[node].node,
                  Decision{.key = key, .outcome = *drive.outcome});
  }
}

void Driver::on_decision_ack(const NodeId& from, const DecisionAck& ack) {
  Drive* drive = find_drive(ack.key);
  if (drive == nullptr || drive->phase != Phase::informing) return;
  if (context_.is_stranger(from, *drive->descriptor, "decision-ack")) return;
  // Rule P-40: no other submission of this id can commit without that participant.
  if (!ends_id(*drive->outcome) && !branches_at(*drive->descriptor, from).empty()) {
    drive->outcome->reason = Reason::preempted;
    answer_waiters(*drive);
  }
  on_informed(from, *drive);
}

void Driver::on_informed(const NodeId& from, Drive& drive) {
  if (drive.phase != Phase::informing) return;
  const int node = find_node(*drive.descriptor, from);
  drive.informed.set(static_cast<std::size_t>(node));
  const bool initiator_knows = drive.informed.test(0);
  if (drive.left_to_initiator) return;  // inform() looks again later.
  if (drive.self != 0 && initiator_knows) {
    // Rule P-13: the initiator finishes, and tells this node to forget. It may have acknowledged
    // without a row of its own, after a crash: then this node goes on.
    drive.left_to_initiator = true;
    const TransactionKey key = drive.key();
    wake(drive, context_.options.timing.resend_max * 2 +
                    context_.random.up_to(context_.options.timing.resend_max));
    // A witness without a branch was no addressee of its own decision. One that has a branch and no
    // vote yet decides nothing: somebody said that it had voted.
    const Transaction* row = context_.state.find(key);
    if (row != nullptr && !row->outcome &&
        branches_at(*row->descriptor, context_.options.node).empty()) {
      context_.write(
          Decided{.key = key, .descriptor = nullptr, .outcome = *drive.outcome, .replies = {}},
          Urgency::lazy);
    }
    on_decided_here(key);
    return;
  }
  const std::vector<std::size_t> all = to_inform(drive);
  const bool done =
      std::ranges::all_of(all, [&](std::size_t index) { return drive.informed.test(index); });
  if (done) all_informed(drive);
}

// Rule P-13: only now may anybody forget, and only after this fact is durable.
void Driver::all_informed(Drive& drive) {
  answer_waiters(drive);
  drive.phase = Phase::forgetting;
  drive.resend_count = 0;
  const TransactionKey key = drive.key();
  if (context_.state.find(key) != nullptr) {
    context_.write(AllInformed{.key = key}, Urgency::lazy);
  }
  send_forgets(drive);
}

void Driver::send_forgets(Drive& drive) {
  const Timing& timing = context_.options.timing;
  wake(drive,
       std::min(timing.resend_max, timing.resend_first * (8U << std::min(drive.resend_count, 5U))));
  const TransactionId& id = drive.descriptor->id;
  const Forget forget{.key = drive.key(),
                      .outcome = *drive.outcome,
                      .ack_upto = context_.state.sessions().ack_upto(id.client, id.epoch)};
  for (std::size_t node = 0; node < drive.descriptor->nodes.size(); ++node) {
    if (static_cast<int>(node) == drive.self || drive.forgotten.test(node)) continue;
    context_.promise(drive.descriptor->nodes[node].node, forget);
  }
  drive.resend_count += 1;
  // All may have answered already while a service of this node was not done.
  all_forgotten(drive);
}

void Driver::on_forget_ack(const NodeId& from, const ForgetAck& ack) {
  Drive* drive = find_drive(ack.key);
  if (drive == nullptr || drive->phase != Phase::forgetting) return;
  if (context_.is_stranger(from, *drive->descriptor, "forget-ack")) return;
  const int node = find_node(*drive->descriptor, from);
  drive->forgotten.set(static_cast<std::size_t>(node));
  all_forgotten(*drive);
}

// Spare witnesses are told, but not waited for: one that is gone must not keep rows here, and
// one that holds a row asks by itself (Rule P-14).
void Driver::all_forgotten(Drive& drive) {
  for (const std::size_t node : participants_of(*drive.descriptor)) {
    if (static_cast<int>(node) != drive.self && !drive.forgotten.test(node)) return;
  }
  const TransactionKey key = drive.key();
  const Transaction* row = context_.state.find(key);
  // Tried again at the next deadline.
  if (row != nullptr && (row->is_prepared() || row->awaits_service())) return;
  if (row != nullptr) {
    context_.write(Forgotten{.key = key, .outcome = *drive.outcome}, Urgency::lazy);
  }
  unwatch(key);
  close_drive(key);
}

void Driver::on_forget(const NodeId& from, const Forget& forget) {
  const TransactionKey& key = forget.key;
  const Transaction* row = context_.state.find(key);
  if (row != nullptr) {
    if (context_.is_stranger(from, *row->descriptor, "forget")) return;
    // Never sent before we acknowledged the decision; a copy that overtook it waits.
    if (row->is_prepared() || row->awaits_service()) {
      context_.note("not ready to forget", key.id);
      return;
    }
    const DescriptorPtr descriptor = row->descriptor;  // The row goes.
    context_.write(Forgotten{.key = key, .outcome = forget.outcome}, Urgency::lazy);
    context_.take_acknowledged(from, *descriptor, forget.ack_upto);
  }
  Drive* drive = find_drive(key);
  if (drive != nullptr && context_.is_stranger(from, *drive->descriptor, "forget")) return;
  unwatch(key);
  if (drive != nullptr) {
    if (drive->outcome && !drive->waiters.empty()) {
      drive->outcome = forget.outcome;
      answer_waiters(*drive);
    }
    if (drive->waiters.empty()) close_drive(key);
  }
  context_.promise(from, ForgetAck{.key = key});
}

// ---- deadlines --------------------------------------------------------------------------------

void Driver::on_deadline(Instant now) {
  while (const std::optional<TransactionKey> key = drive_deadlines_.try_pop(now, DuesOf{drives_})) {
    on_drive_deadline(*find_drive(*key));
  }
  while (const std::optional<TransactionKey> key =
             watch_deadlines_.try_pop(now, DuesOf{watches_})) {
    on_watch_deadline(*key);
  }
}

void Driver::on_drive_deadline(Drive& drive) {
  switch (drive.phase) {
    case Phase::preparing:
      if (context_.now() >= drive.deadline) {
        start_asking(drive);
      } else {
        send_prepares(drive);
      }
      return;
    case Phase::asking:
      finish_asking(drive);
      return;
    case Phase::promising:
    case Phase::accepting:
      back_off(drive);
      return;
    case Phase::informing:
      inform(drive);
      return;
    case Phase::forgetting:
      send_forgets(drive);
      return;
  }
}

std::optional<Instant> Driver::earliest() const {
  const std::optional<Instant> drive = drive_deadlines_.earliest();
  const std::optional<Instant> watch = watch_deadlines_.earliest();
  if (!drive) return watch;
  if (!watch) return drive;
  return std::min(*drive, *watch);
}

// ---- views ------------------------------------------------------------------------------------

Learnt Driver::learnt(const TransactionKey& key) const {
  const Drive* drive = drives_.find(key);
  if (drive == nullptr) return {};
  return {.descriptor = drive->descriptor, .replies = drive->learner.replies()};
}

std::optional<Driver::View> Driver::view(const TransactionKey& key) const {
  const Drive* found = drives_.find(key);
  if (found == nullptr) return std::nullopt;
  const Drive& drive = *found;
  View view{.phase = drive.phase, .began = drive.began, .voted = {}, .waiting_for = {}};
  const auto& branches = drive.descriptor->branches;
  for (std::size_t index = 0; index < branches.size(); ++index) {
    const bool voted = drive.learner.has_vote(static_cast<std::uint8_t>(index));
    view.voted.push_back(voted);
    if (!voted && !drive.outcome) view.waiting_for.push_back(branches[index].node);
  }
  if (!drive.outcome && view.waiting_for.empty()) {
    // All have voted: what is missing is somebody to witness it, the coordinator in mode C.
    std::set<std::size_t> witnesses;
    for (std::size_t index = 0; index < branches.size(); ++index) {
      if (drive.learner.chosen(static_cast<std::uint8_t>(index))) continue;
      witnesses.insert(branches[index].witnesses.begin(), branches[index].witnesses.end());
    }
    if (drive.self >= 0) witnesses.erase(static_cast<std::size_t>(drive.self));
    view.waiting_for.assign(witnesses.begin(), witnesses.end());
  }
  if (drive.phase == Phase::informing) {
    for (const std::size_t node : to_inform(drive)) {
      if (!drive.informed.test(node)) view.waiting_for.push_back(node);
    }
  }
  return view;
}

std::vector<TransactionKey> Driver::keys() const {
  return drives_.keys();
}

DescriptorPtr Driver::descriptor_of(const TransactionKey& key) const {
  const Drive* drive = drives_.find(key);
  return drive == nullptr ? nullptr : drive->descriptor;
}

}  // namespace nemcon::core
