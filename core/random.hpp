// Random: back-off jitter from the configured seed. The only randomness of the core, and not a
// source of ids.
#pragma once

#include <cstdint>

#include "core/time.hpp"

namespace nemcon::core {

// The finaliser of splitmix64: spreads every input bit over the whole word.
constexpr std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31U);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // Uniform in [0, limit].
  Duration up_to(Duration limit) {
    state_ += 0x9e3779b97f4a7c15U;
    const auto span = static_cast<std::uint64_t>(limit.count()) + 1;
    return Duration{static_cast<Duration::rep>(mix(state_) % span)};
  }

 private:
  std::uint64_t state_;
};

}  // namespace nemcon::core
