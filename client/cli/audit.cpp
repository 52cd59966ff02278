// nemcon audit: what is in an audit record, and whether somebody touched it. Reads files, asks no
// node.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/table.hpp"
#include "client/cli/whole_file.hpp"
#include "transport/audit_trail.hpp"

namespace nemcon::cli {

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  core::Result<std::string> text = read_whole_file(file.string());
  if (text) return std::move(text).value();
  throw Refusal(text.error().detail + "; give audit.log of a data directory, as its owner");
}

struct Read {
  std::string file;
  transport::AuditTrail trail;
};

// The head lies beside the newest file. Of an older one the next file knows where it ended.
std::optional<transport::AuditHead> head_of(const fs::path& file) {
  const fs::path head = file.parent_path() / "audit.head";
  if (file.filename() != "audit.log" || !fs::exists(head)) return std::nullopt;
  return transport::parse_audit_head(read_file(head));
}

std::optional<transport::AuditHead> parse_expected(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::optional<transport::AuditHead> head = transport::parse_audit_head(text);
  if (!head) throw Misuse("--expect " + text + ": write NUMBER:HASH as --verify prints it");
  return head;
}

std::vector<Read> read_all(const AuditArguments& arguments) {
  std::vector<Read> all;
  const std::optional<transport::AuditHead> expected = parse_expected(arguments.expect);
  for (const std::string& file : arguments.files) {
    const std::string text = read_file(file);
    const std::optional<transport::AuditHead> head = head_of(file);
    Read read{.file = file, .trail = transport::read_audit_trail(text, head)};
    if (!all.empty() && !(read.trail.before == all.back().trail.newest)) {
      read.trail.flaws.push_back({1, "does not go on from where " + all.back().file + " ends"});
    }
    const bool is_last = all.size() + 1 == arguments.files.size();
    if (arguments.verify && is_last && !expected && !head) {
      read.trail.flaws.push_back(
          {0,
           "has no audit.head beside it, so nobody knows whether its end is missing; give the "
           "newest head that you know by --expect NUMBER:HASH"});
    }
    if (is_last && expected) {
      for (const auto& flaw : transport::read_audit_trail(text, expected).flaws) {
        if (flaw.line == 0) read.trail.flaws.push_back({0, flaw.what + " (--expect)"});
      }
    }
    all.push_back(std::move(read));
  }
  return all;
}

std::string place_of(const Read& read, const transport::AuditFlaw& flaw) {
  return flaw.line == 0 ? read.file : read.file + ":" + std::to_string(flaw.line);
}

std::string entry_json(const transport::AuditEntry& entry) {
  return Json{}
      .number("n", entry.number)
      .text("time", transport::audit_time_text(entry.wall_ms))
      .text("kind", entry.kind)
      .text("who", entry.who)
      .text("what", entry.what)
      .number("count", entry.count)
      .str();
}

void print_entries(const std::vector<Read>& all, bool json) {
  Table table({"#N", "TIME", "KIND", "WHO", "WHAT", "#COUNT"});
  for (const Read& read : all) {
    for (const transport::AuditEntry& entry : read.trail.entries) {
      if (json) {
        std::cout << entry_json(entry) << "\n";
        continue;
      }
      table.add({std::to_string(entry.number), transport::audit_time_text(entry.wall_ms),
                 entry.kind, entry.who, entry.what, std::to_string(entry.count)});
    }
  }
  if (!json) std::cout << table;
}

void print_verdict(const std::vector<Read>& all, bool json) {
  std::size_t entry_count = 0;
  std::vector<std::string> flaws;
  for (const Read& read : all) {
    entry_count += read.trail.entries.size();
    for (const transport::AuditFlaw& flaw : read.trail.flaws) {
      flaws.push_back(
          Json{}.text("file", read.file).number("line", flaw.line).text("what", flaw.what).str());
    }
  }
  const transport::AuditTrail& last = all.back().trail;
  const bool has_head = head_of(all.back().file).has_value();
  if (json) {
    std::cout << Json{}
                     .text("node", last.node)
                     .number("entries", entry_count)
                     .text("head", transport::to_text(last.newest))
                     .truth("end_is_known", has_head)
                     .list("flaws", flaws)
                     .str()
              << "\n";
    return;
  }
  std::cout << (flaws.empty() ? "untouched" : "TOUCHED") << ": " << entry_count
            << " entries of node " << last.node << ", head " << transport::to_text(last.newest)
            << "\n";
  if (!has_head) {
    std::cout << "No audit.head beside " << all.back().file
              << ": an end that was cut off would not show.\n";
  }
}

}  // namespace

Exit run_audit(const Globals& globals, const AuditArguments& arguments) {
  const std::vector<Read> all = read_all(arguments);
  if (arguments.verify) {
    print_verdict(all, globals.json);
  } else {
    print_entries(all, globals.json);
  }
  bool flawed = false;
  for (const Read& read : all) {
    for (const transport::AuditFlaw& flaw : read.trail.flaws) {
      flawed = true;
      std::cerr << "nemcon: " << place_of(read, flaw) << ": " << flaw.what << "\n";
    }
  }
  return flawed ? Exit::refused : Exit::done;
}

}  // namespace nemcon::cli
