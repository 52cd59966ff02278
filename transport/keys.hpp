// Keys: the Curve25519 key pairs by which nodes and clients know each other, as values and as
// files.
//
// A secret key exists in memory that is locked, kept out of core dumps and wiped when it goes; as
// text only in its file. The file has comment lines ("# ...") and one line of 40 characters, the
// key in Z85 (RFC 32). Only its owner may read it: any other mode is refused.
//
// Pure values, any thread; files block. ZeroMQ makes copies of its own that nobody wipes (the
// README of this folder says what guards them).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace nemcon::transport {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t key_text_bytes = 40;

struct PublicKey {
  std::array<std::uint8_t, key_bytes> bytes{};

  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

// 40 printable ASCII characters, none of them a quote, a backslash or a blank.
[[nodiscard]] std::string to_text(const PublicKey& key);

// local_refused, in words that fit behind "is": not of this form, or one of the keys that
// zmq_curve(7) prints, whose secret halves are known to everybody.
[[nodiscard]] core::Result<PublicKey> parse_public_key(std::string_view text);

class SecretKey {
 public:
  SecretKey();  // All zero, to be written to.
  ~SecretKey();
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;

  [[nodiscard]] std::span<const std::uint8_t, key_bytes> bytes() const;
  [[nodiscard]] std::span<std::uint8_t, key_bytes> bytes();

 private:
  std::uint8_t* bytes_;
};

struct KeyPair {
  SecretKey secret;
  PublicKey public_key;
};

// From the system's generator.
[[nodiscard]] KeyPair make_key_pair();

// local_refused: what is wrong with the file, and the remedy.
[[nodiscard]] core::Result<KeyPair> read_key_file(const std::string& file);

// A new key, mode 0600, on stable storage when this returns. local_refused: the file is there
// already, or cannot be written.
[[nodiscard]] core::Result<PublicKey> make_key_file(const std::string& file);

}  // namespace nemcon::transport
