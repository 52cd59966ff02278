#include "node/audit.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fcntl.h>

#include "log/file.hpp"

namespace nemcon::node {

namespace {

using core::Status;

constexpr const char* record_name = "audit.log";
constexpr const char* new_name = "audit.log.new";  // Until it takes the place of the record.
constexpr const char* head_name = "audit.head";
constexpr std::size_t text_bytes_max = 512;
constexpr std::size_t waiting_max = 1024;
constexpr core::Duration repeat_after = std::chrono::seconds{10};
// What one may cause at once; then one a second.
constexpr core::Duration cost_of_entry = std::chrono::seconds{1};
constexpr core::Duration burst = 100 * cost_of_entry;
constexpr std::size_t rates_max = 4096;
// A record that is longer was not written here.
constexpr std::uint64_t readable_bytes_max = std::uint64_t{1} << 30U;

log::KernelFiles& kernel() {
  static log::KernelFiles files;
  return files;
}

core::Error failed(const std::string& what, std::int64_t result) {
  return {core::Errc::local_failed,
          "the audit record: " + what + ": error " + std::to_string(-result)};
}

std::string cut(const std::string& text) {
  return text.size() <= text_bytes_max ? text : text.substr(0, text_bytes_max) + "...";
}

core::Result<std::string> read_all(int file) {
  std::string text;
  std::vector<char> chunk(std::size_t{1} << 20U);
  for (;;) {
    const ssize_t count = kernel().pread(file, chunk.data(), chunk.size(), text.size());
    if (count < 0) return failed("cannot be read", count);
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > readable_bytes_max) {
      return core::Error{core::Errc::local_failed, "the audit record: is larger than 1 GiB"};
    }
  }
}

Status write_at(int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = kernel().pwrite(file, bytes.data(), bytes.size(), offset);
    if (count <= 0) return failed("cannot be written", count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return core::Nothing{};
}

}  // namespace

const char* to_text(AuditKind kind) {
  constexpr std::array<const char*, 9> names = {"start",          "stop",   "configuration",
                                                "authentication", "denied", "fault",
                                                "fenced",         "record", "membership"};
  return names[static_cast<std::size_t>(kind)];
}

std::string Audit::path(const std::string& name) const {
  return options_.directory + '/' + name;
}

core::Result<std::unique_ptr<Audit>> Audit::open(AuditOptions options, const AuditTime& time) {
  std::unique_ptr<Audit> audit(new Audit(std::move(options)));
  if (const Status resumed = audit->resume(time); !resumed) return resumed.error();
  return audit;
}

Audit::~Audit() {
  if (file_ >= 0) kernel().close(file_);
  if (head_file_ >= 0) kernel().close(head_file_);
}

Status Audit::resume(const AuditTime& time) {
  head_file_ = kernel().open(path(head_name), O_RDWR | O_CREAT);
  if (head_file_ < 0) return failed(path(head_name) + " cannot be opened", head_file_);
  const core::Result<std::string> head_text = read_all(head_file_);
  if (!head_text) return head_text.error();
  const std::optional<transport::AuditHead> head = transport::parse_audit_head(*head_text);
  file_ = kernel().open(path(record_name), O_RDWR);
  // Ended between the two renames of put_in_place().
  if (file_ < 0 && kernel().rename(path(new_name), path(record_name)) == 0) {
    file_ = kernel().open(path(record_name), O_RDWR);
  }
  if (file_ < 0) {
    // Without a record the head shows that there was one.
    if (head) newest_ = *head;
    if (const Status begun = begin_file(false); !begun) return begun.error();
    if (!head) return core::Nothing{};
    return append(time, AuditKind::record, "", "the file audit.log was gone", 1);
  }
  const core::Result<std::string> text = read_all(file_);
  if (!text) return text.error();
  // The line that a crash cut off is no flaw of the rest.
  const std::size_t whole = text->rfind('\n') == std::string::npos ? 0 : text->rfind('\n') + 1;
  const std::string_view lines = std::string_view{*text}.substr(0, whole);
  transport::AuditTrail trail = transport::read_audit_trail(lines, std::nullopt);
  // Of a cut-off end it cannot be told whether a power cut took it: the record goes on, and says
  // so.
  const bool is_short = head && head->number > trail.newest.number;
  if (trail.flaws.empty() && !is_short) trail = transport::read_audit_trail(lines, head);
  for (const transport::AuditEntry& entry : trail.entries) {
    if (entry.kind == to_text(AuditKind::configuration)) last_configuration_ = entry.what;
  }
  if (!trail.flaws.empty()) return put_aside(time, trail, head);
  newest_ = trail.newest;
  file_bytes_ = whole;
  if (const int done = kernel().ftruncate(file_, whole); done < 0) {
    return failed("cannot be cut", done);
  }
  if (is_short) {
    const Status noted = append(time, AuditKind::record, "",
                                "the end was missing: entries up to number " +
                                    std::to_string(head->number) + " had been written",
                                1);
    if (!noted) return noted;
  }
  if (!head) {
    const Status noted = append(time, AuditKind::record, "",
                                "the file audit.head was gone: whether the end is missing is not "
                                "known",
                                1);
    if (!noted) return noted;
  }
  if (whole == text->size()) return core::Nothing{};
  return append(time, AuditKind::record, "",
                std::to_string(text->size() - whole) + " bytes of an unfinished line were cut off",
                1);
}

Status Audit::put_aside(const AuditTime& time, const transport::AuditTrail& trail,
                        const std::optional<transport::AuditHead>& head) {
  const transport::AuditFlaw& flaw = trail.flaws.front();
  kernel().close(file_);
  file_ = -1;
  const std::string aside = std::string{record_name} + ".touched-" + std::to_string(time.wall_ms);
  if (const int done = kernel().rename(path(record_name), path(aside)); done < 0) {
    return failed(path(record_name) + " cannot be put aside", done);
  }
  // Numbers go on where the head or the file was, whichever is further.
  newest_ = head && head->number > trail.newest.number ? *head : trail.newest;
  if (const Status begun = begin_file(false); !begun) return begun.error();
  return append(time, AuditKind::record, "",
                "audit.log was touched, see " + aside + ": line " + std::to_string(flaw.line) +
                    ": " + flaw.what,
                1);
}

Status Audit::begin_file(bool keeps_old) {
  const int file = kernel().open(path(new_name), O_RDWR | O_CREAT | O_TRUNC);
  if (file < 0) return failed(path(new_name) + " cannot be made", file);
  transport::AuditHead begun = newest_;
  const std::string line = transport::begin_audit_file(options_.node, newest_, begun.hash) + '\n';
  Status made = write_at(file, line, 0);
  if (const int done = made ? kernel().fdatasync(file) : 0; done < 0)
    made = failed("no flush", done);
  if (made) made = put_in_place(keeps_old);
  if (!made) {
    kernel().close(file);
    static_cast<void>(kernel().unlink(path(new_name)));
    return made;
  }
  if (file_ >= 0) kernel().close(file_);
  file_ = file;
  file_bytes_ = line.size();
  newest_ = begun;
  return write_head();
}

Status Audit::put_in_place(bool keeps_old) {
  const auto name = [&](unsigned number) {
    return path(std::string{record_name} + '.' + std::to_string(number));
  };
  if (keeps_old) {
    // The oldest is written over.
    for (unsigned number = options_.files_max - 1; number > 1; --number)
      static_cast<void>(kernel().rename(name(number - 1), name(number)));
    if (const int done = kernel().rename(path(record_name), name(1)); done < 0) {
      return failed(path(record_name) + " cannot be renamed", done);
    }
  }
  if (const int done = kernel().rename(path(new_name), path(record_name)); done < 0) {
    if (keeps_old) static_cast<void>(kernel().rename(name(1), path(record_name)));
    return failed(path(new_name) + " cannot be renamed", done);
  }
  // Without it a power cut may bring the old names back, which the next start says.
  static_cast<void>(log::flush_directory(kernel(), options_.directory));
  return core::Nothing{};
}

Status Audit::append_line(const std::string& line) {
  Status written = write_at(file_, line + '\n', file_bytes_);
  if (written) file_bytes_ += line.size() + 1;
  return written;
}

Status Audit::append(const AuditTime& time, AuditKind kind, const std::string& who,
                     const std::string& what, std::uint64_t count) {
  if (file_bytes_ >= options_.file_bytes_max) {
    const Status begun = begin_file(true);
    if (!begun && file_bytes_ >= 2 * options_.file_bytes_max) {
      ++lost_count_;
      return begun.error();
    }
  }
  transport::AuditHead next = newest_;
  ++next.number;
  const std::string line = transport::chain_audit_entry({.number = next.number,
                                                         .wall_ms = time.wall_ms,
                                                         .kind = to_text(kind),
                                                         .who = cut(who),
                                                         .what = cut(what),
                                                         .count = count},
                                                        next.hash);
  if (const Status written = append_line(line); !written) {
    ++lost_count_;
    return written.error();
  }
  newest_ = next;
  return write_head();
}

// In place: a number and a hash are always as long, and never span two sectors.
Status Audit::write_head() {
  std::string text = transport::to_text(newest_);
  text.resize(96, ' ');
  return write_at(head_file_, text + '\n', 0);
}

Status Audit::note(const AuditTime& time, AuditKind kind, const std::string& who,
                   const std::string& what) {
  const std::lock_guard lock(mutex_);
  write_waiting(time, true);
  Status written = append(time, kind, who, what, 1);
  if (!written) return written;
  for (const int file : {file_, head_file_}) {
    if (const int done = kernel().fdatasync(file); done < 0) return failed("no flush", done);
  }
  return written;
}

bool Audit::may_write(const AuditTime& time, const std::string& who) {
  if (rates_.size() >= rates_max && !rates_.contains(who)) {
    std::erase_if(rates_, [&](const auto& one) { return one.second.paid_until() <= time.now; });
    if (rates_.size() >= rates_max) return false;
  }
  core::Rate& rate = rates_[who];
  if (!rate.has_room(cost_of_entry, time.now, burst)) return false;
  rate.spend(cost_of_entry, time.now);
  return true;
}

void Audit::note_often(const AuditTime& time, AuditKind kind, const std::string& who,
                       const std::string& what, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  if (count == 0) return;
  write_waiting(time, false);
  const auto known = waiting_.find({kind, who, what});
  if (known != waiting_.end()) {
    known->second.count += count;
    return;
  }
  if (waiting_.size() >= waiting_max || !may_write(time, who)) {
    const bool is_named = rates_.contains(who);
    Waiting& others = waiting_[{kind, is_named ? who : "", "others, too many to be named"}];
    if (others.due == core::Instant{}) others.due = time.now + repeat_after;
    others.count += count;
    return;
  }
  waiting_[{kind, who, what}].due = time.now + repeat_after;
  static_cast<void>(append(time, kind, who, what, count));
}

void Audit::tend(const AuditTime& time) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) write_waiting(time, false);
}

void Audit::write_waiting(const AuditTime& time, bool all) {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (!all && time.now < at->second.due) {
      ++at;
      continue;
    }
    const auto& [kind, who, what] = at->first;
    if (at->second.count > 0) static_cast<void>(append(time, kind, who, what, at->second.count));
    at = waiting_.erase(at);
  }
}

Status Audit::note_configuration(const AuditTime& time, const std::string& configuration,
                                 const std::string& changes) {
  const std::string digest = "digest " + transport::audit_digest(configuration);
  if (changes.empty() && last_configuration_.starts_with(digest)) return core::Nothing{};
  const std::string what = changes.empty() ? digest : digest + ": " + changes;
  if (Status noted = note(time, AuditKind::configuration, "", what); !noted) return noted;
  last_configuration_ = what;
  return core::Nothing{};
}

Status Audit::note_start(const AuditTime& time, const std::string& version,
                         const std::string& configuration) {
  if (Status noted = note_configuration(time, configuration, ""); !noted) return noted;
  return note(time, AuditKind::start, "", version);
}

transport::AuditHead Audit::head() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::uint64_t Audit::lost_count() const {
  const std::lock_guard lock(mutex_);
  return lost_count_;
}

}  // namespace nemcon::node
