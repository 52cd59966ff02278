// Power cuts: the script runs on a file system of its own, in a file that is mounted as a disk. In
// the middle of it the kernel is told to forget whatever has not reached the disk
// (EXT4_IOC_SHUTDOWN and its like), as a power cut would. Then it is mounted again. A third of the
// cuts is within the first start of a node, in an empty directory, and a third in a journal that
// grows: files, names and lengths are lost as well. Needs root and loop devices.
#pragma once

#include <cstdint>
#include <string>

#include "tests/crash/states.hpp"

namespace nemcon::crash {

// `skipped` says why nothing was done.
struct CutVerdict {
  Verdict verdict;
  std::uint64_t first_start_count = 0;  // Cuts within the first start of a node.
  std::uint64_t half_made_count = 0;    // Those of them after which it had to begin anew.
  std::string skipped;
};

struct CutOptions {
  std::string file_system;  // "ext4" or "xfs".
  std::uint64_t cut_count = 0;
  std::uint64_t seed = 1;
  Flushes flushes = Flushes::honoured;  // Ignored: the control.
};

[[nodiscard]] CutVerdict cut_power(const Script& script, const CutOptions& options);

}  // namespace nemcon::crash
