// Disk: journal and store of one node, as plain values in the hands of a test. Nothing becomes
// durable by itself; what is not durable is lost when the test says that the node crashed.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"

namespace nemcon::core::tests {

// The rows of the last checkpoint, by key.
class Store {
 public:
  void apply(const Checkpoint& checkpoint);
  [[nodiscard]] ReadDone read(const Read& read) const;

  [[nodiscard]] Lsn upto() const { return upto_; }

  // All rows but the messages: what a start gets.
  [[nodiscard]] std::vector<Row> rows() const;

  [[nodiscard]] std::size_t message_count(QueueId queue) const;

  [[nodiscard]] std::size_t transaction_count() const { return transactions_.size(); }

 private:
  void put(const Row& row);
  void erase(const RowKey& key);

  Lsn upto_;
  std::optional<MetaRow> meta_;
  std::map<QueueId, QueueRow> queues_;
  std::map<std::pair<QueueId, Position>, MessageRow> messages_;
  std::map<std::pair<QueueId, Position>, ReturnedRow> returned_;
  std::map<ClientId, SessionRow> sessions_;
  std::map<RowNumber, TransactionRow> transactions_;
  std::map<NodeId, PeerRow> peers_;
};

class Disk {
 public:
  // Appends; the numbers must go on without a gap.
  void append(const Write& write);

  void make_durable(Lsn upto);

  // Forgets what was not durable.
  void crash();

  [[nodiscard]] Lsn written() const { return Lsn{records_.size()}; }

  [[nodiscard]] Lsn durable() const { return durable_; }

  [[nodiscard]] const std::vector<Record>& records() const { return records_; }

  [[nodiscard]] Store& store() { return store_; }

  [[nodiscard]] const Store& store() const { return store_; }

  // Rows of the checkpoint and the journal behind it, up to what is durable.
  [[nodiscard]] Restored from_checkpoint() const;

  // Every record that was ever durable.
  [[nodiscard]] Restored from_journal() const;

  // Every record, also those that are not durable yet.
  [[nodiscard]] Restored from_all_records() const;

  // Checkpoint and all records behind it, also those that are not durable yet.
  [[nodiscard]] Restored from_checkpoint_and_all_records() const;

 private:
  std::vector<Record> records_;
  Lsn durable_;
  Store store_;
};

}  // namespace nemcon::core::tests
