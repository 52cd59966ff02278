// Commands: programs such as `ip` and `nft` that are run to their end.
#pragma once

#include <string>
#include <vector>

namespace nemcon::chaos {

struct Ended {
  bool ok = false;     // Exit code 0.
  std::string output;  // Standard output and standard error together.
};

// Blocks until the end. `input` is its standard input.
[[nodiscard]] Ended run(std::vector<std::string> command, const std::string& input);

[[nodiscard]] inline Ended run(std::vector<std::string> command) {
  return run(std::move(command), "");
}

// Throws std::runtime_error with the command and what it said.
void run_or_throw(const std::vector<std::string>& command);

}  // namespace nemcon::chaos
