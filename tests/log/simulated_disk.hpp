// SimulatedDisk: a disk with a page cache, in memory, that forgets what was not flushed.
//
//   pwrite ──► cache ──fdatasync──► medium        a power cut keeps of each unflushed sector
//   pread  ◄── cache                              either the old or the new; names likewise,
//                                                 in the order in which they were changed
//
// A flush can be made to fail as this kernel's does: some sectors are written, the rest are
// dropped, and the cache calls them clean while it still shows them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/file.hpp"
#include "tests/log/random.hpp"

namespace nemcon::log::test {

enum class CallKind : std::uint8_t {
  open,
  pread,
  pwrite,
  fdatasync,
  fsync,
  ftruncate,
  rename,
  unlink,
  list
};

struct Call {
  CallKind kind = CallKind::open;
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t byte_count = 0;
};

class SimulatedDisk final : public FileOperations {
 public:
  explicit SimulatedDisk(std::uint64_t seed) : random_(seed) {}

  // Called before each call is carried out; a negative number is its result instead. A flush
  // that fails otherwise than by death is carried out in part.
  static constexpr int process_is_dead = -108;  // ESHUTDOWN.
  std::function<int(const Call&)> interfere;

  // Every call since it was emptied; preads only if kept.
  std::vector<Call> calls;

  // The most that one write carries out; what is more comes back unwritten.
  std::optional<std::uint64_t> write_bytes_max;

  // A disk whose flushes do nothing: what a test must notice.
  bool ignores_flushes = false;

  // The process dies; files are closed. What is in the cache stays there.
  void kill_process();

  // The process dies and the cache is lost.
  void cut_power();

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::string content(const std::string& path) const;

  // Changes the medium and the cache behind the journal's back.
  void set_content(const std::string& path, const std::string& content);

  // Room for this many bytes of files in all; absent: endless.
  std::optional<std::uint64_t> room;

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
  struct File {
    std::string cache;
    std::string medium;
    std::set<std::uint64_t> dirty;  // Sectors that differ because they were not flushed.
    bool is_directory = false;
  };

  using FilePtr = std::shared_ptr<File>;
  using Names = std::map<std::string, FilePtr>;

  [[nodiscard]] int intercepted(const Call& call);
  [[nodiscard]] int flush(int file, CallKind kind);
  void write_sector(File& file, std::uint64_t sector) const;
  [[nodiscard]] std::uint64_t used() const;

  Random random_;
  Names names_;                                       // As the process sees them.
  Names medium_names_;                                // As a power cut leaves them.
  std::vector<std::function<void(Names&)>> pending_;  // Changes of names, not flushed yet.
  std::map<int, std::pair<std::string, FilePtr>> open_;
  int next_file_ = 3;
};

}  // namespace nemcon::log::test
