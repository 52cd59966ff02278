// Invariant tested: whatever bytes are read from a journal, the head of a segment, the head of a
// batch and its records are each found or not found, and a record is a value or an Error; never
// anything else.
#include <string_view>

#include "log/archive.hpp"
#include "log/journal_format.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  using namespace nemcon;  // NOLINT(google-build-using-namespace): the function cannot be in it.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  const std::string_view view(reinterpret_cast<const char*>(bytes), byte_count);
  const log::ChecksumKey key{};
  if (byte_count >= log::page_bytes) {
    (void)log::parse_head(key, view.substr(0, log::page_bytes));
    (void)log::claimed_byte_count(view.substr(0, log::page_bytes));
  }
  if (byte_count < log::batch_head_bytes) return 0;
  (void)log::parse_batch(key, 1, log::first_batch_offset, view);
  // Records also where a checksum would have stopped us: it is no protection against our own
  // faults.
  log::RecordCursor cursor{view};
  while (const auto one = cursor.next()) {
    core::Record record;
    (void)log::decode(*one, record);
  }
  core::Record record;
  (void)log::decode(view, record);
  core::Row row;
  (void)log::decode(view, row);
  return 0;
}
