// Invariant tested: whatever a file holds, the reader of audit records takes it apart without harm;
// whatever is recorded is read back as it was, without a flaw, and with one once a byte is changed;
// a pattern matches what its plain definition says; a grant that is understood is written the same.
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "core/permissions.hpp"
#include "tests/fuzz/target.hpp"
#include "transport/audit_trail.hpp"

namespace {

using nemcon::transport::AuditEntry;
using nemcon::transport::AuditHead;
using nemcon::transport::AuditTrail;

// The definition, as slow as it is plain.
bool matches_plainly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*') {
    return !text.empty() && text.front() == pattern.front() &&
           matches_plainly(pattern.substr(1), text.substr(1));
  }
  for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
    if (matches_plainly(pattern.substr(1), text.substr(skipped))) return true;
  }
  return false;
}

void check_pattern(std::string_view pattern, std::string_view text) {
  if (pattern.size() > 12 || text.size() > 24) return;
  NEMCON_CHECK(nemcon::core::matches(pattern, text) == matches_plainly(pattern, text), pattern,
               text);
}

void check_grant(std::string_view text) {
  const auto grant = nemcon::core::parse_grant(text);
  if (!grant) return;
  std::string written = nemcon::core::to_text(grant->verb);
  written += ' ' + grant->name;
  if (!grant->node.empty()) written += '@' + grant->node;
  NEMCON_CHECK(written == text, written, text);
}

void check_record(std::string_view who, std::string_view what, std::size_t changed) {
  AuditHead head;
  std::string text = nemcon::transport::begin_audit_file(who, {}, head.hash) + '\n';
  const AuditEntry entry{.number = 1,
                         .wall_ms = what.size() * 1'000'003,
                         .kind = "denied",
                         .who = std::string{who},
                         .what = std::string{what},
                         .count = who.size()};
  text += nemcon::transport::chain_audit_entry(entry, head.hash) + '\n';
  head.number = 1;
  const AuditTrail trail = nemcon::transport::read_audit_trail(text, head);
  NEMCON_CHECK(trail.flaws.empty() && trail.entries.size() == 1 && trail.entries[0] == entry, text);
  NEMCON_CHECK(trail.node == who, text);
  char& byte = text[changed % text.size()];
  byte = static_cast<char>(byte ^ 0x04);
  NEMCON_CHECK(!nemcon::transport::read_audit_trail(text, head).flaws.empty(), text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  const std::string_view text(reinterpret_cast<const char*>(bytes), byte_count);
  const std::size_t end = text.find('\n');
  const std::string_view first = text.substr(0, end);
  const std::string_view rest =
      end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  const AuditTrail trail =
      nemcon::transport::read_audit_trail(text, nemcon::transport::parse_audit_head(first));
  NEMCON_CHECK(trail.entries.size() <= byte_count);
  check_pattern(first, rest);
  check_grant(first);
  check_record(first, rest, byte_count);
  return 0;
}
