#include "tests/crash/disk_tap.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <iterator>
#include <mutex>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace nemcon::crash {

bool is_lock_file(const std::string& path) {
  return path.ends_with("lock.mdb") || path.ends_with("/lock");
}

namespace tap {

namespace {

struct State {
  std::mutex mutex;
  std::string directory;  // Empty: nothing is noticed.
  Tape tape;
  std::size_t call_count = 0;
  std::function<Fate(const TappedCall&)> decider;
};

State& state() {
  static State one;
  return one;
}

std::string path_of(int file) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t count = ::readlink(link.c_str(), path.data(), path.size());
  return count > 0 ? std::string(path.data(), static_cast<std::size_t>(count)) : std::string();
}

// Its index, or -1 when it is none of ours.
int file_index(State& tap, const std::string& path) {
  if (tap.directory.empty()) return -1;
  if (!path.starts_with(tap.directory) || is_lock_file(path)) return -1;
  std::vector<std::string>& files = tap.tape.files;
  const auto index = std::ranges::find(files, path) - files.begin();
  if (index == std::ssize(files)) files.push_back(path);
  return static_cast<int>(index);
}

[[noreturn]] void die() {
  static_cast<void>(::kill(::getpid(), SIGKILL));
  for (;;)
    ::pause();
}

// Carries out one noticed call, or not. Held under the lock: the order of the tape is the order
// of the calls, as it is for one disk.
template <class Find, class Call, class Note>
auto noticed(Find find, Deed deed, Call call, Note note) -> decltype(call()) {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  const int index = find(tap);
  if (index < 0) return call();
  tap.call_count += 1;
  const std::string& path = tap.tape.files[static_cast<std::size_t>(index)];
  const Fate fate = tap.decider
                        ? tap.decider({.number = tap.call_count, .deed = deed, .path = path})
                        : Fate::carry_out;
  if (fate == Fate::die_before) die();
  if (fate == Fate::pretend) return 0;
  if (fate == Fate::fail_io || fate == Fate::fail_no_room) {
    errno = fate == Fate::fail_io ? EIO : ENOSPC;
    return -1;
  }
  const auto result = call();
  if (fate == Fate::die_after) die();
  if (result >= 0) note(tap.tape.events, static_cast<std::uint32_t>(index), result);
  if (fate != Fate::fail_after || result < 0) return result;
  errno = EIO;
  return -1;
}

auto by_number(int file) {
  return [file](State& tap) { return tap.directory.empty() ? -1 : file_index(tap, path_of(file)); };
}

// What changes no byte of a file, or only how many there are.
template <class Call>
int change(const std::string& path, Call call) {
  return noticed([&path](State& tap) { return file_index(tap, path); }, Deed::rename, call,
                 [](std::vector<Event>&, std::uint32_t, int) {});
}

// Only when it may make or empty the file: looking at one leaves the disk as it was.
int open_file(const char* path, int flags, mode_t mode) {
  int opened = -1;
  const auto call = [&] {
    opened = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    return opened;
  };
  const int result = (flags & (O_CREAT | O_TRUNC)) == 0 ? call() : change(path, call);
  // The file is there, the caller has none.
  if (result < 0 && opened >= 0) static_cast<void>(::syscall(SYS_close, opened));
  return result;
}

bool is_synced(int file) {
  return (::fcntl(file, F_GETFL) & O_DSYNC) != 0;
}

ssize_t write_at(int file, const void* from, std::size_t count, off_t offset) {
  const Deed deed = is_synced(file) ? Deed::synced_write : Deed::write;
  return noticed(
      by_number(file), deed,
      [&] { return static_cast<ssize_t>(::syscall(SYS_pwrite64, file, from, count, offset)); },
      [&](std::vector<Event>& events, std::uint32_t index, ssize_t written) {
        events.push_back({.deed = deed,
                          .file = index,
                          .offset = static_cast<std::uint64_t>(offset),
                          .bytes = std::string(static_cast<const char*>(from),
                                               static_cast<std::size_t>(written))});
      });
}

int flush(int file, long number) {
  return noticed(
      by_number(file), Deed::flush, [&] { return static_cast<int>(::syscall(number, file)); },
      [&](std::vector<Event>& events, std::uint32_t index, int) {
        events.push_back({.deed = Deed::flush, .file = index, .bytes = {}});
      });
}

}  // namespace

void begin(const std::string& directory) {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  tap.directory = directory;
  tap.tape = {};
  tap.call_count = 0;
}

Tape end() {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  tap.directory.clear();
  tap.decider = nullptr;
  return std::move(tap.tape);
}

void mark(Deed deed, std::uint64_t number) {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  if (tap.directory.empty()) return;
  tap.tape.events.push_back({.deed = deed, .bytes = {}, .number = number});
}

void decide(std::function<Fate(const TappedCall&)> decider) {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  tap.decider = std::move(decider);
}

std::size_t call_count() {
  State& tap = state();
  const std::scoped_lock lock(tap.mutex);
  return tap.call_count;
}

}  // namespace tap
}  // namespace nemcon::crash

// ---- what journal and LMDB call ---------------------------------------------------------------

extern "C" {

ssize_t pwrite(int file, const void* from, size_t count, off_t offset) {
  return nemcon::crash::tap::write_at(file, from, count, offset);
}

ssize_t pwrite64(int file, const void* from, size_t count, off64_t offset) {
  return nemcon::crash::tap::write_at(file, from, count, offset);
}

ssize_t writev(int file, const struct iovec* parts, int part_count) {
  const off_t begin = ::lseek(file, 0, SEEK_CUR);
  off_t offset = begin;
  for (int part = 0; part < part_count; ++part) {
    const ssize_t written =
        nemcon::crash::tap::write_at(file, parts[part].iov_base, parts[part].iov_len, offset);
    if (written < 0) return written;
    offset += written;
  }
  static_cast<void>(::lseek(file, offset, SEEK_SET));
  return offset - begin;
}

int fdatasync(int file) {
  return nemcon::crash::tap::flush(file, SYS_fdatasync);
}

int fsync(int file) {
  return nemcon::crash::tap::flush(file, SYS_fsync);
}

// The attribute of the C library's header does not matter to who defines it.
int rename(const char* from, const char* to) noexcept {
  return nemcon::crash::tap::change(
      from, [&] { return static_cast<int>(::syscall(SYS_rename, from, to)); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  return nemcon::crash::tap::change(
      path, [&] { return static_cast<int>(::syscall(SYS_mkdir, path, mode)); });
}

// NOLINTBEGIN(cert-dcl50-cpp): libc's declarations.
int open(const char* path, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(words, mode_t) : 0;
  va_end(words);
  return nemcon::crash::tap::open_file(path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));

// NOLINTEND(cert-dcl50-cpp)

int unlink(const char* path) noexcept {
  return nemcon::crash::tap::change(path,
                                    [&] { return static_cast<int>(::syscall(SYS_unlink, path)); });
}

int ftruncate(int file, off_t length) noexcept {
  return nemcon::crash::tap::change(nemcon::crash::tap::path_of(file), [&] {
    return static_cast<int>(::syscall(SYS_ftruncate, file, length));
  });
}
}
