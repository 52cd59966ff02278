// Segment files: making, listing and reading them. Used by the journal only, on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/file.hpp"
#include "log/journal_format.hpp"

namespace nemcon::log {

// One file of the journal. Plain: whoever holds it closes it.
struct Segment {
  std::uint32_t number = 0;
  std::string path;
  int file = -1;
  std::uint64_t byte_count = 0;
  core::Lsn last;  // The newest record in it that counts.
};

// Zero-filled, with its head, durable under its name; or an Error and no file. Zeros are really
// written: a flush of blocks that are merely reserved would have to write metadata as well.
[[nodiscard]] Result<Segment> make_segment(FileOperations& files, const std::string& directory,
                                           const ChecksumKey& key, const SegmentHead& head);

// Whole and of this journal, or an Error. Its head goes to `head`.
[[nodiscard]] Result<Segment> open_segment(FileOperations& files, const std::string& path,
                                           const ChecksumKey& key, SegmentHead& head);

// `byte_count` bytes from `offset`, which must lie in the segment.
[[nodiscard]] Result<std::string> read_segment(FileOperations& files, const Segment& segment,
                                               std::uint64_t offset, std::uint64_t byte_count);

struct SegmentNames {
  std::vector<std::string> whole;       // Paths of segments, ascending by number.
  std::vector<std::string> unfinished;  // What a crash left of make_segment().
};

[[nodiscard]] Result<SegmentNames> list_segments(FileOperations& files,
                                                 const std::string& directory);

}  // namespace nemcon::log
