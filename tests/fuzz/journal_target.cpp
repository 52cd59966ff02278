// Invariants tested: whatever bytes are read from a journal, the head of a segment, the head of a
// batch and its records are each found or not found; a record or row is a value or an Error, which
// takes no more memory than log/archive.hpp says, and never anything else. A value is written as
// bytes that are read as the same value.
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "log/archive.hpp"
#include "log/journal_format.hpp"
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/target.hpp"

namespace nemcon {
namespace {

// Beside the value: the text of an Error, once made and once copied, which is of fixed length.
constexpr std::uint64_t error_bytes = 256;

template <class T>
void check_decoding(std::string_view bytes) {
  T value;
  const std::uint64_t before = fuzz::allocated_bytes();
  const auto decoded = log::decode(bytes, value);
  const std::uint64_t allocated = fuzz::allocated_bytes() - before;
  const std::uint64_t allocated_max =
      log::decode_bytes_factor * bytes.size() + log::decode_bytes_base + error_bytes;
  NEMCON_CHECK(allocated <= allocated_max, allocated, bytes.size());
  if (!decoded) return;
  // Two values with the same bytes are the same: that spares a comparison of every type.
  const std::string once = log::encoded(value);
  T again;
  NEMCON_CHECK(log::decode(once, again).has_value());
  NEMCON_CHECK(log::encoded(again) == once);
}

}  // namespace
}  // namespace nemcon

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
  while (const auto one = cursor.next())
    check_decoding<core::Record>(*one);
  check_decoding<core::Record>(view);
  check_decoding<core::Row>(view);
  return 0;
}
