// Rows: the state as the store keeps it. A checkpoint is the set of rows that changed since the
// one before; what came and went between two checkpoints never reaches the store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/record.hpp"

namespace nemcon::core {

struct MetaRow {
  Boot boot;
  Hlc clock;  // The largest timestamp issued or learnt.
  Hlc floor;  // Anonymous transactions that expire at or before it are refused.
  RowNumber next_row;
  QueueId next_queue;
  std::vector<Life> lives;  // The last ones, the present one at the end (Rule P-37).
};

struct QueueRow {
  QueueId queue;
  std::string name;
  Ordering ordering = Ordering::producer;
  std::uint64_t message_count = 0;
  std::uint64_t byte_count = 0;
};

struct MessageRow {
  QueueId queue;
  Position position;
  StoredMessage message;
};

// A message that was given back: how often it was delivered, when it is due again.
struct ReturnedRow {
  QueueId queue;
  Position position;
  std::uint32_t delivery_count = 0;
  Hlc due;
};

// The outcome of a transaction whose row is gone, or never was.
struct Remembered {
  Outcome outcome;
  Hlc expires;
  bool forgotten = false;  // Every participant has applied it.
};

struct EpochMark {
  Epoch epoch;
  Sequence ack_upto;  // Strictly below it everything is finished and known to the client.
};

// The highest transaction of this client that was voted yes at a `producer` queue (Rule P-31).
struct HighMark {
  QueueId queue;
  Epoch epoch;
  Sequence sequence;
};

struct SessionRow {
  ClientId client;
  std::string name;  // Empty: anonymous.
  Epoch newest;
  Hlc expires;  // Anonymous: the largest expiry seen; the row goes once it is below floor.
  std::vector<EpochMark> marks;
  std::vector<HighMark> highs;
  // Of one that was turned away the digest is zero: nobody knew its descriptor.
  std::map<TransactionKey, Remembered> remembered;
};

struct TransactionRow {
  Transaction transaction;
};

struct PeerRow {
  NodeId node;
  std::string name;
  Sighting sighting;
};

using Row =
    std::variant<MetaRow, QueueRow, MessageRow, ReturnedRow, SessionRow, TransactionRow, PeerRow>;

struct MessageKey {
  QueueId queue;
  Position position;
};

struct ReturnedKey {
  QueueId queue;
  Position position;
};

struct SessionKey {
  ClientId client;
};

struct TransactionRowKey {
  RowNumber number;
};

using RowKey = std::variant<MessageKey, ReturnedKey, SessionKey, TransactionRowKey>;

// Everything that changed up to `upto`, in one atomic write. Puts first, then erasures; a key
// is in at most one of the two.
struct Checkpoint {
  Lsn upto;
  std::vector<Row> puts;
  std::vector<RowKey> erased;
};

template <class Archive>
void fields(Archive& archive, MetaRow& v) {
  archive(v.boot, v.clock, v.floor, v.next_row, v.next_queue, v.lives);
}

template <class Archive>
void fields(Archive& archive, QueueRow& v) {
  archive(v.queue, v.name, v.ordering, v.message_count, v.byte_count);
}

template <class Archive>
void fields(Archive& archive, MessageRow& v) {
  archive(v.queue, v.position, v.message);
}

template <class Archive>
void fields(Archive& archive, ReturnedRow& v) {
  archive(v.queue, v.position, v.delivery_count, v.due);
}

template <class Archive>
void fields(Archive& archive, Remembered& v) {
  archive(v.outcome, v.expires, v.forgotten);
}

template <class Archive>
void fields(Archive& archive, EpochMark& v) {
  archive(v.epoch, v.ack_upto);
}

template <class Archive>
void fields(Archive& archive, HighMark& v) {
  archive(v.queue, v.epoch, v.sequence);
}

template <class Archive>
void fields(Archive& archive, SessionRow& v) {
  archive(v.client, v.name, v.newest, v.expires, v.marks, v.highs, v.remembered);
}

template <class Archive>
void fields(Archive& archive, TransactionRow& v) {
  archive(v.transaction);
}

template <class Archive>
void fields(Archive& archive, PeerRow& v) {
  archive(v.node, v.name, v.sighting);
}

}  // namespace nemcon::core
