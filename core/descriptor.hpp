// Descriptor: what a transaction is, frozen by whoever composes it. Immutable,
// self-contained and hashed: any node that holds one can vote, witness or drive.
//
// A branch is one node's part of the transaction. A node has two branches when services vote
// before `mesh` queues are prepared (Rule P-33): one for the services, one `second`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace nemcon::core {

constexpr std::size_t nodes_max = 255;  // Of one transaction, witnesses included.

struct NodeRef {
  NodeId node;
  Incarnation incarnation;

  friend auto operator<=>(const NodeRef&, const NodeRef&) = default;
};

enum class OperationKind : std::uint8_t {
  deliver,  // Put a message into a queue.
  consume,  // Take a leased message away.
  call,     // Let a service vote.
  check,    // Vote yes while the queue holds at most `limit` messages; changes nothing.
};

struct Operation {
  OperationKind kind = OperationKind::deliver;
  std::string target;       // Queue or service name at the branch's node.
  LeaseToken token;         // consume: the delivery that is taken away.
  Sequence previous;        // deliver: the producer's preceding transaction at this queue, or 0.
  std::uint64_t limit = 0;  // check.
  std::uint64_t payload_bytes = 0;
  Digest payload;  // Of the content; zero where there is none.

  friend bool operator==(const Operation&, const Operation&) = default;
};

struct Branch {
  std::uint8_t node = 0;  // Index into Descriptor::nodes.
  bool second = false;    // Prepared once every other branch voted yes.
  std::vector<Operation> operations;
  std::vector<std::uint8_t> witnesses;  // Indices into nodes; an odd number of distinct ones.

  friend bool operator==(const Branch&, const Branch&) = default;
};

struct Descriptor {
  TransactionId id;
  std::vector<NodeRef> nodes;  // nodes[0] is the initiator.
  std::vector<Branch> branches;
  bool one_phase = false;  // All branches at one node: voted and decided in one record.
  Hlc created;
  std::uint32_t deadline_ms = 0;  // From PREPARE to vote; counted on the voter's own clock.
  Hlc expires;                    // Hlc::never() for named clients.
  std::string principal;          // The authenticated client name; empty when anonymous.

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

using DescriptorPtr = std::shared_ptr<const Descriptor>;

// What the field "hold" of a branch's witnesses needs for a decision: F + 1 of 2F + 1.
[[nodiscard]] constexpr std::size_t quorum_of(std::size_t witness_count) {
  return witness_count / 2 + 1;
}

// Index of `node` in the descriptor, or -1.
[[nodiscard]] int find_node(const Descriptor& descriptor, const NodeId& node);

// The indices of the branches that live at `node`.
[[nodiscard]] std::vector<std::uint8_t> branches_at(const Descriptor& descriptor,
                                                    const NodeId& node);

[[nodiscard]] bool is_witness(const Branch& branch, std::size_t node_index);

struct WitnessRule {
  std::size_t witness_count = 1;    // 2F + 1.
  int coordinator = -1;             // Mode C: index of the fixed witness; else -1.
  std::vector<std::uint8_t> spare;  // Candidates after initiator and participants, best first.
};

// Rule P-3: fills in Branch::witnesses of every branch. False when there are too few nodes.
[[nodiscard]] bool try_assign_witnesses(Descriptor& descriptor, const WitnessRule& rule);

// Checks what a stranger sent: indices, odd distinct witness sets that follow Rule P-3, sizes.
[[nodiscard]] Status validate(const Descriptor& descriptor, std::size_t branch_count_max);

template <class Archive>
void fields(Archive& archive, NodeRef& v) {
  archive(v.node, v.incarnation);
}

template <class Archive>
void fields(Archive& archive, Operation& v) {
  archive(v.kind, v.target, v.token, v.previous, v.limit, v.payload_bytes, v.payload);
}

template <class Archive>
void fields(Archive& archive, Branch& v) {
  archive(v.node, v.second, v.operations, v.witnesses);
}

template <class Archive>
void fields(Archive& archive, Descriptor& v) {
  archive(v.id, v.nodes, v.branches, v.one_phase, v.created, v.deadline_ms, v.expires, v.principal);
}

}  // namespace nemcon::core
