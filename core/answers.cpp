#include "core/answers.hpp"

#include <algorithm>

namespace nemcon::core {

namespace {

// Own branches that were voted on; a tombstone is no vote.
bool has_vote(const OwnBranch& branch) {
  return branch.vote.choice != Choice::none;
}

}  // namespace

std::vector<Content> replies_of(const Descriptor& descriptor, const OwnBranch& branch) {
  std::vector<Content> replies;
  const auto& operations = descriptor.branches[branch.branch].operations;
  for (std::size_t index = 0; index < branch.operations.size(); ++index) {
    if (operations[index].kind == OperationKind::call) {
      replies.push_back(branch.operations[index].reply);
    }
  }
  return replies;
}

std::vector<BranchVote> votes_of(const Transaction& row) {
  std::vector<BranchVote> votes;
  for (const OwnBranch& branch : row.own) {
    if (!has_vote(branch)) continue;
    votes.push_back({.branch = branch.branch,
                     .value = branch.vote,
                     .replies = replies_of(*row.descriptor, branch)});
  }
  return votes;
}

Vote vote_of(const Transaction& row, bool with_descriptor) {
  Vote vote{.key = row.key(), .descriptor = nullptr, .votes = votes_of(row)};
  if (with_descriptor) vote.descriptor = row.descriptor;
  // Rule P-7: an acceptance at ballot 0 can be claimed only while it stands.
  vote.accepted = !vote.votes.empty() && std::ranges::all_of(vote.votes, [&](const auto& own) {
    const Acceptance* accepted = row.find_accepted(own.branch);
    return accepted != nullptr && accepted->ballot.is_zero();
  });
  return vote;
}

Promise promise_of(const Transaction& row, const Ballot& ballot) {
  Promise promise{.key = row.key(),
                  .ballot = ballot,
                  .accepted = row.accepted,
                  .votes = {},
                  .outcome = row.outcome};
  for (const BranchVote& vote : votes_of(row)) {
    promise.votes.push_back({.branch = vote.branch, .value = vote.value});
  }
  return promise;
}

TransactionStatus status_of(const Transaction& row, bool with_descriptor) {
  TransactionStatus status{.key = row.key(),
                           .knowledge = row.outcome ? Knowledge::decided : Knowledge::voted,
                           .descriptor = nullptr,
                           .votes = votes_of(row),
                           .accepted = row.accepted,
                           .promised = row.promised,
                           .outcome = row.outcome};
  if (with_descriptor) status.descriptor = row.descriptor;
  return status;
}

Verdict verdict_of(const Outcome& outcome) {
  if (outcome.committed) return Verdict::committed;
  return ends_id(outcome) ? Verdict::rolled_back : Verdict::in_doubt;
}

bool is_in_doubt(const Transaction& row, std::uint64_t wall_ms) {
  const Descriptor& descriptor = *row.descriptor;
  return row.is_prepared() && wall_ms > descriptor.created.wall_ms() + descriptor.deadline_ms;
}

std::vector<std::size_t> participants_of(const Descriptor& descriptor) {
  std::vector<std::size_t> nodes;
  for (const Branch& branch : descriptor.branches) {
    if (std::ranges::find(nodes, branch.node) == nodes.end()) nodes.push_back(branch.node);
  }
  return nodes;
}

std::size_t rank_of(const Descriptor& descriptor, const NodeId& node) {
  if (descriptor.nodes[0].node == node) return 0;
  std::size_t rank = 1;
  for (const std::size_t index : participants_of(descriptor)) {
    if (descriptor.nodes[index].node == node) return rank;
    rank += 1;
  }
  for (const NodeRef& ref : descriptor.nodes) {
    if (ref.node == node) return rank;
    rank += 1;
  }
  return rank;
}

}  // namespace nemcon::core
