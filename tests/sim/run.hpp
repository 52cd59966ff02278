// Run: one seed from the first node's start to the verdict.
//
//   trouble: clients work, faults come     heal: everything mended
//   settle:  all that is under way must end within the plan's patience, queues must run empty
//   judge:   history checker, watcher, recovery of every disk
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "core/options.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/schedule.hpp"

namespace nemcon::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  std::uint32_t size = 100;          // Of the workload, in percent.
  std::size_t story_line_count = 0;  // 0: no story.
  bool is_long = false;              // Longer than outcomes are kept; else few seeds are.
  bool keeps_disks = false;
  bool is_canary = false;  // The last delivery is told twice to the judge, who must see it.
};

// What one node had written in the end, and what it was told to be.
struct KeptDisk {
  core::Options options;
  DiskImage image;
};

struct RunResult {
  std::uint64_t seed = 0;
  std::string plan;
  std::vector<std::string> violations;
  std::uint64_t hash = 0;
  std::uint64_t transaction_count = 0;
  std::uint64_t committed_count = 0;
  std::uint64_t rolled_back_count = 0;
  std::uint64_t step_count = 0;
  Time virtual_time{0};
  std::map<std::string, std::uint64_t> faults;  // That really happened, by name.
  std::map<std::string, std::uint64_t> marks;   // Situations that came up.
  std::map<std::string, std::uint64_t> notes;
  std::vector<KeptDisk> disks;  // By node, when the options ask for them.
};

// `story` gets the text when the options ask for one.
RunResult run_seed(const RunOptions& options, std::ostream& story);

// For the moment when a check inside the product aborts the process.
void print_story_of_current_run(std::ostream& out);
[[nodiscard]] std::uint64_t transactions_of_current_run();

}  // namespace nemcon::sim
