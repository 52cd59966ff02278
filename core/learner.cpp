#include "core/learner.hpp"

#include <algorithm>

#include "core/mutant.hpp"

namespace nemcon::core {

Learner::Learner(DescriptorPtr descriptor)
    : descriptor_(std::move(descriptor)), branches_(descriptor_->branches.size()) {}

void Learner::report(std::size_t node, std::uint8_t branch, const Ballot& ballot,
                     const Value& value) {
  if (branch >= branches_.size() || value.choice == Choice::none) return;
  if (!is_witness(descriptor_->branches[branch], node)) return;
  std::vector<Acceptor>& acceptors = branches_[branch].acceptors;
  const bool known = std::ranges::any_of(acceptors, [&](const Acceptor& acceptor) {
    return acceptor.node == node && acceptor.ballot == ballot;
  });
  if (!known) acceptors.push_back({.node = node, .ballot = ballot, .value = value});
}

void Learner::report_vote(std::uint8_t branch, const Value& value,
                          const std::vector<Content>& replies) {
  if (branch >= branches_.size() || value.choice == Choice::none) return;
  Known& known = branches_[branch];
  if (known.vote) return;
  known.vote = value;
  known.replies = replies;
}

bool Learner::has_vote(std::uint8_t branch) const {
  return branches_[branch].vote.has_value();
}

const Value* Learner::find_vote(std::uint8_t branch) const {
  const auto& vote = branches_[branch].vote;
  return vote ? &*vote : nullptr;
}

std::optional<Value> Learner::chosen(std::uint8_t branch) const {
  const Known& known = branches_[branch];
  if (known.vote && known.vote->choice == Choice::no) return known.vote;
  std::size_t quorum = quorum_of(descriptor_->branches[branch].witnesses.size());
  if (planted(Mutant::minority_learns)) quorum = std::max<std::size_t>(1, quorum - 1);
  if (planted(Mutant::own_yes_is_enough) && known.vote) return known.vote;
  for (const Acceptor& candidate : known.acceptors) {
    const auto same = std::ranges::count_if(known.acceptors, [&](const Acceptor& other) {
      return other.ballot == candidate.ballot && other.value.same_choice(candidate.value);
    });
    if (static_cast<std::size_t>(same) >= quorum) return candidate.value;
  }
  return std::nullopt;
}

std::optional<Outcome> Learner::conclude() const {
  Outcome outcome{.committed = true};
  bool all_chosen = true;
  for (std::size_t branch = 0; branch < branches_.size(); ++branch) {
    const std::optional<Value> value = chosen(static_cast<std::uint8_t>(branch));
    if (!value) {
      const bool is_last = branch > 0 && branch + 1 == branches_.size();
      if (!(is_last && planted(Mutant::commit_without_last))) all_chosen = false;
      continue;
    }
    if (value->choice == Choice::no) {
      const bool unseen = value->reason == Reason::preempted && !has_heard_participant();
      return Outcome{.committed = false,
                     .at = {},
                     .by = descriptor_->nodes[descriptor_->branches[branch].node].node,
                     .reason = unseen ? Reason::descriptor_conflict : value->reason,
                     .text = unseen ? "given up before a participant had it" : value->text};
    }
    outcome.at = std::max(outcome.at, value->at);
    if (planted(Mutant::least_timestamp_commits)) outcome.at = value->at;
  }
  if (!all_chosen) return std::nullopt;
  return outcome;
}

// Its vote, or its acceptance by a witness.
bool Learner::has_heard_participant() const {
  return std::ranges::any_of(branches_, [](const Known& known) {
    return known.vote || std::ranges::any_of(known.acceptors,
                                             [](const Acceptor& a) { return a.ballot.is_zero(); });
  });
}

std::vector<Content> Learner::replies() const {
  std::vector<Content> all;
  for (const Known& known : branches_) {
    all.insert(all.end(), known.replies.begin(), known.replies.end());
  }
  return all;
}

std::optional<Value> value_to_propose(const Descriptor& descriptor, std::uint8_t branch,
                                      const Ballot& ballot,
                                      const std::vector<PromiseOf>& promises) {
  const Branch& of = descriptor.branches[branch];
  std::size_t promised = 0;
  const Acceptance* highest = nullptr;
  const Value* own_vote = nullptr;
  for (const PromiseOf& from : promises) {
    if (from.node == of.node) {
      for (const BranchValue& vote : from.promise.votes) {
        if (vote.branch == branch) own_vote = &vote.value;
      }
    }
    if (!is_witness(of, from.node)) continue;
    promised += 1;
    for (const Acceptance& accepted : from.promise.accepted) {
      if (accepted.branch != branch || accepted.ballot >= ballot) continue;
      const bool higher = highest == nullptr || highest->ballot < accepted.ballot;
      if (higher != planted(Mutant::adopt_lowest_ballot) || highest == nullptr) highest = &accepted;
    }
  }
  const bool is_minority = promised < quorum_of(of.witnesses.size());
  if (is_minority && !(planted(Mutant::minority_of_promises) && promised > 0)) return std::nullopt;
  if (highest != nullptr && !planted(Mutant::ignore_accepted_value)) {
    Value value = highest->value;
    if (planted(Mutant::invent_timestamp)) value.at = Hlc{};
    return value;
  }
  // Free. The participant's own vote keeps its own timestamp (trap: an invented one could fall
  // below messages already delivered).
  if (own_vote != nullptr && own_vote->choice != Choice::none &&
      !planted(Mutant::ignore_accepted_value)) {
    Value vote = *own_vote;
    if (planted(Mutant::invent_timestamp)) vote.at = Hlc{};
    return vote;
  }
  if (planted(Mutant::invent_yes)) return Value{.choice = Choice::yes, .at = Hlc{1}};
  return Value{.choice = Choice::no, .at = {}, .reason = Reason::preempted, .text = {}};
}

}  // namespace nemcon::core
