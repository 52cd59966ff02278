#include "log/segment.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include <fcntl.h>

#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::log {

namespace {

constexpr std::uint64_t chunk_bytes = 1ULL << 20U;
constexpr std::string_view name_prefix = "segment-";
constexpr std::string_view unfinished_suffix = ".new";
constexpr std::size_t number_digits = 4;

std::string path_of(const std::string& directory, std::uint32_t number) {
  std::array<char, 16> digits{};
  static_cast<void>(std::snprintf(digits.data(), digits.size(), "%04u", number));
  return directory + "/" + std::string{name_prefix} + digits.data();
}

bool is_segment_name(std::string_view name) {
  if (!name.starts_with(name_prefix)) return false;
  name.remove_prefix(name_prefix.size());
  return name.size() >= number_digits && name.find_first_not_of("0123456789") == name.npos;
}

Error error_of(const std::string& what, int error_number) {
  if (is_no_room_number(error_number)) return no_room(what + ": no room on the disk");
  return failed(what, error_number);
}

Status write_all(FileOperations& files, const Segment& segment, std::string_view bytes,
                 std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = files.pwrite(segment.file, bytes.data(), bytes.size(), offset);
    if (written < 0) return error_of("cannot write " + segment.path, static_cast<int>(-written));
    if (written == 0) return error_of("cannot write " + segment.path, ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return core::Nothing{};
}

Status fill(FileOperations& files, const Segment& segment, std::string_view head_page) {
  const std::string zeros(chunk_bytes, '\0');
  for (std::uint64_t offset = 0; offset < segment.byte_count; offset += chunk_bytes) {
    const std::uint64_t count = std::min(chunk_bytes, segment.byte_count - offset);
    const Status written =
        write_all(files, segment, std::string_view{zeros}.substr(0, count), offset);
    if (!written) return written.error();
  }
  const Status headed = write_all(files, segment, head_page, 0);
  if (!headed) return headed.error();
  // fsync, not fdatasync: once, with everything that belongs to the file.
  const int flushed = files.fsync(segment.file);
  if (flushed < 0) return error_of("cannot flush " + segment.path, -flushed);
  return core::Nothing{};
}

}  // namespace

// 1. The file is filled under another name. 2. Crash: what is left is no segment, and is written
// over by the next one of that number. 3. Renamed, directory flushed: from here on it is one.
Result<Segment> make_segment(FileOperations& files, const std::string& directory,
                             const ChecksumKey& key, const SegmentHead& head) {
  NEMCON_CHECK(head.byte_count % page_bytes == 0 && head.byte_count > first_batch_offset,
               head.byte_count);
  Segment segment{.number = head.segment,
                  .path = path_of(directory, head.segment),
                  .file = -1,
                  .byte_count = head.byte_count,
                  .last = core::Lsn{}};
  const std::string unfinished = segment.path + std::string{unfinished_suffix};
  segment.file = files.open(unfinished, O_RDWR | O_CREAT | O_TRUNC);
  if (segment.file < 0) return error_of("cannot make " + unfinished, -segment.file);

  const Status filled = fill(files, segment, encode_head(key, head));
  const int renamed = filled ? files.rename(unfinished, segment.path) : 0;
  if (!filled || renamed < 0) {
    files.close(segment.file);
    // A leftover costs room but no safety, so a failure to remove it is not worth a word.
    static_cast<void>(files.unlink(unfinished));
    return filled ? error_of("cannot name " + segment.path, -renamed) : filled.error();
  }
  const Status named = core::planted(core::Mutant::segment_name_not_flushed)
                           ? Status{core::Nothing{}}
                           : flush_directory(files, directory);
  if (named) return segment;
  files.close(segment.file);
  return named.error();
}

Result<Segment> open_segment(FileOperations& files, const std::string& path, const ChecksumKey& key,
                             SegmentHead& head) {
  Segment segment{.number = 0, .path = path, .file = -1, .byte_count = 0, .last = core::Lsn{}};
  segment.file = files.open(path, O_RDWR);
  if (segment.file < 0) return failed("cannot open " + path, -segment.file);

  std::string page(page_bytes, '\0');
  const ssize_t got = files.pread(segment.file, page.data(), page.size(), 0);
  const auto parsed =
      got == static_cast<ssize_t>(page_bytes) ? parse_head(key, page) : std::nullopt;
  if (!parsed || path_of("", parsed->segment) != path.substr(path.rfind('/'))) {
    files.close(segment.file);
    if (got < 0) return failed("cannot read " + path, static_cast<int>(-got));
    return corrupt(path + ", offset 0: the segment head is damaged or of another journal");
  }
  head = *parsed;
  segment.number = head.segment;
  segment.byte_count = head.byte_count;
  return segment;
}

Result<std::string> read_segment(FileOperations& files, const Segment& segment,
                                 std::uint64_t offset, std::uint64_t byte_count) {
  NEMCON_CHECK(offset + byte_count <= segment.byte_count, offset, byte_count);
  std::string bytes(byte_count, '\0');
  std::uint64_t done = 0;
  while (done < byte_count) {
    const ssize_t got =
        files.pread(segment.file, bytes.data() + done, byte_count - done, offset + done);
    if (got < 0) return failed("cannot read " + segment.path, static_cast<int>(-got));
    if (got == 0) {
      return corrupt(segment.path + ", offset " + std::to_string(offset + done) +
                     ": the file is shorter than it was made");
    }
    done += static_cast<std::uint64_t>(got);
  }
  return bytes;
}

Result<SegmentNames> list_segments(FileOperations& files, const std::string& directory) {
  std::vector<std::string> all;
  const int listed = files.list(directory, all);
  if (listed < 0) return failed("cannot list " + directory, -listed);
  SegmentNames names;
  for (const std::string& name : all) {
    if (is_segment_name(name)) {
      names.whole.push_back(directory + "/" + name);
    } else if (name.ends_with(unfinished_suffix) &&
               is_segment_name(name.substr(0, name.size() - unfinished_suffix.size()))) {
      names.unfinished.push_back(directory + "/" + name);
    }
  }
  std::ranges::sort(names.whole, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

}  // namespace nemcon::log
