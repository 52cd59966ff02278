#include "transport/keys.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "core/check.hpp"

namespace nemcon::transport {

namespace {

// Of zmq_curve(7): client and server. They are in countless examples, with their secret halves.
constexpr std::array<std::string_view, 2> published_keys = {
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"};

constexpr std::size_t file_bytes_max = 4096;

constexpr std::string_view z85_letters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

core::Error refused(std::string text) {
  return {core::Errc::local_refused, std::move(text)};
}

core::Error failed(const std::string& file, const char* what) {
  return refused(file + ": cannot be " + what + ": " + std::strerror(errno));
}

// Memory for what must leave no trace: locked, not dumped, wiped at the end.
class Secret {
 public:
  explicit Secret(std::size_t size) : bytes_(static_cast<char*>(sodium_malloc(size))), size_(size) {
    NEMCON_CHECK(bytes_ != nullptr, "no memory that can be locked");
    sodium_memzero(bytes_, size_);
  }

  ~Secret() { sodium_free(bytes_); }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] char* data() { return bytes_; }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  char* bytes_;
  std::size_t size_;
};

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}

  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

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

// The line that is the key; all others are comments or empty.
std::optional<std::string_view> find_key_line(std::string_view text) {
  std::optional<std::string_view> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    // Z85 has a #, but no blank.
    if (line.empty() || line == "#" || line.starts_with("# ")) continue;
    if (found) return std::nullopt;
    found = line;
  }
  return found;
}

core::Status check_file(const std::string& file, const struct stat& facts) {
  if (!S_ISREG(facts.st_mode)) return refused(file + ": is no file");
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0) {
    return refused(file + ": belongs to another user; give it to the one that runs this: chown " +
                   std::to_string(::geteuid()) + ' ' + file);
  }
  if ((facts.st_mode & 0077U) != 0) {
    return refused(file + ": others than its owner may use it; a secret key must have mode 0600: " +
                   "chmod 600 " + file + " (and make a new key, if others may have read it)");
  }
  if (static_cast<std::size_t>(facts.st_size) > file_bytes_max) {
    return refused(file + ": is too large for a key; make one by nemcon keygen");
  }
  return core::Nothing{};
}

bool write_all(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// The name of the new file is in its directory.
bool flush_directory_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : file.substr(0, slash + 1);
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.get() >= 0 && ::fsync(opened.get()) == 0;
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
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (opened.get() < 0) return failed(file, "opened");

  struct stat facts {};

  if (::fstat(opened.get(), &facts) != 0) return failed(file, "looked at");
  if (const core::Status checked = check_file(file, facts); !checked) return checked.error();
  Secret text(file_bytes_max);
  const ssize_t size = ::read(opened.get(), text.data(), text.size());
  if (size < 0) return failed(file, "read");
  const auto line = find_key_line({text.data(), static_cast<std::size_t>(size)});
  KeyPair pair;
  if (!line || !decode_key(*line, pair.secret.bytes())) {
    return refused(file + ": holds no secret key; make one by nemcon keygen");
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
  const std::string head =
      "# A secret key of Nemcon. Only its owner may read it.\n# Its public key: " +
      to_text(pair.public_key) + "\n";
  Secret line(key_text_bytes + 1);
  zmq_z85_encode(line.data(), pair.secret.bytes().data(), key_bytes);
  line.data()[key_text_bytes] = '\n';
  const Descriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (opened.get() < 0 && errno == EEXIST) {
    return refused(file +
                   " is there already, and a key is never overwritten: take another name or "
                   "move it away");
  }
  if (opened.get() < 0) return failed(file, "made");
  const bool is_written = ::fchmod(opened.get(), 0600) == 0 &&
                          write_all(opened.get(), head.data(), head.size()) &&
                          write_all(opened.get(), line.data(), line.size()) &&
                          ::fsync(opened.get()) == 0 && flush_directory_of(file);
  if (!is_written) {
    const core::Error error = failed(file, "written");
    ::unlink(file.c_str());
    return error;
  }
  return pair.public_key;
}

}  // namespace nemcon::transport
