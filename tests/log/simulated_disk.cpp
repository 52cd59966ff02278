#include "tests/log/simulated_disk.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

#include "core/check.hpp"

namespace nemcon::log::test {

namespace {

constexpr std::uint64_t sector_bytes = 512;

}  // namespace

int SimulatedDisk::intercepted(const Call& call) {
  if (call.kind != CallKind::pread) calls.push_back(call);
  return interfere ? interfere(call) : 0;
}

void SimulatedDisk::kill_process() {
  open_.clear();
}

void SimulatedDisk::cut_power() {
  open_.clear();
  // A file system keeps the order of changes to names, but not when they become durable.
  const std::uint64_t kept = random_.below(pending_.size() + 1);
  for (std::uint64_t i = 0; i < kept; ++i)
    pending_[i](medium_names_);
  pending_.clear();
  for (const auto& [path, file] : medium_names_) {
    const std::uint64_t odds = 1 + random_.below(4);  // From all kept to most lost.
    for (const std::uint64_t sector : file->dirty) {
      if (random_.one_in(odds)) write_sector(*file, sector);
    }
    file->dirty.clear();
    file->cache = file->medium;
  }
  names_ = medium_names_;
}

std::vector<std::string> SimulatedDisk::names() const {
  std::vector<std::string> all;
  for (const auto& [path, file] : names_)
    all.push_back(path);
  return all;
}

std::string SimulatedDisk::content(const std::string& path) const {
  const auto found = names_.find(path);
  NEMCON_CHECK(found != names_.end(), path);
  return found->second->cache;
}

void SimulatedDisk::set_content(const std::string& path, const std::string& content) {
  const auto found = names_.find(path);
  NEMCON_CHECK(found != names_.end(), path);
  found->second->cache = content;
  found->second->medium = content;
  found->second->dirty.clear();
}

std::uint64_t SimulatedDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : names_)
    sum += file->cache.size();
  return sum;
}

void SimulatedDisk::write_sector(File& file, std::uint64_t sector) const {
  const std::uint64_t begin = sector * sector_bytes;
  if (begin >= file.cache.size()) return;
  const std::uint64_t count = std::min(sector_bytes, file.cache.size() - begin);
  if (file.medium.size() < begin + count) file.medium.resize(begin + count);
  file.medium.replace(begin, count, file.cache, begin, count);
}

int SimulatedDisk::open(const std::string& path, int flags) {
  const int result = intercepted({.kind = CallKind::open, .path = path});
  if (result < 0) return result;
  if ((flags & O_DIRECTORY) != 0) {
    auto directory = std::make_shared<File>();
    directory->is_directory = true;
    open_[next_file_] = {path, directory};
    return next_file_++;
  }
  auto found = names_.find(path);
  if (found == names_.end()) {
    if ((flags & O_CREAT) == 0) return -ENOENT;
    const auto file = std::make_shared<File>();
    found = names_.emplace(path, file).first;
    pending_.push_back([path, file](Names& names) { names[path] = file; });
  }
  if ((flags & O_TRUNC) != 0) {
    found->second->cache.clear();
    found->second->medium.clear();
    found->second->dirty.clear();
  }
  open_[next_file_] = {path, found->second};
  return next_file_++;
}

ssize_t SimulatedDisk::pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) {
  const auto& [path, content] = open_.at(file);
  const int result = intercepted(
      {.kind = CallKind::pread, .path = path, .offset = offset, .byte_count = byte_count});
  if (result < 0) return result;
  if (offset >= content->cache.size()) return 0;
  const std::size_t count = std::min<std::size_t>(byte_count, content->cache.size() - offset);
  content->cache.copy(into, count, offset);
  return static_cast<ssize_t>(count);
}

ssize_t SimulatedDisk::pwrite(int file, const char* from, std::size_t byte_count,
                              std::uint64_t offset) {
  const auto& [path, content] = open_.at(file);
  const int result = intercepted(
      {.kind = CallKind::pwrite, .path = path, .offset = offset, .byte_count = byte_count});
  if (result < 0) return result;
  if (write_bytes_max) byte_count = std::min<std::size_t>(byte_count, *write_bytes_max);
  const std::uint64_t end = offset + byte_count;
  if (end > content->cache.size()) {
    if (room && used() + end - content->cache.size() > *room) return -ENOSPC;
    content->cache.resize(end);
  }
  content->cache.replace(offset, byte_count, from, byte_count);
  for (std::uint64_t at = offset / sector_bytes; at * sector_bytes < end; ++at) {
    content->dirty.insert(at);
  }
  return static_cast<ssize_t>(byte_count);
}

int SimulatedDisk::fdatasync(int file) {
  return flush(file, CallKind::fdatasync);
}

int SimulatedDisk::fsync(int file) {
  return flush(file, CallKind::fsync);
}

int SimulatedDisk::flush(int file, CallKind kind) {
  const auto& [path, content] = open_.at(file);
  const int result = intercepted({.kind = kind, .path = path});
  if (result == process_is_dead) return result;
  if (content->is_directory) {
    if (result < 0) return result;
    if (ignores_flushes) return 0;
    for (const auto& change : pending_)
      change(medium_names_);
    pending_.clear();
    return 0;
  }
  if (ignores_flushes && result == 0) return 0;
  for (const std::uint64_t sector : content->dirty) {
    if (result == 0 || random_.one_in(2)) write_sector(*content, sector);
  }
  content->dirty.clear();  // Even when it failed: the cache calls them clean.
  return result;
}

int SimulatedDisk::ftruncate(int file, std::uint64_t byte_count) {
  const auto& [path, content] = open_.at(file);
  const int result =
      intercepted({.kind = CallKind::ftruncate, .path = path, .byte_count = byte_count});
  if (result < 0) return result;
  content->cache.resize(byte_count);
  content->medium.resize(byte_count);
  return 0;
}

int SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const int result = intercepted({.kind = CallKind::rename, .path = to});
  if (result < 0) return result;
  const auto found = names_.find(from);
  if (found == names_.end()) return -ENOENT;
  const FilePtr file = found->second;
  const auto change = [from, to, file](Names& names) {
    names.erase(from);
    names[to] = file;
  };
  change(names_);
  pending_.emplace_back(change);
  return 0;
}

int SimulatedDisk::unlink(const std::string& path) {
  const int result = intercepted({.kind = CallKind::unlink, .path = path});
  if (result < 0) return result;
  if (names_.erase(path) == 0) return -ENOENT;
  pending_.emplace_back([path](Names& names) { names.erase(path); });
  return 0;
}

int SimulatedDisk::list(const std::string& directory, std::vector<std::string>& names) {
  const int result = intercepted({.kind = CallKind::list, .path = directory});
  if (result < 0) return result;
  for (const auto& [path, file] : names_) {
    if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
  }
  return 0;
}

void SimulatedDisk::drop_cache(int file) {
  File& content = *open_.at(file).second;
  std::string fresh = content.medium;
  fresh.resize(std::max(content.medium.size(), content.cache.size()));
  for (const std::uint64_t sector : content.dirty) {
    const std::uint64_t begin = sector * sector_bytes;
    if (begin < content.cache.size()) {
      const std::uint64_t count = std::min(sector_bytes, content.cache.size() - begin);
      fresh.replace(begin, count, content.cache, begin, count);
    }
  }
  content.cache = fresh;
}

void SimulatedDisk::close(int file) {
  open_.erase(file);
}

}  // namespace nemcon::log::test
