#include "core/queue.hpp"

#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// What an entry costs besides its bodies; measured with std::map on this layout, rounded up.
constexpr std::uint64_t entry_overhead_bytes = 256;

std::uint64_t cost_of(const StoredMessage& message) {
  return message.content.byte_count() + entry_overhead_bytes;
}

}  // namespace

Queue::Queue(const QueueRow& row, const QueueOptions& options, const Limits& limits)
    : row_(row),
      options_(options),
      head_count_max_(limits.head_messages_max),
      head_bytes_max_(limits.head_bytes_max),
      complete_(row.message_count == 0) {}

bool Queue::has_room_for(std::uint64_t bytes) const {
  if (options_.when_full == WhenFull::drop_oldest) return true;
  return row_.message_count + reserved_count_ < options_.max_messages &&
         row_.byte_count + reserved_bytes_ + bytes <= options_.max_bytes;
}

bool Queue::is_overfull() const {
  return options_.when_full == WhenFull::drop_oldest &&
         (row_.message_count > options_.max_messages || row_.byte_count > options_.max_bytes);
}

// ---- durable changes --------------------------------------------------------------------------

void Queue::put(const Position& position, StoredMessage message, Lsn lsn) {
  row_.message_count += 1;
  row_.byte_count += message.content.byte_count();
  row_dirty_ = true;
  // Nearly always the latest of all: no search.
  dirty_.insert_or_assign(dirty_.end(), position, Change::put);
  overlay_bytes_ += cost_of(message);
  Entry entry{.message = std::move(message), .lsn = lsn, .lease = std::nullopt};
  if (is_in_head(position)) {
    insert_head(position, std::move(entry));
    limit_head();
  } else {
    beyond_.emplace_hint(beyond_.end(), position, std::move(entry));
  }
}

void Queue::erase(const Position& position, std::uint64_t bytes) {
  NEMCON_CHECK(row_.message_count > 0 && row_.byte_count >= bytes, row_.name, row_.message_count);
  row_.message_count -= 1;
  row_.byte_count -= bytes;
  row_dirty_ = true;
  claims_.erase(position);
  if (returned_.erase(position) > 0) returned_dirty_.insert(position);

  bool in_store = true;  // Not in memory: then only the store can have it.
  std::uint64_t cost = 0;
  if (const auto found = head_.find(position); found != head_.end()) {
    in_store = found->second.in_store;
    cost = cost_of(found->second.message);
    unclassify(position, found->second);
    head_bytes_ -= cost;
    head_.erase(found);
  } else if (const auto later = beyond_.find(position); later != beyond_.end()) {
    in_store = later->second.in_store;
    cost = cost_of(later->second.message);
    beyond_.erase(later);
  }
  if (const auto dirty = dirty_.find(position);
      dirty != dirty_.end() && dirty->second == Change::put) {
    overlay_bytes_ -= cost;
    dirty_.erase(dirty);
  }
  if (in_store || flushing_.contains(position)) dirty_[position] = Change::erase;
}

void Queue::set_returned(const Position& position, std::uint32_t delivery_count, Hlc due) {
  returned_[position] = {.delivery_count = delivery_count, .due = due};
  returned_dirty_.insert(position);
  row_dirty_ = true;
  if (Entry* entry = find(position); entry != nullptr) {
    unclassify(position, *entry);
    entry->delivery_count = delivery_count;
    classify(position, *entry);
  }
}

void Queue::add_prepared(const PreparedAt& prepared, const std::string& producer,
                         std::uint64_t bytes) {
  reserved_count_ += 1;
  reserved_bytes_ += bytes;
  if (row_.ordering == Ordering::mesh) prepared_[prepared] += 1;
  if (row_.ordering == Ordering::producer) prepared_by_producer_[producer].insert(prepared.at);
}

void Queue::remove_prepared(const PreparedAt& prepared, const std::string& producer,
                            std::uint64_t bytes) {
  NEMCON_CHECK(reserved_count_ > 0 && reserved_bytes_ >= bytes, row_.name);
  reserved_count_ -= 1;
  reserved_bytes_ -= bytes;
  if (row_.ordering == Ordering::mesh) {
    const auto found = prepared_.find(prepared);
    NEMCON_CHECK(found != prepared_.end(), row_.name);
    if (--found->second == 0) prepared_.erase(found);
  }
  if (row_.ordering != Ordering::producer) return;
  std::multiset<Hlc>& times = prepared_by_producer_[producer];
  times.erase(times.find(prepared.at));
  if (times.empty()) prepared_by_producer_.erase(producer);
  release_blocked(producer);
}

void Queue::claim(const Position& position, const TransactionKey& by) {
  claims_.emplace(position, by);
  if (Entry* entry = find(position); entry != nullptr) {
    unclassify(position, *entry);
    entry->claimed = !planted(Mutant::lease_survives_claim);
    entry->lease.reset();
    if (!entry->claimed) classify(position, *entry);
  }
}

void Queue::release_claim(const Position& position) {
  if (claims_.erase(position) == 0) return;
  if (Entry* entry = find(position); entry != nullptr) {
    entry->claimed = false;
    classify(position, *entry);
  }
}

void Queue::load_returned(const ReturnedRow& row) {
  returned_[row.position] = {.delivery_count = row.delivery_count, .due = row.due};
}

// ---- delivery ---------------------------------------------------------------------------------

std::optional<Position> Queue::next_deliverable() const {
  if (ready_.empty()) return std::nullopt;
  const Position& first = *ready_.begin();
  // Rule P-28: a smaller proposal may still become a smaller commit timestamp.
  if (row_.ordering == Ordering::mesh && !prepared_.empty() &&
      !planted(Mutant::deliver_without_waiting) &&
      prepared_.begin()->first < PreparedAt{.at = first.at, .id = first.tie}) {
    if (planted(Mutant::no_tie_break) && prepared_.begin()->first.at == first.at) return first;
    return std::nullopt;
  }
  return first;
}

Entry* Queue::find(const Position& position) {
  const auto found = head_.find(position);
  return found == head_.end() ? nullptr : &found->second;
}

void Queue::lease(const Position& position, const Lease& lease) {
  Entry* entry = find(position);
  NEMCON_CHECK(entry != nullptr && !entry->claimed && !entry->lease, row_.name);
  unclassify(position, *entry);
  entry->lease = lease;
  entry->delivery_count += 1;
}

void Queue::end_lease(const Position& position) {
  Entry* entry = find(position);
  NEMCON_CHECK(entry != nullptr && entry->lease.has_value(), row_.name);
  entry->lease.reset();
  classify(position, *entry);
}

std::optional<Hlc> Queue::wake_deferred(Hlc now) {
  deferral_clock_ = std::max(deferral_clock_, now);
  while (!deferred_.empty() && deferred_.begin()->first <= now) {
    const Position position = deferred_.begin()->second;
    deferred_.erase(deferred_.begin());
    if (const Entry* entry = find(position); entry != nullptr) classify(position, *entry);
  }
  if (deferred_.empty()) return std::nullopt;
  return deferred_.begin()->first;
}

bool Queue::is_in_head(const Position& position) const {
  return complete_ || (bound_ && position <= *bound_);
}

void Queue::insert_head(const Position& position, Entry entry) {
  if (const auto found = returned_.find(position); found != returned_.end()) {
    entry.delivery_count = found->second.delivery_count;
  }
  entry.claimed = claims_.contains(position) && !planted(Mutant::claim_lost_at_start);
  head_bytes_ += cost_of(entry.message);
  const std::size_t count = head_.size();
  const auto at = head_.emplace_hint(head_.end(), position, std::move(entry));
  NEMCON_CHECK(head_.size() == count + 1, row_.name);
  classify(position, at->second);
}

void Queue::limit_head() {
  if (!complete_ || head_.empty()) return;
  if (head_.size() < head_count_max_ && head_bytes_ < head_bytes_max_) return;
  complete_ = false;
  bound_ = head_.rbegin()->first;
}

void Queue::classify(const Position& position, const Entry& entry) {
  if (entry.claimed || entry.lease) return;
  if (const auto found = returned_.find(position);
      found != returned_.end() && found->second.due > deferral_clock_) {
    deferred_.emplace(found->second.due, position);
    return;
  }
  if (row_.ordering == Ordering::producer && !planted(Mutant::overtake_own_producer)) {
    const auto times = prepared_by_producer_.find(entry.message.producer);
    if (times != prepared_by_producer_.end() && *times->second.begin() < position.at) {
      blocked_[entry.message.producer].insert(position);
      return;
    }
  }
  ready_.insert(ready_.end(), position);
}

void Queue::unclassify(const Position& position, const Entry& entry) {
  if (entry.claimed || entry.lease) return;
  if (ready_.erase(position) > 0) return;
  if (const auto found = blocked_.find(entry.message.producer); found != blocked_.end()) {
    found->second.erase(position);
    if (found->second.empty()) blocked_.erase(found);
  }
  if (const auto found = returned_.find(position); found != returned_.end()) {
    deferred_.erase({found->second.due, position});
  }
}

void Queue::release_blocked(const std::string& producer) {
  const auto found = blocked_.find(producer);
  if (found == blocked_.end()) return;
  const std::set<Position> positions = std::move(found->second);
  blocked_.erase(found);
  for (const Position& position : positions)
    classify(position, *find(position));
}

// ---- the head ---------------------------------------------------------------------------------

std::optional<Read> Queue::try_read() {
  const bool low = head_.size() < head_count_max_ / 2 && head_bytes_ < head_bytes_max_ / 2;
  if (complete_ || reading_ || !low) return std::nullopt;
  reading_ = true;
  return Read{.queue = row_.queue, .after = bound_, .count_max = head_count_max_ / 2};
}

bool Queue::is_erased(const Position& position) const {
  if (const auto found = dirty_.find(position); found != dirty_.end()) {
    return found->second == Change::erase;
  }
  const auto found = flushing_.find(position);
  return found != flushing_.end() && found->second == Change::erase;
}

void Queue::on_read(ReadDone done) {
  reading_ = false;
  if (complete_) return;
  for (MessageRow& row : done.rows) {
    if (bound_ && row.position <= *bound_) continue;
    // The overlay is newer than what the store could see when it read.
    if (is_erased(row.position) || beyond_.contains(row.position)) continue;
    Entry entry{.message = std::move(row.message), .in_store = true, .lease = std::nullopt};
    beyond_.emplace(row.position, std::move(entry));
  }
  if (!done.rows.empty()) {
    const Position last = done.rows.back().position;
    if (!bound_ || *bound_ < last) bound_ = last;
  }
  absorb_beyond(done.end);
}

// Moves what now belongs to the head out of beyond_. With `all` the store has nothing behind
// the bound, so that beyond_ is the whole rest; the head still stops at its limit.
void Queue::absorb_beyond(bool all) {
  const bool was_bounded = bound_.has_value();
  while (!beyond_.empty()) {
    const auto first = beyond_.begin();
    const bool below = was_bounded && first->first <= *bound_;
    const bool room = head_.size() < head_count_max_ && head_bytes_ < head_bytes_max_;
    if (!below && !(all && room)) break;
    if (!below) bound_ = first->first;
    Entry entry = std::move(first->second);
    const Position position = first->first;
    beyond_.erase(first);
    insert_head(position, std::move(entry));
  }
  if (all && beyond_.empty()) {
    complete_ = true;
    bound_.reset();
  }
}

// ---- checkpoints ------------------------------------------------------------------------------

void Queue::collect(Checkpoint& checkpoint) {
  if (!row_dirty_) return;
  NEMCON_CHECK(flushing_.empty(), row_.name);
  row_dirty_ = false;
  checkpoint.puts.reserve(checkpoint.puts.size() + dirty_.size() + returned_dirty_.size() + 1);
  checkpoint.puts.emplace_back(row_);
  auto in_head = dirty_.empty() ? head_.end() : head_.lower_bound(dirty_.begin()->first);
  for (const auto& [position, change] : dirty_) {
    if (change == Change::erase) {
      if (planted(Mutant::checkpoint_forgets_erased)) continue;
      checkpoint.erased.emplace_back(MessageKey{row_.queue, position});
      continue;
    }
    while (in_head != head_.end() && in_head->first < position)
      ++in_head;
    const bool is_there = in_head != head_.end() && in_head->first == position;
    const Entry& entry = is_there ? in_head->second : beyond_.at(position);
    checkpoint.puts.emplace_back(MessageRow{row_.queue, position, entry.message});
  }
  if (planted(Mutant::checkpoint_forgets_returned)) returned_dirty_.clear();
  for (const Position& position : returned_dirty_) {
    const auto found = returned_.find(position);
    if (found == returned_.end()) {
      checkpoint.erased.emplace_back(ReturnedKey{row_.queue, position});
    } else {
      checkpoint.puts.emplace_back(
          ReturnedRow{row_.queue, position, found->second.delivery_count, found->second.due});
    }
  }
  returned_dirty_.clear();
  flushing_ = std::move(dirty_);
  dirty_.clear();
  flushing_bytes_ = overlay_bytes_;
}

void Queue::on_checkpoint_done() {
  for (const auto& [position, change] : flushing_) {
    if (change == Change::erase) continue;
    if (const auto found = head_.find(position); found != head_.end()) {
      found->second.in_store = true;
    } else if (const auto later = beyond_.find(position); later != beyond_.end()) {
      beyond_.erase(later);
    }
  }
  flushing_.clear();
  overlay_bytes_ -= flushing_bytes_;
  flushing_bytes_ = 0;
}

void Queue::dump(std::vector<Row>& rows) const {
  rows.emplace_back(row_);
  for (const auto* part : {&head_, &beyond_}) {
    for (const auto& [position, entry] : *part) {
      rows.emplace_back(MessageRow{row_.queue, position, entry.message});
    }
  }
  for (const auto& [position, returned] : returned_) {
    rows.emplace_back(ReturnedRow{row_.queue, position, returned.delivery_count, returned.due});
  }
}

}  // namespace nemcon::core
