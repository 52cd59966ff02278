#include "transport/members_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <sodium.h>

namespace nemcon::transport {

namespace {

constexpr std::string_view mark = "# nemcon members ";
constexpr std::string_view serial_key = "serial";
// So many a second would last for 300,000 years, and TOML has it.
constexpr std::uint64_t serial_max = 1'000'000'000'000'000'000;

core::Error refused(std::string text) {
  return {core::Errc::local_refused, std::move(text)};
}

// A place in a text.
struct Part {
  std::size_t at = 0;
  std::size_t size = 0;
};

// Whole lines, one after the other, without their ends.
template <class OnLine>
void for_each_line(std::string_view text, const OnLine& on_line) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (!on_line(Part{.at = at, .size = end - at})) return;
    at = end + 1;
  }
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

// Digits as they are printed: no sign, no zero in front.
std::optional<std::uint64_t> parse_serial(std::string_view text) {
  std::uint64_t serial = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), serial);
  if (error != std::errc{} || end != text.data() + text.size() || text.front() == '0') {
    return std::nullopt;
  }
  if (serial > serial_max) return std::nullopt;
  return serial;
}

struct Serial {
  std::uint64_t value = 0;
  Part digits;
};

// Of the first line that says something.
std::optional<Serial> find_serial(std::string_view content) {
  std::optional<Serial> found;
  for_each_line(content, [&](Part part) {
    const std::string_view line = content.substr(part.at, part.size);
    std::string_view rest = without_blanks(line.substr(0, line.find('#')));
    if (rest.empty()) return true;
    if (!rest.starts_with(serial_key)) return false;
    rest = without_blanks(rest.substr(serial_key.size()));
    if (!rest.starts_with('=')) return false;
    rest = without_blanks(rest.substr(1));
    if (rest.empty()) return false;
    if (const std::optional<std::uint64_t> value = parse_serial(rest)) {
      const auto at = static_cast<std::size_t>(rest.data() - content.data());
      found = Serial{.value = *value, .digits = {.at = at, .size = rest.size()}};
    }
    return false;
  });
  return found;
}

struct SignatureLine {
  std::uint64_t serial = 0;
  Signature signature{};
};

std::optional<SignatureLine> parse_signature(std::string_view line) {
  if (!line.starts_with(mark)) return std::nullopt;
  line.remove_prefix(mark.size());
  const std::size_t blank = line.find(' ');
  if (blank == 0 || blank == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> serial = parse_serial(line.substr(0, blank));
  SignatureLine read;
  if (!serial ||
      !try_read_digits(line.substr(blank + 1), reinterpret_cast<char*>(read.signature.data()),
                       read.signature.size())) {
    return std::nullopt;
  }
  read.serial = *serial;
  return read;
}

std::string digest_of(std::string_view content) {
  std::array<char, crypto_generichash_BYTES> digest{};
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(),
                     reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                     nullptr, 0);
  return to_digits({digest.data(), digest.size()});
}

core::Error no_serial() {
  return refused(
      "has no serial; its first line but comments must be `serial = N` with a whole number from 1 "
      "to 10^18");
}

// The content of a text that may have been signed, wherever the signature stands by now: who adds a
// peer at the end of the file does it behind the signature.
struct Unsigned {
  std::string content;
  std::optional<SignatureLine> before;
};

core::Result<Unsigned> take_signature_out(std::string_view text) {
  Unsigned taken;
  std::uint32_t signature_count = 0;
  for_each_line(text, [&](Part part) {
    const std::string_view line = text.substr(part.at, part.size);
    if (line.starts_with(mark)) {
      ++signature_count;
      taken.before = parse_signature(line);
    } else {
      taken.content += std::string(line) + '\n';
    }
    return true;
  });
  if (signature_count > 1) {
    return refused("has " + std::to_string(signature_count) +
                   " lines with a signature; take out all but the one with the highest serial");
  }
  if (signature_count == 1 && !taken.before) {
    return refused(
        "has a signature that was changed, so that nobody knows which serial was signed last; "
        "take the line that begins with \"" +
        std::string(mark) + "\" out, and write a serial higher than any before");
  }
  return taken;
}

}  // namespace

core::Result<Members> open_members(std::string_view text, const OperatorKey& key) {
  const std::size_t end = text.ends_with('\n') ? text.size() - 1 : text.size();
  const std::size_t before = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::optional<SignatureLine> line = parse_signature(text.substr(begin, end - begin));
  if (!line || end == text.size()) {
    return refused(
        "its last line is no signature; have the operator sign it: nemcon membership sign FILE "
        "--key KEY");
  }
  const std::string_view content = text.substr(0, begin);
  if (!is_signed(key, line->signature, content)) {
    return refused("its signature does not fit the operator's key " + to_text(key) +
                   ": it was changed after it was signed with serial " +
                   std::to_string(line->serial) +
                   ", or another key signed it; have the operator sign it: nemcon membership sign "
                   "FILE --key KEY");
  }
  const std::optional<Serial> serial = find_serial(content);
  if (!serial) return no_serial();
  if (serial->value != line->serial) {
    return refused("says serial " + std::to_string(serial->value) + ", its signature serial " +
                   std::to_string(line->serial) +
                   ": the signature's line was changed; have the operator sign it again");
  }
  return Members{
      .serial = serial->value, .content = std::string(content), .digest = digest_of(content)};
}

core::Result<SignedText> sign_members(std::string_view text, const OperatorSecret& secret) {
  if (open_members(text, secret.public_key)) {
    return SignedText{
        .text = std::string(text), .serial = find_serial(text)->value, .is_changed = false};
  }
  const core::Result<Unsigned> taken = take_signature_out(text);
  if (!taken) return taken.error();
  std::string content = taken->content;
  const std::uint64_t signed_before = taken->before ? taken->before->serial : 0;
  std::optional<Serial> serial = find_serial(content);
  if (!serial) return no_serial();
  if (serial->value < signed_before) {
    return refused("has serial " + std::to_string(serial->value) + ", but was signed with serial " +
                   std::to_string(signed_before) +
                   ", and nodes take none that is lower; write a higher one, or leave it to this "
                   "command by putting back " +
                   std::to_string(signed_before));
  }
  if (serial->value == signed_before) {
    if (++serial->value > serial_max) return no_serial();
    content.replace(serial->digits.at, serial->digits.size, std::to_string(serial->value));
  }
  const Signature signature = sign(secret, content);
  std::string line = std::string(mark) + std::to_string(serial->value) + ' ';
  line += to_digits({reinterpret_cast<const char*>(signature.data()), signature.size()});
  return SignedText{.text = content + line + '\n', .serial = serial->value, .is_changed = true};
}

}  // namespace nemcon::transport
