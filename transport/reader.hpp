// Reader: takes values out of one MessagePack document whose schema is known, and nothing else.
// It is the hostile side of the codec: it allocates only what it has already seen bytes for, and
// counts that against a budget. The first thing that is wrong ends it.
//
// As an archive it reads what fields() lists: a struct is an array of its fields, a variant an
// array of index and value. Recursion goes as deep as the types do, never as deep as the input.
//
// Lives as long as one decode; not shared between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/descriptor.hpp"
#include "core/ids.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/wire_types.hpp"

namespace nemcon::transport {

class Reader {
 public:
  // `document` is read, `owner` kept alive by every Bytes that comes out. All three must
  // outlive the reader.
  Reader(const std::shared_ptr<const void>& owner, std::string_view document,
         const DecodeLimits& limits)
      : owner_(&owner), rest_(document), whole_(document.size()), limits_(&limits) {
    budget_ = decode_bytes_factor * (document.size() + frame_header_bytes) + decode_bytes_base;
  }

  // The door for fields(): a struct with these fields.
  template <class... Fields>
  void operator()(Fields&... values) {
    if (!read_array_of(sizeof...(Fields))) return;
    static_cast<void>((read(values) && ...));
  }

  bool read(bool& value);
  bool read(std::string& value);
  bool read(core::Bytes& value);

  template <WireNumber Number>
  bool read(Number& value) {
    std::uint64_t wide = 0;
    if (!read_number(wide)) return false;
    if (wide > std::numeric_limits<Number>::max()) return fail("a number out of range");
    value = static_cast<Number>(wide);
    return true;
  }

  template <WireEnum Enum>
  bool read(Enum& value) {
    std::underlying_type_t<Enum> number{};
    if (!read(number)) return false;
    value = static_cast<Enum>(number);
    return is_known(value) || fail("an unknown enumerator");
  }

  template <class Tag, class Number>
  bool read(core::Id<Tag, Number>& value) {
    Number number = 0;
    if (!read(number)) return false;
    value = core::Id<Tag, Number>{number};
    return true;
  }

  template <class Tag>
  bool read(core::Id128<Tag>& value) {
    return read_two(value.high, value.low);
  }

  bool read(core::Hlc& value) {
    std::uint64_t number = 0;
    if (!read_number(number)) return false;
    value = core::Hlc{number};
    return true;
  }

  template <class Item>
  bool read(std::vector<Item>& values) {
    std::size_t count = 0;
    if (!read_count(count) || !charge(weight_of_array(count, sizeof(Item)))) return false;
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!read(values.emplace_back())) return false;
    }
    return true;
  }

  template <class Value>
  bool read(std::optional<Value>& value) {
    if (try_read_nil()) return is_sound();
    return read(value.emplace());
  }

  bool read(core::DescriptorPtr& value);

  template <class... Kinds>
  bool read(std::variant<Kinds...>& value) {
    std::uint32_t index = 0;
    if (!read_array_of(2) || !read(index)) return false;
    if (index >= sizeof...(Kinds)) return fail("an unknown kind");
    return read_alternative(value, index, std::index_sequence_for<Kinds...>{});
  }

  // Any other type: a struct with fields().
  template <class Struct>
  bool read(Struct& value) {
    fields(*this, value);
    return is_sound();
  }

  bool read_nil();

  // The header of a map; the caller reads the keys and values.
  bool read_map_count(std::size_t& count);

  // Charges what the caller is about to allocate. False when that is too much.
  bool charge(std::size_t byte_count);

  // Nothing may follow the document.
  bool finish();

  // Remembers the first reason. Always false.
  bool fail(const char* what);

  [[nodiscard]] bool is_sound() const { return failure_ == nullptr; }

  [[nodiscard]] core::Error error() const;

 private:
  template <class Variant, std::size_t... indices>
  bool read_alternative(Variant& value, std::size_t index, std::index_sequence<indices...>) {
    bool done = false;
    static_cast<void>(
        ((index == indices ? (done = read(value.template emplace<indices>()), true) : false) ||
         ...));
    return done;
  }

  bool read_array_of(std::size_t count);
  bool read_count(std::size_t& count);
  bool read_number(std::uint64_t& value);
  bool read_two(std::uint64_t& high, std::uint64_t& low);
  bool try_read_nil();

  // The next byte, which says what follows. Counts the element.
  bool take_type(std::uint8_t& type);
  bool take(std::size_t byte_count, std::string_view& bytes);
  bool take_big_endian(std::size_t byte_count, std::uint64_t& value);
  bool take_counted(std::size_t count, std::size_t count_max, std::string_view& bytes);

  const std::shared_ptr<const void>* owner_;
  std::string_view rest_;
  std::size_t whole_;
  const DecodeLimits* limits_;
  std::size_t budget_ = 0;
  std::uint64_t elements_ = 0;
  const char* failure_ = nullptr;
  std::size_t failed_at_ = 0;
};

}  // namespace nemcon::transport
