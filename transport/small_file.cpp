#include "transport/small_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::transport {

namespace {

constexpr std::size_t secret_file_bytes_max = 4096;

core::Error refused(std::string text) {
  return {core::Errc::local_refused, std::move(text)};
}

core::Error failed(const std::string& file, const char* what) {
  return refused(file + ": cannot be " + what + ": " + std::strerror(errno));
}

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

// The line that is the secret; all others are comments or empty.
std::optional<std::string_view> find_line(std::string_view text) {
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

core::Status check_file(const SecretFile& wanted, const struct stat& facts) {
  const std::string& file = wanted.file;
  if (!S_ISREG(facts.st_mode)) return refused(file + ": is no file");
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0) {
    return refused(file + ": belongs to another user; give it to the one that runs this: chown " +
                   std::to_string(::geteuid()) + ' ' + file);
  }
  if ((facts.st_mode & 0077U) != 0) {
    return refused(file + ": others than its owner may use it; a secret key must have mode 0600: " +
                   "chmod 600 " + file + " (and make a new key, if others may have read it)");
  }
  if (static_cast<std::size_t>(facts.st_size) > secret_file_bytes_max) {
    return refused(file + ": is too large for a key; make one by " + std::string(wanted.maker));
  }
  return core::Nothing{};
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
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

Secret::Secret(std::size_t size) : size_(size) {
  NEMCON_CHECK(sodium_init() >= 0, "libsodium cannot be used");
  bytes_ = static_cast<char*>(sodium_malloc(size));
  NEMCON_CHECK(bytes_ != nullptr, "no memory that can be locked");
  sodium_memzero(bytes_, size_);
}

Secret::~Secret() {
  sodium_free(bytes_);  // Wipes it.
}

// Not by a stream: an iterator of one throws at the first read of a directory.
core::Result<std::string> read_file(const std::string& file, std::size_t byte_count_max) {
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) return refused(std::strerror(errno));
  std::string text;
  std::array<char, 65'536> chunk{};
  ssize_t count = 1;
  while (count > 0 && text.size() <= byte_count_max) {
    count = ::read(opened.get(), chunk.data(), chunk.size());
    if (count < 0) return refused(std::strerror(errno));
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  if (text.size() <= byte_count_max) return text;
  return core::Error{core::Errc::local_full,
                     "it is larger than " + std::to_string(byte_count_max) + " bytes"};
}

core::Error no_secret_in(const SecretFile& file) {
  return refused(file.file + ": holds no secret key; make one by " + std::string(file.maker));
}

core::Result<Secret> read_secret_line(const SecretFile& file) {
  const Descriptor opened(::open(file.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (opened.get() < 0) return failed(file.file, "opened");

  struct stat facts {};

  if (::fstat(opened.get(), &facts) != 0) return failed(file.file, "looked at");
  if (const core::Status checked = check_file(file, facts); !checked) return checked.error();
  Secret text(secret_file_bytes_max);
  const ssize_t size = ::read(opened.get(), text.data(), text.size());
  if (size < 0) return failed(file.file, "read");
  const auto line = find_line(text.view().substr(0, static_cast<std::size_t>(size)));
  if (!line) return no_secret_in(file);
  Secret secret(line->size());
  std::memcpy(secret.data(), line->data(), line->size());
  return secret;
}

core::Status make_secret_file(const NewSecretFile& made) {
  const std::string& file = made.file;
  const Descriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (opened.get() < 0 && errno == EEXIST) {
    return refused(file +
                   " is there already, and a key is never overwritten: take another name or "
                   "move it away");
  }
  if (opened.get() < 0) return failed(file, "made");
  const bool is_written = ::fchmod(opened.get(), 0600) == 0 &&
                          write_all(opened.get(), made.comments) &&
                          write_all(opened.get(), made.line) && write_all(opened.get(), "\n") &&
                          ::fsync(opened.get()) == 0 && flush_directory_of(file);
  if (!is_written) {
    const core::Error error = failed(file, "written");
    ::unlink(file.c_str());
    return error;
  }
  return core::Nothing{};
}

core::Status replace_file(const std::string& file, std::string_view text) {
  struct stat facts {};

  if (::stat(file.c_str(), &facts) != 0) return failed(file, "looked at");
  const std::string next = file + ".new";
  const Descriptor opened(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (opened.get() < 0) return failed(next, "made");
  const bool is_written = ::fchmod(opened.get(), facts.st_mode & 0777U) == 0 &&
                          write_all(opened.get(), text) && ::fsync(opened.get()) == 0 &&
                          ::rename(next.c_str(), file.c_str()) == 0 && flush_directory_of(file);
  if (!is_written) {
    const core::Error error = failed(file, "written");
    ::unlink(next.c_str());
    return error;
  }
  return core::Nothing{};
}

}  // namespace nemcon::transport
