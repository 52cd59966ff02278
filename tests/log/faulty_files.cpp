#include "tests/log/faulty_files.hpp"

#include <algorithm>

namespace nemcon::log::test {

int FaultyFiles::asked(CallKind kind, const std::string& path) const {
  return interfere ? interfere({.kind = kind, .path = path}) : 0;
}

int FaultyFiles::asked(CallKind kind, int file) const {
  return asked(kind, paths_.at(file));
}

// `result` as interfere() gave it.
template <class Carry>
auto FaultyFiles::answer(int result, Carry carry_out) const -> decltype(carry_out()) {
  if (result < 0 && failing == Failing::instead) return result;
  const auto done = carry_out();
  return result < 0 ? result : done;
}

int FaultyFiles::open(const std::string& path, int flags) {
  const int result = asked(CallKind::open, path);
  return answer(result, [&] {
    const int file = kernel_.open(path, flags);
    if (file >= 0 && result < 0) kernel_.close(file);  // The file is there, the caller has none.
    if (file >= 0 && result >= 0) paths_[file] = path;
    return file;
  });
}

ssize_t FaultyFiles::pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) {
  return answer(asked(CallKind::pread, file),
                [&] { return kernel_.pread(file, into, byte_count, offset); });
}

ssize_t FaultyFiles::pwrite(int file, const char* from, std::size_t byte_count,
                            std::uint64_t offset) {
  const int result = asked(CallKind::pwrite, file);
  if (result > 0) byte_count = std::min(byte_count, static_cast<std::size_t>(result));
  return answer(result, [&] { return kernel_.pwrite(file, from, byte_count, offset); });
}

int FaultyFiles::fdatasync(int file) {
  return answer(asked(CallKind::fdatasync, file), [&] { return kernel_.fdatasync(file); });
}

int FaultyFiles::fsync(int file) {
  return answer(asked(CallKind::fsync, file), [&] { return kernel_.fsync(file); });
}

int FaultyFiles::ftruncate(int file, std::uint64_t byte_count) {
  return answer(asked(CallKind::ftruncate, file),
                [&] { return kernel_.ftruncate(file, byte_count); });
}

int FaultyFiles::rename(const std::string& from, const std::string& to) {
  return answer(asked(CallKind::rename, to), [&] { return kernel_.rename(from, to); });
}

int FaultyFiles::unlink(const std::string& path) {
  return answer(asked(CallKind::unlink, path), [&] { return kernel_.unlink(path); });
}

int FaultyFiles::list(const std::string& directory, std::vector<std::string>& names) {
  return answer(asked(CallKind::list, directory), [&] { return kernel_.list(directory, names); });
}

void FaultyFiles::drop_cache(int file) {
  kernel_.drop_cache(file);
}

void FaultyFiles::close(int file) {
  paths_.erase(file);
  kernel_.close(file);
}

}  // namespace nemcon::log::test
