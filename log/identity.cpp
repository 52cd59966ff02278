#include "log/identity.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include <fcntl.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sys/stat.h>

#include "core/check.hpp"

namespace nemcon::log {

namespace {

constexpr std::string_view checksum_name = "checksum = ";

void put_hex(std::string& text, std::uint64_t number) {
  constexpr const char* digits = "0123456789abcdef";
  for (unsigned shift = 64; shift > 0; shift -= 4) {
    text.push_back(digits[(number >> (shift - 4)) & 0xfU]);
  }
}

// Takes lines "name = value" off a text; once one was not as expected, all are empty.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : left_(text) {}

  std::string_view take(std::string_view name) {
    const std::size_t end = left_.find('\n');
    const std::string_view line = left_.substr(0, end);
    constexpr std::string_view between = " = ";
    if (end == std::string_view::npos || !line.starts_with(name) ||
        !line.substr(name.size()).starts_with(between)) {
      fail();
      return {};
    }
    left_.remove_prefix(end + 1);
    return line.substr(name.size() + between.size());
  }

  std::uint64_t take_hex(std::string_view& digits) {
    constexpr std::size_t digit_count = 16;
    const std::string_view some = digits.substr(0, digit_count);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(some.data(), some.data() + some.size(), number, 16);
    if (error != std::errc{} || some.size() != digit_count || end != some.data() + digit_count) {
      fail();
    }
    digits.remove_prefix(some.size());
    return number;
  }

  template <class Number>
  Number take_number(std::string_view& digits, char after) {
    Number number = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 10);
    digits.remove_prefix(static_cast<std::size_t>(end - digits.data()));
    const bool is_followed = after == '\0' ? digits.empty() : digits.starts_with(after);
    if (error != std::errc{} || !is_followed) fail();
    if (!digits.empty()) digits.remove_prefix(1);
    return number;
  }

  void fail() {
    has_failed_ = true;
    left_ = {};
  }

  [[nodiscard]] bool has_failed() const { return has_failed_; }

  [[nodiscard]] std::string_view left() const { return left_; }

 private:
  std::string_view left_;
  bool has_failed_ = false;
};

std::string lines_of(const StoredIdentity& stored) {
  const Identity& identity = stored.identity;
  std::string text = "node = " + identity.node_name + "\nid = ";
  put_hex(text, identity.node.high);
  put_hex(text, identity.node.low);
  text += "\nincarnation = ";
  put_hex(text, identity.incarnation.value());
  text += "\nkey = ";
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      number = (number << 8U) | identity.key.bytes[8 * half + i];
    }
    put_hex(text, number);
  }
  std::string nanoseconds = std::to_string(stored.store.born_ns);
  nanoseconds.insert(0, 9 - nanoseconds.size(), '0');
  text += "\nstore = " + std::to_string(stored.store.inode) + " " +
          std::to_string(stored.store.born_s) + "." + nanoseconds + "\n";
  return text;
}

}  // namespace

core::NodeId node_id_of(const std::string& node_name, std::uint64_t salt) {
  constexpr std::string_view purpose = "nemcon node    1";
  static_assert(purpose.size() == crypto_generichash_blake2b_PERSONALBYTES);
  std::array<unsigned char, sizeof salt> salt_bytes{};
  for (std::size_t i = 0; i < salt_bytes.size(); ++i) {
    salt_bytes[i] = static_cast<unsigned char>(salt >> (8 * i));
  }
  std::array<unsigned char, crypto_generichash_blake2b_BYTES_MIN> hash{};
  std::array<unsigned char, crypto_generichash_blake2b_PERSONALBYTES> personal{};
  std::ranges::copy(purpose, personal.begin());
  const int done = crypto_generichash_blake2b_salt_personal(
      hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(node_name.data()),
      node_name.size(), salt_bytes.data(), salt_bytes.size(), nullptr, personal.data());
  NEMCON_CHECK(done == 0);
  std::uint64_t high = 0;
  for (std::size_t i = 0; i < sizeof high; ++i)
    high |= std::uint64_t{hash[i]} << (8 * i);
  return {.high = high, .low = salt};
}

Result<FileMark> mark_of(const std::string& path) {
  struct statx status {};

  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &status) != 0) {
    return failed("cannot look at " + path, errno);
  }
  FileMark mark{.inode = status.stx_ino, .born_s = 0, .born_ns = 0};
  if ((status.stx_mask & STATX_BTIME) != 0) {
    mark.born_s = status.stx_btime.tv_sec;
    mark.born_ns = status.stx_btime.tv_nsec;
  }
  return mark;
}

std::string to_text(const StoredIdentity& stored) {
  std::string text = lines_of(stored);
  const std::uint64_t sum = checksum(stored.identity.key, text);
  text += checksum_name;
  put_hex(text, sum);
  text += '\n';
  return text;
}

Result<StoredIdentity> parse_identity(std::string_view text) {
  StoredIdentity stored;
  LineReader reader{text};
  stored.identity.node_name = reader.take("node");
  std::string_view digits = reader.take("id");
  stored.identity.node.high = reader.take_hex(digits);
  stored.identity.node.low = reader.take_hex(digits);
  digits = reader.take("incarnation");
  stored.identity.incarnation = core::Incarnation{reader.take_hex(digits)};
  digits = reader.take("key");
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t number = reader.take_hex(digits);
    for (std::size_t i = 0; i < 8; ++i) {
      stored.identity.key.bytes[8 * half + i] = static_cast<unsigned char>(number >> (8 * (7 - i)));
    }
  }
  digits = reader.take("store");
  stored.store.inode = reader.take_number<std::uint64_t>(digits, ' ');
  stored.store.born_s = reader.take_number<std::int64_t>(digits, '.');
  stored.store.born_ns = reader.take_number<std::uint32_t>(digits, '\0');
  // What was read, written again, must be what is there: nothing more, nothing spelt otherwise.
  if (reader.has_failed() || to_text(stored) != text) {
    return corrupt("the file is damaged");
  }
  return stored;
}

}  // namespace nemcon::log
