#include "transport/keys.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <sodium.h>
#include <zmq.h>

#include "core/check.hpp"
#include "transport/small_file.hpp"

namespace nemcon::transport {

namespace {

// Of zmq_curve(7): client and server. They are in countless examples, with their secret halves.
constexpr std::array<std::string_view, 2> published_keys = {
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"};

constexpr std::string_view maker = "nemcon keygen";

constexpr std::string_view z85_letters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

core::Error refused(std::string text) {
  return {core::Errc::local_refused, std::move(text)};
}

void begin_sodium() {
  NEMCON_CHECK(sodium_init() >= 0, "libsodium cannot be used");
}

// `text` has key_text_bytes characters. What is no Z85 leaves false.
bool decode_key(std::string_view text, std::span<std::uint8_t, key_bytes> bytes) {
  const bool is_z85 = std::ranges::all_of(
      text, [](char letter) { return z85_letters.find(letter) != std::string_view::npos; });
  if (text.size() != key_text_bytes || !is_z85) return false;
  Secret closed(key_text_bytes + 1);
  std::memcpy(closed.data(), text.data(), key_text_bytes);
  return zmq_z85_decode(bytes.data(), closed.data()) != nullptr;
}

PublicKey public_half(const SecretKey& secret) {
  PublicKey key;
  const int done = crypto_scalarmult_base(key.bytes.data(), secret.bytes().data());
  NEMCON_CHECK(done == 0);
  return key;
}

bool is_published(const PublicKey& key) {
  return std::ranges::find(published_keys, to_text(key)) != published_keys.end();
}

}  // namespace

std::string to_text(const PublicKey& key) {
  std::array<char, key_text_bytes + 1> text{};
  zmq_z85_encode(text.data(), key.bytes.data(), key_bytes);
  return text.data();
}

core::Result<PublicKey> parse_public_key(std::string_view text) {
  begin_sodium();
  PublicKey key;
  if (!decode_key(text, key.bytes)) {
    return refused("no public key; allowed: the 40 characters that nemcon keygen prints");
  }
  if (key == PublicKey{}) return refused("no public key, but zeros");
  if (is_published(key)) {
    return refused(
        "printed in the manual of ZeroMQ, and its secret half as well; make one of your "
        "own by nemcon keygen");
  }
  return key;
}

SecretKey::SecretKey() {
  begin_sodium();
  bytes_ = static_cast<std::uint8_t*>(sodium_malloc(key_bytes));
  NEMCON_CHECK(bytes_ != nullptr, "no memory that can be locked");
  sodium_memzero(bytes_, key_bytes);
}

SecretKey::~SecretKey() {
  sodium_free(bytes_);  // Wipes it.
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)) {}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::span<const std::uint8_t, key_bytes> SecretKey::bytes() const {
  NEMCON_CHECK(bytes_ != nullptr);
  return std::span<const std::uint8_t, key_bytes>(bytes_, key_bytes);
}

std::span<std::uint8_t, key_bytes> SecretKey::bytes() {
  NEMCON_CHECK(bytes_ != nullptr);
  return std::span<std::uint8_t, key_bytes>(bytes_, key_bytes);
}

KeyPair make_key_pair() {
  KeyPair pair;
  crypto_box_keypair(pair.public_key.bytes.data(), pair.secret.bytes().data());
  return pair;
}

core::Result<KeyPair> read_key_file(const std::string& file) {
  begin_sodium();
  const core::Result<Secret> line = read_secret_line({.file = file, .maker = maker});
  if (!line) return line.error();
  KeyPair pair;
  if (!decode_key(line->view(), pair.secret.bytes())) {
    return no_secret_in({.file = file, .maker = maker});
  }
  pair.public_key = public_half(pair.secret);
  if (is_published(pair.public_key)) {
    return refused(file +
                   ": holds a key that is printed in the manual of ZeroMQ; make one of your "
                   "own by nemcon keygen");
  }
  return pair;
}

core::Result<PublicKey> make_key_file(const std::string& file) {
  begin_sodium();
  const KeyPair pair = make_key_pair();
  const std::string comments =
      "# A secret key of Nemcon. Only its owner may read it.\n# Its public key: " +
      to_text(pair.public_key) + "\n";
  Secret line(key_text_bytes + 1);
  zmq_z85_encode(line.data(), pair.secret.bytes().data(), key_bytes);
  const core::Status made = make_secret_file(
      {.file = file, .comments = comments, .line = line.view().substr(0, key_text_bytes)});
  if (!made) return made.error();
  return pair.public_key;
}

}  // namespace nemcon::transport
