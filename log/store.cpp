#include "log/store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fcntl.h>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "log/ballast.hpp"
#include "log/file.hpp"
#include "log/store_rows.hpp"

namespace nemcon::log {

using core::Mutant;
using core::planted;

namespace {

constexpr std::uint64_t read_bytes_max = 1ULL << 20U;

TablesOptions tables_options(const StoreOptions& options) {
  return {.directory = options.directory,
          .access = options.access,
          .map_bytes = options.map_bytes,
          .map_bytes_max = options.map_bytes_max};
}

Ballast::Room ballast_room(const StoreOptions& options) {
  const bool writes = options.access == Access::read_write;
  const std::string beside = options.directory + "/../ballast";
  return {.path = options.ballast_path.empty() ? beside : options.ballast_path,
          .byte_count = writes ? options.ballast_bytes : 0};
}

// A copy of what a visitor is shown, which messages go on referring to.
struct Copy {
  std::string key;
  std::shared_ptr<const std::string> value;

  [[nodiscard]] StoredBytes stored(Table table) const {
    return {.table = table, .key = key, .owner = value, .bytes = *value};
  }
};

Copy copy_of(std::string_view key, std::string_view value) {
  return {std::string{key}, std::make_shared<const std::string>(value)};
}

// A checkpoint as changes in the order of the tables, so that neighbours share pages. Puts have
// the index of their row, the two rows of our own the numbers after these.
std::vector<Change> changes_of(const core::Checkpoint& checkpoint, const std::string& upto) {
  std::vector<Change> changes;
  changes.reserve(checkpoint.puts.size() + checkpoint.erased.size() + 2);
  for (std::size_t i = 0; i < checkpoint.puts.size(); ++i) {
    RowPlace place = place_of(checkpoint.puts[i]);
    const std::size_t byte_count = value_byte_count(checkpoint.puts[i]);
    changes.push_back({place.table, std::move(place.key), byte_count, i});
  }
  for (const core::RowKey& key : checkpoint.erased) {
    RowPlace place = place_of(key);
    changes.push_back({place.table, std::move(place.key), 0, 0});
  }
  const std::size_t behind = checkpoint.puts.size();
  changes.push_back({Table::meta, std::string{upto_key}, upto.size(), behind});
  changes.push_back({Table::sums, std::string{sums_key}, sums_byte_count(), behind + 1});
  std::ranges::sort(changes, [](const Change& a, const Change& b) {
    return a.table != b.table ? a.table < b.table : a.key < b.key;
  });
  return changes;
}

// How far a walk through all rows has come. Checkpoints that change rows behind it change `sum`
// too.
struct ScrubPlace {
  Table table = tables.front();
  std::string key;        // The last row that was read; empty: none of this table.
  std::uint64_t sum = 0;  // Of the rows of this table up to there.

  [[nodiscard]] bool is_behind(const Change& change) const {
    return change.table == table && change.key <= key;
  }
};

// The rows of a checkpoint, and what the tables add up to with them.
class CheckpointScribe final : public Scribe {
 public:
  // All must outlive it.
  CheckpointScribe(const ChecksumKey& key, const core::Checkpoint& checkpoint,
                   const std::string& upto, const Sums& before, const ScrubPlace& scrub)
      : key_(key), checkpoint_(checkpoint), upto_(upto), before_(before), scrub_(scrub) {}

  void begin() override {
    sums_ = before_;
    scrubbed_ = scrub_.sum;
  }

  void on_leaving(const Change& change, std::string_view value) override {
    if (change.table != Table::sums) add(change, -checksum_of(value));
  }

  void fill(const Change& change, std::span<char> into) override {
    if (change.table == Table::sums) {
      std::ranges::copy(sums_value(key_, sums_), into.begin());
      return;
    }
    if (change.index == checkpoint_.puts.size()) {
      std::ranges::copy(upto_, into.begin());
    } else {
      encode_value(key_, {change.table, change.key}, checkpoint_.puts[change.index], into);
    }
    add(change, checksum_of({into.data(), into.size()}));
  }

  [[nodiscard]] const Sums& sums() const { return sums_; }

  // The sum of the scrub's place.
  [[nodiscard]] std::uint64_t scrubbed() const { return scrubbed_; }

 private:
  void add(const Change& change, std::uint64_t checksum) {
    sums_.of(change.table) += checksum;
    if (scrub_.is_behind(change)) scrubbed_ += checksum;
  }

  const ChecksumKey& key_;
  const core::Checkpoint& checkpoint_;
  const std::string& upto_;
  const Sums& before_;
  const ScrubPlace& scrub_;
  Sums sums_;
  std::uint64_t scrubbed_ = 0;
};

std::string other_rows(Table table) {
  return std::string{"table "} + to_text(table) + ": its rows are not those that were written last";
}

class TableStore final : public Store {
 public:
  TableStore(const StoreOptions& options, std::unique_ptr<Tables> opened);

  // Of a store that is not just being made: before anything else.
  [[nodiscard]] Status read_sums();

  Result<Loaded> load() override;
  Result<Applied> apply(const core::Checkpoint& checkpoint) override;
  Result<core::ReadDone> read(const core::Read& read) override;

  bool is_low() const override { return is_low_; }

  void look_for_room() override;
  Status for_each_message(const std::string& queue, const MessageVisitor& visitor) override;
  Result<std::vector<std::string>> check() override;
  Result<Scrubbed> scrub(std::size_t row_count_max) override;
  StoreUse use() const override;

 private:
  [[nodiscard]] Written write(const core::Checkpoint& checkpoint);
  [[nodiscard]] std::optional<std::string> fault_of(const StoredBytes& stored,
                                                    std::map<core::QueueId, std::int64_t>& missing);

  ChecksumKey key_;
  std::unique_ptr<Tables> tables_;
  Ballast ballast_;
  core::Lsn upto_;
  Sums sums_;  // Of what is there.
  ScrubPlace scrub_;
  bool is_low_ = false;
  std::uint64_t apply_count_ = 0;
};

TableStore::TableStore(const StoreOptions& options, std::unique_ptr<Tables> opened)
    : key_(options.key), tables_(std::move(opened)), ballast_(ballast_room(options)) {
  look_for_room();
}

Status TableStore::read_sums() {
  bool is_there = false;
  const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
    const auto sums = decode_sums(key_, copy_of(key, value).stored(Table::sums));
    if (!sums) return sums.error();
    sums_ = *sums;
    is_there = true;
    return Tables::Step::next;
  };
  const Status scanned = tables_->scan(Table::sums, "", visitor);
  if (scanned && !is_there) return corrupt("the store does not say what its rows add up to");
  return scanned;
}

Result<Store::Loaded> TableStore::load() {
  Loaded loaded;
  Sums found;
  bool has_upto = false;
  for (const Table table : tables) {
    if (table == Table::messages || table == Table::sums) continue;
    const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
      const Copy copy = copy_of(key, value);
      found.of(table) += checksum_of(value);
      if (table == Table::meta && key == upto_key) {
        const auto upto = decode_upto(key_, copy.stored(table));
        if (!upto) return upto.error();
        loaded.upto = *upto;
        has_upto = true;
        return Tables::Step::next;
      }
      auto row = decode_row(key_, copy.stored(table));
      if (!row) return row.error();
      loaded.rows.push_back(std::move(row).value());
      return Tables::Step::next;
    };
    const Status scanned = tables_->scan(table, "", visitor);
    if (!scanned) return scanned.error();
    if (found.of(table) != sums_.of(table) && !planted(Mutant::old_rows_believed)) {
      return corrupt(other_rows(table));
    }
  }
  if (!has_upto) return corrupt("the store does not say which record it holds");
  upto_ = loaded.upto;
  return loaded;
}

// All or nothing; the sums of what is there follow it.
Written TableStore::write(const core::Checkpoint& checkpoint) {
  const std::string upto = upto_value(key_, checkpoint.upto);
  CheckpointScribe scribe(key_, checkpoint, upto, sums_, scrub_);
  const std::vector<Change> changes = changes_of(checkpoint, upto);
  Written written = tables_->write(changes, scribe);
  if (written == Written::short_write && ballast_.is_disk_full()) written = Written::disk_full;
  if (written == Written::disk_full && ballast_.try_give_up()) {
    written = tables_->write(changes, scribe);
    if (written == Written::short_write && ballast_.is_disk_full()) written = Written::disk_full;
  }
  if (written == Written::disk_full && planted(Mutant::no_room_is_done)) return Written::done;
  if (written == Written::done) {
    sums_ = scribe.sums();
    scrub_.sum = scribe.scrubbed();
  }
  return written;
}

Result<Applied> TableStore::apply(const core::Checkpoint& checkpoint) {
  NEMCON_CHECK(checkpoint.upto >= upto_, checkpoint.upto, upto_);
  switch (write(checkpoint)) {
    case Written::done:
      upto_ = checkpoint.upto;
      ++apply_count_;
      look_for_room();
      return Applied::done;
    case Written::map_full:
    case Written::disk_full:
      is_low_ = true;
      return Applied::no_room;
    case Written::short_write:
    case Written::failed:
      break;
  }
  return Error{core::Errc::local_failed, tables_->trouble()};
}

// The file never shrinks, so after a full disk the ballast may never come back. What was erased
// leaves free pages in the file, which serve as well; twice as many are asked for to end being
// low as to begin, so that it does not go to and fro.
void TableStore::look_for_room() {
  bool has_room = ballast_.try_take();
  if (!has_room) {
    const std::uint64_t wanted = ballast_.byte_count() * (is_low_ ? 2 : 1);
    has_room = tables_->free_bytes() >= wanted;
  }
  is_low_ = !has_room || tables_->is_map_low();
}

Result<core::ReadDone> TableStore::read(const core::Read& read) {
  core::ReadDone done{.queue = read.queue, .rows = {}, .end = true};
  const std::string prefix = queue_prefix(read.queue);
  const std::string from = read.after ? message_key(read.queue, *read.after) : prefix;
  std::uint64_t byte_count = 0;
  const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
    if (!key.starts_with(prefix)) return Tables::Step::stop;
    if (key == from) return Tables::Step::next;
    const bool is_enough = !done.rows.empty() && byte_count + value.size() > read_bytes_max;
    if (is_enough || done.rows.size() >= read.count_max) {
      done.end = false;
      return Tables::Step::stop;
    }
    auto row = decode_row(key_, copy_of(key, value).stored(Table::messages));
    if (!row) return row.error();
    byte_count += value.size();
    done.rows.push_back(std::get<core::MessageRow>(std::move(row).value()));
    return Tables::Step::next;
  };
  const Status scanned = tables_->scan(Table::messages, from, visitor);
  if (!scanned) return scanned.error();
  return done;
}

Status TableStore::for_each_message(const std::string& queue, const MessageVisitor& visitor) {
  const auto loaded = load();
  if (!loaded) return loaded.error();
  std::optional<core::QueueId> found;
  for (const core::Row& row : loaded->rows) {
    const auto* candidate = std::get_if<core::QueueRow>(&row);
    if (candidate != nullptr && candidate->name == queue) found = candidate->queue;
  }
  if (!found) return refused("the store knows no queue \"" + queue + "\"");

  constexpr std::uint32_t rows_at_once = 1024;
  core::Read next{.queue = *found, .after = std::nullopt, .count_max = rows_at_once};
  for (bool end = false; !end;) {
    auto some = read(next);
    if (!some) return some.error();
    core::ReadDone done = std::move(some).value();
    end = done.end;
    for (core::MessageRow& row : done.rows) {
      next.after = row.position;
      if (!visitor(std::move(row))) return core::Nothing{};
    }
  }
  return core::Nothing{};
}

Result<std::vector<std::string>> TableStore::check() {
  std::vector<std::string> found;
  std::map<core::QueueId, std::int64_t> missing;
  Sums sums;
  for (const Table table : tables) {
    const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
      const Copy copy = copy_of(key, value);
      if (table != Table::sums) sums.of(table) += checksum_of(value);
      const auto fault = fault_of(copy.stored(table), missing);
      if (fault) found.push_back(*fault);
      return Tables::Step::next;
    };
    const Status scanned = tables_->scan(table, "", visitor);
    if (!scanned) found.push_back(scanned.error().detail);
    if (sums.of(table) != sums_.of(table)) found.push_back(other_rows(table));
  }
  for (const auto& [queue, count] : missing) {
    if (count == 0) continue;
    found.push_back("queue " + std::to_string(queue.value()) + ": " +
                    std::to_string(count < 0 ? -count : count) +
                    (count < 0 ? " messages more than it counts" : " messages are missing"));
  }
  return found;
}

Result<Scrubbed> TableStore::scrub(std::size_t row_count_max) {
  Scrubbed done;
  std::uint64_t byte_count = 0;
  bool has_more = false;
  std::map<core::QueueId, std::int64_t> unused;
  const std::string from = scrub_.key;
  const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
    if (key == from) return Tables::Step::next;
    has_more = done.row_count == row_count_max || byte_count > read_bytes_max;
    if (has_more) return Tables::Step::stop;
    const auto fault = fault_of(copy_of(key, value).stored(scrub_.table), unused);
    if (fault) return corrupt(*fault);
    scrub_.key = key;
    scrub_.sum += checksum_of(value);
    byte_count += value.size();
    ++done.row_count;
    return Tables::Step::next;
  };
  const Status scanned = tables_->scan(scrub_.table, from, visitor);
  if (!scanned) return scanned.error();
  if (has_more) return done;
  if (scrub_.sum != sums_.of(scrub_.table)) return corrupt(other_rows(scrub_.table));
  const auto next = std::ranges::find(tables, scrub_.table) + 1;
  done.is_end = *next == Table::sums;  // Read when the store was opened, and written since then.
  scrub_ = {.table = done.is_end ? tables.front() : *next, .key = {}};
  return done;
}

// What is wrong with one row, and its part in the count of its queue.
std::optional<std::string> TableStore::fault_of(const StoredBytes& stored,
                                                std::map<core::QueueId, std::int64_t>& missing) {
  if (stored.table == Table::meta && stored.key == upto_key) {
    const auto upto = decode_upto(key_, stored);
    return upto ? std::nullopt : std::optional{upto.error().detail};
  }
  if (stored.table == Table::sums) {
    const auto sums = decode_sums(key_, stored);
    return sums ? std::nullopt : std::optional{sums.error().detail};
  }
  const auto row = decode_row(key_, stored);
  if (!row) return row.error().detail;
  if (place_of(*row).key != stored.key) return std::string{"a row lies under another's key"};
  if (const auto* queue = std::get_if<core::QueueRow>(&*row)) {
    missing[queue->queue] += static_cast<std::int64_t>(queue->message_count);
  } else if (const auto* message = std::get_if<core::MessageRow>(&*row)) {
    missing[message->queue] -= 1;
  }
  return std::nullopt;
}

StoreUse TableStore::use() const {
  return {.map_bytes = tables_->map_bytes(),
          .used_bytes = tables_->used_bytes(),
          .message_count = tables_->row_count(Table::messages),
          .apply_count = apply_count_};
}

}  // namespace

std::string Store::file_of(const std::string& directory) {
  return Tables::file_of(directory);
}

Status Store::create(const StoreOptions& options, core::Lsn base) {
  NEMCON_CHECK(options.access == Access::read_write);
  KernelFiles files;
  const std::string file = file_of(options.directory);
  {
    auto made = Tables::create(tables_options(options));
    if (!made) return made.error();
    TableStore store{options, std::move(made).value()};
    core::Checkpoint nothing;
    nothing.upto = base;
    const auto applied = store.apply(nothing);
    if (!applied) return applied.error();
    if (*applied != Applied::done) return no_room("cannot make " + file + ": no room on the disk");
  }
  // LMDB writes its first pages without a flush, and never flushes a directory.
  const int data = files.open(file, O_RDWR);
  const int flushed = data < 0 ? data : files.fsync(data);
  if (data >= 0) files.close(data);
  if (flushed < 0) return failed("cannot flush " + file, -flushed);
  for (const char* name : {"", "/.."}) {
    const Status durable = flush_directory(files, options.directory + name);
    if (!durable) return durable.error();
  }
  return core::Nothing{};
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  auto opened = Tables::open(tables_options(options));
  if (!opened) return opened.error();
  auto store = std::make_unique<TableStore>(options, std::move(opened).value());
  if (const Status read = store->read_sums(); !read) return read.error();
  return std::unique_ptr<Store>{std::move(store)};
}

}  // namespace nemcon::log
