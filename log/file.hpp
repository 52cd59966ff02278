// The operating-system calls on which durability rests, behind one seam: the journal and the
// data directory change the disk only through this. A test puts a recorder, a full disk, a
// failing flush or a power cut in between.
//
// Thin on purpose: each function is one call (interrupted ones are repeated), a negative number
// is -errno. One thread at a time for each object.
//
// KernelFiles keeps a few descriptors in reserve: a journal that cannot open its next segment ends
// the node, and strangers who connect can take all that are left (see transport/admission).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "log/error.hpp"

namespace nemcon::log {

class FileOperations {
 public:
  FileOperations() = default;
  virtual ~FileOperations() = default;
  FileOperations(const FileOperations&) = delete;
  FileOperations& operator=(const FileOperations&) = delete;

  // A descriptor. New files get mode 0600 whatever the umask is; O_CLOEXEC is added.
  [[nodiscard]] virtual int open(const std::string& path, int flags) = 0;
  [[nodiscard]] virtual ssize_t pread(int file, char* into, std::size_t byte_count,
                                      std::uint64_t offset) = 0;
  [[nodiscard]] virtual ssize_t pwrite(int file, const char* from, std::size_t byte_count,
                                       std::uint64_t offset) = 0;
  [[nodiscard]] virtual int fdatasync(int file) = 0;
  [[nodiscard]] virtual int fsync(int file) = 0;
  [[nodiscard]] virtual int ftruncate(int file, std::uint64_t byte_count) = 0;
  [[nodiscard]] virtual int rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual int unlink(const std::string& path) = 0;
  // The names in a directory, in no order.
  [[nodiscard]] virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;

  // Forgets cached pages, so that the next pread sees what the disk holds.
  virtual void drop_cache(int file) = 0;
  virtual void close(int file) = 0;
};

class KernelFiles final : public FileOperations {
 public:
  // More than are open for a moment only, at one time.
  static constexpr std::size_t spare_max = 4;

  KernelFiles() = default;
  ~KernelFiles() override;

  int open(const std::string& path, int flags) override;
  ssize_t pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) override;
  ssize_t pwrite(int file, const char* from, std::size_t byte_count, std::uint64_t offset) override;
  int fdatasync(int file) override;
  int fsync(int file) override;
  int ftruncate(int file, std::uint64_t byte_count) override;
  int rename(const std::string& from, const std::string& to) override;
  int unlink(const std::string& path) override;
  int list(const std::string& directory, std::vector<std::string>& names) override;
  void drop_cache(int file) override;
  void close(int file) override;

 private:
  void keep_spare();
  [[nodiscard]] bool try_give_up_spare();

  std::array<int, spare_max> spare_{};
  std::size_t spare_count_ = 0;
};

// Makes the names in a directory durable.
[[nodiscard]] Status flush_directory(FileOperations& files, const std::string& directory);

}  // namespace nemcon::log
