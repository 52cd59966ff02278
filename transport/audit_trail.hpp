// Audit trail: the form of the audit record. One JSON object a line; each ends with a BLAKE2b-256
// hash over itself and the hash before it, so that no line can be changed, taken out or put in
// without every later one showing it. A file begins with a line that names the node, the number of
// its first entry and the hash that it goes on from; a second file, the head, holds the number and
// the hash of the newest entry, so that a tail that was cut off shows as well.
//
// The hash has no key: who may write the files can make a trail anew. Against that, keep a head
// somewhere else.
//
// Written by node, read by node and by `nemcon audit`. Pure; any thread. Bytes of names that are
// not ASCII are written one by one as \u00XX.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nemcon::transport {

using AuditHash = std::array<unsigned char, 32>;

[[nodiscard]] std::string to_text(const AuditHash& hash);

struct AuditEntry {
  std::uint64_t number = 0;
  std::uint64_t wall_ms = 0;  // Since 1970.
  std::string kind;
  std::string who;
  std::string what;
  std::uint64_t count = 1;  // How often, since the entry before that says the same.

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

struct AuditHead {
  std::uint64_t number = 0;
  AuditHash hash{};

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// "NUMBER:HASH".
[[nodiscard]] std::string to_text(const AuditHead& head);
[[nodiscard]] std::optional<AuditHead> parse_audit_head(std::string_view text);

// The first line of a file, without the newline; `after` is the newest entry before it. `hash`
// becomes what the first entry goes on from.
[[nodiscard]] std::string begin_audit_file(std::string_view node, const AuditHead& after,
                                           AuditHash& hash);

// The line of an entry, without the newline. `hash` is that before it, and becomes its own.
[[nodiscard]] std::string chain_audit_entry(const AuditEntry& entry, AuditHash& hash);

struct AuditFlaw {
  std::size_t line = 0;  // From 1; 0: of the file as a whole.
  std::string what;
};

struct AuditTrail {
  std::string node;
  AuditHead before;  // What the file says that it goes on from.
  std::vector<AuditEntry> entries;
  AuditHead newest;                    // Number and hash of the last line that could be read.
  std::vector<AuditFlaw> flaws;        // The first hundred.
  std::uint64_t unfinished_bytes = 0;  // After the last newline.
};

// Of one whole file. With `head` also whether all of it is there.
[[nodiscard]] AuditTrail read_audit_trail(std::string_view text,
                                          const std::optional<AuditHead>& head);

// BLAKE2b-128, in hexadecimal digits.
[[nodiscard]] std::string audit_digest(std::string_view text);

// "2026-11-28T16:00:00.123Z".
[[nodiscard]] std::string audit_time_text(std::uint64_t wall_ms);

}  // namespace nemcon::transport
