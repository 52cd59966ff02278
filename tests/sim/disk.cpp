#include "tests/sim/disk.hpp"

#include <algorithm>
#include <iterator>

#include "core/check.hpp"
#include "log/archive.hpp"

namespace nemcon::sim {
namespace {

// How long a batch that nobody waits for may wait for company (core/effects.hpp).
constexpr Time linger = std::chrono::milliseconds{5};

// The real journal keeps a segment. An honest engine needs an eighth of this in the three seconds
// that a disk is full here, most of it for refusals; one that writes on by itself needs more.
constexpr std::size_t reserve_bytes = std::size_t{1} << 20U;

// As the log's format gives it back.
template <class T>
T read_back(const T& written) {
  T value;
  NEMCON_CHECK(log::decode(log::encoded(written), value).has_value());
  return value;
}

struct PutRow {
  StoreImage& image;

  void operator()(const core::MetaRow& row) const { image.meta[0] = row; }

  void operator()(const core::QueueRow& row) const { image.queues[row.queue] = row; }

  void operator()(const core::MessageRow& row) const {
    image.messages[{row.queue, row.position}] = row;
  }

  void operator()(const core::ReturnedRow& row) const {
    image.returned[{row.queue, row.position}] = row;
  }

  void operator()(const core::SessionRow& row) const { image.sessions[row.client] = row; }

  void operator()(const core::TransactionRow& row) const {
    image.transactions[row.transaction.number] = row;
  }

  void operator()(const core::PeerRow& row) const { image.peers[row.node] = row; }
};

struct EraseRow {
  StoreImage& image;

  void operator()(const core::MessageKey& key) const {
    image.messages.erase({key.queue, key.position});
  }

  void operator()(const core::ReturnedKey& key) const {
    image.returned.erase({key.queue, key.position});
  }

  void operator()(const core::SessionKey& key) const { image.sessions.erase(key.client); }

  void operator()(const core::TransactionRowKey& key) const {
    image.transactions.erase(key.number);
  }
};

bool is_at(const log::RowPlace& place, const RottenRow& rot) {
  return place.table == rot.place.table && place.key == rot.place.key;
}

// What the log finds where this row was written.
std::optional<core::Row> found(const core::Row& row, const std::optional<RottenRow>& rotten) {
  return rotten && is_at(log::place_of(row), *rotten) ? read_rotten(row, *rotten) : read_back(row);
}

template <class Map>
void add_rows(std::vector<core::Row>& rows, const Map& map) {
  for (const auto& [key, row] : map)
    rows.emplace_back(row);
}

}  // namespace

void StoreImage::apply(const core::Checkpoint& checkpoint) {
  for (const core::Row& row : checkpoint.puts) {
    std::visit(PutRow{*this}, row);
    if (rotten && is_at(log::place_of(row), *rotten)) rotten.reset();
  }
  for (const core::RowKey& key : checkpoint.erased) {
    std::visit(EraseRow{*this}, key);
    if (rotten && is_at(log::place_of(key), *rotten)) rotten.reset();
  }
  upto = checkpoint.upto;
}

std::vector<core::Row> StoreImage::rows(Messages with) const {
  std::vector<core::Row> result;
  add_rows(result, meta);
  add_rows(result, queues);
  if (with == Messages::with) add_rows(result, messages);
  add_rows(result, returned);
  add_rows(result, sessions);
  add_rows(result, transactions);
  add_rows(result, peers);
  return result;
}

std::optional<core::ReadDone> StoreImage::read(const core::Read& order) const {
  core::ReadDone done;
  done.queue = order.queue;
  auto next = order.after ? messages.upper_bound({order.queue, *order.after})
                          : messages.lower_bound({order.queue, core::Position{}});
  while (next != messages.end() && next->first.first == order.queue &&
         done.rows.size() < order.count_max) {
    const auto row = found(core::Row{next->second}, rotten);
    if (!row) return std::nullopt;
    done.rows.push_back(std::get<core::MessageRow>(*row));
    ++next;
  }
  done.end = next == messages.end() || next->first.first != order.queue;
  return done;
}

bool DiskImage::is_damaged() const {
  if (rotten && rotten->lsn > store.upto &&
      !read_rotten(history[rotten->lsn.value() - 1], *rotten)) {
    return true;
  }
  return store.rotten &&
         std::ranges::any_of(store.rows(StoreImage::Messages::without),
                             [this](const auto& row) { return !found(row, store.rotten); });
}

core::Restored DiskImage::restored() const {
  core::Restored result;
  for (const core::Row& row : store.rows(StoreImage::Messages::without))
    result.rows.push_back(found(row, store.rotten).value());
  result.checkpoint = store.upto;
  for (std::uint64_t lsn = store.upto.value() + 1; lsn <= history.size(); ++lsn) {
    const core::Record& record = history[lsn - 1];
    result.records.push_back(rotten && rotten->lsn == core::Lsn{lsn}
                                 ? read_rotten(record, *rotten).value()
                                 : read_back(record));
  }
  return result;
}

core::Restored DiskImage::restored_from_history(core::Lsn upto) const {
  core::Restored result;
  const auto last = history.begin() + static_cast<std::ptrdiff_t>(upto.value());
  result.records.assign(history.begin(), last);
  return result;
}

Disk::Disk(Schedule& schedule, Random random, Listener listener)
    : schedule_(schedule), random_(random), listener_(std::move(listener)) {}

Time Disk::between(Time low, Time high) {
  const auto from = static_cast<std::uint64_t>(low.count());
  const auto to = static_cast<std::uint64_t>(std::max(low, high).count());
  return Time{static_cast<std::int64_t>(random_.between(from, to))};
}

void Disk::append(core::Write write) {
  if (write.lsn.value() != next_lsn_) {
    listener_.violation("write has lsn " + std::to_string(write.lsn.value()) + ", expected " +
                        std::to_string(next_lsn_));
  }
  ++next_lsn_;
  if (full_) take_from_reserve(write.record);
  waiting_.push_back(std::move(write));
  start_batch_if_due();
}

void Disk::take_from_reserve(const core::Record& record) {
  reserve_used_ += log::encoded(record).size();
  if (reserve_used_ <= reserve_bytes) return;
  listener_.violation("writes more than the reserve of a full disk");
}

// The journal's thread wakes up later than the loop hands over: what one step writes is usually
// in one batch, and now and then is not.
void Disk::start_batch_if_due() {
  if (!batch_.empty() || waiting_.empty() || linger_planned_) return;
  const bool urgent =
      std::any_of(waiting_.begin(), waiting_.end(), [](const auto& write) { return write.urgent; });
  linger_planned_ = true;
  const Time delay =
      urgent ? Time{shuffles ? static_cast<std::int64_t>(random_.below(20'000)) : 1} : linger;
  schedule_.after(delay, [this, life = life_] {
    if (life != life_) return;
    linger_planned_ = false;
    start_batch();
  });
}

void Disk::start_batch() {
  NEMCON_CHECK(batch_.empty());
  std::size_t count = waiting_.size();
  if (shuffles && count > 1 && random_.chance(100'000)) count = random_.between(1, count);
  const auto last = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::move(waiting_.begin(), last, std::back_inserter(batch_));
  waiting_.erase(waiting_.begin(), last);
  ++counts_.batch_count;
  schedule_.after(between(speed.flush_min, speed.flush_max), [this, life = life_] {
    if (life == life_) finish_batch();
  });
}

void Disk::keep_batch() {
  before_last_batch_ = image.durable();
  for (core::Write& write : batch_) {
    image.history.push_back(std::move(write.record));
    listener_.durable(image.durable(), image.history.back());
  }
  batch_.clear();
}

void Disk::finish_batch() {
  if (fails_flush_) {
    ++counts_.failed_flush_count;
    listener_.failed();
    return;
  }
  keep_batch();
  start_batch_if_due();
  listener_.event(core::WriteDurable{image.durable()});
}

void Disk::read(core::Read order) {
  orders_.emplace_back(order);
  start_order();
}

void Disk::checkpoint(core::Checkpoint checkpoint) {
  if (checkpoint.upto > image.durable()) {
    listener_.violation("checkpoint upto " + std::to_string(checkpoint.upto.value()) +
                        " is ahead of the journal at " + std::to_string(image.durable().value()));
  }
  orders_.emplace_back(std::move(checkpoint));
  start_order();
}

void Disk::start_order() {
  if (order_busy_ || orders_.empty()) return;
  if (full_ && std::holds_alternative<core::Checkpoint>(orders_.front())) return;
  order_busy_ = true;
  schedule_.after(between(speed.store_min, speed.store_max), [this, life = life_] {
    if (life == life_) finish_order();
  });
}

void Disk::finish_order() {
  order_busy_ = false;
  const Order order = std::move(orders_.front());
  orders_.pop_front();
  start_order();
  if (const auto* checkpoint = std::get_if<core::Checkpoint>(&order)) {
    apply_checkpoint(*checkpoint);
    listener_.event(core::CheckpointDone{checkpoint->upto});
    return;
  }
  auto done = image.store.read(std::get<core::Read>(order));
  if (done) {
    listener_.event(std::move(*done));
  } else {
    ++counts_.damaged_read_count;
    listener_.failed();
  }
}

void Disk::apply_checkpoint(const core::Checkpoint& checkpoint) {
  if (checkpoint.upto < image.store.upto) listener_.violation("checkpoint goes back");
  ++counts_.checkpoint_count;
  image.store.apply(checkpoint);
}

void Disk::set_full(bool full) {
  if (full_ == full) return;
  full_ = full;
  if (full) ++counts_.full_count;
  reserve_used_ = 0;
  listener_.event(core::DiskFull{full});
  start_order();
}

bool Disk::rot() {
  const std::vector<core::Row> rows = image.store.rows(StoreImage::Messages::with);
  const std::uint64_t first = image.store.upto.value() + 1;
  const std::uint64_t record_count =
      before_last_batch_.value() < first ? 0 : before_last_batch_.value() - first + 1;
  if (rows.empty() && record_count == 0) return false;
  const std::uint64_t bit = random_.next();
  if (record_count != 0 && (rows.empty() || random_.chance(500'000))) {
    image.rotten = {.lsn = core::Lsn{first + random_.below(record_count)}, .bit = bit};
  } else {
    image.store.rotten = {.place = log::place_of(random_.pick(rows)), .bit = bit};
  }
  return true;
}

void Disk::crash() {
  ++life_;
  fails_flush_ = false;
  if (!batch_.empty() && random_.chance(500'000)) {
    keep_batch();
  } else if (!batch_.empty()) {
    ++counts_.lost_batch_count;
  }
  counts_.lost_record_count += batch_.size() + waiting_.size();
  batch_.clear();
  waiting_.clear();
  linger_planned_ = false;
  if (order_busy_ && std::holds_alternative<core::Checkpoint>(orders_.front())) {
    if (random_.chance(500'000)) {
      apply_checkpoint(std::get<core::Checkpoint>(orders_.front()));
    } else {
      ++counts_.lost_checkpoint_count;
    }
  }
  orders_.clear();
  order_busy_ = false;
}

void Disk::begin_life() {
  ++life_;
  next_lsn_ = image.durable().value() + 1;
}

}  // namespace nemcon::sim
