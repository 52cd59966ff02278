// Invariant tested: no bytes are taken for a membership file that the operator has not signed; a
// text that was signed is taken, says its serial, is signed once only, and is not taken any more
// with a byte changed.
#include <cstring>
#include <string>
#include <string_view>

#include <sodium.h>

#include "core/check.hpp"
#include "tests/fuzz/target.hpp"
#include "transport/members_file.hpp"
#include "transport/operator_key.hpp"

namespace nemcon {
namespace {

transport::OperatorSecret make_secret() {
  NEMCON_CHECK(sodium_init() >= 0);
  transport::OperatorSecret secret{.bytes = transport::Secret{crypto_sign_SECRETKEYBYTES},
                                   .public_key = {}};
  unsigned char seed[crypto_sign_SEEDBYTES] = {7};
  unsigned char whole[crypto_sign_SECRETKEYBYTES];
  NEMCON_CHECK(crypto_sign_seed_keypair(secret.public_key.bytes.data(), whole, seed) == 0);
  std::memcpy(secret.bytes.data(), whole, sizeof whole);
  return secret;
}

void check_signed(std::string_view text, const transport::OperatorSecret& secret) {
  const auto made = transport::sign_members(text, secret);
  if (!made) {
    NEMCON_CHECK(!made.error().detail.empty());
    return;
  }
  const auto opened = transport::open_members(made->text, secret.public_key);
  NEMCON_CHECK(opened && opened->serial == made->serial, made->text);
  const auto again = transport::sign_members(made->text, secret);
  NEMCON_CHECK(again && !again->is_changed && again->text == made->text, made->text);
  std::string touched = made->text;
  char& byte = touched[text.size() * 31 % touched.size()];
  byte = static_cast<char>(byte ^ 0x01);
  NEMCON_CHECK(!transport::open_members(touched, secret.public_key), touched);
}

}  // namespace
}  // namespace nemcon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  const std::string_view text(reinterpret_cast<const char*>(bytes), byte_count);
  static const nemcon::transport::OperatorSecret secret = nemcon::make_secret();
  NEMCON_CHECK(!nemcon::transport::open_members(text, secret.public_key));
  nemcon::check_signed(text, secret);
  return 0;
}
