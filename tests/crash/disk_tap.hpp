// DiskTap: every write, flush and change of a name or length by this process in one directory, seen
// from below journal and LMDB. The functions of libc are replaced at link time (disk_tap.cpp), so
// it is the real code with its real system calls; each call is carried out, written down, and may
// be made to fail or to be the last one of the process. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nemcon::crash {

enum class Deed : std::uint8_t {
  write,
  synced_write,  // To a file opened with O_DSYNC: durable when it returns, like LMDB's meta page.
  flush,
  rename,  // Also unlink, truncate, mkdir, an open that makes or empties: counted, not on the tape.
  begun,   // The script begins to append what ends with record `number`.
  acked,   // The journal promised everything up to record `number`.
};

struct Event {
  Deed deed = Deed::write;
  std::uint32_t file = 0;  // Index into Tape::files.
  std::uint64_t offset = 0;
  std::string bytes;
  std::uint64_t number = 0;
};

struct Tape {
  std::vector<std::string> files;
  std::vector<Event> events;
};

// What becomes of a call that could change the disk.
enum class Fate : std::uint8_t {
  carry_out,
  pretend,  // Success, and nothing was done: a disk that ignores flushes.
  die_before,
  die_after,
  fail_io,
  fail_no_room,
  fail_after  // Carried out, yet an input/output error: the disk has what the caller must not use.
};

// LMDB's lock file and ours promise nothing.
[[nodiscard]] bool is_lock_file(const std::string& path);

namespace tap {

// From now on calls to files below `directory` are noticed.
void begin(const std::string& directory);
// The tape since begin(); nothing is noticed any more.
Tape end();

void mark(Deed deed, std::uint64_t number);

struct TappedCall {
  std::size_t number = 0;  // From 1 on.
  Deed deed = Deed::write;
  const std::string& path;
};

// Asked before each noticed call; empty: all are carried out.
void decide(std::function<Fate(const TappedCall& call)> decider);

[[nodiscard]] std::size_t call_count();

}  // namespace tap
}  // namespace nemcon::crash
