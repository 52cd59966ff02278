#include "transport/operator_key.hpp"

#include <algorithm>
#include <utility>

#include <sodium.h>

#include "core/check.hpp"

namespace nemcon::transport {

namespace {

constexpr std::string_view maker = "nemcon membership keygen";
constexpr std::size_t seed_bytes = crypto_sign_SEEDBYTES;
constexpr std::size_t seed_digits = 2 * seed_bytes;
static_assert(crypto_sign_PUBLICKEYBYTES == sizeof(OperatorKey::bytes));
static_assert(crypto_sign_BYTES == signature_bytes);

// What is signed begins with this: a signature of something else is none of a membership.
constexpr std::string_view purpose = "nemcon membership 1\n";

unsigned char* unsigned_bytes(char* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

const unsigned char* unsigned_bytes(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

std::string_view view(const OperatorKey& key) {
  return {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()};
}

OperatorSecret pair_of(const Secret& seed) {
  OperatorSecret made{.bytes = Secret(crypto_sign_SECRETKEYBYTES), .public_key = {}};
  const int done =
      crypto_sign_seed_keypair(made.public_key.bytes.data(), unsigned_bytes(made.bytes.data()),
                               unsigned_bytes(seed.view().data()));
  NEMCON_CHECK(done == 0);
  return made;
}

std::string with_purpose(std::string_view text) {
  std::string message{purpose};
  message += text;
  return message;
}

}  // namespace

std::string to_digits(std::string_view bytes) {
  std::string digits(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(digits.data(), digits.size(), unsigned_bytes(bytes.data()), bytes.size());
  digits.pop_back();
  return digits;
}

bool try_read_digits(std::string_view digits, char* bytes, std::size_t byte_count) {
  // One form for each value: no capital letters, which libsodium takes.
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (digits.size() != 2 * byte_count || !std::ranges::all_of(digits, is_digit)) return false;
  return sodium_hex2bin(unsigned_bytes(bytes), byte_count, digits.data(), digits.size(), nullptr,
                        nullptr, nullptr) == 0;
}

std::string to_text(const OperatorKey& key) {
  return to_digits(view(key));
}

core::Result<OperatorKey> parse_operator_key(std::string_view text) {
  OperatorKey key;
  if (!try_read_digits(text, reinterpret_cast<char*>(key.bytes.data()), key.bytes.size()) ||
      key == OperatorKey{}) {
    return core::Error{core::Errc::local_refused,
                       "no key of an operator; allowed: the 64 digits that nemcon membership "
                       "keygen prints"};
  }
  return key;
}

core::Result<OperatorSecret> read_operator_key_file(const std::string& file) {
  const core::Result<Secret> line = read_secret_line({.file = file, .maker = maker});
  if (!line) return line.error();
  Secret seed(seed_bytes);
  if (!try_read_digits(line->view(), seed.data(), seed.size())) {
    return no_secret_in({.file = file, .maker = maker});
  }
  return pair_of(seed);
}

core::Result<OperatorKey> make_operator_key_file(const std::string& file) {
  Secret seed(seed_bytes);
  randombytes_buf(seed.data(), seed.size());
  const OperatorSecret made = pair_of(seed);
  const std::string comments =
      "# The secret key of who decides which nodes a mesh has. Only its owner may read it; no node "
      "needs it.\n# Its public key: " +
      to_text(made.public_key) + "\n";
  Secret line(seed_digits + 1);
  sodium_bin2hex(line.data(), line.size(), unsigned_bytes(seed.data()), seed.size());
  const core::Status written = make_secret_file(
      {.file = file, .comments = comments, .line = line.view().substr(0, seed_digits)});
  if (!written) return written.error();
  return made.public_key;
}

Signature sign(const OperatorSecret& secret, std::string_view text) {
  const std::string message = with_purpose(text);
  Signature signature{};
  const int done = crypto_sign_detached(signature.data(), nullptr, unsigned_bytes(message.data()),
                                        message.size(), unsigned_bytes(secret.bytes.view().data()));
  NEMCON_CHECK(done == 0);
  return signature;
}

bool is_signed(const OperatorKey& key, const Signature& signature, std::string_view text) {
  NEMCON_CHECK(sodium_init() >= 0, "libsodium cannot be used");
  const std::string message = with_purpose(text);
  return crypto_sign_verify_detached(signature.data(), unsigned_bytes(message.data()),
                                     message.size(), key.bytes.data()) == 0;
}

}  // namespace nemcon::transport
