#include "core/witness.hpp"

#include "core/answers.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

constexpr std::size_t challenges_max = 10'000;

}  // namespace

bool Witness::ignore(const NodeId& from, const DescriptorPtr& given, const Digest& digest,
                     const char* what) {
  const Descriptor& descriptor = *given;
  if (const Status valid = context_.check(given, digest); !valid) {
    context_.note("bad descriptor", descriptor.id, valid.error().detail);
    context_.blame(from, valid.error().detail);
    return true;
  }
  const int self = find_node(descriptor, context_.options.node);
  if (self < 0 || descriptor.nodes[static_cast<std::size_t>(self)].incarnation !=
                      context_.options.incarnation) {
    context_.note("not named by the transaction", descriptor.id, what);
    return true;
  }
  if (descriptor.one_phase) {
    context_.note("one-phase transactions have no witnesses", descriptor.id, what);
    return true;
  }
  if (!context_.membership.may_vote()) {
    context_.note("not taking part yet", descriptor.id, what);
    return true;
  }
  return false;
}

// Rule P-15: what was forgotten is refused for ever, and no state is made for it.
bool Witness::refuse_forgotten(const NodeId& from, const DescriptorPtr& descriptor,
                               const Digest& digest, std::uint64_t challenge) {
  const TransactionKey key{descriptor->id, digest};
  if (context_.state.find(key) != nullptr) return false;
  const Sessions& sessions = context_.state.sessions();
  if (const Remembered* remembered = sessions.find_remembered(key)) {
    context_.promise(from, TransactionStatus{.key = key,
                                             .knowledge = Knowledge::decided,
                                             .outcome = remembered->outcome,
                                             .forgotten = remembered->forgotten});
    return true;
  }
  if (!sessions.is_too_old(key.id, descriptor->expires)) return false;
  if (planted(Mutant::forget_witness_only)) return false;
  context_.note("too old", key.id);
  context_.promise(from, Refuse{.key = key,
                                .why = Refusal::too_old,
                                .promised = {},
                                .descriptor = nullptr,
                                .bound = {},
                                .challenge = challenge});
  return true;
}

std::uint64_t Witness::challenge(const TransactionKey& key) {
  // Each of them is as good as none: who is in doubt asks again.
  if (challenges_.size() >= challenges_max) challenges_.clear();
  // The boot count makes it unique across restarts.
  const std::uint64_t fresh =
      (std::uint64_t{context_.state.boot().value()} << 32U) | ++challenge_count_;
  challenges_[key] = fresh;
  return fresh;
}

// Rule P-39. A participant that was in doubt after this node had called the transaction too old
// proves that nobody was told to forget it, so that this node never was a witness of it: the
// client's mark alone made it too old here.
bool Witness::is_in_doubt_still(const NodeId& from, const AskPromise& ask) const {
  const auto found = challenges_.find(TransactionKey{ask.descriptor->id, ask.digest});
  return found != challenges_.end() && ask.response == found->second &&
         !branches_at(*ask.descriptor, from).empty();
}

bool Witness::on_vote(const NodeId& from, const Vote& vote, const DescriptorPtr& shown) {
  const Transaction* row = context_.state.find(vote.key);
  const DescriptorPtr descriptor = row != nullptr ? row->descriptor : shown;
  if (descriptor == nullptr || ignore(from, descriptor, vote.key.digest, "vote")) return false;
  if (refuse_forgotten(from, descriptor, vote.key.digest, 0)) return false;
  const auto self = static_cast<std::size_t>(find_node(*descriptor, context_.options.node));

  std::vector<BranchValue> fresh;
  bool witnessed = false;
  for (const BranchVote& one : vote.votes) {
    if (one.branch >= descriptor->branches.size()) return false;
    const Branch& branch = descriptor->branches[one.branch];
    // Rule P-6: only the participant itself speaks at ballot 0.
    if (descriptor->nodes[branch.node].node != from) {
      context_.blame(from, "vote for another node's branch");
      return false;
    }
    if (context_.is_self(from) || !is_witness(branch, self)) continue;
    witnessed = true;
    if (one.value.choice == Choice::yes &&
        context_.clock.is_too_far_ahead(one.value.at, context_.options.timing.max_drift)) {
      context_.note("vote from the future", vote.key.id);
      context_.promise(from, Refuse{.key = vote.key, .why = Refusal::drift});
      return false;
    }
    const bool known = row != nullptr && row->find_accepted(one.branch) != nullptr;
    if (!known) fresh.push_back({.branch = one.branch, .value = one.value});
  }
  if (!witnessed) return false;
  if (row != nullptr && !row->promised.is_zero() && !planted(Mutant::vote_again_after_promise)) {
    context_.note("vote after a promise", vote.key.id);
    context_.promise(from,
                     Refuse{.key = vote.key, .why = Refusal::ballot, .promised = row->promised});
    return false;
  }
  if (!fresh.empty()) {
    context_.write(AcceptedVotes{.key = vote.key,
                                 .descriptor = row == nullptr ? descriptor : nullptr,
                                 .ballot = {},
                                 .values = fresh},
                   Urgency::urgent);
  }
  const bool repeated = fresh.empty();
  answer_accepted(from, *context_.state.find(vote.key), vote, repeated);
  return !repeated;
}

void Witness::answer_accepted(const NodeId& from, const Transaction& row, const Vote& vote,
                              bool repeated) {
  Accepted accepted{.key = vote.key, .ballot = {}, .values = {}};
  for (const BranchVote& one : vote.votes) {
    const Acceptance* held = row.find_accepted(one.branch);
    if (held == nullptr || !held->ballot.is_zero()) continue;
    accepted.values.push_back({.branch = one.branch, .value = held->value});
  }
  if (accepted.values.empty()) return;
  const NodeId& initiator = row.descriptor->nodes[0].node;
  context_.promise(initiator, accepted);
  // The voter learns it too when it has to ask twice: its initiator may be gone.
  if (from != initiator && repeated) context_.promise(from, accepted);
}

void Witness::on_ask_promise(const NodeId& from, const AskPromise& ask) {
  const TransactionKey key{ask.descriptor->id, ask.digest};
  if (ignore(from, ask.descriptor, ask.digest, "ask-promise")) return;
  if (context_.is_stranger(from, *ask.descriptor, "ask-promise")) return;
  if (!is_in_doubt_still(from, ask) &&
      refuse_forgotten(from, ask.descriptor, ask.digest, challenge(key))) {
    return;
  }
  challenges_.erase(key);
  const Transaction* row = context_.state.find(key);
  if (row != nullptr && row->outcome) {
    context_.promise(from, status_of(*row, false));
    return;
  }
  if (row != nullptr && ask.ballot < row->promised) {
    context_.note("ballot too low", key.id);
    context_.promise(from, Refuse{.key = key, .why = Refusal::ballot, .promised = row->promised});
    return;
  }
  if (row == nullptr || row->promised < ask.ballot) {
    context_.write(Promised{.key = key,
                            .descriptor = row == nullptr ? ask.descriptor : nullptr,
                            .ballot = ask.ballot},
                   Urgency::urgent);
  }
  // Rule P-11: an own branch without a vote says no now, or a late PREPARE could still lock.
  if (!planted(Mutant::promise_without_vote)) {
    participant_.vote_no_for_recovery(ask.descriptor, ask.digest);
  }
  context_.promise(from, promise_of(*context_.state.find(key), ask.ballot));
}

bool Witness::is_made_up(const Transaction* row, const Descriptor& descriptor,
                         const BranchValue& value) const {
  const NodeId& voter = descriptor.nodes[descriptor.branches[value.branch].node].node;
  if (value.value.choice != Choice::yes || !context_.is_self(voter)) return false;
  const OwnBranch* own = row == nullptr ? nullptr : row->find_own(value.branch);
  return own == nullptr || !own->vote.same_choice(value.value);
}

void Witness::on_propose(const NodeId& from, const Propose& propose) {
  const TransactionKey key{propose.descriptor->id, propose.digest};
  if (ignore(from, propose.descriptor, propose.digest, "propose")) return;
  if (context_.is_stranger(from, *propose.descriptor, "propose")) return;
  if (propose.ballot.leader != from || propose.ballot.is_zero()) {
    context_.blame(from, "proposal under another leader's ballot");
    return;
  }
  if (refuse_forgotten(from, propose.descriptor, propose.digest, 0)) return;
  const Transaction* row = context_.state.find(key);
  if (row != nullptr && row->outcome) {
    context_.promise(from, status_of(*row, false));
    return;
  }
  if (row != nullptr && propose.ballot < row->promised && !planted(Mutant::accept_lower_ballot)) {
    context_.note("ballot too low", key.id);
    context_.promise(from, Refuse{.key = key, .why = Refusal::ballot, .promised = row->promised});
    return;
  }
  const auto self = static_cast<std::size_t>(find_node(*propose.descriptor, context_.options.node));
  std::vector<BranchValue> values;
  for (const BranchValue& value : propose.values) {
    if (value.branch >= propose.descriptor->branches.size()) return;
    // Rule P-43: of its own vote a node knows best. The leader may have been lied to itself.
    if (is_made_up(row, *propose.descriptor, value)) {
      return context_.note("proposal of a yes that this node did not give", key.id);
    }
    if (is_witness(propose.descriptor->branches[value.branch], self)) values.push_back(value);
  }
  if (values.empty()) return;
  context_.write(AcceptedVotes{.key = key,
                               .descriptor = row == nullptr ? propose.descriptor : nullptr,
                               .ballot = propose.ballot,
                               .values = values},
                 Urgency::urgent);
  context_.promise(from, Accepted{.key = key, .ballot = propose.ballot, .values = values});
}

}  // namespace nemcon::core
