// Vacuity: what a campaign would have had to see happen, or it has shown nothing (I12).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace nemcon::sim {

// So many seeds draw every kind of fault, the rarest one several times.
constexpr std::uint64_t telling_seed_count = 1'500;

struct Happenings {
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> marks;
  std::uint64_t transaction_count = 0;
  std::uint64_t committed_count = 0;
};

// In words; empty when all that is wanted happened.
[[nodiscard]] std::vector<std::string> what_is_missing(const Happenings& seen);

// A lie of a node, not a fault of its surroundings.
[[nodiscard]] bool is_lie(const std::string& fault);

}  // namespace nemcon::sim
