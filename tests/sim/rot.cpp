#include "tests/sim/rot.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "log/archive.hpp"
#include "log/journal_format.hpp"

namespace nemcon::sim {
namespace {

constexpr log::ChecksumKey checksum_key{{1, 2, 3}};

void flip(std::string& bytes, std::uint64_t bit) {
  char& byte = bytes[bit / 8 % bytes.size()];
  byte = static_cast<char>(byte ^ (1 << (bit % 8)));
}

}  // namespace

std::optional<core::Record> read_rotten(const core::Record& written, const RottenRecord& rot) {
  const core::Write write{.lsn = rot.lsn, .record = written, .urgent = true};
  const std::uint64_t byte_count = log::batch_head_bytes + log::record_byte_count(written);
  log::BatchHead head{.offset = log::first_batch_offset,
                      .first = rot.lsn,
                      .byte_count = static_cast<std::uint32_t>(byte_count),
                      .record_count = 1};
  std::string bytes(log::rounded_to_pages(byte_count), '\0');
  log::encode_batch(checksum_key, head, std::span{&write, 1}, bytes);
  // What follows is of the padding, which means nothing.
  bytes.resize(byte_count);
  flip(bytes, rot.bit);
  const auto found = log::parse_batch(checksum_key, head.segment, head.offset, bytes);
  if (!found) return std::nullopt;
  const auto body = log::RecordCursor{bytes}.next();
  core::Record record;
  if (!body || !log::decode(*body, record)) return std::nullopt;
  return record;
}

std::optional<core::Row> read_rotten(const core::Row& written, const RottenRow& rot) {
  auto bytes = std::make_shared<std::string>(log::value_byte_count(written), '\0');
  log::encode_value(checksum_key, rot.place, written, *bytes);
  flip(*bytes, rot.bit);
  auto row = log::decode_row(
      checksum_key,
      {.table = rot.place.table, .key = rot.place.key, .owner = bytes, .bytes = *bytes});
  if (!row) return std::nullopt;
  return std::move(row).value();
}

}  // namespace nemcon::sim
