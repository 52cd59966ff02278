// Strong identifiers. Two ids of different kinds never compare or convert.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>

namespace nemcon::core {

template <class Tag, class Number = std::uint64_t>
class Id {
 public:
  constexpr Id() = default;

  constexpr explicit Id(Number value) : value_(value) {}

  [[nodiscard]] constexpr Number value() const { return value_; }

  friend constexpr auto operator<=>(const Id&, const Id&) = default;

  friend std::ostream& operator<<(std::ostream& out, Id id) { return out << id.value_; }

 private:
  Number value_ = 0;
};

// 128 random or hashed bits. Zero means "none".
template <class Tag>
struct Id128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  [[nodiscard]] constexpr bool is_zero() const { return high == 0 && low == 0; }

  friend constexpr auto operator<=>(const Id128&, const Id128&) = default;
};

using Lsn = Id<struct LsnTag>;  // Number of a record in the local journal; 0 is "before the first".
using Incarnation = Id<struct IncarnationTag>;   // Random, new with each data directory or restore.
using Boot = Id<struct BootTag, std::uint32_t>;  // Start counter of one incarnation.
using Epoch = Id<struct EpochTag>;               // One session of a named client; rises.
using Sequence = Id<struct SequenceTag>;         // A client's own count of transactions, from 1.
using QueueId = Id<struct QueueTag, std::uint32_t>;   // Local to one node; never reused.
using PeerIndex = Id<struct PeerTag, std::uint32_t>;  // A configured peer; local, never reused.
using LinkId = Id<struct LinkTag>;       // One connection of a client to this node, never reused.
using LeaseToken = Id<struct LeaseTag>;  // One delivery; unique at its node across restarts.
using RowNumber = Id<struct RowTag>;     // Rising key of a transaction's row in the store.

using NodeId = Id128<struct NodeTag>;      // Random; made with the data directory.
using ClientId = Id128<struct ClientTag>;  // Named: derived from the name. Anonymous: random.
using Digest = Id128<struct DigestTag>;    // BLAKE2b-128, computed by transport; opaque here.

// Chosen by the client before anything is sent. The initiator is the first node to drive it.
struct TransactionId {
  NodeId initiator;
  ClientId client;
  Epoch epoch;
  Sequence sequence;

  friend constexpr bool operator==(const TransactionId&, const TransactionId&) = default;

  // For maps: any order does, and all transactions of one client differ in the sequence alone: it
  // comes first, since trees of transactions are what a busy engine walks most.
  friend constexpr std::strong_ordering operator<=>(const TransactionId& a,
                                                    const TransactionId& b) {
    if (const auto order = a.sequence <=> b.sequence; order != 0) return order;
    if (const auto order = a.client <=> b.client; order != 0) return order;
    if (const auto order = a.epoch <=> b.epoch; order != 0) return order;
    return a.initiator <=> b.initiator;
  }
};

// Epochs of named clients start at 1; an anonymous client has none.
[[nodiscard]] inline bool is_anonymous(const TransactionId& id) {
  return id.epoch == Epoch{};
}

// Rule P-27: the order in which ties are broken, field by field. All nodes have the same, and the
// keys of the store (log/store_rows) have it as bytes, so it never changes.
[[nodiscard]] constexpr std::strong_ordering tie_order(const TransactionId& a,
                                                       const TransactionId& b) {
  if (const auto order = a.initiator <=> b.initiator; order != 0) return order;
  if (const auto order = a.client <=> b.client; order != 0) return order;
  if (const auto order = a.epoch <=> b.epoch; order != 0) return order;
  return a.sequence <=> b.sequence;
}

// Two descriptors with one transaction id are two instances of consensus (Rule P-5).
struct TransactionKey {
  TransactionId id;
  Digest digest;

  friend constexpr auto operator<=>(const TransactionKey&, const TransactionKey&) = default;
};

std::string to_text(const NodeId& id);         // 32 hexadecimal digits.
std::string to_text(const TransactionId& id);  // initiator-client-epoch-sequence, hexadecimal.

// Parses what to_text(TransactionId) prints. False when the text is anything else.
[[nodiscard]] bool try_parse(const std::string& text, TransactionId& id);

template <class Archive, class Tag>
void fields(Archive& archive, Id128<Tag>& id) {
  archive(id.high, id.low);
}

template <class Archive>
void fields(Archive& archive, TransactionId& id) {
  archive(id.initiator, id.client, id.epoch, id.sequence);
}

}  // namespace nemcon::core
