// Place: one small data directory that can be put back to any bytes, and a look at what a node that
// started there would find. Files are rewritten in place: the directory knows its store by the
// file's inode. In memory where there is such a place. One thread.
#pragma once

#include <map>
#include <string>

#include "log/log.hpp"
#include "tests/crash/script.hpp"
#include "tests/log/directories.hpp"

namespace nemcon::crash {

// Small. Of a script that does not grow all segments are made at the start, so that names never
// change while it runs; else they are made, and the ballast with them, as they are needed.
[[nodiscard]] log::LogOptions small_log(const std::string& directory, bool grows);

// By path. Only those that journal and store promise by.
using Bytes = std::map<std::string, std::string>;

struct Found {
  std::string refusal;  // Empty: it was opened and read.
  core::Lsn last;
  Picture picture = 0;

  // These are asked only when it is not as it was written. Foreign: a message was handed out that
  // was never written to its place, or what is no message is not as after the last record.
  bool is_foreign = false;
  bool scrub_complains = false;
};

class Place {
 public:
  // Makes a new data directory there.
  Place();

  [[nodiscard]] const std::string& directory() const { return directory_; }

  // As it was before there was any data directory.
  void clear() const;

  [[nodiscard]] Bytes read() const;
  void put(const Bytes& bytes) const;

 private:
  log::test::TemporaryDirectory memory_;
  std::string directory_;
};

// As a start would: directory, store, journal, and every message. What was handed out before a
// refusal is judged as well.
[[nodiscard]] Found look(const std::string& directory, const Script& script);

// It holds what the script had written after the record that is the last one there.
[[nodiscard]] bool is_as_written(const Found& found, const Script& script);

// Goes on where `found` ended: some more records of the script, a checkpoint, another start. Empty,
// or what is wrong then.
[[nodiscard]] std::string go_on(const std::string& directory, const Script& script);

// The promise: all that was acknowledged is there, and nothing that was never begun, and what is
// there is as it was written. Empty, or what is wrong.
[[nodiscard]] std::string judge(const Found& found, const Script& script, core::Lsn acked,
                                core::Lsn begun);

}  // namespace nemcon::crash
