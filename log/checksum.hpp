// Checksum64: what tells our own bytes from rot, from a torn write and from a stranger's.
//
// SipHash-2-4 of libsodium under a secret key of the data directory: 64 bits, 2.5 GB/s. A CRC
// would be quicker, but anybody can compute one: a producer could send a body that holds a
// perfect journal batch, and after a crash recovery would find it lying at the right place.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nemcon::log {

struct ChecksumKey {
  std::array<unsigned char, 16> bytes{};

  friend bool operator==(const ChecksumKey&, const ChecksumKey&) = default;
};

[[nodiscard]] std::uint64_t checksum(const ChecksumKey& key, std::string_view bytes);

// Of a pair, so that neither a key with another's value nor a shifted border goes unnoticed.
[[nodiscard]] std::uint64_t checksum(const ChecksumKey& key, std::string_view name,
                                     std::string_view value);

}  // namespace nemcon::log
