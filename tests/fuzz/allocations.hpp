// How many bytes operator new has given out, in the whole program. Replaces it: link
// allocations.cpp into programs that measure what a call allocates. One thread.
#pragma once

#include <cstdint>

namespace nemcon::fuzz {

[[nodiscard]] std::uint64_t allocated_bytes();

}  // namespace nemcon::fuzz
