#include "log/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "log/journal_format.hpp"
#include "log/recovery.hpp"

namespace nemcon::log {

using core::Mutant;
using core::planted;

namespace {

constexpr std::uint64_t segment_bytes_min = 2 * page_bytes;

void check_options(const JournalOptions& options) {
  NEMCON_CHECK(options.segment_count >= 2, options.segment_count);
  NEMCON_CHECK(options.segment_count_max >= options.segment_count, options.segment_count_max);
  NEMCON_CHECK(options.segment_bytes % page_bytes == 0, options.segment_bytes);
  NEMCON_CHECK(options.segment_bytes >= segment_bytes_min, options.segment_bytes);
}

}  // namespace

Journal::Journal(const JournalOptions& options)
    : options_(options), files_(options.files != nullptr ? *options.files : kernel_) {}

Journal::~Journal() {
  for (const Segment& segment : live_)
    files_.close(segment.file);
  for (const Segment& segment : free_)
    files_.close(segment.file);
}

Status Journal::create(const JournalOptions& options, core::Lsn base) {
  check_options(options);
  KernelFiles kernel;
  FileOperations& files = options.files != nullptr ? *options.files : kernel;
  const auto names = list_segments(files, options.directory);
  if (!names) return names.error();
  for (const auto* paths : {&names->whole, &names->unfinished}) {
    for (const std::string& path : *paths) {
      const int removed = files.unlink(path);
      if (removed < 0) return failed("cannot remove " + path, -removed);
    }
  }
  for (std::uint32_t number = 1; number <= options.segment_count; ++number) {
    const auto segment =
        make_segment(files, options.directory, options.key,
                     {.segment = number, .byte_count = options.segment_bytes, .base = base});
    if (!segment) return segment.error();
    files.close(segment->file);
  }
  return core::Nothing{};
}

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options) {
  check_options(options);
  std::unique_ptr<Journal> journal{new Journal{options}};
  const auto names = list_segments(journal->files_, options.directory);
  if (!names) return names.error();
  if (names->whole.empty()) {
    return corrupt(options.directory + ": the journal has no segments");
  }
  for (const std::string& path : names->whole) {
    SegmentHead head;
    auto segment = open_segment(journal->files_, path, options.key, head);
    if (!segment) return segment.error();
    journal->base_ = head.base;
    journal->free_.push_back(std::move(segment).value());
  }
  return journal;
}

Result<core::Lsn> Journal::replay(core::Lsn after, const Visitor& visitor) {
  NEMCON_CHECK(!is_replayed_ && live_.empty());
  // 1. A segment got its name 2. killed before the directory was flushed 3. restart writes to the
  // segment and acknowledges 4. power cut: the name is gone, and the records with it.
  const Status named = flush_directory(files_, options_.directory);
  if (!named) return named.error();
  Recovery recovery{files_, options_.key, free_};
  const auto end = recovery.run(base_, after, visitor);
  if (!end) return end.error();

  last_ = end->last;
  chain_ = end->checksum;
  next_offset_ = end->offset;
  // One for the batch that may have been torn in a segment that it began, one to rise.
  generation_ = end->generation + 2;
  std::vector<Segment> all = std::exchange(free_, {});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (std::ranges::find(end->walked, i) == end->walked.end()) free_.push_back(all[i]);
  }
  for (const std::size_t i : end->walked)
    live_.push_back(all[i]);
  is_replayed_ = true;
  release_upto(after);
  remove_unfinished();
  while (live_.size() + free_.size() < options_.segment_count && !is_low_) {
    // The configuration asks for more than there was when the journal was made.
    const Status added = add_segment(options_.segment_bytes);
    if (!added && !is_no_room(added.error())) return added.error();
    is_low_ = !added;
  }
  is_low_ = free_.size() < reserve_count();
  check_invariants();
  return last_;
}

Status Journal::append(std::span<const core::Write> batch) {
  NEMCON_CHECK(is_replayed_);
  if (has_failed_) return failed("the journal failed before and is closed", EIO);
  // After "no room" the caller appends the same batch again; a part of it may be in already.
  while (!batch.empty() && batch.front().lsn <= last_ && has_no_room_)
    batch = batch.subspan(1);
  has_no_room_ = false;

  const std::uint64_t bytes_max = options_.segment_bytes - first_batch_offset;
  while (!batch.empty()) {
    NEMCON_CHECK(batch.front().lsn.value() == last_.value() + 1, batch.front().lsn, last_);
    std::uint64_t byte_count = batch_head_bytes;
    std::size_t count = 0;
    while (count < batch.size()) {
      const std::uint64_t more = record_byte_count(batch[count].record);
      if (count != 0 && byte_count + more > bytes_max) break;
      byte_count += more;
      ++count;
    }
    const Status appended = append_one(batch.first(count), byte_count);
    if (!appended) {
      has_no_room_ = is_no_room(appended.error());
      has_failed_ = !has_no_room_;
      return appended.error();
    }
    batch = batch.subspan(count);
  }
  check_invariants();
  return core::Nothing{};
}

Status Journal::append_one(std::span<const core::Write> writes, std::uint64_t byte_count) {
  NEMCON_CHECK(byte_count <= std::numeric_limits<std::uint32_t>::max(), byte_count);
  NEMCON_CHECK(writes.back().lsn.value() - writes.front().lsn.value() + 1 == writes.size(),
               writes.front().lsn, writes.back().lsn, writes.size());
  const std::uint64_t padded = rounded_to_pages(byte_count);
  const bool begins = live_.empty() || live_.back().byte_count - next_offset_ < padded;
  if (begins) {
    const Status begun = begin_segment(padded);
    if (!begun) return begun.error();
  }
  Segment& segment = live_.back();
  BatchHead head{.segment = segment.number,
                 .offset = next_offset_,
                 .generation = generation_,
                 .first = writes.front().lsn,
                 .previous = chain_,
                 .checksum = 0,
                 .byte_count = static_cast<std::uint32_t>(byte_count),
                 .record_count = static_cast<std::uint32_t>(writes.size())};
  buffer_.resize(padded);
  encode_batch(options_.key, head, writes, buffer_);
  const Status flushed = write_and_flush(segment, {buffer_.data(), buffer_.size()});
  if (!flushed) return flushed.error();

  next_offset_ += padded;
  chain_ = head.checksum;
  last_ = head.last();
  segment.last = last_;
  ++use_.batch_count;
  use_.batch_bytes += padded;
  return begins ? keep_reserve() : Status{core::Nothing{}};
}

// One write and one flush. A write may come back short (a signal, or a file system that has to
// find new blocks after all): the rest is written, the flush covers both. A flush is never
// repeated: the kernel reports a lost page once and then calls it clean.
Status Journal::write_and_flush(const Segment& segment, std::string_view bytes) {
  std::uint64_t offset = next_offset_;
  while (!bytes.empty()) {
    const ssize_t written = files_.pwrite(segment.file, bytes.data(), bytes.size(), offset);
    // Not "no room" even if the kernel says so: the segment was filled when it was made, and
    // what is in it now is unknown.
    if (written <= 0) {
      return failed("cannot write " + segment.path, written < 0 ? static_cast<int>(-written) : EIO);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  ++use_.flush_count;
  int flushed = planted(Mutant::journal_flush_left_out) ? 0 : files_.fdatasync(segment.file);
  if (flushed < 0 && planted(Mutant::journal_flush_again)) flushed = files_.fdatasync(segment.file);
  if (flushed < 0 && !planted(Mutant::journal_flush_unchecked)) {
    return failed("cannot flush " + segment.path, -flushed);
  }
  return core::Nothing{};
}

// Takes a free segment in which the batch has room. Nothing on disk says so before the batch
// itself: 1. batch torn 2. restart: the segment is found without a whole first batch, so it is
// free again, and the journal goes on where it ended.
Status Journal::begin_segment(std::uint64_t batch_bytes) {
  const std::uint64_t needed = first_batch_offset + batch_bytes;
  const auto has_room = [needed](const Segment& segment) { return segment.byte_count >= needed; };
  auto found = std::ranges::find_if(free_, has_room);
  if (found == free_.end()) {
    const Status added = add_segment(std::max(needed, options_.segment_bytes));
    if (!added) {
      is_low_ = true;
      return added.error();
    }
    found = std::prev(free_.end());
  }
  live_.push_back(*found);
  free_.erase(found);
  live_.back().last = last_;
  next_offset_ = first_batch_offset;
  ++generation_;
  return core::Nothing{};
}

Status Journal::add_segment(std::uint64_t byte_count) {
  std::uint32_t number = 1;
  const auto has_number = [&number](const Segment& segment) { return segment.number == number; };
  while (std::ranges::any_of(live_, has_number) || std::ranges::any_of(free_, has_number)) {
    ++number;
  }
  auto segment = make_segment(files_, options_.directory, options_.key,
                              {.segment = number, .byte_count = byte_count, .base = base_});
  if (!segment) return segment.error();
  free_.push_back(std::move(segment).value());
  return core::Nothing{};
}

std::size_t Journal::reserve_count() const {
  return std::max(1U, options_.segment_count / 4);
}

// Called when a segment was begun. Asking for room now, while whole segments are left, is what
// lets the node refuse new work before it has to refuse a decision.
Status Journal::keep_reserve() {
  if (free_.size() < reserve_count() && live_.size() + free_.size() < options_.segment_count_max) {
    const Status added = add_segment(options_.segment_bytes);
    if (!added && !is_no_room(added.error())) return added.error();
  }
  is_low_ = free_.size() < reserve_count();
  return core::Nothing{};
}

void Journal::release_upto(core::Lsn upto) {
  while (live_.size() > 1 && live_.front().last <= upto) {
    free_.push_back(live_.front());
    live_.erase(live_.begin());
  }
  if (free_.size() >= reserve_count()) is_low_ = false;
  remove_surplus();
}

// Gives back the room of segments that were added while checkpoints were late. A file that
// cannot be removed, or comes back after a power cut, holds only old records: harmless.
void Journal::remove_surplus() {
  while (live_.size() + free_.size() > options_.segment_count && free_.size() > reserve_count()) {
    const auto largest = std::ranges::max_element(free_, {}, &Segment::byte_count);
    static_cast<void>(files_.unlink(largest->path));
    files_.close(largest->file);
    free_.erase(largest);
  }
}

// What a crash left of a segment that was being made. Costs room only, so no failure counts.
void Journal::remove_unfinished() {
  const auto names = list_segments(files_, options_.directory);
  if (!names) return;
  for (const std::string& path : names->unfinished)
    static_cast<void>(files_.unlink(path));
}

JournalUse Journal::use() const {
  JournalUse use = use_;
  use.segment_count = live_.size() + free_.size();
  use.free_count = free_.size();
  for (const Segment& segment : free_)
    use.byte_count += segment.byte_count;
  for (const Segment& segment : live_) {
    use.byte_count += segment.byte_count;
    use.live_bytes += segment.byte_count;
  }
  if (!live_.empty()) use.live_bytes -= live_.back().byte_count - next_offset_;
  return use;
}

void Journal::check_invariants() const {
  for (std::size_t i = 1; i < live_.size(); ++i) {
    NEMCON_CHECK(live_[i - 1].last < live_[i].last, live_[i - 1].last, live_[i].last);
  }
  if (live_.empty()) {
    NEMCON_CHECK(last_ == base_, last_, base_);
    return;
  }
  NEMCON_CHECK(live_.back().last == last_, live_.back().last, last_);
  NEMCON_CHECK(next_offset_ % page_bytes == 0, next_offset_);
  NEMCON_CHECK(next_offset_ <= live_.back().byte_count, next_offset_);
}

}  // namespace nemcon::log
