// States: what a power cut could leave of a script, at each moment of it. From the tape of all
// writes and flushes: everything that was flushed, and of what was not yet flushed any part, sector
// by sector.
//
//   write A, write B, flush, write C ─cut─►   A and B whole; C, none of C, or some sectors of C
//
// Every state is put on the disk and started from; none twice. Some starts go on to write, over
// what the cut has left, and there the power fails once more.
#pragma once

#include <cstdint>

#include "tests/crash/place.hpp"
#include "tests/crash/writer.hpp"

namespace nemcon::crash {

enum class Flushes : std::uint8_t { honoured, ignored };

struct StatesOptions {
  std::uint64_t seed = 1;
  std::uint64_t state_count_max = 0;
  std::size_t subset_count = 6;         // Random parts of what is pending, at each moment.
  Flushes flushes = Flushes::honoured;  // Ignored: the control, which must find something.
};

struct Verdict {
  std::uint64_t count = 0;
  std::uint64_t bad_count = 0;
  std::uint64_t recycled_count = 0;  // Segments of the journal that were begun once more.
  std::uint64_t again_count = 0;     // States after a second power cut.
};

// Prints what is wrong. A child process looks, so that a state that kills it is seen too.
[[nodiscard]] Verdict enumerate_states(const Script& script, const StatesOptions& options);

}  // namespace nemcon::crash
