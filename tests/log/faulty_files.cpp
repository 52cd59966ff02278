#include "tests/log/faulty_files.hpp"

#include <algorithm>

namespace nemcon::log::test {

int FaultyFiles::asked(CallKind kind, const std::string& path) const {
  return interfere ? interfere({.kind = kind, .path = path}) : 0;
}

int FaultyFiles::asked(CallKind kind, int file) const {
  return asked(kind, paths_.at(file));
}

int FaultyFiles::open(const std::string& path, int flags) {
  const int result = asked(CallKind::open, path);
  if (result < 0) return result;
  const int file = kernel_.open(path, flags);
  if (file >= 0) paths_[file] = path;
  return file;
}

ssize_t FaultyFiles::pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) {
  const int result = asked(CallKind::pread, file);
  return result < 0 ? result : kernel_.pread(file, into, byte_count, offset);
}

ssize_t FaultyFiles::pwrite(int file, const char* from, std::size_t byte_count,
                            std::uint64_t offset) {
  const int result = asked(CallKind::pwrite, file);
  if (result < 0) return result;
  if (result > 0) byte_count = std::min(byte_count, static_cast<std::size_t>(result));
  return kernel_.pwrite(file, from, byte_count, offset);
}

int FaultyFiles::fdatasync(int file) {
  const int result = asked(CallKind::fdatasync, file);
  return result < 0 ? result : kernel_.fdatasync(file);
}

int FaultyFiles::fsync(int file) {
  const int result = asked(CallKind::fsync, file);
  return result < 0 ? result : kernel_.fsync(file);
}

int FaultyFiles::ftruncate(int file, std::uint64_t byte_count) {
  const int result = asked(CallKind::ftruncate, file);
  return result < 0 ? result : kernel_.ftruncate(file, byte_count);
}

int FaultyFiles::rename(const std::string& from, const std::string& to) {
  const int result = asked(CallKind::rename, to);
  return result < 0 ? result : kernel_.rename(from, to);
}

int FaultyFiles::unlink(const std::string& path) {
  const int result = asked(CallKind::unlink, path);
  return result < 0 ? result : kernel_.unlink(path);
}

int FaultyFiles::list(const std::string& directory, std::vector<std::string>& names) {
  const int result = asked(CallKind::list, directory);
  return result < 0 ? result : kernel_.list(directory, names);
}

void FaultyFiles::drop_cache(int file) {
  kernel_.drop_cache(file);
}

void FaultyFiles::close(int file) {
  paths_.erase(file);
  kernel_.close(file);
}

}  // namespace nemcon::log::test
