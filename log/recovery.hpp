// Recovery: finds the end of the journal and visits its records. Used by Journal::replay only.
//
// Which batch is the last? Batches are written one at a time, each flushed before the next
// begins. So after a crash at most one batch is not whole, it is the newest, and nobody was
// promised it. Recovery follows the chain from the segment that holds the record after the
// checkpoint; where the chain stops, one of two things has happened:
//
//   torn     1. batch written 2. power cut before its flush came back: some of its pages are
//            there, the others still hold what was there before. Nothing newer can be anywhere.
//            The journal ends before it, and the next batch is written over it.
//   rotten   a batch that was flushed is not what was written. Whole batches with larger Lsns
//            lie behind it, or the store knows a larger Lsn. The start is refused: to end the
//            journal here would silently forget what was promised.
//
// What lies behind the end may look like batches: the segment was recycled and still holds its
// former life. Those have smaller Lsns, so they are no witnesses of rot, and their chain does
// not fit, so they are never taken for the next batch. Rot in the very last batch looks like a
// torn one; the peers, who remember the largest Lsn that they saw, find that (Rule: rolled back).
//
// What was read must also be on the disk. 1. write 2. killed before the flush 3. restart reads
// the page cache, tells peers 4. power cut: forgotten. And after a flush that failed the cache
// shows what the disk does not have. So every file is flushed, and its cache dropped, before it
// is read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/file.hpp"
#include "log/journal_format.hpp"
#include "log/segment.hpp"

namespace nemcon::log {

struct JournalEnd {
  core::Lsn last;
  std::uint64_t checksum = 0;       // Of the last batch; 0 when there is none.
  std::uint64_t generation = 0;     // Of the last batch.
  std::uint64_t offset = 0;         // Where the next batch may be written, in the last of `walked`.
  std::vector<std::size_t> walked;  // Indices of the segments that were read, ascending by Lsn.
};

class Recovery {
 public:
  using Visitor = std::function<Status(core::Lsn, core::Record&&)>;

  // All must outlive it. Sets Segment::last of what it walks.
  Recovery(FileOperations& files, const ChecksumKey& key, std::vector<Segment>& segments);

  // `base`: the Lsn before the journal's first record. `after`: the store's.
  [[nodiscard]] Result<JournalEnd> run(core::Lsn base, core::Lsn after, const Visitor& visitor);

 private:
  [[nodiscard]] Status look_at_all();
  [[nodiscard]] Result<std::optional<BatchHead>> first_batch(const Segment& segment);
  [[nodiscard]] std::optional<std::size_t> find_start(core::Lsn after) const;
  [[nodiscard]] std::optional<std::size_t> find_next() const;
  [[nodiscard]] bool follows(const BatchHead& head) const;
  [[nodiscard]] Status walk(std::size_t index, core::Lsn after, const Visitor& visitor);
  [[nodiscard]] Status visit(const Segment& segment, const BatchHead& head, std::string_view batch,
                             core::Lsn after, const Visitor& visitor);
  [[nodiscard]] Status refuse_if_newer_exists();
  [[nodiscard]] Error rotten(const std::string& witness) const;

  FileOperations& files_;
  const ChecksumKey& key_;
  std::vector<Segment>& segments_;
  std::vector<std::optional<BatchHead>> firsts_;  // Of each segment, where whole.
  JournalEnd end_;
};

}  // namespace nemcon::log
