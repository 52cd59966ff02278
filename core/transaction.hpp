// Transaction: the durable state of one transaction at one node, in all the roles that the node
// has in it. Changed only by State::apply.
//
//   own branch:   none ──────► voted_yes ──────► committed
//                  │  │            └───────────► rolled_back
//                  │  └──► voted_no ───────────► rolled_back
//                  ├─────► committed             (one phase: vote and decision in one record)
//                  └─────► rolled_back           (tombstone: told of the outcome before the work)
//
// A voted_no branch has finished already; rolled_back only says that the rest knows.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "core/message.hpp"
#include "core/vote.hpp"

namespace nemcon::core {

// Place of a message in its queue. `mesh` queues are keyed by commit timestamp, which two
// transactions may share: the transaction id breaks the tie. Other queues are keyed by the vote
// timestamp, unique at the node: `tie` is zero there.
struct Position {
  Hlc at;
  TransactionId tie;
  std::uint16_t part = 0;

  friend bool operator==(const Position&, const Position&) = default;

  friend std::strong_ordering operator<=>(const Position& a, const Position& b) {
    if (const auto order = a.at <=> b.at; order != 0) return order;
    if (const auto order = tie_order(a.tie, b.tie); order != 0) return order;
    return a.part <=> b.part;
  }
};

enum class BranchState : std::uint8_t { none, voted_no, voted_yes, committed, rolled_back };

constexpr std::array<std::pair<BranchState, BranchState>, 7> branch_moves = {{
    {BranchState::none, BranchState::voted_no},
    {BranchState::none, BranchState::voted_yes},
    {BranchState::none, BranchState::committed},
    {BranchState::none, BranchState::rolled_back},
    {BranchState::voted_no, BranchState::rolled_back},
    {BranchState::voted_yes, BranchState::committed},
    {BranchState::voted_yes, BranchState::rolled_back},
}};

[[nodiscard]] bool is_legal_move(BranchState from, BranchState to);

const char* to_text(BranchState state);

// What a yes vote promises, operation by operation (same order as Branch::operations).
struct PreparedOperation {
  QueueId queue;                     // deliver, consume.
  Position position;                 // consume: the message that goes.
  std::uint64_t bytes = 0;           // deliver, consume: what the queue gains or loses.
  std::uint32_t delivery_count = 0;  // consume: how often it had been delivered.
  Content content;                   // deliver: the message; call: the request.
  Content reply;                     // call: what the service answered.
  bool read_only = false;            // call: the service wants no decision.
  bool notified = false;             // call: the service has confirmed the decision.

  friend bool operator==(const PreparedOperation&, const PreparedOperation&) = default;
};

struct OwnBranch {
  std::uint8_t branch = 0;  // Index into Descriptor::branches.
  BranchState state = BranchState::none;
  Value vote;
  std::vector<PreparedOperation> operations;  // Empty unless voted yes.

  friend bool operator==(const OwnBranch&, const OwnBranch&) = default;
};

struct Transaction {
  RowNumber number;
  DescriptorPtr descriptor;
  Digest digest;
  std::vector<OwnBranch> own;        // The node's branches, by index; empty for a pure witness.
  Ballot promised;                   // As witness: nothing below is accepted any more.
  std::vector<Acceptance> accepted;  // As witness: at most one for each branch.
  std::optional<Outcome> outcome;
  std::vector<Content> replies;  // As initiator: what the services answered, for the client.
  bool settled = false;          // As initiator or closer: every participant has the outcome.

  [[nodiscard]] TransactionKey key() const { return {descriptor->id, digest}; }

  [[nodiscard]] OwnBranch* find_own(std::uint8_t branch);
  [[nodiscard]] const OwnBranch* find_own(std::uint8_t branch) const;
  [[nodiscard]] const Acceptance* find_accepted(std::uint8_t branch) const;

  // True while some own branch is voted_yes: the node is in doubt about it.
  [[nodiscard]] bool is_prepared() const;

  // True while a service has still to confirm the decision.
  [[nodiscard]] bool awaits_service() const;
};

template <class Archive>
void fields(Archive& archive, Position& v) {
  archive(v.at, v.tie, v.part);
}

template <class Archive>
void fields(Archive& archive, PreparedOperation& v) {
  archive(v.queue, v.position, v.bytes, v.delivery_count, v.content, v.reply, v.read_only,
          v.notified);
}

template <class Archive>
void fields(Archive& archive, OwnBranch& v) {
  archive(v.branch, v.state, v.vote, v.operations);
}

template <class Archive>
void fields(Archive& archive, Transaction& v) {
  archive(v.number, v.descriptor, v.digest, v.own, v.promised, v.accepted, v.outcome, v.replies,
          v.settled);
}

}  // namespace nemcon::core
