// What the encoder and the decoder must agree on beyond the fields of each struct: which
// enumerators exist, and how much memory a decoded value costs.
//
// Pure functions: any thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "core/descriptor.hpp"
#include "core/message.hpp"
#include "core/request.hpp"
#include "core/vote.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {

// True for the enumerators of their type. Written as switches without default, so that a new
// enumerator does not compile until it is known here.
[[nodiscard]] bool is_known(core::OperationKind value);
[[nodiscard]] bool is_known(core::Ordering value);
[[nodiscard]] bool is_known(core::Choice value);
[[nodiscard]] bool is_known(core::Reason value);
[[nodiscard]] bool is_known(core::Refusal value);
[[nodiscard]] bool is_known(core::Knowledge value);
[[nodiscard]] bool is_known(core::Settlement value);
[[nodiscard]] bool is_known(core::Topic value);
[[nodiscard]] bool is_known(core::Verdict value);
[[nodiscard]] bool is_known(FrameKind value);
[[nodiscard]] bool is_known(Role value);
[[nodiscard]] bool is_known(RefusalReason value);

// The longest text in a handshake: such frames are read before anybody is known.
constexpr std::uint32_t handshake_text_bytes_max = 1024;

// What decoding one frame may allocate: 4 times the frame and this.
constexpr std::size_t decode_bytes_base = std::size_t{64} << 10U;
constexpr std::size_t decode_bytes_factor = 4;

// The encoder keeps an eighth clear of that bound, since the other side may be another build.
constexpr std::size_t encode_bytes_base = decode_bytes_base / 8 * 7;

// Bookkeeping of one allocation, in the C library here.
constexpr std::size_t allocation_bytes = 16;

[[nodiscard]] constexpr std::size_t weight_of_array(std::size_t count, std::size_t item_bytes) {
  return count == 0 ? 0 : count * item_bytes + allocation_bytes;
}

// Short strings live inside the std::string.
[[nodiscard]] constexpr std::size_t weight_of_string(std::size_t byte_count) {
  return byte_count <= 15 ? 0 : byte_count + 1 + allocation_bytes;
}

constexpr std::size_t weight_of_descriptor =
    sizeof(core::Descriptor) + 2 * sizeof(void*) + allocation_bytes;

template <class T>
concept WireNumber = std::unsigned_integral<T> && !std::same_as<T, bool>;

template <class T>
concept WireEnum = std::is_enum_v<T>;

}  // namespace nemcon::transport
