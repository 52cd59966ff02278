#include "log/tables.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "log/file.hpp"

namespace nemcon::log {

namespace {

constexpr unsigned live_flags = MDB_NOTLS;  // And nothing else: every other flag loses data.
// An audit holds the directory's lock, so nobody writes meanwhile, and it leaves no trace.
constexpr unsigned audit_flags = MDB_NOTLS | MDB_RDONLY | MDB_NOLOCK;
constexpr mdb_mode_t owner_only = 0600;
constexpr unsigned readers_max = 16;
constexpr std::size_t lock_bytes = 8192;  // More than its head and that many readers take.
constexpr MDB_dbi free_list = 0;          // LMDB's own table of free pages.

MDB_val val(std::string_view bytes) {
  // LMDB takes what it only reads as void* too.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

Error lmdb_error(const std::string& what, int code) {
  const std::string text = what + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND:
      return corrupt(text);
    default:
      return Error{core::Errc::local_failed, text};
  }
}

// LMDB gives what its pages say. A key lies on one page; a value behind it, or on pages of its own
// behind their head, which counts them.
bool lies_whole(const MDB_val& key, const MDB_val& value, std::uint64_t page_size) {
  constexpr std::uint64_t key_bytes_max = 511;
  constexpr std::uint64_t head_bytes = 16;
  const auto key_at = reinterpret_cast<std::uintptr_t>(key.mv_data);
  const auto value_at = reinterpret_cast<std::uintptr_t>(value.mv_data);
  if (key.mv_size > key_bytes_max || key.mv_size > page_size - key_at % page_size) return false;
  if (value_at == key_at + key.mv_size) return value.mv_size <= page_size - value_at % page_size;
  if (value_at % page_size != head_bytes) return false;
  std::uint32_t page_count = 0;
  std::memcpy(&page_count, static_cast<const char*>(value.mv_data) - sizeof page_count,
              sizeof page_count);
  return value.mv_size <= page_count * page_size - head_bytes;
}

struct EnvCloser {
  void operator()(MDB_env* env) const { mdb_env_close(env); }
};

using Env = std::unique_ptr<MDB_env, EnvCloser>;

// One LMDB transaction; aborted unless committed. Memory that it shows dies with it.
class Txn {
 public:
  Txn() = default;

  ~Txn() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }

  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  [[nodiscard]] int begin(MDB_env* env, unsigned flags) {
    return mdb_txn_begin(env, nullptr, flags, &txn_);
  }

  [[nodiscard]] int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

  [[nodiscard]] MDB_txn* get() const { return txn_; }

 private:
  MDB_txn* txn_ = nullptr;
};

// Must be closed before its transaction ends: declare it after the Txn.
class Cursor {
 public:
  Cursor() = default;

  ~Cursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }

  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  [[nodiscard]] int open(const Txn& txn, MDB_dbi table) {
    return mdb_cursor_open(txn.get(), table, &cursor_);
  }

  [[nodiscard]] int get(MDB_val& key, MDB_val& value, MDB_cursor_op where) {
    return mdb_cursor_get(cursor_, &key, &value, where);
  }

  // What it stands on.
  [[nodiscard]] int erase() { return mdb_cursor_del(cursor_, 0); }

 private:
  MDB_cursor* cursor_ = nullptr;
};

class LmdbTables final : public Tables {
 public:
  explicit LmdbTables(const TablesOptions& options) : options_(options) {}

  [[nodiscard]] Status open_env();
  [[nodiscard]] Status open_tables(unsigned flags);

  Written write(std::span<const Change> changes, Scribe& scribe) override;
  Status scan(Table table, std::string_view from, const Visitor& visitor) override;

  const std::string& trouble() const override { return trouble_; }

  std::uint64_t row_count(Table table) const override;

  std::uint64_t map_bytes() const override { return map_bytes_; }

  std::uint64_t used_bytes() const override;
  std::uint64_t free_bytes() override;
  bool is_map_low() override;

 private:
  [[nodiscard]] Status prepare_lock_file(FileOperations& files) const;
  [[nodiscard]] Status refuse_if_truncated();
  [[nodiscard]] bool visit_free_list(const std::function<void(std::span<const char>)>& visitor);
  [[nodiscard]] bool are_free(std::uint64_t first_page, std::uint64_t last_page);
  void extend_file();
  [[nodiscard]] int try_write(std::span<const Change> changes, Scribe& scribe);
  [[nodiscard]] int write_table(const Txn& txn, std::span<const Change> changes, Scribe& scribe);
  [[nodiscard]] int put(const Txn& txn, const Change& change, Scribe& scribe, unsigned flags);
  [[nodiscard]] bool try_grow_map(std::uint64_t needed_bytes);
  [[nodiscard]] std::uint64_t bytes_for(std::span<const Change> changes) const;
  [[nodiscard]] bool is_dead();
  [[nodiscard]] std::uint64_t count_in(const Txn& txn, Table table) const;

  [[nodiscard]] MDB_dbi handle(Table table) const {
    return handles_[static_cast<std::size_t>(table)];
  }

  [[nodiscard]] std::string file() const { return file_of(options_.directory); }

  TablesOptions options_;
  Env env_;
  std::array<MDB_dbi, tables.size()> handles_{};
  std::uint64_t page_size_ = 0;
  std::uint64_t map_bytes_ = 0;
  std::string trouble_;
};

Status LmdbTables::open_env() {
  KernelFiles files;
  const bool writes = options_.access == Access::read_write;
  // Flushed, and the cache dropped, before LMDB maps it: after a flush that failed the cache
  // shows a checkpoint that the disk does not have, and the journal before it would be recycled.
  const int data = files.open(file(), writes ? O_RDWR : O_RDONLY);
  if (data >= 0) {
    const int flushed = files.fdatasync(data);
    files.drop_cache(data);
    files.close(data);
    if (flushed < 0) return failed("cannot flush " + file(), -flushed);
  }
  const Status lockable = writes ? prepare_lock_file(files) : Status{core::Nothing{}};
  if (!lockable) return lockable.error();

  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code != MDB_SUCCESS) return lmdb_error("cannot begin with LMDB", code);
  env_.reset(env);
  const unsigned flags = writes ? live_flags : audit_flags;
  code = mdb_env_set_maxdbs(env, tables.size());
  if (code == MDB_SUCCESS) code = mdb_env_set_maxreaders(env, readers_max);
  if (code == MDB_SUCCESS) code = mdb_env_set_mapsize(env, options_.map_bytes);
  if (code == MDB_SUCCESS) code = mdb_env_open(env, options_.directory.c_str(), flags, owner_only);
  if (is_no_room_number(code)) return no_room("cannot open " + file() + ": no room on the disk");
  if (code != MDB_SUCCESS) return lmdb_error("cannot open " + file(), code);

  unsigned opened_flags = 0;
  MDB_envinfo info{};
  MDB_stat stat{};
  code = mdb_env_get_flags(env, &opened_flags);
  NEMCON_CHECK(code == MDB_SUCCESS && opened_flags == flags, code, opened_flags);
  code = mdb_env_info(env, &info);
  if (code == MDB_SUCCESS) code = mdb_env_stat(env, &stat);
  NEMCON_CHECK(code == MDB_SUCCESS, code);
  page_size_ = stat.ms_psize;
  map_bytes_ = info.me_mapsize;
  const Status whole = refuse_if_truncated();
  if (!whole) return whole.error();
  int dead_reader_count = 0;
  if (writes) static_cast<void>(mdb_reader_check(env, &dead_reader_count));
  return core::Nothing{};
}

// LMDB maps its lock file and writes to it: without blocks of its own a full disk would end the
// process by SIGBUS. What is in it does not matter, LMDB begins it anew when it is alone.
Status LmdbTables::prepare_lock_file(FileOperations& files) const {
  const std::string path = options_.directory + "/lock.mdb";
  const int lock = files.open(path, O_RDWR | O_CREAT);
  if (lock < 0) return failed("cannot open " + path, -lock);

  struct stat status {};

  int result = ::fstat(lock, &status) == 0 ? 0 : -errno;
  const std::string zeros(lock_bytes, '\0');
  if (result == 0 && static_cast<std::uint64_t>(status.st_size) < zeros.size()) {
    const ssize_t written = files.pwrite(lock, zeros.data(), zeros.size(), 0);
    if (written < 0) result = static_cast<int>(written);
    if (written >= 0 && written < static_cast<ssize_t>(zeros.size())) result = -ENOSPC;
    if (result == 0) result = files.fsync(lock);
  }
  files.close(lock);
  if (is_no_room_number(-result)) return no_room("cannot make " + path + ": no room on the disk");
  if (result < 0) return failed("cannot make " + path, -result);
  return core::Nothing{};
}

Status LmdbTables::open_tables(unsigned flags) {
  Txn txn;
  int code = txn.begin(env_.get(), flags == 0 ? MDB_RDONLY : 0U);
  for (const Table table : tables) {
    if (code != MDB_SUCCESS) break;
    MDB_dbi opened = 0;
    code = mdb_dbi_open(txn.get(), to_text(table), flags, &opened);
    handles_[static_cast<std::size_t>(table)] = opened;
  }
  if (code == MDB_SUCCESS) code = txn.commit();  // Keeps the handles.
  if (is_no_room_number(code)) return no_room("cannot make " + file() + ": no room on the disk");
  // LMDB says EIO where a write came back short, which is what a disk that is nearly full gives.
  if (code == EIO && flags != 0) {
    return failed("cannot make " + file() + ": no room on the disk, or it is broken", code);
  }
  if (code != MDB_SUCCESS) return lmdb_error("cannot open the tables of " + file(), code);
  return core::Nothing{};
}

// Reading a page behind the end of the file would end the process by SIGBUS. LMDB counts pages
// that it took and gave back within one transaction, and never writes those: the file may be
// shorter than its count by pages that are free, and only by those. The check makes the file as
// long as counted, so that it can look; if it has to refuse, it takes that back.
Status LmdbTables::refuse_if_truncated() {
  struct stat status {};

  int data = -1;
  const int code = mdb_env_get_fd(env_.get(), &data);
  NEMCON_CHECK(code == MDB_SUCCESS, code);
  if (::fstat(data, &status) != 0) return failed("cannot look at " + file(), errno);
  const auto there = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t counted = used_bytes();
  if (there >= counted) return core::Nothing{};

  const Error truncated = corrupt(file() + ": the file has " + std::to_string(there) +
                                  " bytes, its last page ends at " + std::to_string(counted));
  if (options_.access == Access::read_only) return truncated;
  if (::ftruncate(data, static_cast<off_t>(counted)) != 0) {
    return failed("cannot extend " + file(), errno);
  }
  if (are_free(there / page_size_, counted / page_size_ - 1)) return core::Nothing{};
  if (::ftruncate(data, status.st_size) != 0) return failed("cannot restore " + file(), errno);
  return truncated;
}

// Shows the page numbers of one record of the free list after the other. False when it is damaged.
bool LmdbTables::visit_free_list(const std::function<void(std::span<const char>)>& visitor) {
  Txn txn;
  Cursor cursor;
  if (txn.begin(env_.get(), MDB_RDONLY) != MDB_SUCCESS) return false;
  if (cursor.open(txn, free_list) != MDB_SUCCESS) return false;
  MDB_val key{};
  MDB_val value{};
  int code = cursor.get(key, value, MDB_FIRST);
  for (; code == MDB_SUCCESS; code = cursor.get(key, value, MDB_NEXT)) {
    // A count, then as many page numbers.
    std::size_t count = 0;
    if (value.mv_size < sizeof count) return false;
    const auto* numbers = static_cast<const char*>(value.mv_data);
    std::memcpy(&count, numbers, sizeof count);
    if (count > value.mv_size / sizeof count - 1) return false;
    visitor({numbers + sizeof count, count * sizeof count});
  }
  return code == MDB_NOTFOUND;
}

bool LmdbTables::are_free(std::uint64_t first_page, std::uint64_t last_page) {
  std::vector<bool> is_free(last_page - first_page + 1);
  const bool is_whole = visit_free_list([&](std::span<const char> numbers) {
    std::size_t page = 0;
    for (; !numbers.empty(); numbers = numbers.subspan(sizeof page)) {
      std::memcpy(&page, numbers.data(), sizeof page);
      if (page >= first_page && page <= last_page) is_free[page - first_page] = true;
    }
  });
  return is_whole && std::ranges::find(is_free, false) == is_free.end();
}

// So that a store at rest always has the length that it counts.
void LmdbTables::extend_file() {
  struct stat status {};

  int data = -1;
  if (mdb_env_get_fd(env_.get(), &data) != MDB_SUCCESS || ::fstat(data, &status) != 0) return;
  const auto counted = static_cast<off_t>(used_bytes());
  // If it cannot be, the next open looks more closely; nothing is lost.
  if (status.st_size < counted) static_cast<void>(::ftruncate(data, counted) == 0);
}

// LMDB writes 1. the new pages 2. flushes them 3. writes and flushes the page that says where
// the new state begins. A failure before 3 leaves the old state for certain. After a failure of
// 3 LMDB refuses every further transaction, and so tells the two apart.
Written LmdbTables::write(std::span<const Change> changes, Scribe& scribe) {
  NEMCON_CHECK(options_.access == Access::read_write);
  if (!try_grow_map(bytes_for(changes))) return Written::failed;
  int code = try_write(changes, scribe);
  while (code == MDB_MAP_FULL && map_bytes_ < options_.map_bytes_max) {
    if (!try_grow_map(2 * map_bytes_ - used_bytes())) return Written::failed;
    code = try_write(changes, scribe);
  }
  if (code == MDB_SUCCESS) {
    extend_file();
    return Written::done;
  }
  trouble_ = "cannot write to " + file() + ": " + mdb_strerror(code);
  if (is_dead()) return Written::failed;
  if (code == MDB_MAP_FULL) return Written::map_full;
  if (is_no_room_number(code)) return Written::disk_full;
  // LMDB says EIO where a write came back short.
  return code == EIO ? Written::short_write : Written::failed;
}

int LmdbTables::try_write(std::span<const Change> changes, Scribe& scribe) {
  Txn txn;
  scribe.begin();
  int code = txn.begin(env_.get(), 0);
  while (code == MDB_SUCCESS && !changes.empty()) {
    const Table table = changes.front().table;
    const auto end =
        std::ranges::find_if(changes, [table](const Change& c) { return c.table != table; });
    const auto count = static_cast<std::size_t>(end - changes.begin());
    code = write_table(txn, changes.first(count), scribe);
    changes = changes.subspan(count);
    if (code == MDB_SUCCESS && core::planted(core::Mutant::checkpoint_in_halves)) {
      code = txn.commit();
      if (code == MDB_SUCCESS) code = txn.begin(env_.get(), 0);
    }
  }
  return code == MDB_SUCCESS ? txn.commit() : code;
}

// Rows behind the last one of the table are appended, which fills pages instead of halving them.
int LmdbTables::write_table(const Txn& txn, std::span<const Change> changes, Scribe& scribe) {
  Cursor cursor;
  std::optional<std::string> last;
  MDB_val key{};
  MDB_val value{};
  int code = cursor.open(txn, handle(changes.front().table));
  if (code == MDB_SUCCESS) code = cursor.get(key, value, MDB_LAST);
  if (code == MDB_SUCCESS) last = view(key);
  if (code == MDB_NOTFOUND) code = MDB_SUCCESS;
  for (const Change& change : changes) {
    if (code != MDB_SUCCESS) break;
    if (!last || change.key > *last) {
      // A row may be erased that never came here: it was put and erased since the last time.
      if (change.byte_count == 0) continue;
      code = put(txn, change, scribe, MDB_APPEND);
      last = change.key;
      continue;
    }
    key = val(change.key);
    code = cursor.get(key, value, MDB_SET);
    const bool is_there = code == MDB_SUCCESS;
    if (code == MDB_NOTFOUND) code = MDB_SUCCESS;
    if (code != MDB_SUCCESS) break;
    if (is_there) scribe.on_leaving(change, view(value));
    if (change.byte_count != 0) {
      code = put(txn, change, scribe, 0U);
    } else if (is_there) {
      code = cursor.erase();
    }
  }
  return code;
}

int LmdbTables::put(const Txn& txn, const Change& change, Scribe& scribe, unsigned flags) {
  MDB_val key = val(change.key);
  MDB_val value{change.byte_count, nullptr};
  const int code = mdb_put(txn.get(), handle(change.table), &key, &value, flags | MDB_RESERVE);
  if (code == MDB_SUCCESS) scribe.fill(change, {static_cast<char*>(value.mv_data), value.mv_size});
  return code;
}

// What the changes may need at most: each its own path of pages from the root.
std::uint64_t LmdbTables::bytes_for(std::span<const Change> changes) const {
  constexpr std::uint64_t path_pages = 5;
  std::uint64_t pages = 64;
  for (const Change& change : changes)
    pages += path_pages + change.byte_count / page_size_ + 1;
  return pages * page_size_;
}

// Between transactions, never in one. The map is address space, not disk: doubling it is cheap.
// When it fails there is no map at all any more, and nothing else may be called.
bool LmdbTables::try_grow_map(std::uint64_t needed_bytes) {
  std::uint64_t wanted = map_bytes_;
  while (wanted < options_.map_bytes_max &&
         wanted - used_bytes() < std::max(wanted / 10, needed_bytes)) {
    wanted = std::min(2 * wanted, options_.map_bytes_max);
  }
  if (wanted == map_bytes_) return true;
  const int code = mdb_env_set_mapsize(env_.get(), wanted);
  if (code == MDB_SUCCESS) map_bytes_ = wanted;
  if (code != MDB_SUCCESS) trouble_ = "cannot map more of " + file() + ": " + mdb_strerror(code);
  return code == MDB_SUCCESS;
}

bool LmdbTables::is_dead() {
  Txn txn;
  return txn.begin(env_.get(), MDB_RDONLY) != MDB_SUCCESS;
}

bool LmdbTables::is_map_low() {
  if (map_bytes_ < options_.map_bytes_max) return false;
  const std::uint64_t never_used = map_bytes_ - used_bytes();
  return never_used < map_bytes_ / 10 && never_used + free_bytes() < map_bytes_ / 10;
}

std::uint64_t LmdbTables::free_bytes() {
  std::uint64_t page_count = 0;
  const bool is_whole = visit_free_list(
      [&](std::span<const char> numbers) { page_count += numbers.size() / sizeof(std::size_t); });
  return is_whole ? page_count * page_size_ : 0;
}

Status LmdbTables::scan(Table table, std::string_view from, const Visitor& visitor) {
  Txn txn;
  Cursor cursor;
  int code = txn.begin(env_.get(), MDB_RDONLY);
  if (code == MDB_SUCCESS) code = cursor.open(txn, handle(table));
  if (code != MDB_SUCCESS) return lmdb_error("cannot read " + file(), code);
  std::uint64_t count = 0;
  std::string before;
  MDB_val key = val(from);
  MDB_val value{};
  code = cursor.get(key, value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  for (; code == MDB_SUCCESS; code = cursor.get(key, value, MDB_NEXT)) {
    if (!lies_whole(key, value, page_size_)) break;
    if (view(key) < from || (count != 0 && view(key) <= before)) break;
    const auto step = visitor(view(key), view(value));
    if (!step) return step.error();
    if (*step == Step::stop) return core::Nothing{};
    before = view(key);
    ++count;
  }
  if (code == MDB_NOTFOUND && (!from.empty() || count == count_in(txn, table))) {
    return core::Nothing{};
  }
  return corrupt(file() + ", table " + to_text(table) + ": rows are missing or out of order");
}

std::uint64_t LmdbTables::count_in(const Txn& txn, Table table) const {
  MDB_stat stat{};
  const int code = mdb_stat(txn.get(), handle(table), &stat);
  NEMCON_CHECK(code == MDB_SUCCESS, code);
  return stat.ms_entries;
}

std::uint64_t LmdbTables::row_count(Table table) const {
  Txn txn;
  return txn.begin(env_.get(), MDB_RDONLY) == MDB_SUCCESS ? count_in(txn, table) : 0;
}

std::uint64_t LmdbTables::used_bytes() const {
  MDB_envinfo info{};
  const int code = mdb_env_info(env_.get(), &info);
  NEMCON_CHECK(code == MDB_SUCCESS, code);
  return (info.me_last_pgno + 1) * page_size_;
}

Result<std::unique_ptr<Tables>> opened(const TablesOptions& options, unsigned table_flags) {
  auto made = std::make_unique<LmdbTables>(options);
  const Status open = made->open_env();
  if (!open) return open.error();
  const Status tabled = made->open_tables(table_flags);
  if (!tabled) return tabled.error();
  return std::unique_ptr<Tables>{std::move(made)};
}

}  // namespace

const char* to_text(Table table) {
  switch (table) {
    case Table::meta:
      return "meta";
    case Table::queues:
      return "queues";
    case Table::messages:
      return "messages";
    case Table::returned:
      return "returned";
    case Table::sessions:
      return "sessions";
    case Table::transactions:
      return "transactions";
    case Table::peers:
      return "peers";
    case Table::sums:
      return "sums";
  }
  NEMCON_CHECK(false);
  return "";
}

std::string Tables::file_of(const std::string& directory) {
  return directory + "/data.mdb";
}

Result<std::unique_ptr<Tables>> Tables::create(const TablesOptions& options) {
  // Made by us, so that its mode does not depend on the umask.
  KernelFiles files;
  const int made = files.open(file_of(options.directory), O_RDWR | O_CREAT | O_TRUNC);
  if (made < 0) return failed("cannot make " + file_of(options.directory), -made);
  files.close(made);
  return opened(options, MDB_CREATE);
}

Result<std::unique_ptr<Tables>> Tables::open(const TablesOptions& options) {
  struct stat status {};

  const std::string file = file_of(options.directory);
  if (::stat(file.c_str(), &status) != 0) return failed("cannot open " + file, errno);
  // LMDB would take an empty file for a new one.
  if (status.st_size == 0) {
    return corrupt(file + " is empty");
  }
  return opened(options, 0);
}

}  // namespace nemcon::log
