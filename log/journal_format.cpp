#include "log/journal_format.hpp"

#include <cstring>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "log/archive.hpp"

namespace nemcon::log {

namespace {

constexpr std::uint64_t head_magic = 0x314c4e524a4d454eULL;  // "NEMJRNL1" read as text.
constexpr std::uint32_t head_format = 1;
constexpr std::uint32_t batch_magic = 0x5441424eU;  // "NBAT".

// The layouts as they lie on disk, little-endian, without gaps.
struct HeadLayout {
  std::uint64_t checksum;
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t segment;
  std::uint64_t byte_count;
  std::uint64_t base;
};

struct BatchLayout {
  std::uint64_t checksum;
  std::uint32_t magic;
  std::uint32_t segment;
  std::uint64_t offset;
  std::uint64_t generation;
  std::uint64_t first;
  std::uint64_t previous;
  std::uint32_t byte_count;
  std::uint32_t record_count;
};

static_assert(sizeof(HeadLayout) == 40 && std::has_unique_object_representations_v<HeadLayout>);
static_assert(sizeof(BatchLayout) == batch_head_bytes &&
              std::has_unique_object_representations_v<BatchLayout>);

constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

}  // namespace

std::string encode_head(const ChecksumKey& key, const SegmentHead& head) {
  HeadLayout layout{.checksum = 0,
                    .magic = head_magic,
                    .format = head_format,
                    .segment = head.segment,
                    .byte_count = head.byte_count,
                    .base = head.base.value()};
  std::string page(page_bytes, '\0');
  std::memcpy(page.data(), &layout, sizeof layout);
  layout.checksum = checksum(key, std::string_view{page}.substr(checksum_bytes));
  std::memcpy(page.data(), &layout.checksum, checksum_bytes);
  return page;
}

std::optional<SegmentHead> parse_head(const ChecksumKey& key, std::string_view page) {
  if (page.size() < page_bytes) return std::nullopt;
  page = page.substr(0, page_bytes);
  HeadLayout layout{};
  std::memcpy(&layout, page.data(), sizeof layout);
  if (layout.magic != head_magic || layout.format != head_format) return std::nullopt;
  if (layout.checksum != checksum(key, page.substr(checksum_bytes))) return std::nullopt;
  return SegmentHead{
      .segment = layout.segment, .byte_count = layout.byte_count, .base = core::Lsn{layout.base}};
}

std::uint64_t record_byte_count(const core::Record& record) {
  return record_head_bytes + encoded_byte_count(record);
}

void encode_batch(const ChecksumKey& key, BatchHead& head, std::span<const core::Write> writes,
                  std::span<char> into) {
  NEMCON_CHECK(head.record_count == writes.size(), head.record_count, writes.size());
  NEMCON_CHECK(into.size() == rounded_to_pages(head.byte_count), into.size(), head.byte_count);
  BatchLayout layout{.checksum = 0,
                     .magic = batch_magic,
                     .segment = head.segment,
                     .offset = head.offset,
                     .generation = head.generation,
                     .first = head.first.value(),
                     .previous = head.previous,
                     .byte_count = head.byte_count,
                     .record_count = head.record_count};
  std::memcpy(into.data(), &layout, sizeof layout);

  std::size_t at = batch_head_bytes;
  for (const core::Write& write : writes) {
    const std::size_t begin = at + record_head_bytes;
    NEMCON_CHECK(begin <= head.byte_count, begin, head.byte_count);
    SpanSink sink{into.data() + begin, head.byte_count - begin};
    BinaryWriter<SpanSink> writer{sink};
    writer(write.record);
    const std::size_t end = head.byte_count - sink.left();
    const auto length = static_cast<std::uint32_t>(end - begin);
    std::memcpy(into.data() + at, &length, sizeof length);
    at = end;
  }
  NEMCON_CHECK(at == head.byte_count, at, head.byte_count);
  std::memset(into.data() + at, 0, into.size() - at);

  const std::string_view batch{into.data(), at};
  head.checksum = checksum(key, batch.substr(checksum_bytes));
  std::memcpy(into.data(), &head.checksum, checksum_bytes);
}

std::uint32_t claimed_byte_count(std::string_view page) {
  if (page.size() < batch_head_bytes) return 0;
  BatchLayout layout{};
  std::memcpy(&layout, page.data(), sizeof layout);
  return layout.magic == batch_magic ? layout.byte_count : 0;
}

std::optional<BatchHead> parse_batch(const ChecksumKey& key, std::uint32_t segment,
                                     std::uint64_t offset, std::string_view bytes) {
  if (bytes.size() < batch_head_bytes) return std::nullopt;
  BatchLayout layout{};
  std::memcpy(&layout, bytes.data(), sizeof layout);
  if (layout.magic != batch_magic || layout.segment != segment || layout.offset != offset) {
    return std::nullopt;
  }
  if (layout.byte_count < batch_head_bytes || layout.byte_count > bytes.size() ||
      layout.record_count == 0) {
    return std::nullopt;
  }
  const std::string_view batch = bytes.substr(0, layout.byte_count);
  if (layout.checksum != checksum(key, batch.substr(checksum_bytes)) &&
      !core::planted(core::Mutant::batch_checksum_unread)) {
    return std::nullopt;
  }
  return BatchHead{.segment = layout.segment,
                   .offset = layout.offset,
                   .generation = layout.generation,
                   .first = core::Lsn{layout.first},
                   .previous = layout.previous,
                   .checksum = layout.checksum,
                   .byte_count = layout.byte_count,
                   .record_count = layout.record_count};
}

std::optional<std::string_view> RecordCursor::next() {
  std::uint32_t length = 0;
  if (left_.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, left_.data(), sizeof length);
  left_.remove_prefix(sizeof length);
  if (length > left_.size()) return std::nullopt;
  const std::string_view record = left_.substr(0, length);
  left_.remove_prefix(length);
  return record;
}

}  // namespace nemcon::log
