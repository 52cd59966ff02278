// Tables: ordered tables of bytes in one LMDB file. Knows LMDB and its traps, nothing of rows.
// The only user of lmdb.h is tables.cpp.
//
// Rules learnt by breaking it: default sync flags only; one process at a time, told apart by
// our own lock; no transaction outlives a call; a write that fails may have happened, unless it
// is known to have failed before LMDB's last step; the map grows between transactions; a file
// that is shorter than it says is not read.
//
// One thread at a time; blocks. What a visitor is shown is gone when it returns.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "log/error.hpp"

namespace nemcon::log {

enum class Table : std::uint8_t {
  meta,
  queues,
  messages,
  returned,
  sessions,
  transactions,
  peers,
  sums,  // Written after all others.
};

constexpr std::array<Table, 8> tables = {Table::meta,     Table::queues,   Table::messages,
                                         Table::returned, Table::sessions, Table::transactions,
                                         Table::peers,    Table::sums};

const char* to_text(Table table);  // Also its name in LMDB.

enum class Access : std::uint8_t { read_write, read_only };

struct TablesOptions {
  std::string directory;
  Access access = Access::read_write;
  std::uint64_t map_bytes = 0;  // Address space to begin with.
  std::uint64_t map_bytes_max = 0;
};

// One row to put, or to erase when `byte_count` is 0.
struct Change {
  Table table = Table::meta;
  std::string key;
  std::size_t byte_count = 0;
  std::size_t index = 0;  // The caller's own, for its Fill.
};

enum class Written : std::uint8_t {
  done,
  map_full,     // Nothing was written; the map is at its largest.
  disk_full,    // Nothing was written.
  short_write,  // Nothing was written; the disk is full, or else it is broken.
  failed,       // Nobody knows what was written: end the process.
};

// Who knows the values.
class Scribe {
 public:
  Scribe() = default;
  virtual ~Scribe() = default;
  Scribe(const Scribe&) = delete;
  Scribe& operator=(const Scribe&) = delete;

  // The first change comes next, perhaps once more.
  virtual void begin() {}

  // What a change takes the place of, or erases. Shown before that happens.
  virtual void on_leaving(const Change& /*change*/, std::string_view /*value*/) {}

  // Writes the value of a change into LMDB's own page: the only copy on its way down.
  virtual void fill(const Change& change, std::span<char> into) = 0;
};

class Tables {
 public:
  enum class Step : std::uint8_t { next, stop };
  using Visitor = std::function<Result<Step>(std::string_view key, std::string_view value)>;

  // create() makes the file, not yet durably, in place of what a creation that crashed has left.
  [[nodiscard]] static Result<std::unique_ptr<Tables>> create(const TablesOptions& options);
  [[nodiscard]] static Result<std::unique_ptr<Tables>> open(const TablesOptions& options);

  [[nodiscard]] static std::string file_of(const std::string& directory);

  virtual ~Tables() = default;
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  // All or nothing, durable when done. Changes ascend by table and key, each key once; all of it is
  // gone through once more where there was too little room at first.
  [[nodiscard]] virtual Written write(std::span<const Change> changes, Scribe& scribe) = 0;

  // What the last write that was not done died of.
  [[nodiscard]] virtual const std::string& trouble() const = 0;

  // Ascending from `from`. From "" to the end it also finds out when rows are missing, which a
  // damaged page can make so without any checksum knowing.
  [[nodiscard]] virtual Status scan(Table table, std::string_view from, const Visitor& visitor) = 0;

  [[nodiscard]] virtual std::uint64_t row_count(Table table) const = 0;
  [[nodiscard]] virtual std::uint64_t map_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t used_bytes() const = 0;

  // Inside the file, left by what was erased. Reads the list of it: not for every day.
  [[nodiscard]] virtual std::uint64_t free_bytes() = 0;

  // True when the map cannot grow any more and less than a tenth of it is left.
  [[nodiscard]] virtual bool is_map_low() = 0;

 protected:
  Tables() = default;
};

}  // namespace nemcon::log
