// Small files as a whole: a secret, read only where nobody else could have read it; and a text that
// is there either as it was or as it is wanted, whatever happens in between.
//
// A file with a secret has comment lines ("# ...") and one line that is the secret.
//
// Blocks on the file; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace nemcon::transport {

// Memory for what must leave no trace: locked, not dumped, wiped at the end.
class Secret {
 public:
  explicit Secret(std::size_t size);
  ~Secret();

  Secret(Secret&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] char* data() { return bytes_; }

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] std::string_view view() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_;
};

// The whole of a file. local_full: it is larger than `byte_count_max`, which the text says;
// local_refused: why it cannot be read, also of a directory. Neither names the file.
[[nodiscard]] core::Result<std::string> read_file(const std::string& file,
                                                  std::size_t byte_count_max);

struct SecretFile {
  std::string file;
  std::string_view maker;  // The command that makes such a file: what problems advise.
};

// The line. local_refused: what is wrong with the file, and the remedy.
[[nodiscard]] core::Result<Secret> read_secret_line(const SecretFile& file);

// "FILE: holds no secret key; ...".
[[nodiscard]] core::Error no_secret_in(const SecretFile& file);

struct NewSecretFile {
  std::string file;
  std::string_view comments;  // Whole lines.
  std::string_view line;      // Without its end.
};

// Mode 0600, on stable storage when this returns. local_refused: the file is there already, or
// cannot be written.
[[nodiscard]] core::Status make_secret_file(const NewSecretFile& made);

// The text in place of what the file held; its mode stays. After a crash it is the one or the
// other. On stable storage when this returns.
[[nodiscard]] core::Status replace_file(const std::string& file, std::string_view text);

}  // namespace nemcon::transport
