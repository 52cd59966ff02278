// Ballast: a file that holds nothing but room. LMDB needs new pages even to delete, so on a full
// disk deletions would be stuck together with everything else; giving the ballast up lets them
// through, and what they free makes room for more.
//
// Store thread. Blocks while it writes.
#pragma once

#include <cstdint>
#include <string>

#include "log/file.hpp"

namespace nemcon::log {

class Ballast {
 public:
  struct Room {
    std::string path;
    std::uint64_t byte_count = 0;  // 0: there is nothing to give up.
  };

  explicit Ballast(Room room);

  [[nodiscard]] std::uint64_t byte_count() const { return room_.byte_count; }

  ~Ballast() = default;
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

  // Takes the room unless the disk has little more than that. True when it is held now.
  bool try_take();

  // True when there was something to give up.
  bool try_give_up();

  // True when the disk (or quota) refuses what is really being written now.
  [[nodiscard]] bool is_disk_full();

 private:
  [[nodiscard]] int write_zeros(int file, std::uint64_t from, std::uint64_t upto);

  Room room_;
  KernelFiles files_;
  bool is_held_ = false;
};

}  // namespace nemcon::log
