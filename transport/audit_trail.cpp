#include "transport/audit_trail.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include <sodium.h>

#include "core/check.hpp"

namespace nemcon::transport {

namespace {

constexpr std::string_view chain_mark = ",\"chain\":\"";
constexpr std::string_view line_end = "\"}";
constexpr std::size_t hash_digits = 2 * sizeof(AuditHash);
constexpr std::size_t flaws_max = 100;
constexpr std::string_view hex = "0123456789abcdef";

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

AuditHash hash_of(const AuditHash& before, std::string_view text) {
  AuditHash hash{};
  crypto_generichash_blake2b_state state;
  NEMCON_CHECK(crypto_generichash_blake2b_init(&state, nullptr, 0, hash.size()) == 0);
  crypto_generichash_blake2b_update(&state, before.data(), before.size());
  crypto_generichash_blake2b_update(&state, unsigned_bytes(text), text.size());
  crypto_generichash_blake2b_final(&state, hash.data(), hash.size());
  return hash;
}

bool parse_hash(std::string_view text, AuditHash& hash) {
  if (text.size() != hash_digits) return false;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const std::size_t high = hex.find(text[2 * i]);
    const std::size_t low = hex.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    hash[i] = static_cast<unsigned char>(high << 4U | low);
  }
  return true;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      result += '\\';
      result += letter;
    } else if (byte >= 0x20 && byte < 0x7f) {
      result += letter;
    } else {
      result += "\\u00";
      result += hex[byte >> 4U];
      result += hex[byte & 0xfU];
    }
  }
  return result + '"';
}

// Takes the members of a line one after another, as they were written.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool skip(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  bool read(std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    if (error != std::errc{}) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

  bool read(std::string& text) {
    if (!skip("\"")) return false;
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() != '\\') {
        text += text_.front();
        text_.remove_prefix(1);
      } else if (!read_escape(text)) {
        return false;
      }
    }
    return skip("\"");
  }

  [[nodiscard]] bool is_at_end() const { return text_.empty(); }

 private:
  bool read_escape(std::string& text) {
    text_.remove_prefix(1);
    if (skip("u00")) {
      if (text_.size() < 2) return false;
      const std::size_t high = hex.find(text_[0]);
      const std::size_t low = hex.find(text_[1]);
      if (high == std::string_view::npos || low == std::string_view::npos) return false;
      text += static_cast<char>(high << 4U | low);
      text_.remove_prefix(2);
      return true;
    }
    if (text_.empty() || (text_.front() != '"' && text_.front() != '\\')) return false;
    text += text_.front();
    text_.remove_prefix(1);
    return true;
  }

  std::string_view text_;
};

std::string body_of(const AuditEntry& entry) {
  return "{\"n\":" + std::to_string(entry.number) + ",\"ms\":" + std::to_string(entry.wall_ms) +
         ",\"time\":\"" + audit_time_text(entry.wall_ms) + "\",\"kind\":" + quoted(entry.kind) +
         ",\"who\":" + quoted(entry.who) + ",\"what\":" + quoted(entry.what) +
         ",\"count\":" + std::to_string(entry.count);
}

bool read_entry(std::string_view body, AuditEntry& entry) {
  Reader reader{body};
  std::string time;
  return reader.skip("{\"n\":") && reader.read(entry.number) && reader.skip(",\"ms\":") &&
         reader.read(entry.wall_ms) && reader.skip(",\"time\":") && reader.read(time) &&
         reader.skip(",\"kind\":") && reader.read(entry.kind) && reader.skip(",\"who\":") &&
         reader.read(entry.who) && reader.skip(",\"what\":") && reader.read(entry.what) &&
         reader.skip(",\"count\":") && reader.read(entry.count) && reader.is_at_end();
}

// One file, line by line. After a line that does not fit it goes on from what that line says, so
// that one change is one flaw.
class Judge {
 public:
  explicit Judge(const std::optional<AuditHead>& head) : head_(head) {}

  AuditTrail read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      ++line_;
      if (end == std::string_view::npos) {
        trail_.unfinished_bytes = text.size();
        blame("has no end: " + std::to_string(text.size()) + " bytes of an unfinished line");
        break;
      }
      if (line_ == 1) {
        read_first(text.substr(0, end));
      } else {
        read_line(text.substr(0, end));
      }
      text.remove_prefix(end + 1);
    }
    if (line_ == 0) blame("the file is empty");
    if (head_) judge_head();
    return std::move(trail_);
  }

 private:
  void blame(std::string what) {
    if (trail_.flaws.size() < flaws_max) trail_.flaws.push_back({line_, std::move(what)});
  }

  void read_first(std::string_view line) {
    Reader reader{line};
    std::string previous;
    std::uint64_t after = 0;
    AuditHash before{};
    const bool fits = reader.skip("{\"nemcon_audit\":1,\"node\":") && reader.read(trail_.node) &&
                      reader.skip(",\"after\":") && reader.read(after) &&
                      reader.skip(",\"previous\":") && reader.read(previous) && reader.skip("}") &&
                      reader.is_at_end() && parse_hash(previous, before);
    if (!fits) blame("is no first line of an audit record");
    trail_.before = {.number = after, .hash = before};
    hash_ = hash_of(before, line);
    trail_.newest = {.number = after, .hash = hash_};
    note_newest();
  }

  void read_line(std::string_view line) {
    const std::size_t tail = chain_mark.size() + hash_digits + line_end.size();
    AuditHash stated{};
    const std::size_t at = line.size() < tail ? 0 : line.size() - tail;
    const std::string_view body = line.substr(0, at);
    const std::string_view chain = line.substr(at);
    AuditEntry entry;
    const bool fits = chain.starts_with(chain_mark) && chain.ends_with(line_end) &&
                      parse_hash(chain.substr(chain_mark.size(), hash_digits), stated) &&
                      read_entry(body, entry);
    if (!fits) return blame("is no entry of an audit record");
    if (hash_of(hash_, body) != stated) {
      blame("was changed, or something between it and the line before was put in or taken out");
    } else if (entry.number != trail_.newest.number + 1) {
      blame("has number " + std::to_string(entry.number) + ", not " +
            std::to_string(trail_.newest.number + 1));
    }
    hash_ = stated;
    trail_.newest = {.number = entry.number, .hash = hash_};
    trail_.entries.push_back(std::move(entry));
    note_newest();
  }

  void note_newest() {
    if (head_ && head_->number == trail_.newest.number) found_ = trail_.newest.hash;
  }

  void judge_head() {
    line_ = 0;
    const std::uint64_t newest = trail_.newest.number;
    if (head_->number > newest) {
      blame("the end is missing: the last entry here has number " + std::to_string(newest) +
            ", the head says " + std::to_string(head_->number));
    } else if (*head_ == trail_.before) {
      return;  // A file that was just begun, by a process that then ended.
    } else if (found_ ? *found_ != head_->hash : head_->number > trail_.before.number) {
      blame("the entry with number " + std::to_string(head_->number) +
            " is not the one that the head was made of");
    }
  }

  std::optional<AuditHead> head_;
  std::optional<AuditHash> found_;
  AuditTrail trail_;
  AuditHash hash_{};
  std::size_t line_ = 0;
};

}  // namespace

std::string to_text(const AuditHash& hash) {
  std::string text;
  for (const unsigned char byte : hash) {
    text += hex[byte >> 4U];
    text += hex[byte & 0xfU];
  }
  return text;
}

std::string to_text(const AuditHead& head) {
  return std::to_string(head.number) + ':' + to_text(head.hash);
}

std::optional<AuditHead> parse_audit_head(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  AuditHead head;
  Reader reader{text};
  if (!reader.read(head.number)) return std::nullopt;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !parse_hash(text.substr(colon + 1), head.hash)) {
    return std::nullopt;
  }
  return head;
}

std::string begin_audit_file(std::string_view node, const AuditHead& after, AuditHash& hash) {
  std::string line = "{\"nemcon_audit\":1,\"node\":" + quoted(node) +
                     ",\"after\":" + std::to_string(after.number) + ",\"previous\":\"" +
                     to_text(after.hash) + "\"}";
  hash = hash_of(after.hash, line);
  return line;
}

std::string chain_audit_entry(const AuditEntry& entry, AuditHash& hash) {
  std::string line = body_of(entry);
  hash = hash_of(hash, line);
  line += chain_mark;
  line += to_text(hash);
  line += line_end;
  return line;
}

AuditTrail read_audit_trail(std::string_view text, const std::optional<AuditHead>& head) {
  return Judge{head}.read(text);
}

std::string audit_digest(std::string_view text) {
  std::array<unsigned char, 16> digest{};
  crypto_generichash(digest.data(), digest.size(), unsigned_bytes(text), text.size(), nullptr, 0);
  std::string digits;
  for (const unsigned char byte : digest) {
    digits += hex[byte >> 4U];
    digits += hex[byte & 0xfU];
  }
  return digits;
}

std::string audit_time_text(std::uint64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  std::array<char, 40> text{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(wall_ms);
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  static_cast<void>(std::snprintf(fraction.data(), fraction.size(), ".%03uZ",
                                  static_cast<unsigned>(wall_ms % 1000)));
  return std::string{text.data(), length} + fraction.data();
}

}  // namespace nemcon::transport
