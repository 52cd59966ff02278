// BinaryWriter and BinaryReader: any struct that has fields() as bytes, and back. The layout is
// docs/log-format.md's: no names, no padding, numbers as varints.
//
//   bool, enum, 8 bits   one byte                 string, Bytes   byte count, bytes
//   other integers, Id   LEB128 varint            vector, map     count, elements
//   Hlc                  8 bytes, little-endian   optional, ptr   0, or 1 and the value
//   Id128                16 bytes, little-endian  variant         index, value
//
// The reader believes nothing: whatever the bytes are, the result is a value or an Error. It
// never reads past the end, never throws, and reserves no memory that the bytes present do not
// account for. No type here holds itself, so nesting ends with the types. What it accepts it
// would write again byte for byte: a number has one spelling, keys of a map rise.
//
// Values, no state shared; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/record.hpp"
#include "core/row.hpp"
#include "log/error.hpp"

namespace nemcon::log {

static_assert(std::endian::native == std::endian::little, "the bytes are little-endian");

// The last enumerator of each enum that is ever written; a larger number is not one of ours.
// An enum without a line here does not compile.
[[nodiscard]] constexpr auto last_of(core::OperationKind) {
  return core::OperationKind::check;
}

[[nodiscard]] constexpr auto last_of(core::Ordering) {
  return core::Ordering::none;
}

[[nodiscard]] constexpr auto last_of(core::Reason) {
  return core::Reason::rolled_back_node;
}

[[nodiscard]] constexpr auto last_of(core::Choice) {
  return core::Choice::yes;
}

[[nodiscard]] constexpr auto last_of(core::BranchState) {
  return core::BranchState::rolled_back;
}

constexpr std::uint64_t elements_max = 1ULL << 24U;  // Of one vector or map; ours have thousands.

// What reading may allocate: so many times the bytes, and the base. Nothing of ours takes so much:
// an empty Content does most with its two bytes, 32 times.
constexpr std::size_t decode_bytes_factor = 64;
constexpr std::size_t decode_bytes_base = std::size_t{64} << 10U;

// Counts what a BinaryWriter would write, so that the writer can fill a buffer of just that size.
class CountingSink {
 public:
  void put(const void* /*from*/, std::size_t byte_count) { byte_count_ += byte_count; }

  [[nodiscard]] std::size_t byte_count() const { return byte_count_; }

 private:
  std::size_t byte_count_ = 0;
};

// Fills memory that the caller has measured with a CountingSink.
class SpanSink {
 public:
  SpanSink(char* begin, std::size_t byte_count) : next_(begin), left_(byte_count) {}

  void put(const void* from, std::size_t byte_count) {
    NEMCON_CHECK(byte_count <= left_, byte_count, left_);
    if (byte_count != 0) std::memcpy(next_, from, byte_count);
    next_ += byte_count;
    left_ -= byte_count;
  }

  [[nodiscard]] std::size_t left() const { return left_; }

 private:
  char* next_;
  std::size_t left_;
};

template <class Sink>
class BinaryWriter {
 public:
  explicit BinaryWriter(Sink& sink) : sink_(sink) {}  // `sink` must outlive the writer.

  template <class... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }

 private:
  void put_bytes(std::string_view bytes) {
    put_varint(bytes.size());
    sink_.put(bytes.data(), bytes.size());
  }

  void put_varint(std::uint64_t number) {
    std::array<unsigned char, 10> bytes{};
    std::size_t count = 0;
    while (number >= 0x80U) {
      bytes[count++] = static_cast<unsigned char>(number | 0x80U);
      number >>= 7U;
    }
    bytes[count++] = static_cast<unsigned char>(number);
    sink_.put(bytes.data(), count);
  }

  void put_fixed(std::uint64_t number) { sink_.put(&number, sizeof number); }

  void put(bool value) { put(static_cast<std::uint8_t>(value ? 1 : 0)); }

  void put(std::uint8_t value) { sink_.put(&value, 1); }

  void put(std::uint16_t value) { put_varint(value); }

  void put(std::uint32_t value) { put_varint(value); }

  void put(std::uint64_t value) { put_varint(value); }

  void put(core::Hlc value) { put_fixed(value.value()); }

  void put(const std::string& value) { put_bytes(value); }

  void put(const core::Bytes& value) { put_bytes(value.view()); }

  template <class Tag, class Number>
  void put(core::Id<Tag, Number> value) {
    put_varint(value.value());
  }

  template <class Tag>
  void put(const core::Id128<Tag>& value) {
    put_fixed(value.high);
    put_fixed(value.low);
  }

  template <class T>
  void put(const std::vector<T>& values) {
    put_varint(values.size());
    for (const T& value : values)
      put(value);
  }

  template <class Key, class T>
  void put(const std::map<Key, T>& values) {
    put_varint(values.size());
    for (const auto& [key, value] : values) {
      put(key);
      put(value);
    }
  }

  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value.has_value()) put(*value);
  }

  void put(const core::DescriptorPtr& value) {
    put(value != nullptr);
    if (value != nullptr) put(*value);
  }

  template <class... Kinds>
  void put(const std::variant<Kinds...>& value) {
    NEMCON_CHECK(!value.valueless_by_exception());
    put_varint(value.index());
    std::visit([this](const auto& kind) { this->put(kind); }, value);
  }

  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      static_assert(std::is_same_v<std::underlying_type_t<T>, std::uint8_t>);
      NEMCON_CHECK(value <= last_of(value));
      put(static_cast<std::uint8_t>(value));
    } else {
      // fields() is written once for reading and writing, so it wants a value that may change;
      // this archive only looks.
      fields(*this, const_cast<T&>(value));
    }
  }

  Sink& sink_;
};

class BinaryReader {
 public:
  // What is read as core::Bytes is copied.
  explicit BinaryReader(std::string_view bytes) : BinaryReader(nullptr, bytes) {}

  // What is read as core::Bytes refers to `bytes`, which must be valid as long as `owner` lives.
  BinaryReader(std::shared_ptr<const void> owner, std::string_view bytes)
      : left_(bytes),
        budget_(decode_bytes_factor * bytes.size() + decode_bytes_base),
        owner_(std::move(owner)) {}

  template <class... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }

  [[nodiscard]] bool has_failed() const { return why_ != nullptr; }

  // Ok when everything was read and nothing is left.
  [[nodiscard]] Status finish() const {
    if (why_ != nullptr) return corrupt(why_);
    if (!left_.empty()) return corrupt("bytes are left over");
    return core::Nothing{};
  }

 private:
  // After the first failure every further read gives zero or nothing, at no cost.
  void fail(const char* why) {
    if (why_ == nullptr) why_ = why;
    left_ = {};
  }

  // False: it would take more memory than what is sound does.
  [[nodiscard]] bool try_charge(std::uint64_t byte_count) {
    if (byte_count > budget_) {
      fail("it has fewer elements than it says");
      return false;
    }
    budget_ -= byte_count;
    return true;
  }

  std::string_view take(std::uint64_t byte_count) {
    if (byte_count > left_.size()) {
      fail("it ends too early");
      return {};
    }
    const std::string_view taken = left_.substr(0, byte_count);
    left_.remove_prefix(byte_count);
    return taken;
  }

  [[nodiscard]] std::uint64_t take_varint(std::uint64_t max) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::string_view taken = take(1);
      if (taken.empty()) return 0;
      const std::uint64_t byte = static_cast<unsigned char>(taken[0]);
      const std::uint64_t bits = byte & 0x7fU;
      if (shift == 63 && bits > 1) break;
      number |= bits << shift;
      if ((byte & 0x80U) != 0) continue;
      if ((byte == 0 && shift != 0) || number > max) break;
      return number;
    }
    fail("a number is too large or spelt in a longer way than it needs");
    return 0;
  }

  [[nodiscard]] std::uint64_t take_fixed() {
    const std::string_view taken = take(sizeof(std::uint64_t));
    std::uint64_t number = 0;
    if (!taken.empty()) std::memcpy(&number, taken.data(), sizeof number);
    return number;
  }

  // An element takes at least one byte, so a count beyond what is left is a lie.
  [[nodiscard]] std::uint64_t take_count() {
    const std::uint64_t count = take_varint(elements_max);
    if (count <= left_.size()) return count;
    fail("it has fewer elements than it says");
    return 0;
  }

  [[nodiscard]] bool take_bool() {
    const std::string_view taken = take(1);
    if (taken.empty()) return false;
    if (taken[0] != 0 && taken[0] != 1) fail("neither false nor true");
    return taken[0] == 1;
  }

  void get(bool& value) { value = take_bool(); }

  void get(std::uint8_t& value) {
    const std::string_view taken = take(1);
    value = taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken[0]);
  }

  void get(std::uint16_t& value) { get_number(value); }

  void get(std::uint32_t& value) { get_number(value); }

  void get(std::uint64_t& value) { get_number(value); }

  template <class Number>
  void get_number(Number& value) {
    value = static_cast<Number>(take_varint(std::numeric_limits<Number>::max()));
  }

  void get(core::Hlc& value) { value = core::Hlc{take_fixed()}; }

  // What is kept elsewhere than in the value itself.
  [[nodiscard]] std::string_view take_bytes() {
    const std::string_view taken = take(take_varint(std::numeric_limits<std::uint64_t>::max()));
    return taken.empty() || try_charge(taken.size() + beside_allocation) ? taken
                                                                         : std::string_view{};
  }

  void get(std::string& value) { value = take_bytes(); }

  void get(core::Bytes& value) {
    const std::string_view taken = take_bytes();
    value = owner_ != nullptr && !taken.empty() ? core::Bytes{owner_, taken} : core::Bytes{taken};
  }

  template <class Tag, class Number>
  void get(core::Id<Tag, Number>& value) {
    Number number = 0;
    get_number(number);
    value = core::Id<Tag, Number>{number};
  }

  template <class Tag>
  void get(core::Id128<Tag>& value) {
    value.high = take_fixed();
    value.low = take_fixed();
  }

  template <class T>
  void get(std::vector<T>& values) {
    const std::uint64_t count = take_count();
    values.clear();
    if (!try_charge(count * sizeof(T))) return;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count && !has_failed(); ++i)
      get(values.emplace_back());
  }

  template <class Key, class T>
  void get(std::map<Key, T>& values) {
    const std::uint64_t count = take_count();
    values.clear();
    for (std::uint64_t i = 0; i < count && !has_failed(); ++i) {
      Key key{};
      get(key);
      if (!values.empty() && !(values.rbegin()->first < key)) {
        fail("the keys of a map do not rise");
        return;
      }
      if (!try_charge(sizeof(std::pair<const Key, T>) + beside_allocation)) return;
      get(values.emplace_hint(values.end(), std::move(key), T{})->second);
    }
  }

  template <class T>
  void get(std::optional<T>& value) {
    value.reset();
    if (take_bool()) get(value.emplace());
  }

  void get(core::DescriptorPtr& value) {
    value.reset();
    if (!take_bool()) return;
    if (!try_charge(sizeof(core::Descriptor) + beside_allocation)) return;
    auto descriptor = std::make_shared<core::Descriptor>();
    get(*descriptor);
    value = std::move(descriptor);
  }

  template <class... Kinds>
  void get(std::variant<Kinds...>& value) {
    const std::uint64_t index = take_varint(sizeof...(Kinds) - 1);
    get_kind(value, index, std::index_sequence_for<Kinds...>{});
  }

  template <class Variant, std::size_t... Index>
  void get_kind(Variant& value, std::uint64_t index, std::index_sequence<Index...> /*all*/) {
    ((Index == index ? get(value.template emplace<Index>()) : void()), ...);
  }

  template <class T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::uint8_t number = 0;
      get(number);
      if (number > static_cast<std::uint8_t>(last_of(T{}))) {
        fail("an unknown kind");
        number = 0;
      }
      value = static_cast<T>(number);
    } else {
      fields(*this, value);
    }
  }

  // Of a shared pointer, or of a node of a tree.
  static constexpr std::size_t beside_allocation = 48;

  std::string_view left_;
  std::size_t budget_;
  std::shared_ptr<const void> owner_;
  const char* why_ = nullptr;  // Set by the first failure; a fixed phrase.
};

template <class T>
[[nodiscard]] std::size_t encoded_byte_count(const T& value) {
  CountingSink sink;
  BinaryWriter<CountingSink> writer{sink};
  writer(value);
  return sink.byte_count();
}

// Fills exactly `byte_count` bytes, which encoded_byte_count() told.
template <class T>
void encode(const T& value, char* into, std::size_t byte_count) {
  SpanSink sink{into, byte_count};
  BinaryWriter<SpanSink> writer{sink};
  writer(value);
  NEMCON_CHECK(sink.left() == 0, sink.left());
}

template <class T>
[[nodiscard]] std::string encoded(const T& value) {
  std::string bytes(encoded_byte_count(value), '\0');
  encode(value, bytes.data(), bytes.size());
  return bytes;
}

// `value` is whatever was read so far when the Status is an error.
template <class T>
[[nodiscard]] Status decode(std::string_view bytes, T& value) {
  BinaryReader reader{bytes};
  reader(value);
  return reader.finish();
}

}  // namespace nemcon::log
