#include "tests/chaos/disk_watch.hpp"

#include <fstream>

namespace nemcon::chaos {

void DiskWatch::follow(std::string path) {
  path_ = std::move(path);
  read_bytes_ = 0;
  is_refusing_ = false;
}

void DiskWatch::look() {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(read_bytes_);
  std::string line;
  // The last line may be half of one.
  while (std::getline(file, line) && !file.eof()) {
    read_bytes_ += static_cast<std::int64_t>(line.size() + 1);
    take(line);
  }
}

// A short journal alone may also mean that the store is slow.
void DiskWatch::take(const std::string& line) {
  if (line.find("disk has room again") != std::string::npos) is_refusing_ = false;
  if (line.find("disk full, refusing new work") == std::string::npos) return;
  is_refusing_ = true;
  if (line.find("where=store") != std::string::npos) ++refusal_count_;
}

}  // namespace nemcon::chaos
