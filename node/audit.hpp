// Audit: what somebody may have to answer for, in a file that shows when it was touched: starts and
// stops, the configuration, who was refused, what operators decided. Append-only, hash-chained
// (transport/audit_trail.hpp), in the data directory:
//
//   DIR/audit.log          mode 0600; at file_bytes_max it becomes audit.log.1, and so on
//   DIR/audit.log.1 ...    older ones; the chain goes on from file to file
//   DIR/audit.head         number and hash of the newest entry
//
// Bounded: files_max files. What strangers can cause as often as they like (note_often) is written
// once, then counted, and has a rate of its own, so that it cannot push out the rest.
//
// Any thread; may block on the disk, note() on a flush. A disk that does not take an entry is
// counted, and does not stop the node; while no new file can be made the present one goes on, up to
// twice its size.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "core/rate.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/audit_trail.hpp"

namespace nemcon::node {

enum class AuditKind : std::uint8_t {
  start,
  stop,
  configuration,   // It differs from the one before.
  authentication,  // Somebody was not let in.
  denied,          // Somebody who was let in asked for what it may not do.
  fault,           // A peer broke the protocol.
  fenced,          // This node takes no part any more.
  record,          // What was found out about this record itself.
  membership,      // A membership file came into force, or was refused.
};

const char* to_text(AuditKind kind);

// Both clocks of a moment.
struct AuditTime {
  core::Instant now;
  std::uint64_t wall_ms = 0;
};

struct AuditOptions {
  std::string directory;
  std::string node;
  std::uint64_t file_bytes_max = 4U << 20U;
  unsigned files_max = 8;
};

class Audit {
 public:
  // Goes on where the record ends. An unfinished last line (a crash) is cut off, a missing
  // end noted; a record that was touched is put aside and a new one begun: either is its next
  // entry. local_failed: the directory cannot be written.
  [[nodiscard]] static core::Result<std::unique_ptr<Audit>> open(AuditOptions options,
                                                                 const AuditTime& time);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  // Flushed before it returns. Longer texts are cut at 512 bytes.
  core::Status note(const AuditTime& time, AuditKind kind, const std::string& who,
                    const std::string& what);

  // Of what others cause: the first at once, the same again within ten seconds as a count, and of
  // one `who` no more than 100 different ones at once and then one a second: what is over is a
  // count as well. Not flushed. `count`: so often at once.
  void note_often(const AuditTime& time, AuditKind kind, const std::string& who,
                  const std::string& what, std::uint64_t count = 1);

  // Writes counts that have waited long enough. Cheap; often.
  void tend(const AuditTime& time);

  // Notes the start, and the configuration if it is another one than at the last start: by its
  // digest, `configuration` itself may hold what nobody should read here.
  core::Status note_start(const AuditTime& time, const std::string& version,
                          const std::string& configuration);

  // If it is another one than the last that was noted.
  // `changes`: what an operator did to it, in words; at a start nobody knows.
  core::Status note_configuration(const AuditTime& time, const std::string& configuration,
                                  const std::string& changes);

  [[nodiscard]] transport::AuditHead head() const;

  // Entries that could not be written.
  [[nodiscard]] std::uint64_t lost_count() const;

 private:
  struct Waiting {
    std::uint64_t count = 0;
    core::Instant due{};
  };

  using Subject = std::tuple<AuditKind, std::string, std::string>;

  explicit Audit(AuditOptions options) : options_(std::move(options)) {}

  [[nodiscard]] core::Status resume(const AuditTime& time);
  [[nodiscard]] core::Status put_aside(const AuditTime& time, const transport::AuditTrail& trail,
                                       const std::optional<transport::AuditHead>& head);
  // What is open goes on when it fails.
  [[nodiscard]] core::Status begin_file(bool keeps_old);
  [[nodiscard]] core::Status put_in_place(bool keeps_old);
  [[nodiscard]] core::Status append(const AuditTime& time, AuditKind kind, const std::string& who,
                                    const std::string& what, std::uint64_t count);
  [[nodiscard]] core::Status append_line(const std::string& line);
  [[nodiscard]] core::Status write_head();
  [[nodiscard]] bool may_write(const AuditTime& time, const std::string& who);
  void write_waiting(const AuditTime& time, bool all);
  [[nodiscard]] std::string path(const std::string& name) const;

  AuditOptions options_;
  mutable std::mutex mutex_;
  int file_ = -1;
  int head_file_ = -1;
  std::uint64_t file_bytes_ = 0;
  transport::AuditHead newest_;
  std::string last_configuration_;
  std::map<Subject, Waiting> waiting_;
  std::uint64_t lost_count_ = 0;
  // Of those who cause entries, each by its name; strangers are one.
  std::map<std::string, core::Rate> rates_;
};

}  // namespace nemcon::node
