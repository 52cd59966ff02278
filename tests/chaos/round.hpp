// Round: one mesh of one seed, from its first process to the judgement.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/chaos/nemesis.hpp"
#include "tests/chaos/network.hpp"
#include "tests/chaos/plan.hpp"
#include "tests/chaos/recorder.hpp"

namespace nemcon::chaos {

struct RoundResult {
  std::vector<std::string> violations;
  std::string
      directory;  // With logs, data and history; kept only after a violation, or on request.
  Counts counts;
  FaultCounts faults;
  std::vector<Milliseconds> in_doubt;  // Of each transaction, from the end of the faults on.
  std::string slowest;                 // The last one of these, in words.
  Milliseconds settled{0};             // From there until all was quiet.
  std::size_t lingering_count = 0;     // Of which some node then did not know the end.
  bool was_interrupted = false;
};

struct RoundOptions {
  Milliseconds patience{90'000};  // From the end of the faults, until all is quiet.
  Milliseconds kept_from{0};  // Files of a round with one in doubt for longer are kept; 0: none.
  bool is_canary = false;     // The judge is told of one delivery that never was.
  const std::atomic<bool>* interrupted = nullptr;
};

// Of earlier runs that were killed, and left neither a result nor a process.
void remove_stale_directories();

// `network` is null for a mesh on loopback.
[[nodiscard]] RoundResult run_round(const Plan& plan, Network* network,
                                    const RoundOptions& options);

}  // namespace nemcon::chaos
