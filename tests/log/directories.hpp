// TemporaryDirectory: a new empty directory that goes with the object.
#pragma once

#include <string>

namespace nemcon::log::test {

class TemporaryDirectory {
 public:
  // On a disk flushes cost what they cost; in memory, where there is such a place, nothing.
  enum class Where { disk, memory };

  explicit TemporaryDirectory(Where where = Where::disk);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // Made if it does not exist.
  [[nodiscard]] std::string inner(const std::string& name) const;

 private:
  std::string path_;
};

[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

// Every name below the directory with kind, mode, size, times and content: equal texts mean
// that nothing was touched.
[[nodiscard]] std::string picture_of(const std::string& directory);

}  // namespace nemcon::log::test
