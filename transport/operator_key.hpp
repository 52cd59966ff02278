// The operator's key: Ed25519, by which membership files are signed (members_file.hpp). Its secret
// half belongs to a person, on a machine that need not be a node; nodes know only the public half.
//
// Both halves are written as 64 hexadecimal digits, so that neither can be taken for a key of a
// node or client (40 characters of Z85). The file is like theirs: keys.hpp.
//
// Pure values, any thread; files block.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "transport/small_file.hpp"

namespace nemcon::transport {

constexpr std::size_t signature_bytes = 64;

using Signature = std::array<std::uint8_t, signature_bytes>;

struct OperatorKey {
  std::array<std::uint8_t, 32> bytes{};

  friend auto operator<=>(const OperatorKey&, const OperatorKey&) = default;
};

[[nodiscard]] std::string to_text(const OperatorKey& key);

// local_refused, in words that fit behind "is".
[[nodiscard]] core::Result<OperatorKey> parse_operator_key(std::string_view text);

struct OperatorSecret {
  Secret bytes;  // As libsodium wants it: the seed and the public half.
  OperatorKey public_key;
};

// local_refused: what is wrong with the file, and the remedy.
[[nodiscard]] core::Result<OperatorSecret> read_operator_key_file(const std::string& file);

// A new key, mode 0600, never over another file. local_refused: as make_secret_file().
[[nodiscard]] core::Result<OperatorKey> make_operator_key_file(const std::string& file);

// Of this text as the content of a membership file, and of nothing else.
[[nodiscard]] Signature sign(const OperatorSecret& secret, std::string_view text);
[[nodiscard]] bool is_signed(const OperatorKey& key, const Signature& signature,
                             std::string_view text);

// Lower-case hexadecimal digits, two for each byte; exactly these and no others are read.
[[nodiscard]] std::string to_digits(std::string_view bytes);
[[nodiscard]] bool try_read_digits(std::string_view digits, char* bytes, std::size_t byte_count);

}  // namespace nemcon::transport
