#include "log/checksum.hpp"

#include <bit>
#include <cstring>

#include <sodium/crypto_shorthash_siphash24.h>

#include "core/check.hpp"

namespace nemcon::log {

namespace {

static_assert(crypto_shorthash_siphash24_KEYBYTES == sizeof(ChecksumKey::bytes));
static_assert(crypto_shorthash_siphash24_BYTES == sizeof(std::uint64_t));
static_assert(std::endian::native == std::endian::little);

}  // namespace

std::uint64_t checksum(const ChecksumKey& key, std::string_view bytes) {
  std::array<unsigned char, sizeof(std::uint64_t)> hash{};
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  const int result = crypto_shorthash_siphash24(hash.data(), from, bytes.size(), key.bytes.data());
  NEMCON_CHECK(result == 0);
  std::uint64_t number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  return number;
}

std::uint64_t checksum(const ChecksumKey& key, std::string_view name, std::string_view value) {
  const std::uint64_t of_name = checksum(key, name);
  ChecksumKey named = key;
  for (std::size_t i = 0; i < sizeof of_name; ++i) {
    named.bytes[i] ^= static_cast<unsigned char>(of_name >> (8 * i));
  }
  return checksum(named, value);
}

}  // namespace nemcon::log
