// Flips: the script is through and its node stopped; then one bit of journal or store is another
// one. The next start must refuse, or find what was written. What LMDB itself needs to find its
// pages has no checksum of ours: there a message can be missing, or an old one be back where it
// was, and the scrub has to see it; one that was never written there is never handed out. And LMDB
// may end the process: it takes the numbers in its pages as they are.
#pragma once

#include <map>
#include <string>

#include "tests/crash/states.hpp"

namespace nemcon::crash {

struct FlipVerdict {
  std::uint64_t count = 0;
  std::uint64_t harmless = 0;   // Nothing else is found.
  std::uint64_t refused = 0;    // By name of file and place.
  std::uint64_t checked = 0;    // A check, LMDB's or ours, ended the process.
  std::uint64_t signalled = 0;  // LMDB went where there is nothing, and the process ended.
  std::uint64_t outside = 0;    // The same in code that is not LMDB's. None may be.
  std::uint64_t hung = 0;       // Longer than any start takes. None may be.
  std::uint64_t shorter = 0;    // Rot in the very last batch looks like a torn one.
  std::uint64_t scrubbed = 0;   // Messages are missing, or old ones back, and the scrub says so.
  std::uint64_t wrong = 0;      // None may be.

  // The signals, by their name, whose code it was in, and what was flipped.
  std::map<std::string, std::uint64_t> signals;
};

// `one_in`: every bit (1), or so many times fewer, by the seed.
[[nodiscard]] FlipVerdict flip_bits(const Script& script, std::uint64_t seed, std::uint64_t one_in);

// The control: bits that flip before the journal makes its checksums, some in each of the last
// records. Those that a start finds without complaint must be bad.
[[nodiscard]] Verdict flip_before_checksums(const Script& script, std::uint64_t seed);

}  // namespace nemcon::crash
