// Meter: what a run cost: time, latencies, CPU of the nodes, flushes of the disk, memory, what
// other programs took of the machine; and the limit probe, one flush of a preallocated file, taken
// in the same run. Every program that measures, ours or a peer's load, prints its runs by it, so
// that they can be compared.
//
// Reads /proc. One thread; blocks only in flush_probe().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nemcon::bench {

struct Cost {
  double cpu_seconds = 0;           // Of the processes and their children, user and system.
  double own_cpu_seconds = 0;       // Of this process, the load.
  double busy_cpu_seconds = 0;      // Of the whole machine, the kernel's own included.
  double stolen_cpu_seconds = 0;    // The machine's, by others on its host.
  std::uint64_t switches = 0;       // Times that a thread of the processes went to sleep.
  std::uint64_t flushes = 0;        // Of the whole machine: other programs on it count too.
  std::uint64_t resident = 0;       // Bytes, summed over the processes.
  std::uint64_t resident_anon = 0;  // The same without what is backed by files: less the map.
};

// The present totals of these processes, with all that they have started, and of the machine.
[[nodiscard]] Cost cost_of(const std::vector<pid_t>& processes);

// Median seconds of one 4 KiB pwrite + fdatasync to a preallocated file in `directory`.
[[nodiscard]] double flush_probe(const std::string& directory);

struct Result {
  std::string system = "nemcon";
  std::string name;
  std::string mode = "-";
  std::string links = "plain";
  std::string settings;  // In words: what matters for a comparison.
  std::size_t in_flight = 0;
  std::size_t body_bytes = 0;
  std::uint64_t operations = 0;
  std::uint64_t refused = 0;  // Not committed; 0 in a sound run.
  double seconds = 0;
  std::vector<double> latencies;  // Seconds, one for each operation.
  Cost before;
  Cost after;
  double flush_seconds = 0;
  std::map<std::string, double> more;  // What only this kind of run has.
};

// One line of JSON.
[[nodiscard]] std::string to_json(Result result);

// A line of JSON, field by field, in this order.
class JsonLine {
 public:
  void put(const std::string& key, const std::string& text);
  void put(const std::string& key, double number);
  void put(const std::string& key, std::uint64_t number);

  [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }

 private:
  void append(const std::string& key, const std::string& value);

  std::string text_;
};

}  // namespace nemcon::bench
