// Messages between nodes. An order is an imperative, its answer a noun. Every one of them may
// be lost, doubled, late or out of order; every handler is idempotent.
//
// docs/protocol.md lists what must be durable before each may leave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/descriptor.hpp"
#include "core/vote.hpp"

namespace nemcon::core {

enum class Ordering : std::uint8_t { producer, mesh, none };

const char* to_text(Ordering ordering);

struct QueueNotice {
  std::string name;
  Ordering ordering = Ordering::producer;

  friend bool operator==(const QueueNotice&, const QueueNotice&) = default;
};

// What a node remembers of a peer; tells a restored or cloned peer from the real one.
struct Sighting {
  Incarnation incarnation;
  Boot boot;
  std::uint64_t nonce = 0;
  Lsn lsn;

  friend bool operator==(const Sighting&, const Sighting&) = default;
};

// A life of a node: from a start to the next one.
struct Life {
  Boot boot;
  Lsn after;  // The newest record that this life found when it began.

  friend bool operator==(const Life&, const Life&) = default;
};

// First on every link, and again whenever queues or services change.
struct Hello {
  std::string name;
  std::uint64_t nonce = 0;  // Random per process: two processes of one data directory differ.
  bool wants_answer = false;
  bool fenced = false;           // The sender takes no part any more.
  std::optional<Sighting> seen;  // The newest that the sender saw of the receiver.
  std::vector<Life> lives;       // The sender's last ones, the present one at the end.
  std::vector<QueueNotice> queues;
  std::vector<std::string> services;
};

struct Prepare {
  DescriptorPtr descriptor;
  Digest digest;
  std::vector<std::uint8_t> branches;  // The receiver's.
  std::vector<Content> contents;       // One for each deliver and call of those, in order.
  std::uint32_t remaining_ms = 0;
  Sequence ack_upto;  // Of the client's session: below it everything may be forgotten.
};

struct BranchVote {
  std::uint8_t branch = 0;
  Value value;
  std::vector<Content> replies;  // What the services of the branch answered.

  friend bool operator==(const BranchVote&, const BranchVote&) = default;
};

struct Vote {
  TransactionKey key;
  DescriptorPtr descriptor;  // Null to the node that sent the PREPARE, the first time.
  std::vector<BranchVote> votes;
  bool accepted = false;  // The sender also accepted them at ballot 0 as their witness.
};

struct Accepted {
  TransactionKey key;
  Ballot ballot;
  std::vector<BranchValue> values;
};

struct AskPromise {
  DescriptorPtr descriptor;
  Digest digest;
  Ballot ballot;
  // The challenge of the Refuse that this answers: "I am in doubt still" (Rule P-39). Or 0.
  std::uint64_t response = 0;
};

struct Promise {
  TransactionKey key;
  Ballot ballot;
  std::vector<Acceptance> accepted;
  std::vector<BranchValue> votes;  // The sender's own, at ballot 0.
  std::optional<Outcome> outcome;
};

struct Propose {
  DescriptorPtr descriptor;
  Digest digest;
  Ballot ballot;
  std::vector<BranchValue> values;  // All branches.
};

enum class Refusal : std::uint8_t { ballot, too_old, conflict, drift };

struct Refuse {
  TransactionKey key;
  Refusal why = Refusal::ballot;
  Ballot promised;           // why == ballot.
  DescriptorPtr descriptor;  // why == conflict: the one bound here.
  Digest bound;
  std::uint64_t challenge = 0;  // why == too_old, to an AskPromise: is it in doubt still?
};

struct Query {
  TransactionId id;
  Digest digest;  // Zero: whatever is known under this id.
  bool wants_descriptor = false;
  Hlc expires = Hlc::never();  // Of the transaction, as far as the asker knows (Rule P-15).
};

enum class Knowledge : std::uint8_t {
  none,     // Never heard of it.
  working,  // Received, not voted yet.
  voted,
  decided,
  too_old,  // Finished and forgotten, or too late: unknown, never "rolled back".
};

struct TransactionStatus {
  TransactionKey key;
  Knowledge knowledge = Knowledge::none;
  DescriptorPtr descriptor;
  std::vector<BranchVote> votes;     // Own branches.
  std::vector<Acceptance> accepted;  // As a witness.
  Ballot promised;
  std::optional<Outcome> outcome;
  bool forgotten = false;  // Every participant has applied the outcome; witnesses may forget.
};

struct Decision {
  TransactionKey key;
  Outcome outcome;
};

struct DecisionAck {
  TransactionKey key;
};

struct Forget {
  TransactionKey key;
  Outcome outcome;
  Sequence ack_upto;
};

struct ForgetAck {
  TransactionKey key;
};

// A new kind goes to the end: the index is the kind on the wire.
using Message = std::variant<Hello, Prepare, Vote, Accepted, AskPromise, Promise, Propose, Refuse,
                             Query, TransactionStatus, Decision, DecisionAck, Forget, ForgetAck>;

// Goes once with each batch of messages on a link.
struct FrameHeader {
  NodeId from;
  Incarnation incarnation;
  Boot boot;
  Lsn lsn;  // The sender's newest durable record.
  Hlc clock;
  std::uint64_t wall_ms = 0;  // The sender's, without what its timestamps have learnt from others.
  // Of the receiver, as the sender last saw it. Zero in a HELLO to a node not seen yet.
  Incarnation to_incarnation;
  Boot to_boot;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

const char* kind_of(const Message& message);

// What the descriptors of a message are called in fields(): the archive gets DescriptorPtr.
template <class Archive>
void fields(Archive& archive, TransactionKey& v) {
  archive(v.id, v.digest);
}

template <class Archive>
void fields(Archive& archive, QueueNotice& v) {
  archive(v.name, v.ordering);
}

template <class Archive>
void fields(Archive& archive, Sighting& v) {
  archive(v.incarnation, v.boot, v.nonce, v.lsn);
}

template <class Archive>
void fields(Archive& archive, Life& v) {
  archive(v.boot, v.after);
}

template <class Archive>
void fields(Archive& archive, FrameHeader& v) {
  archive(v.from, v.incarnation, v.boot, v.lsn, v.clock, v.wall_ms, v.to_incarnation, v.to_boot);
}

template <class Archive>
void fields(Archive& archive, Hello& v) {
  archive(v.name, v.nonce, v.wants_answer, v.fenced, v.seen, v.lives, v.queues, v.services);
}

template <class Archive>
void fields(Archive& archive, Prepare& v) {
  archive(v.descriptor, v.digest, v.branches, v.contents, v.remaining_ms, v.ack_upto);
}

template <class Archive>
void fields(Archive& archive, BranchVote& v) {
  archive(v.branch, v.value, v.replies);
}

template <class Archive>
void fields(Archive& archive, Vote& v) {
  archive(v.key, v.descriptor, v.votes, v.accepted);
}

template <class Archive>
void fields(Archive& archive, Accepted& v) {
  archive(v.key, v.ballot, v.values);
}

template <class Archive>
void fields(Archive& archive, AskPromise& v) {
  archive(v.descriptor, v.digest, v.ballot, v.response);
}

template <class Archive>
void fields(Archive& archive, Promise& v) {
  archive(v.key, v.ballot, v.accepted, v.votes, v.outcome);
}

template <class Archive>
void fields(Archive& archive, Propose& v) {
  archive(v.descriptor, v.digest, v.ballot, v.values);
}

template <class Archive>
void fields(Archive& archive, Refuse& v) {
  archive(v.key, v.why, v.promised, v.descriptor, v.bound, v.challenge);
}

template <class Archive>
void fields(Archive& archive, Query& v) {
  archive(v.id, v.digest, v.wants_descriptor, v.expires);
}

template <class Archive>
void fields(Archive& archive, TransactionStatus& v) {
  archive(v.key, v.knowledge, v.descriptor, v.votes, v.accepted, v.promised, v.outcome,
          v.forgotten);
}

template <class Archive>
void fields(Archive& archive, Decision& v) {
  archive(v.key, v.outcome);
}

template <class Archive>
void fields(Archive& archive, DecisionAck& v) {
  archive(v.key);
}

template <class Archive>
void fields(Archive& archive, Forget& v) {
  archive(v.key, v.outcome, v.ack_upto);
}

template <class Archive>
void fields(Archive& archive, ForgetAck& v) {
  archive(v.key);
}

}  // namespace nemcon::core
