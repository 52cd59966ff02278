// Writer: the real journal and store carry out a script, as the journal's and the store's threads
// would, one call after the other. How far it came stands in memory that outlives the process.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/crash/script.hpp"
#include "tests/crash/signals.hpp"

namespace nemcon::crash {

// Shared with child processes.
struct Progress {
  std::atomic<std::uint64_t> begun{0};     // Records up to this one may be there.
  std::atomic<std::uint64_t> acked{0};     // Records up to this one must be there.
  std::atomic<std::uint64_t> calls{0};     // Noticed by the tap when the script was through.
  std::atomic<std::uint64_t> place{0};     // Where a child is in its own work.
  std::atomic<std::uint64_t> bad{0};       // What it found wrong.
  std::atomic<std::uint64_t> recycled{0};  // Segments that were begun once more.
  std::atomic<std::uint64_t> again{0};     // Looks after a second power cut.
  std::atomic<bool> must_end{false};       // After the call that failed nobody may go on.
  std::array<std::atomic<std::uint64_t>, 6> ends{};  // What a child counts, by kind.
  std::atomic<Origin> origin{Origin::unknown};       // Of the signal that ended it.
};

using SharedProgress = std::unique_ptr<Progress, void (*)(Progress*)>;
[[nodiscard]] SharedProgress share_progress();

enum class Ending : std::uint8_t { whole, refused, failed };

// Opens the directory, in which there is no record yet, and goes through the script. With an error
// the process of a node would end; here the function does. Marks go to the tap as well.
[[nodiscard]] Ending write_script(const std::string& directory, const Script& script,
                                  Progress& progress);

// A start after the writer ended somewhere: judged by how far it had come, and going on from there.
// Empty, or what is wrong.
[[nodiscard]] std::string start_again(const std::string& directory, const Script& script,
                                      const Progress& progress);

// Runs `work` in a child; its exit code, or minus the signal that ended it.
[[nodiscard]] int run_child(const std::function<int()>& work);

}  // namespace nemcon::crash
