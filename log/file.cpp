#include "log/file.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nemcon::log {

namespace {

constexpr mode_t owner_only = 0600;

// Repeats a call that a signal interrupted; its result, or -errno.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result < 0 ? static_cast<decltype(result)>(-errno) : result;
}

}  // namespace

KernelFiles::~KernelFiles() {
  while (try_give_up_spare()) {
  }
}

int KernelFiles::open(const std::string& path, int flags) {
  keep_spare();
  int file = -EMFILE;
  // Somebody else may be quicker to take the one that is given up.
  do {
    file = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, owner_only); });
  } while ((file == -EMFILE || file == -ENFILE) && try_give_up_spare());
  if (file < 0 || (flags & O_CREAT) == 0) return file;
  const int result = uninterrupted([&] { return ::fchmod(file, owner_only); });
  if (result == 0) return file;
  close(file);
  return result;
}

ssize_t KernelFiles::pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) {
  return uninterrupted([&] { return ::pread(file, into, byte_count, static_cast<off_t>(offset)); });
}

ssize_t KernelFiles::pwrite(int file, const char* from, std::size_t byte_count,
                            std::uint64_t offset) {
  return uninterrupted(
      [&] { return ::pwrite(file, from, byte_count, static_cast<off_t>(offset)); });
}

// EINTR included: after it the kernel may have written anything, so no flush is ever repeated.
int KernelFiles::fdatasync(int file) {
  return ::fdatasync(file) == 0 ? 0 : -errno;
}

int KernelFiles::fsync(int file) {
  return ::fsync(file) == 0 ? 0 : -errno;
}

int KernelFiles::ftruncate(int file, std::uint64_t byte_count) {
  return uninterrupted([&] { return ::ftruncate(file, static_cast<off_t>(byte_count)); });
}

int KernelFiles::rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : -errno;
}

int KernelFiles::unlink(const std::string& path) {
  return ::unlink(path.c_str()) == 0 ? 0 : -errno;
}

int KernelFiles::list(const std::string& directory, std::vector<std::string>& names) {
  std::error_code error;
  std::filesystem::directory_iterator entry{directory, error};
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return error ? -error.value() : 0;
}

void KernelFiles::drop_cache(int file) {
  // Advice only: pages that somebody has mapped stay. Nobody maps our files at this moment.
  static_cast<void>(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
}

void KernelFiles::close(int file) {
  static_cast<void>(::close(file));
  keep_spare();
}

void KernelFiles::keep_spare() {
  while (spare_count_ < spare_max) {
    const int spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (spare < 0) return;
    spare_.at(spare_count_++) = spare;
  }
}

bool KernelFiles::try_give_up_spare() {
  if (spare_count_ == 0) return false;
  static_cast<void>(::close(spare_.at(--spare_count_)));
  return true;
}

Status flush_directory(FileOperations& files, const std::string& directory) {
  const int file = files.open(directory, O_RDONLY | O_DIRECTORY);
  if (file < 0) return failed("cannot open " + directory, -file);
  const int flushed = files.fsync(file);
  files.close(file);
  if (flushed < 0) return failed("cannot flush directory " + directory, -flushed);
  return core::Nothing{};
}

}  // namespace nemcon::log
