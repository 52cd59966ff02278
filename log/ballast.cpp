#include "log/ballast.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "log/error.hpp"

namespace nemcon::log {

namespace {

constexpr std::uint64_t chunk_bytes = 256ULL << 10U;

// What a write may still find free after a short write told LMDB that the disk is full.
constexpr std::uint64_t probe_bytes = 1ULL << 20U;

std::uint64_t size_of(const std::string& path) {
  struct stat status {};

  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// Free for us, by the file system's own word. Only a hint: quotas and shared disks know better.
bool seems_roomy(const std::string& path, std::uint64_t byte_count) {
  struct statvfs status {};

  const std::string directory = path.substr(0, path.rfind('/') + 1) + ".";
  if (::statvfs(directory.c_str(), &status) != 0) return true;
  return status.f_bavail * status.f_frsize >= byte_count;
}

}  // namespace

Ballast::Ballast(Room room) : room_(std::move(room)) {
  is_held_ = size_of(room_.path) >= room_.byte_count;
}

// Twice the room must be there, so that taking it does not fill the disk that was just freed.
bool Ballast::try_take() {
  if (is_held_) return true;
  if (!seems_roomy(room_.path, 2 * room_.byte_count)) return false;
  const int file = files_.open(room_.path, O_RDWR | O_CREAT | O_TRUNC);
  if (file < 0) return false;
  is_held_ = write_zeros(file, 0, room_.byte_count) == 0 && files_.fsync(file) == 0;
  if (!is_held_) static_cast<void>(files_.ftruncate(file, 0));
  files_.close(file);
  return is_held_;
}

bool Ballast::try_give_up() {
  if (!is_held_ || room_.byte_count == 0) return false;
  const int file = files_.open(room_.path, O_RDWR);
  if (file < 0) return false;
  is_held_ = false;
  static_cast<void>(files_.ftruncate(file, 0));
  // Some file systems hand out freed blocks only once the freeing is durable.
  static_cast<void>(files_.fsync(file));
  files_.close(file);
  return true;
}

bool Ballast::is_disk_full() {
  const std::string probe = room_.path + ".probe";
  const int file = files_.open(probe, O_RDWR | O_CREAT | O_TRUNC);
  if (file < 0) return is_no_room_number(-file);
  int result = write_zeros(file, 0, probe_bytes);
  if (result == 0) result = files_.fsync(file);
  files_.close(file);
  static_cast<void>(files_.unlink(probe));
  return is_no_room_number(-result);
}

int Ballast::write_zeros(int file, std::uint64_t from, std::uint64_t upto) {
  const std::string zeros(chunk_bytes, '\0');
  while (from < upto) {
    const std::uint64_t count = std::min(chunk_bytes, upto - from);
    const ssize_t written = files_.pwrite(file, zeros.data(), count, from);
    if (written <= 0) return written < 0 ? static_cast<int>(written) : -ENOSPC;
    from += static_cast<std::uint64_t>(written);
  }
  return 0;
}

}  // namespace nemcon::log
