// State: everything durable that a node knows, and the one place where records are given their
// meaning. Live code and recovery both go through apply(); nothing else changes durable state.
//
// Rows that changed since the last checkpoint are collected into the next one. What came and
// went in between never reaches the store.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/check.hpp"
#include "core/hashed_map.hpp"
#include "core/options.hpp"
#include "core/queue.hpp"
#include "core/sessions.hpp"

namespace nemcon::core {

class State {
 public:
  explicit State(const Options& options);

  // ---- recovery -----------------------------------------------------------------------------
  void load(Row row);
  void apply(const Record& record, Lsn lsn);

  // ---- questions ----------------------------------------------------------------------------
  [[nodiscard]] const Transaction* find(const TransactionKey& key) const;

  // The instance of this id that has work at this node, whatever its digest (Rule P-5).
  [[nodiscard]] const Transaction* find_bound(const TransactionId& id) const;

  [[nodiscard]] const TransactionMap<Transaction>& transactions() const { return transactions_; }

  [[nodiscard]] const Sessions& sessions() const { return sessions_; }

  [[nodiscard]] Queue* find_queue(const std::string& name);

  // Rows and records that disagree about a queue end the process here, with its number.
  [[nodiscard]] Queue& queue(QueueId id) {
    const auto known = queues_.find(id);
    NEMCON_CHECK(known != queues_.end(), "a record or a row names a queue that no row defines", id);
    return *known->second;
  }

  [[nodiscard]] const std::map<QueueId, std::unique_ptr<Queue>>& queues() const { return queues_; }

  // False for a queue that is still there but not in the configuration any more.
  [[nodiscard]] bool is_configured(const std::string& queue_name) const;

  [[nodiscard]] const std::map<NodeId, PeerRow>& peers() const { return peers_; }

  [[nodiscard]] Boot boot() const { return meta_.boot; }

  [[nodiscard]] const std::vector<Life>& lives() const { return meta_.lives; }

  [[nodiscard]] Hlc clock() const { return meta_.clock; }

  [[nodiscard]] QueueId next_queue() const { return meta_.next_queue; }

  // Queues that got or lost something since the last call.
  [[nodiscard]] std::set<QueueId> take_touched();

  void touch(QueueId queue) { touched_.insert(queue); }

  // ---- checkpoints --------------------------------------------------------------------------
  [[nodiscard]] bool is_dirty() const { return dirty_; }

  [[nodiscard]] std::uint64_t overlay_bytes() const;
  [[nodiscard]] Checkpoint collect(Lsn upto);
  void on_checkpoint_done();

  // Rows in a canonical order. Without messages: a state recovered from a checkpoint has them
  // in the store.
  [[nodiscard]] std::vector<Row> dump() const;

 private:
  void apply_one(const Started& record);
  void apply_one(const QueueDefined& record);
  void apply_one(const PeerSeen& record);
  void apply_one(const SessionOpened& record);
  void apply_one(const AcknowledgedUpTo& record);
  void apply_one(const FloorRaised& record);
  void apply_one(const Voted& record);
  void apply_one(const AcceptedVotes& record);
  void apply_one(const Promised& record);
  void apply_one(const Decided& record);
  void apply_one(const DecidedAlone& record);
  void apply_one(const Sent& record);
  void apply_one(const TurnedAway& record);
  void apply_one(const AllInformed& record);
  void apply_one(const Forgotten& record);
  void apply_one(const ServiceNotified& record);
  void apply_one(const Removed& record);
  void apply_one(const Returned& record);
  void apply_one(const DeadLettered& record);

  Transaction& row_of(const TransactionKey& key, const DescriptorPtr& descriptor);
  Transaction* find_row(const TransactionKey& key);
  void mark_dirty(const Transaction& transaction);
  void erase_row(const TransactionKey& key);
  void add_queue(const QueueRow& row);
  void touch_session(const Descriptor& descriptor);
  void index_row(const Transaction& transaction);
  void reserve(const Transaction& transaction, const OwnBranch& branch);
  void move(OwnBranch& branch, BranchState to);
  void settle(Transaction& transaction, OwnBranch& branch, const Outcome& outcome);
  void commit_branch(const Transaction& transaction, OwnBranch& branch, const Outcome& outcome);
  void release_branch(const Transaction& transaction, OwnBranch& branch);
  void deliver(const Transaction& transaction, const OwnBranch& branch, std::size_t operation,
               const Outcome& outcome, const std::string& producer);
  void remember(const Transaction& transaction, const Outcome& outcome);

  const Options& options_;
  MetaRow meta_;
  std::map<QueueId, std::unique_ptr<Queue>> queues_;
  std::map<std::string, QueueId> queue_ids_;
  TransactionMap<Transaction> transactions_;
  Sessions sessions_;
  std::map<NodeId, PeerRow> peers_;

  Lsn applying_;
  std::set<QueueId> touched_;
  bool dirty_ = false;
  std::map<RowNumber, TransactionKey> dirty_rows_;
  std::set<RowNumber> erased_rows_;
  std::set<RowNumber> stored_rows_;  // In the store, or on the way there.
  std::set<NodeId> dirty_peers_;
};

// The name under which a producer's order is kept: its own, or its id when it is anonymous.
[[nodiscard]] std::string producer_of(const Descriptor& descriptor);
[[nodiscard]] std::string producer_of(const std::string& principal, ClientId client);

}  // namespace nemcon::core
