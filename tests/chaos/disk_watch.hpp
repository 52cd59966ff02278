// DiskWatch: what a node has said of its disk. It follows the diagnostics of one life after the
// other, and reads each line once. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace nemcon::chaos {

class DiskWatch {
 public:
  // A new life begins, which writes its diagnostics to this file.
  void follow(std::string path);

  // Reads what was written since.
  void look();

  // How often, in all lives, new work was refused for want of room in the store.
  [[nodiscard]] std::uint64_t refusal_count() const { return refusal_count_; }

  // Whether the life that goes on refuses it now.
  [[nodiscard]] bool is_refusing() const { return is_refusing_; }

 private:
  void take(const std::string& line);

  std::string path_;
  std::int64_t read_bytes_ = 0;
  std::uint64_t refusal_count_ = 0;
  bool is_refusing_ = false;
};

}  // namespace nemcon::chaos
