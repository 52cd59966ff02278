// Journal: the durability point. What append() returned ok for survives a power cut; nothing
// else does, until a checkpoint has it too. Holds typed records in the order of their Lsn.
//
//   segment-0001   [head][ batch 1 ][ batch 2 ]...[ stale or zero ............ ]
//   segment-0002   [head][ batch 7 ][ batch 8 ][ torn? ][ stale or zero ....... ]
//   segment-0003   [head][ stale or zero: free .............................. ]
//
// Segments are zero-filled once and recycled. A batch starts at a multiple of 4096 bytes and
// fills whole pages, so that a byte that was acknowledged is never written again before its
// segment is recycled: a torn write can hurt only the batch that nobody was promised.
// One write and one fdatasync for each batch. docs/log-format.md has the bytes.
//
// One thread at a time: the journal thread, after open and replay on the starting thread.
// Blocks. An Error from append() other than "no room" is final: a failed flush is never retried,
// the caller ends the process. is_low() is the early warning that keeps append() from ever
// running out of room.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/effects.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/file.hpp"
#include "log/segment.hpp"

namespace nemcon::log {

struct JournalOptions {
  std::string directory;  // Exists, belongs to us alone, is locked by us.
  ChecksumKey key;
  // A record must fit in a segment, or a bigger one is made for it while somebody waits. The
  // default holds the largest transaction (16 MiB) and what surrounds it.
  std::uint64_t segment_bytes = 24ULL << 20U;
  std::uint32_t segment_count = 6;       // Kept ready; at least 2.
  std::uint32_t segment_count_max = 24;  // Grown to while checkpoints are late.
  FileOperations* files = nullptr;       // Must outlive the journal; null: the kernel's.
};

struct JournalUse {
  std::uint64_t segment_count = 0;
  std::uint64_t free_count = 0;   // Ready to be written.
  std::uint64_t byte_count = 0;   // Of all segments.
  std::uint64_t live_bytes = 0;   // Batches that no checkpoint covers yet.
  std::uint64_t batch_count = 0;  // Since open.
  std::uint64_t flush_count = 0;  // fdatasync calls of append since open.
  std::uint64_t batch_bytes = 0;  // Written by append since open, padding included.
};

class Journal {
 public:
  using Visitor = std::function<Status(core::Lsn, core::Record&&)>;

  // Makes the segments of a new journal whose first record will be `base` + 1, durably. The
  // directory holds none yet (leftovers of a creation that crashed are taken away).
  [[nodiscard]] static Status create(const JournalOptions& options, core::Lsn base);

  // Opens what create() made. Reads the segment heads only.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(const JournalOptions& options);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Once, before the first append. Visits every record after `after` (the store's Lsn), in
  // order; segments that hold nothing newer than `after` become free. Returns the Lsn of the
  // newest record. A torn last batch ends the journal; anything else that is not as it was
  // written is an Error that names file and offset, and nothing is skipped or changed.
  [[nodiscard]] Result<core::Lsn> replay(core::Lsn after, const Visitor& visitor);

  // Returns when every write of the batch is durable. Lsns go on without a gap. One flush,
  // unless the batch is larger than a segment and is cut into several. After "no room", which
  // comes only to who has ignored is_low(), the same batch may be appended again later; after
  // any other Error nothing may.
  [[nodiscard]] Status append(std::span<const core::Write> batch);

  // The store holds everything up to `upto`: segments with nothing newer may be recycled.
  void release_upto(core::Lsn upto);

  // True while the free segments are few and no further one can be made: refuse new work. When
  // it turns true at least one whole segment is still left for decisions and deletes.
  [[nodiscard]] bool is_low() const { return is_low_; }

  [[nodiscard]] JournalUse use() const;

 private:
  explicit Journal(const JournalOptions& options);

  [[nodiscard]] Status add_segment(std::uint64_t byte_count);
  [[nodiscard]] Status begin_segment(std::uint64_t batch_bytes);
  [[nodiscard]] Status append_one(std::span<const core::Write> writes, std::uint64_t byte_count);
  [[nodiscard]] Status write_and_flush(const Segment& segment, std::string_view bytes);
  [[nodiscard]] Status keep_reserve();
  void remove_surplus();
  void remove_unfinished();
  [[nodiscard]] std::size_t reserve_count() const;
  void check_invariants() const;

  JournalOptions options_;
  KernelFiles kernel_;
  FileOperations& files_;
  core::Lsn base_;

  // Invariant: ascending by Lsn; the last one is being written; all others hold records that
  // no checkpoint covers.
  std::vector<Segment> live_;
  // Invariant: hold nothing that is needed. Taken from the front.
  std::vector<Segment> free_;

  std::uint64_t next_offset_ = 0;  // In live_.back().
  std::uint64_t generation_ = 0;
  std::uint64_t chain_ = 0;  // Checksum of the newest batch.
  core::Lsn last_;           // Newest durable record.
  bool is_replayed_ = false;
  bool has_failed_ = false;
  bool has_no_room_ = false;
  bool is_low_ = false;
  std::vector<char> buffer_;
  JournalUse use_;
};

}  // namespace nemcon::log
