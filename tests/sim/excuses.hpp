// Excuses: how much of a history the checker does not judge. Each excuse has its reason, but where
// too much is excused a verdict says little (I12).
#pragma once

#include <cstdint>

#include "tests/sim/history.hpp"

namespace nemcon::sim {

struct Excuses {
  std::uint64_t outcome_count = 0;  // Transactions whose client need not hear the end, and did not.
  std::uint64_t message_count = 0;  // That may be lost, or come twice, and nobody would see it.
  std::uint64_t call_count = 0;     // That need not be finished.
};

[[nodiscard]] Excuses count_excuses(const History& history);

// All of them.
[[nodiscard]] std::uint64_t count_calls(const History& history);

}  // namespace nemcon::sim
