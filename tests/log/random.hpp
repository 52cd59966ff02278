// Random: a small generator whose numbers are the same everywhere, for tests that repeat by seed.
#pragma once

#include <cstdint>
#include <string>

namespace nemcon::log::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // splitmix64.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

  // From 0 to limit - 1.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }

  bool one_in(std::uint64_t count) { return below(count) == 0; }

  std::string bytes(std::size_t count) {
    std::string text(count, '\0');
    for (char& c : text)
      c = static_cast<char>(static_cast<unsigned char>(next()));
    return text;
  }

 private:
  std::uint64_t state_;
};

}  // namespace nemcon::log::test
