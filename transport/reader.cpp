#include "transport/reader.hpp"

#include "core/mutant.hpp"

namespace nemcon::transport {

namespace {

// First bytes of MessagePack values.
constexpr std::uint8_t type_nil = 0xc0;
constexpr std::uint8_t type_false = 0xc2;
constexpr std::uint8_t type_true = 0xc3;
constexpr std::uint8_t type_bin8 = 0xc4;
constexpr std::uint8_t type_bin32 = 0xc6;
constexpr std::uint8_t type_uint8 = 0xcc;
constexpr std::uint8_t type_uint64 = 0xcf;
constexpr std::uint8_t type_int8 = 0xd0;
constexpr std::uint8_t type_int64 = 0xd3;
constexpr std::uint8_t type_str8 = 0xd9;
constexpr std::uint8_t type_str32 = 0xdb;
constexpr std::uint8_t type_array16 = 0xdc;
constexpr std::uint8_t type_array32 = 0xdd;
constexpr std::uint8_t type_map16 = 0xde;
constexpr std::uint8_t type_map32 = 0xdf;

// The 1, 2, 4 or 8 bytes that follow the `step`th type of a family.
std::size_t width(std::uint8_t type, std::uint8_t first) {
  return std::size_t{1} << static_cast<unsigned>(type - first);
}

}  // namespace

bool Reader::fail(const char* what) {
  if (failure_ == nullptr) {
    failure_ = what;
    failed_at_ = whole_ - rest_.size();
    rest_ = {};
  }
  return false;
}

core::Error Reader::error() const {
  NEMCON_CHECK(failure_ != nullptr);
  std::string detail = "byte " + std::to_string(frame_header_bytes + failed_at_) + ": " + failure_;
  return {core::Errc::remote_malformed, std::move(detail)};
}

bool Reader::finish() {
  // The bug: what is missing at the end keeps its default.
  if (!is_sound()) {
    return core::planted(core::Mutant::half_a_message_is_one) && failed_at_ == whole_;
  }
  return rest_.empty() || fail("bytes after the end");
}

bool Reader::charge(std::size_t byte_count) {
  if (byte_count > budget_) return fail("too large for its length");
  budget_ -= byte_count;
  return true;
}

bool Reader::take(std::size_t byte_count, std::string_view& bytes) {
  if (byte_count > rest_.size()) return fail("cut short");
  bytes = rest_.substr(0, byte_count);
  rest_.remove_prefix(byte_count);
  return true;
}

bool Reader::take_type(std::uint8_t& type) {
  std::string_view byte;
  if (!take(1, byte)) return false;
  type = static_cast<std::uint8_t>(byte.front());
  return ++elements_ <= limits_->elements_max || fail("too many elements");
}

bool Reader::take_big_endian(std::size_t byte_count, std::uint64_t& value) {
  std::string_view bytes;
  if (!take(byte_count, bytes)) return false;
  value = 0;
  for (const char byte : bytes)
    value = value << 8U | static_cast<std::uint8_t>(byte);
  return true;
}

bool Reader::take_counted(std::size_t count, std::size_t count_max, std::string_view& bytes) {
  if (count > count_max) return fail("too long");
  return take(count, bytes);
}

bool Reader::read_number(std::uint64_t& value) {
  std::uint8_t type = 0;
  if (!take_type(type)) return false;
  if (type < 0x80) {
    value = type;
    return true;
  }
  if (type >= type_uint8 && type <= type_uint64) {
    return take_big_endian(width(type, type_uint8), value);
  }
  // Some encoders write what is not negative in a signed form.
  if (type >= type_int8 && type <= type_int64) {
    const std::size_t byte_count = width(type, type_int8);
    if (!take_big_endian(byte_count, value)) return false;
    const bool negative = (value >> (8 * byte_count - 1)) != 0;
    return !negative || fail("a negative number");
  }
  return fail("not a number");
}

bool Reader::read_two(std::uint64_t& high, std::uint64_t& low) {
  std::uint8_t type = 0;
  std::uint64_t byte_count = 0;
  if (!take_type(type)) return false;
  if (type != type_bin8) return fail("not an id");
  if (!take_big_endian(1, byte_count)) return false;
  if (byte_count != 16) return fail("not an id");
  return take_big_endian(8, high) && take_big_endian(8, low);
}

bool Reader::read(bool& value) {
  std::uint8_t type = 0;
  if (!take_type(type)) return false;
  if (type != type_false && type != type_true) return fail("not a boolean");
  value = type == type_true;
  return true;
}

bool Reader::read(std::string& value) {
  std::uint8_t type = 0;
  std::uint64_t byte_count = 0;
  if (!take_type(type)) return false;
  if (type >= 0xa0 && type <= 0xbf) {
    byte_count = type - 0xa0U;
  } else if (type >= type_str8 && type <= type_str32) {
    if (!take_big_endian(width(type, type_str8), byte_count)) return false;
  } else {
    return fail("not a string");
  }
  std::string_view bytes;
  if (!take_counted(byte_count, limits_->string_bytes_max, bytes)) return false;
  if (!charge(weight_of_string(bytes.size()))) return false;
  value.assign(bytes);
  return true;
}

bool Reader::read(core::Bytes& value) {
  std::uint8_t type = 0;
  std::uint64_t byte_count = 0;
  if (!take_type(type)) return false;
  if (type < type_bin8 || type > type_bin32) return fail("not a binary");
  if (!take_big_endian(width(type, type_bin8), byte_count)) return false;
  std::string_view bytes;
  if (!take_counted(byte_count, limits_->bin_bytes_max, bytes)) return false;
  value = bytes.empty() ? core::Bytes{} : core::Bytes{*owner_, bytes};
  return true;
}

bool Reader::read(core::DescriptorPtr& value) {
  if (try_read_nil() || !is_sound()) return is_sound();
  if (!charge(weight_of_descriptor)) return false;
  const auto descriptor = std::make_shared<core::Descriptor>();
  if (!read(*descriptor)) return false;
  value = descriptor;
  return true;
}

bool Reader::try_read_nil() {
  if (rest_.empty()) return fail("cut short");
  if (static_cast<std::uint8_t>(rest_.front()) != type_nil) return false;
  std::uint8_t type = 0;
  return take_type(type);
}

bool Reader::read_nil() {
  if (try_read_nil()) return is_sound();
  return fail("not nil");
}

bool Reader::read_count(std::size_t& count) {
  std::uint8_t type = 0;
  std::uint64_t number = 0;
  if (!take_type(type)) return false;
  if (type >= 0x90 && type <= 0x9f) {
    number = type - 0x90U;
  } else if (type == type_array16 || type == type_array32) {
    if (!take_big_endian(type == type_array16 ? 2 : 4, number)) return false;
  } else {
    return fail("not an array");
  }
  if (number > limits_->array_count_max) return fail("too long");
  // Every element is at least one byte.
  if (number > rest_.size()) return fail("cut short");
  count = static_cast<std::size_t>(number);
  return true;
}

bool Reader::read_array_of(std::size_t count) {
  std::size_t actual = 0;
  if (!read_count(actual)) return false;
  return actual == count || fail("an array of the wrong length");
}

bool Reader::read_map_count(std::size_t& count) {
  std::uint8_t type = 0;
  std::uint64_t number = 0;
  if (!take_type(type)) return false;
  if (type >= 0x80 && type <= 0x8f) {
    number = type - 0x80U;
  } else if (type == type_map16 || type == type_map32) {
    if (!take_big_endian(type == type_map16 ? 2 : 4, number)) return false;
  } else {
    return fail("not a map");
  }
  if (number > limits_->map_count_max) return fail("too long");
  if (number * 2 > rest_.size()) return fail("cut short");
  count = static_cast<std::size_t>(number);
  return true;
}

}  // namespace nemcon::transport
