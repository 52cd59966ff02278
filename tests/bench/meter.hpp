// Meter: what a run cost: time, latencies, CPU of the daemons, flushes of the disk, memory; and the
// limit probe, one flush of a preallocated file, taken in the same run.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nemcon::bench {

struct Cost {
  double cpu_seconds = 0;      // Of the processes, user and system.
  std::uint64_t flushes = 0;   // Of the whole machine: other programs on it count too.
  std::uint64_t resident = 0;  // Bytes, summed over the processes.
};

// The present totals of these processes and of the machine's disks.
[[nodiscard]] Cost cost_of(const std::vector<pid_t>& processes);

// Median seconds of one 4 KiB pwrite + fdatasync to a preallocated file in `directory`.
[[nodiscard]] double flush_probe(const std::string& directory);

struct Result {
  std::string name;
  std::string mode;
  std::size_t in_flight = 0;
  std::size_t body_bytes = 0;
  std::uint64_t operations = 0;
  std::uint64_t refused = 0;  // Not committed; 0 in a sound run.
  double seconds = 0;
  std::vector<double> latencies;  // Seconds, one for each operation.
  Cost cost;                      // Over the run.
  double flush_seconds = 0;
};

// One line of JSON.
[[nodiscard]] std::string to_json(Result result);

}  // namespace nemcon::bench
