// Records: the durable facts, in the order in which they became true. The journal holds nothing
// else; State::apply is the only code that knows what they mean, live and at recovery.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/transaction.hpp"

namespace nemcon::core {

// A message that has been committed to a queue.
struct StoredMessage {
  TransactionId transaction;
  std::uint16_t part = 0;
  std::string producer;  // Client name, or client id in hexadecimal.
  Content content;
  std::string history;  // Dead-letter queues: where it came from and why.

  friend bool operator==(const StoredMessage&, const StoredMessage&) = default;
};

struct Started {
  Boot boot;
  Hlc clock;
};

struct QueueDefined {
  QueueId queue;
  std::string name;
  Ordering ordering = Ordering::producer;
};

struct PeerSeen {
  NodeId node;
  std::string name;
  Sighting sighting;
};

struct SessionOpened {
  ClientId client;
  std::string name;
  Epoch epoch;
};

struct AcknowledgedUpTo {
  ClientId client;
  Epoch epoch;
  Sequence ack_upto;
};

struct FloorRaised {
  Hlc floor;
};

// Own branches voted. With the descriptor when it is the first record of the transaction here.
struct Voted {
  TransactionKey key;
  DescriptorPtr descriptor;
  std::vector<OwnBranch> branches;
  bool accepted = false;  // Also accepted at ballot 0, by this node as their witness.
};

// As a witness, at any ballot.
struct AcceptedVotes {
  TransactionKey key;
  DescriptorPtr descriptor;
  Ballot ballot;
  std::vector<BranchValue> values;
};

struct Promised {
  TransactionKey key;
  DescriptorPtr descriptor;
  Ballot ballot;
};

// The outcome is known here. Without a row it leaves a tombstone, or the client's answer.
struct Decided {
  TransactionKey key;
  DescriptorPtr descriptor;
  Outcome outcome;
  std::vector<Content> replies;
  Hlc expires;  // Of a tombstone without a descriptor.
};

// All branches here: voted and decided in this one record.
struct DecidedAlone {
  TransactionKey key;
  DescriptorPtr descriptor;
  std::vector<OwnBranch> branches;
  Outcome outcome;
};

// One message to one queue of this node: needs no descriptor, no digest and no row.
struct Sent {
  TransactionId id;
  Hlc expires;
  std::string producer;
  QueueId queue;
  Hlc at;
  Content content;
};

// This node has not voted for it and never will: an application that was in doubt was told so.
struct TurnedAway {
  TransactionId id;
  Hlc expires;
  Outcome outcome;
};

struct AllInformed {
  TransactionKey key;
};

// The row goes; the outcome stays as long as somebody may ask or send a late copy.
struct Forgotten {
  TransactionKey key;
  Outcome outcome;
};

struct ServiceNotified {
  TransactionKey key;
  std::uint8_t branch = 0;
  std::uint8_t operation = 0;
};

struct Removed {
  QueueId queue;
  Position position;
  std::uint64_t bytes = 0;
};

// Given back after a delivery that was not acknowledged.
struct Returned {
  QueueId queue;
  Position position;
  std::uint32_t delivery_count = 0;
  Hlc due;  // Not delivered before.
};

struct DeadLettered {
  QueueId from;
  Position position;
  QueueId to;
  Hlc at;  // Its place there.
  StoredMessage message;
};

// A new kind goes to the end: the index is the kind on disk.
using Record =
    std::variant<Started, QueueDefined, PeerSeen, SessionOpened, AcknowledgedUpTo, FloorRaised,
                 Voted, AcceptedVotes, Promised, Decided, DecidedAlone, Sent, TurnedAway,
                 AllInformed, Forgotten, ServiceNotified, Removed, Returned, DeadLettered>;

const char* kind_of(const Record& record);

template <class Archive>
void fields(Archive& archive, StoredMessage& v) {
  archive(v.transaction, v.part, v.producer, v.content, v.history);
}

template <class Archive>
void fields(Archive& archive, Started& v) {
  archive(v.boot, v.clock);
}

template <class Archive>
void fields(Archive& archive, QueueDefined& v) {
  archive(v.queue, v.name, v.ordering);
}

template <class Archive>
void fields(Archive& archive, PeerSeen& v) {
  archive(v.node, v.name, v.sighting);
}

template <class Archive>
void fields(Archive& archive, SessionOpened& v) {
  archive(v.client, v.name, v.epoch);
}

template <class Archive>
void fields(Archive& archive, AcknowledgedUpTo& v) {
  archive(v.client, v.epoch, v.ack_upto);
}

template <class Archive>
void fields(Archive& archive, FloorRaised& v) {
  archive(v.floor);
}

template <class Archive>
void fields(Archive& archive, Voted& v) {
  archive(v.key, v.descriptor, v.branches, v.accepted);
}

template <class Archive>
void fields(Archive& archive, AcceptedVotes& v) {
  archive(v.key, v.descriptor, v.ballot, v.values);
}

template <class Archive>
void fields(Archive& archive, Promised& v) {
  archive(v.key, v.descriptor, v.ballot);
}

template <class Archive>
void fields(Archive& archive, Decided& v) {
  archive(v.key, v.descriptor, v.outcome, v.replies, v.expires);
}

template <class Archive>
void fields(Archive& archive, DecidedAlone& v) {
  archive(v.key, v.descriptor, v.branches, v.outcome);
}

template <class Archive>
void fields(Archive& archive, Sent& v) {
  archive(v.id, v.expires, v.producer, v.queue, v.at, v.content);
}

template <class Archive>
void fields(Archive& archive, TurnedAway& v) {
  archive(v.id, v.expires, v.outcome);
}

template <class Archive>
void fields(Archive& archive, AllInformed& v) {
  archive(v.key);
}

template <class Archive>
void fields(Archive& archive, Forgotten& v) {
  archive(v.key, v.outcome);
}

template <class Archive>
void fields(Archive& archive, ServiceNotified& v) {
  archive(v.key, v.branch, v.operation);
}

template <class Archive>
void fields(Archive& archive, Removed& v) {
  archive(v.queue, v.position, v.bytes);
}

template <class Archive>
void fields(Archive& archive, Returned& v) {
  archive(v.queue, v.position, v.delivery_count, v.due);
}

template <class Archive>
void fields(Archive& archive, DeadLettered& v) {
  archive(v.from, v.position, v.to, v.at, v.message);
}

}  // namespace nemcon::core
