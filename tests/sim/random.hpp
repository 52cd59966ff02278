// Random: the simulator's only source of chance. The same seed gives the same run on every
// machine and compiler, so no std distribution and no floating point is used.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace nemcon::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64: one addition and three multiply-xor-shifts, full period.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31U);
  }

  // 0 <= result < bound.
  std::uint64_t below(std::uint64_t bound) {
    NEMCON_CHECK(bound > 0);
    return next() % bound;
  }

  // low <= result <= high.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    NEMCON_CHECK(low <= high);
    return low + below(high - low + 1);
  }

  // True `parts` times in a million.
  bool chance(std::uint32_t parts) { return parts != 0 && below(1'000'000) < parts; }

  // A nonzero id.
  std::uint64_t id() {
    std::uint64_t value = next();
    while (value == 0)
      value = next();
    return value;
  }

  // A source of its own, so that two consumers of chance do not disturb each other.
  Random fork() { return Random{next()}; }

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[below(left)]);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace nemcon::sim
