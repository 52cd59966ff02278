// What a node can truthfully say about a transaction, built from its durable row. The caller
// sends these as promises only.
#pragma once

#include "core/message.hpp"
#include "core/request.hpp"
#include "core/transaction.hpp"

namespace nemcon::core {

// What the services of a branch answered, in the order of its calls.
[[nodiscard]] std::vector<Content> replies_of(const Descriptor& descriptor,
                                              const OwnBranch& branch);
[[nodiscard]] std::vector<BranchVote> votes_of(const Transaction& row);
[[nodiscard]] Vote vote_of(const Transaction& row, bool with_descriptor);
[[nodiscard]] Promise promise_of(const Transaction& row, const Ballot& ballot);
[[nodiscard]] TransactionStatus status_of(const Transaction& row, bool with_descriptor);

// What a client hears. Of a submission that lost against another one of the same id: in doubt,
// since the other may have ended otherwise; the client has to ask.
[[nodiscard]] Verdict verdict_of(const Outcome& outcome);

// Voted yes, and waits for the decision beyond its deadline.
[[nodiscard]] bool is_in_doubt(const Transaction& row, std::uint64_t wall_ms);

// Position of a node among those that may have to finish a transaction: initiator,
// participants, other witnesses. The lower, the earlier it tries (Rule P-17).
[[nodiscard]] std::size_t rank_of(const Descriptor& descriptor, const NodeId& node);

// The distinct nodes with a branch, as indices.
[[nodiscard]] std::vector<std::size_t> participants_of(const Descriptor& descriptor);

}  // namespace nemcon::core
