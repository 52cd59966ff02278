// Footprint: what a process costs the machine, as the kernel counts it.
#pragma once

#include <cstddef>

#include <sys/types.h>

namespace nemcon::tests {

struct Footprint {
  std::size_t resident_kib = 0;
  std::size_t anonymous_kib = 0;  // Of these, what no file stands behind.
  std::size_t descriptor_count = 0;
  double processor_time = 0;  // In seconds of one processor.
};

// All zero where the process is gone.
[[nodiscard]] Footprint footprint_of(pid_t process);

}  // namespace nemcon::tests
