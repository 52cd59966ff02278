#include "tests/core/disk.hpp"

#include "core/check.hpp"
#include "core/overloaded.hpp"

namespace nemcon::core::tests {

namespace {

Restored restored_from(const Store* store, const std::vector<Record>& records, Lsn upto) {
  Restored restored;
  if (store != nullptr) {
    restored.rows = store->rows();
    restored.checkpoint = store->upto();
  }
  restored.records.assign(
      records.begin() + static_cast<std::ptrdiff_t>(restored.checkpoint.value()),
      records.begin() + static_cast<std::ptrdiff_t>(upto.value()));
  return restored;
}

}  // namespace

void Store::apply(const Checkpoint& checkpoint) {
  NEMCON_CHECK(checkpoint.upto >= upto_, checkpoint.upto, upto_);
  for (const Row& row : checkpoint.puts)
    put(row);
  for (const RowKey& key : checkpoint.erased)
    erase(key);
  upto_ = checkpoint.upto;
}

void Store::put(const Row& row) {
  std::visit(Overloaded{
                 [&](const MetaRow& v) { meta_ = v; },
                 [&](const QueueRow& v) { queues_[v.queue] = v; },
                 [&](const MessageRow& v) {
                   messages_[{v.queue, v.position}] = v;
                 },
                 [&](const ReturnedRow& v) {
                   returned_[{v.queue, v.position}] = v;
                 },
                 [&](const SessionRow& v) { sessions_[v.client] = v; },
                 [&](const TransactionRow& v) { transactions_[v.transaction.number] = v; },
                 [&](const PeerRow& v) { peers_[v.node] = v; },
             },
             row);
}

// A row that is erased was put by an earlier checkpoint.
void Store::erase(const RowKey& key) {
  const std::size_t gone =
      std::visit(Overloaded{
                     [&](const MessageKey& v) {
                       return messages_.erase({v.queue, v.position});
                     },
                     [&](const ReturnedKey& v) {
                       return returned_.erase({v.queue, v.position}) + 1;
                     },
                     [&](const SessionKey& v) { return sessions_.erase(v.client) + 1; },
                     [&](const TransactionRowKey& v) { return transactions_.erase(v.number); },
                 },
                 key);
  NEMCON_CHECK(gone > 0, key.index());
}

ReadDone Store::read(const Read& read) const {
  ReadDone done{.queue = read.queue, .rows = {}, .end = true};
  auto at = read.after ? messages_.upper_bound({read.queue, *read.after})
                       : messages_.lower_bound({read.queue, Position{}});
  for (; at != messages_.end() && at->first.first == read.queue; ++at) {
    if (done.rows.size() == read.count_max) {
      done.end = false;
      break;
    }
    done.rows.push_back(at->second);
  }
  return done;
}

std::vector<Row> Store::rows() const {
  std::vector<Row> rows;
  // In an order that nobody may rely on: later kinds first.
  for (const auto& [key, row] : transactions_)
    rows.emplace_back(row);
  for (const auto& [key, row] : peers_)
    rows.emplace_back(row);
  for (const auto& [key, row] : sessions_)
    rows.emplace_back(row);
  for (const auto& [key, row] : returned_)
    rows.emplace_back(row);
  for (const auto& [key, row] : queues_)
    rows.emplace_back(row);
  if (meta_) rows.emplace_back(*meta_);
  return rows;
}

std::size_t Store::message_count(QueueId queue) const {
  std::size_t count = 0;
  for (const auto& [key, row] : messages_)
    count += key.first == queue ? 1U : 0U;
  return count;
}

void Disk::append(const Write& write) {
  NEMCON_CHECK(write.lsn.value() == records_.size() + 1, write.lsn, records_.size());
  records_.push_back(write.record);
}

void Disk::make_durable(Lsn upto) {
  NEMCON_CHECK(upto.value() <= records_.size(), upto);
  durable_ = std::max(durable_, upto);
}

void Disk::crash() {
  records_.resize(durable_.value());
}

Restored Disk::from_checkpoint() const {
  return restored_from(&store_, records_, durable_);
}

Restored Disk::from_journal() const {
  return restored_from(nullptr, records_, durable_);
}

Restored Disk::from_all_records() const {
  return restored_from(nullptr, records_, written());
}

Restored Disk::from_checkpoint_and_all_records() const {
  return restored_from(&store_, records_, written());
}

}  // namespace nemcon::core::tests
