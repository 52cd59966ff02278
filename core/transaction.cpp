#include "core/transaction.hpp"

#include <algorithm>

#include "core/mutant.hpp"

namespace nemcon::core {

bool is_legal_move(BranchState from, BranchState to) {
  return std::ranges::find(branch_moves, std::pair{from, to}) != branch_moves.end();
}

OwnBranch* Transaction::find_own(std::uint8_t branch) {
  const auto found = std::ranges::find(own, branch, &OwnBranch::branch);
  return found == own.end() ? nullptr : &*found;
}

const OwnBranch* Transaction::find_own(std::uint8_t branch) const {
  const auto found = std::ranges::find(own, branch, &OwnBranch::branch);
  return found == own.end() ? nullptr : &*found;
}

const Acceptance* Transaction::find_accepted(std::uint8_t branch) const {
  const auto found = std::ranges::find(accepted, branch, &Acceptance::branch);
  return found == accepted.end() ? nullptr : &*found;
}

bool Transaction::is_prepared() const {
  return std::ranges::any_of(own, [](const OwnBranch& branch) {
    return branch.state == BranchState::voted_yes && !branch.vote.read_only;
  });
}

bool Transaction::awaits_service() const {
  if (planted(Mutant::forget_unconfirmed_service)) return false;
  for (const OwnBranch& branch : own) {
    if (branch.state != BranchState::committed && branch.state != BranchState::rolled_back) {
      continue;
    }
    const auto& operations = descriptor->branches[branch.branch].operations;
    for (std::size_t index = 0; index < branch.operations.size(); ++index) {
      const PreparedOperation& prepared = branch.operations[index];
      if (operations[index].kind == OperationKind::call && !prepared.read_only &&
          !prepared.notified) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace nemcon::core
