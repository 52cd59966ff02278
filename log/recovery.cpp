#include "log/recovery.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "log/archive.hpp"

namespace nemcon::log {

using core::Mutant;
using core::planted;

namespace {

std::string place(const Segment& segment, std::uint64_t offset) {
  return segment.path + ", offset " + std::to_string(offset);
}

std::string text(core::Lsn lsn) {
  return std::to_string(lsn.value());
}

}  // namespace

Recovery::Recovery(FileOperations& files, const ChecksumKey& key, std::vector<Segment>& segments)
    : files_(files), key_(key), segments_(segments) {}

Result<JournalEnd> Recovery::run(core::Lsn base, core::Lsn after, const Visitor& visitor) {
  const Status looked = look_at_all();
  if (!looked) return looked.error();

  end_ = JournalEnd{};
  end_.last = base;
  std::optional<std::size_t> next = find_start(after);
  if (next) {
    const BatchHead& first = *firsts_[*next];
    end_.last = core::Lsn{first.first.value() - 1};
    end_.checksum = first.previous;
  }
  while (next) {
    const Status walked = walk(*next, after, visitor);
    if (!walked) return walked.error();
    next = find_next();
  }
  const Status newest =
      planted(Mutant::journal_ends_at_damage) ? Status{core::Nothing{}} : refuse_if_newer_exists();
  if (!newest) return newest.error();
  if (after > end_.last) return rotten("the store already holds record " + text(after));
  return end_;
}

Status Recovery::look_at_all() {
  firsts_.clear();
  for (const Segment& segment : segments_) {
    if (!planted(Mutant::journal_read_from_cache)) {
      const int flushed = files_.fdatasync(segment.file);
      if (flushed < 0) return failed("cannot flush " + segment.path, -flushed);
      files_.drop_cache(segment.file);
    }
    auto first = first_batch(segment);
    if (!first) return first.error();
    firsts_.push_back(*first);
  }
  return core::Nothing{};
}

Result<std::optional<BatchHead>> Recovery::first_batch(const Segment& segment) {
  const std::uint64_t room = segment.byte_count - first_batch_offset;
  const auto page = read_segment(files_, segment, first_batch_offset, std::min(room, page_bytes));
  if (!page) return page.error();
  const std::uint64_t claimed = claimed_byte_count(*page);
  if (claimed == 0 || claimed > room) return std::optional<BatchHead>{};
  const auto batch = read_segment(files_, segment, first_batch_offset, claimed);
  if (!batch) return batch.error();
  return parse_batch(key_, segment.number, first_batch_offset, *batch);
}

// The segment that holds the record after the checkpoint, or the newest one before it.
std::optional<std::size_t> Recovery::find_start(core::Lsn after) const {
  const core::Lsn wanted{after.value() + 1};
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < firsts_.size(); ++i) {
    if (!firsts_[i]) continue;
    if (firsts_[i]->first > wanted && !planted(Mutant::newest_segment_only)) continue;
    if (!best || firsts_[i]->first > firsts_[*best]->first) best = i;
  }
  return best;
}

std::optional<std::size_t> Recovery::find_next() const {
  for (std::size_t i = 0; i < firsts_.size(); ++i) {
    if (firsts_[i] && follows(*firsts_[i])) return i;
  }
  return std::nullopt;
}

bool Recovery::follows(const BatchHead& head) const {
  return head.first.value() == end_.last.value() + 1 && head.previous == end_.checksum &&
         head.generation >= end_.generation;
}

// Follows the chain through one segment.
Status Recovery::walk(std::size_t index, core::Lsn after, const Visitor& visitor) {
  Segment& segment = segments_[index];
  const auto bytes = read_segment(files_, segment, 0, segment.byte_count);
  if (!bytes) return bytes.error();
  end_.walked.push_back(index);
  end_.offset = first_batch_offset;
  while (end_.offset < segment.byte_count) {
    const std::string_view rest = std::string_view{*bytes}.substr(end_.offset);
    const auto head = parse_batch(key_, segment.number, end_.offset, rest);
    if (planted(Mutant::journal_skips_damage) && (!head || head->first <= end_.last)) {
      end_.offset += page_bytes;
      continue;
    }
    if (!head || !(follows(*head) || planted(Mutant::journal_skips_damage))) break;
    const Status visited = visit(segment, *head, rest.substr(0, head->byte_count), after, visitor);
    if (!visited) return visited.error();
    end_.last = head->last();
    end_.checksum = head->checksum;
    end_.generation = head->generation;
    end_.offset += rounded_to_pages(head->byte_count);
    segment.last = end_.last;
  }
  return core::Nothing{};
}

Status Recovery::visit(const Segment& segment, const BatchHead& head, std::string_view batch,
                       core::Lsn after, const Visitor& visitor) {
  if (head.last() <= after) return core::Nothing{};
  RecordCursor records{batch};
  for (std::uint64_t number = head.first.value(); number <= head.last().value(); ++number) {
    const auto bytes = records.next();
    core::Record record;
    const Status decoded = bytes ? decode(*bytes, record) : Status{corrupt("it is missing")};
    if (!decoded) {
      return corrupt(place(segment, head.offset) + ": record " + std::to_string(number) +
                     " is not one that this version of the program writes (" +
                     decoded.error().detail + "); use the version that wrote it");
    }
    if (core::Lsn{number} <= after) continue;
    const Status visited = visitor(core::Lsn{number}, std::move(record));
    if (!visited) return visited.error();
  }
  return core::Nothing{};
}

// Nothing newer than the end may be anywhere. A segment whose first batch is whole and older
// can hold nothing newer: segments are filled from the front. The others are searched page by
// page, and so is the rest of the segment in which the journal ends.
Status Recovery::refuse_if_newer_exists() {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    const bool is_end = !end_.walked.empty() && end_.walked.back() == i;
    if (firsts_[i] && firsts_[i]->first > end_.last) {
      return rotten("record " + text(firsts_[i]->first) + " is whole at " +
                    place(segment, first_batch_offset));
    }
    if (firsts_[i] && !is_end) continue;
    const std::uint64_t begin = is_end ? end_.offset : first_batch_offset;
    const auto bytes = read_segment(files_, segment, begin, segment.byte_count - begin);
    if (!bytes) return bytes.error();
    for (std::uint64_t at = 0; at < bytes->size(); at += page_bytes) {
      const auto head =
          parse_batch(key_, segment.number, begin + at, std::string_view{*bytes}.substr(at));
      if (!head || head->first <= end_.last) continue;
      return rotten("record " + text(head->first) + " is whole at " + place(segment, begin + at));
    }
  }
  return core::Nothing{};
}

Error Recovery::rotten(const std::string& witness) const {
  const std::string where = end_.walked.empty() ? std::string{"the journal"}
                                                : place(segments_[end_.walked.back()], end_.offset);
  return corrupt(where + ": the batch after record " + text(end_.last) +
                 " is damaged or missing, yet " + witness);
}

}  // namespace nemcon::log
