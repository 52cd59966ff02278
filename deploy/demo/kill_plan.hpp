// When which process of the demo is killed: decided by a seed, by how far the orders have come.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nemcon::demo {

struct Kill {
  std::size_t victim = 0;              // Index.
  std::chrono::milliseconds delay{0};  // After the orders of its round began to flow.
  std::chrono::milliseconds pause{0};  // Until it is started again.
};

// Orders up to `until` are let through; then its kills happen while the next ones flow. Kills of
// one round may overlap.
struct KillRound {
  std::size_t until = 0;
  std::vector<Kill> kills;
};

// Each victim is killed `times` times; rounds come in order of `until`, spread over all orders.
[[nodiscard]] std::vector<KillRound> plan_kills(std::uint64_t seed, std::size_t victim_count,
                                                std::size_t times, std::size_t order_count);

}  // namespace nemcon::demo
