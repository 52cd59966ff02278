// Queue: the messages of one queue at its node, in the order in which they may be delivered.
//
//        first                     bound                              last
//          |------- head_ ----------|---- in the store / beyond_ -------|
//
// The head is in memory. Behind `bound_` a message is in memory only until the checkpoint that
// stores it is done; after that the store has it alone, so memory does not grow with the backlog.
// `bound_` is absent while nothing was read yet; is_complete() says that the head is everything.
//
// Durable state (counters, messages, deliveries, prepared work, claims) is changed by
// State::apply only; leases are volatile and belong to Consumers.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/effects.hpp"
#include "core/options.hpp"

namespace nemcon::core {

struct Lease {
  LeaseToken token;
  LinkId link;
  ClientId client;
  std::uint64_t subscription = 0;
};

struct Entry {
  StoredMessage message;
  Lsn lsn;  // The record that made it visible; zero when it came from the store.
  bool in_store = false;
  std::uint32_t delivery_count = 0;
  std::optional<Lease> lease;

  // Invariant: a claimed entry is never delivered, returned, removed or moved.
  bool claimed = false;
};

// Work that was voted yes and is not decided.
struct PreparedAt {
  Hlc at;
  TransactionId id;

  friend bool operator==(const PreparedAt&, const PreparedAt&) = default;

  friend std::strong_ordering operator<=>(const PreparedAt& a, const PreparedAt& b) {
    const auto order = a.at <=> b.at;
    return order != 0 ? order : tie_order(a.id, b.id);
  }
};

class Queue {
 public:
  Queue(const QueueRow& row, const QueueOptions& options, const Limits& limits);

  [[nodiscard]] const QueueRow& row() const { return row_; }

  [[nodiscard]] const QueueOptions& options() const { return options_; }

  [[nodiscard]] std::uint64_t prepared_count() const { return reserved_count_; }

  [[nodiscard]] bool has_room_for(std::uint64_t bytes) const;
  [[nodiscard]] bool is_overfull() const;

  // ---- durable changes ----------------------------------------------------------------------
  void put(const Position& position, StoredMessage message, Lsn lsn);
  void erase(const Position& position, std::uint64_t bytes);
  void set_returned(const Position& position, std::uint32_t delivery_count, Hlc due);
  void add_prepared(const PreparedAt& prepared, const std::string& producer, std::uint64_t bytes);
  void remove_prepared(const PreparedAt& prepared, const std::string& producer,
                       std::uint64_t bytes);
  void claim(const Position& position, const TransactionKey& by);
  void release_claim(const Position& position);
  void load_returned(const ReturnedRow& row);

  // ---- delivery -----------------------------------------------------------------------------
  // The next message that may be delivered now (Rules P-28, P-30), or nullopt.
  [[nodiscard]] std::optional<Position> next_deliverable() const;
  [[nodiscard]] Entry* find(const Position& position);
  void lease(const Position& position, const Lease& lease);
  void end_lease(const Position& position);

  // Consumers wait for messages: decisions about this queue are worth a flush of their own.
  void set_demand(bool demand) { demand_ = demand; }

  [[nodiscard]] bool has_demand() const { return demand_; }

  // Messages whose delay has passed become deliverable. Returns when the next one will.
  [[nodiscard]] std::optional<Hlc> wake_deferred(Hlc now);

  // ---- the head -----------------------------------------------------------------------------
  [[nodiscard]] std::optional<Read> try_read();
  void on_read(ReadDone done);

  [[nodiscard]] bool is_complete() const { return complete_; }

  // ---- checkpoints --------------------------------------------------------------------------
  [[nodiscard]] bool is_dirty() const { return row_dirty_; }

  [[nodiscard]] std::uint64_t overlay_bytes() const { return overlay_bytes_; }

  void mark_dirty() { row_dirty_ = true; }

  void collect(Checkpoint& checkpoint);
  void on_checkpoint_done();

  // Messages and deliveries that memory holds, dirty or not. For dumps.
  void dump(std::vector<Row>& rows) const;

 private:
  enum class Change { put, erase };

  struct Returned {
    std::uint32_t delivery_count = 0;
    Hlc due;
  };

  [[nodiscard]] bool is_in_head(const Position& position) const;
  void insert_head(const Position& position, Entry entry);
  void limit_head();
  void classify(const Position& position, const Entry& entry);
  void unclassify(const Position& position, const Entry& entry);
  void release_blocked(const std::string& producer);
  [[nodiscard]] bool is_erased(const Position& position) const;
  void absorb_beyond(bool all);

  QueueRow row_;
  QueueOptions options_;
  std::uint32_t head_count_max_;
  std::uint64_t head_bytes_max_;
  bool row_dirty_ = false;
  bool demand_ = false;

  std::map<Position, Entry> head_;
  std::uint64_t head_bytes_ = 0;
  std::map<Position, Entry> beyond_;
  std::optional<Position> bound_;
  bool complete_ = false;
  bool reading_ = false;

  // Each message of the head is in exactly one of these, or leased, or claimed.
  std::set<Position> ready_;
  std::map<std::string, std::set<Position>> blocked_;  // By producer (Rule P-30).
  std::set<std::pair<Hlc, Position>> deferred_;
  Hlc deferral_clock_;

  std::map<Position, Returned> returned_;
  std::map<Position, TransactionKey> claims_;
  std::map<PreparedAt, std::uint32_t> prepared_;
  std::map<std::string, std::multiset<Hlc>> prepared_by_producer_;
  std::uint64_t reserved_count_ = 0;
  std::uint64_t reserved_bytes_ = 0;

  std::map<Position, Change> dirty_;
  std::map<Position, Change> flushing_;
  std::set<Position> returned_dirty_;
  std::uint64_t overlay_bytes_ = 0;  // Bodies of `dirty_` and `flushing_` puts.
  std::uint64_t flushing_bytes_ = 0;
};

}  // namespace nemcon::core
