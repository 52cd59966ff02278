// Store: the state at the last checkpoint, in LMDB tables. Answers for the backlog of the
// queues, which is not kept in memory. Every value carries a checksum over its key and itself:
// a byte that we did not write is never handed out.
//
// One thread at a time: the store thread, after open and load on the starting thread. Blocks.
// An Error from apply() is final: an LMDB commit that fails may have happened, so the caller
// ends the process and the next start reads what is there. `Applied::no_room` is not an error:
// nothing was changed, and the same checkpoint may be applied again later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/effects.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/tables.hpp"

namespace nemcon::log {

struct StoreOptions {
  std::string directory;  // Exists, belongs to us alone, is locked by us.
  ChecksumKey key;
  Access access = Access::read_write;
  std::uint64_t map_bytes = 1ULL << 30U;  // Address space at first; grows by doubling.
  std::uint64_t map_bytes_max = 1ULL << 42U;
  // Given up when the disk is full, so that deletions can still be written.
  std::uint64_t ballast_bytes = 16ULL << 20U;
  std::string ballast_path;  // Empty: "ballast" beside the directory.
};

enum class Applied : std::uint8_t { done, no_room };

struct StoreUse {
  std::uint64_t map_bytes = 0;
  std::uint64_t used_bytes = 0;  // Of the file: its size never shrinks.
  std::uint64_t message_count = 0;
  std::uint64_t apply_count = 0;  // Since open.
};

struct Scrubbed {
  std::uint64_t row_count = 0;
  bool is_end = false;  // Of a walk; the next call begins another one.
};

class Store {
 public:
  struct Loaded {
    std::vector<core::Row> rows;  // All but messages.
    core::Lsn upto;
  };

  // False ends the visit.
  using MessageVisitor = std::function<bool(core::MessageRow&&)>;

  // Makes an empty store that is the state after record `base`, durably (file, directory and
  // parent are flushed).
  [[nodiscard]] static Status create(const StoreOptions& options, core::Lsn base);

  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  // The file whose identity tells this store from a copy of it.
  [[nodiscard]] static std::string file_of(const std::string& directory);

  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] virtual Result<Loaded> load() = 0;

  // Puts, erasures and `upto` in one durable write. Applying a checkpoint twice is harmless.
  [[nodiscard]] virtual Result<Applied> apply(const core::Checkpoint& checkpoint) = 0;

  // At most `count_max` rows and about 1 MiB, at least one if there is one.
  [[nodiscard]] virtual Result<core::ReadDone> read(const core::Read& read) = 0;

  // True while the disk is full or the ballast could not be made again: new work is refused.
  [[nodiscard]] virtual bool is_low() const = 0;

  // Tries to make the ballast again; call it every second or so while is_low().
  virtual void look_for_room() = 0;

  // For an audit: every message of one queue in order; an unknown name is an Error.
  [[nodiscard]] virtual Status for_each_message(const std::string& queue,
                                                const MessageVisitor& visitor) = 0;

  // Reads everything: checksums, order of keys, counts. Each thing found wrong is one line;
  // empty when all is well.
  [[nodiscard]] virtual Result<std::vector<std::string>> check() = 0;

  // The next rows of a walk through all that are there, at most so many and about 1 MiB. Between
  // two calls they may change. An Error names what is not as it was written; with damaged pages of
  // LMDB that can be rows that are missing, or that are there again, though each is whole.
  [[nodiscard]] virtual Result<Scrubbed> scrub(std::size_t row_count_max) = 0;

  [[nodiscard]] virtual StoreUse use() const = 0;

 protected:
  Store() = default;
};

}  // namespace nemcon::log
