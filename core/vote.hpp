// The vocabulary of agreement: ballots, votes and outcomes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "core/time.hpp"

namespace nemcon::core {

// Why a branch said no, or why a request was turned away.
enum class Reason : std::uint8_t {
  none,
  unknown_queue,
  unknown_service,
  ambiguous_name,  // The queue name without a node is not unique in the mesh.
  queue_full,
  queue_closing,
  lease_lost,           // The delivery is not leased to this client any more, or is claimed.
  out_of_order,         // A later transaction of this producer was already accepted here.
  service_refused,      // Application code voted no; the text is its own.
  service_unavailable,  // No instance answered before the deadline.
  deadline,
  preempted,            // Recovery asked before the vote was given.
  fenced,               // A newer session of the same client is open.
  descriptor_conflict,  // Of one submission; another one of the same id may have committed.
  clock_drift,
  check_failed,
  too_large,
  too_many_branches,
  unavailable,  // Not all nodes that the transaction needs can be reached.
  disk_full,
  window_full,  // Too many unacknowledged outcomes of this client.
  too_old,
  forbidden,
  stopping,
  malformed,
  not_found,
  rolled_back_node,  // This node was restored from an old state and may not vote.
};

const char* to_text(Reason reason);

// Smallest is zero: the ballot of the branch's own participant. Ordered lexicographically.
struct Ballot {
  std::uint32_t round = 0;
  NodeId leader;
  Boot boot;

  [[nodiscard]] bool is_zero() const { return round == 0; }

  friend auto operator<=>(const Ballot&, const Ballot&) = default;
};

enum class Choice : std::uint8_t { none, no, yes };

// The vote of one branch. Only `choice` and `at` take part in agreement.
struct Value {
  Choice choice = Choice::none;
  Hlc at;                  // yes: the vote timestamp; zero when read-only.
  bool read_only = false;  // yes that needs no decision.
  Reason reason = Reason::none;
  std::string text;

  [[nodiscard]] bool same_choice(const Value& other) const {
    return choice == other.choice && at == other.at;
  }

  friend bool operator==(const Value&, const Value&) = default;
};

struct BranchValue {
  std::uint8_t branch = 0;
  Value value;

  friend bool operator==(const BranchValue&, const BranchValue&) = default;
};

// What a witness holds for one branch.
struct Acceptance {
  std::uint8_t branch = 0;
  Ballot ballot;
  Value value;

  friend bool operator==(const Acceptance&, const Acceptance&) = default;
};

struct Outcome {
  bool committed = false;
  Hlc at;     // Commit timestamp: the largest of the votes'.
  NodeId by;  // Rolled back: the node that objected.
  Reason reason = Reason::none;
  std::string text;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// False for the roll back of one submission that says nothing of other ones of the same id, which
// may have ended otherwise (Rule P-40).
[[nodiscard]] inline bool ends_id(const Outcome& outcome) {
  return outcome.committed || outcome.reason != Reason::descriptor_conflict;
}

template <class Archive>
void fields(Archive& archive, Ballot& v) {
  archive(v.round, v.leader, v.boot);
}

template <class Archive>
void fields(Archive& archive, Value& v) {
  archive(v.choice, v.at, v.read_only, v.reason, v.text);
}

template <class Archive>
void fields(Archive& archive, BranchValue& v) {
  archive(v.branch, v.value);
}

template <class Archive>
void fields(Archive& archive, Acceptance& v) {
  archive(v.branch, v.ballot, v.value);
}

template <class Archive>
void fields(Archive& archive, Outcome& v) {
  archive(v.committed, v.at, v.by, v.reason, v.text);
}

}  // namespace nemcon::core
