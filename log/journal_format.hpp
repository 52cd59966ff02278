// The bytes of a segment: one page of head, then batches. docs/log-format.md is the same in
// words. Pure functions; any thread.
//
// Every batch names its place (segment, offset), its generation, its first Lsn and the checksum
// of the batch before, all under its own checksum. So a batch is recognised only where it was
// written, and it follows only the one batch that it was written after:
//
//   checksum ─┐ covers all below, keyed      ┌── checksum
//   previous  │ ◄────────────────────────────┘   previous ...
//   segment, offset, generation, first lsn, counts, records
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/effects.hpp"
#include "core/ids.hpp"
#include "log/checksum.hpp"

namespace nemcon::log {

// What the page cache and most disks write at once. Batches start at multiples of it.
constexpr std::uint64_t page_bytes = 4096;

constexpr std::uint64_t rounded_to_pages(std::uint64_t byte_count) {
  return (byte_count + page_bytes - 1) / page_bytes * page_bytes;
}

struct SegmentHead {
  std::uint32_t segment = 0;  // The number in its file name.
  std::uint64_t byte_count = 0;
  core::Lsn base;  // The journal's first record is one more.
};

constexpr std::uint64_t first_batch_offset = page_bytes;

// A page; written once, when the segment is made.
[[nodiscard]] std::string encode_head(const ChecksumKey& key, const SegmentHead& head);

[[nodiscard]] std::optional<SegmentHead> parse_head(const ChecksumKey& key, std::string_view page);

struct BatchHead {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;      // Of the batch in the segment.
  std::uint64_t generation = 0;  // Rises with each segment begun and each recovery.
  core::Lsn first;
  std::uint64_t previous = 0;  // Checksum of the batch before; 0 for the first ever.
  std::uint64_t checksum = 0;
  std::uint32_t byte_count = 0;  // Head and records, without the padding.
  std::uint32_t record_count = 0;

  [[nodiscard]] core::Lsn last() const { return core::Lsn{first.value() + record_count - 1}; }
};

constexpr std::size_t batch_head_bytes = 56;
constexpr std::size_t record_head_bytes = 4;  // The length of the record.

// What a record takes in a batch.
[[nodiscard]] std::uint64_t record_byte_count(const core::Record& record);

// Fills `into`, which is as long as the batch rounded up to pages, and head.checksum.
void encode_batch(const ChecksumKey& key, BatchHead& head, std::span<const core::Write> writes,
                  std::span<char> into);

// What the bytes at the place of a batch say of its length; 0 when they do not look like one.
[[nodiscard]] std::uint32_t claimed_byte_count(std::string_view page);

// The head of the whole batch that `bytes`, lying at `offset` of `segment`, begin with; nothing
// if there is none: never written, torn, damaged, or written for another place.
[[nodiscard]] std::optional<BatchHead> parse_batch(const ChecksumKey& key, std::uint32_t segment,
                                                   std::uint64_t offset, std::string_view bytes);

// The records of a batch that parse_batch() found whole, one after the other.
class RecordCursor {
 public:
  explicit RecordCursor(std::string_view batch) : left_(batch.substr(batch_head_bytes)) {}

  // The bytes of the next record; nothing when the batch does not hold one more.
  [[nodiscard]] std::optional<std::string_view> next();

 private:
  std::string_view left_;
};

}  // namespace nemcon::log
