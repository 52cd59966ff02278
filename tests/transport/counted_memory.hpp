// Counts what operator new hands out in this executable, so that a test can say how much memory a
// call took. One thread.
#pragma once

#include <cstddef>

namespace nemcon::samples {

// The most that was allocated at one time, beyond what was at the beginning of its life.
class PeakMemory {
 public:
  PeakMemory();

  [[nodiscard]] std::size_t bytes() const;

 private:
  std::size_t before_;
};

}  // namespace nemcon::samples
