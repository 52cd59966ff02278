#include "transport/hashing.hpp"

#include <array>
#include <string_view>

#include <sodium.h>

#include "core/check.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {

namespace {

using Hash = std::array<unsigned char, 16>;

const unsigned char* unsigned_bytes(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

// Sixteen bytes that keep the hashes of different kinds of things apart.
class Hasher {
 public:
  explicit Hasher(std::string_view personal) {
    NEMCON_CHECK(personal.size() == crypto_generichash_blake2b_PERSONALBYTES);
    const int done = crypto_generichash_blake2b_init_salt_personal(
        &state_, nullptr, 0, sizeof(Hash), nullptr, unsigned_bytes(personal.data()));
    NEMCON_CHECK(done == 0);
  }

  void add(std::string_view bytes) {
    crypto_generichash_blake2b_update(&state_, unsigned_bytes(bytes.data()), bytes.size());
  }

  void add(std::uint64_t number) {
    std::array<char, 8> bytes{};
    for (std::size_t i = bytes.size(); i-- > 0; number >>= 8U) {
      bytes[i] = static_cast<char>(number & 0xffU);
    }
    add(std::string_view{bytes.data(), bytes.size()});
  }

  template <class Id>
  [[nodiscard]] Id finish() {
    Hash hash{};
    crypto_generichash_blake2b_final(&state_, hash.data(), hash.size());
    Id id;
    for (std::size_t i = 0; i < 8; ++i)
      id.high = id.high << 8U | hash[i];
    for (std::size_t i = 8; i < 16; ++i)
      id.low = id.low << 8U | hash[i];
    return id;
  }

 private:
  crypto_generichash_blake2b_state state_{};
};

}  // namespace

core::Digest digest_of(const core::Descriptor& descriptor) {
  FrameBuffer encoded;
  encode_canonical(encoded, descriptor);
  Hasher hasher("nemcon descript1");
  hasher.add(encoded.view());
  return hasher.finish<core::Digest>();
}

core::Digest digest_of(const core::Content& content) {
  Hasher hasher("nemcon content 1");
  hasher.add(std::uint64_t{content.headers.byte_count()});
  hasher.add(content.headers.view());
  hasher.add(std::uint64_t{content.body.byte_count()});
  hasher.add(content.body.view());
  return hasher.finish<core::Digest>();
}

core::ClientId client_id_of(const std::string& client_name) {
  Hasher hasher("nemcon client  1");
  hasher.add(client_name);
  return hasher.finish<core::ClientId>();
}

core::Hashing hashing() {
  return {.of_descriptor = [](const core::Descriptor& v) { return digest_of(v); },
          .of_content = [](const core::Content& v) { return digest_of(v); },
          .of_name = [](const std::string& v) { return client_id_of(v); }};
}

std::uint64_t random_u64() {
  // Also opens the system's generator; safe to call again, and from several threads.
  const int ready = sodium_init();
  NEMCON_CHECK(ready >= 0);
  std::uint64_t number = 0;
  while (number == 0)
    randombytes_buf(&number, sizeof number);
  return number;
}

}  // namespace nemcon::transport
