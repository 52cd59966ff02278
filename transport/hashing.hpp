// Hashes and random numbers, by libsodium. Digests are BLAKE2b with 128 bits, personalised by
// what they are of: a content never has the digest of a descriptor.
//
// Pure functions, apart from the random ones: any thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/descriptor.hpp"
#include "core/ids.hpp"
#include "core/options.hpp"

namespace nemcon::transport {

// Of the canonical encoding (codec.hpp).
[[nodiscard]] core::Digest digest_of(const core::Descriptor& descriptor);

// Of the lengths and bytes of headers and body.
[[nodiscard]] core::Digest digest_of(const core::Content& content);

// The id of a named client: the same at every node.
[[nodiscard]] core::ClientId client_id_of(const std::string& client_name);

// The three above as the core takes them.
[[nodiscard]] core::Hashing hashing();

// From the system's generator; never zero.
[[nodiscard]] std::uint64_t random_u64();

template <class Id>
[[nodiscard]] Id random_id128() {
  Id id;
  id.high = random_u64();
  id.low = random_u64();
  return id;
}

}  // namespace nemcon::transport
