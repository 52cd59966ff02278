// Process: runs a program to its end and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace nemcon::tests {

struct Ran {
  int exit_code = -1;  // 128 + the signal when it was killed.
  std::string out;
  std::string err;
};

// Blocks. `words[0]` is the program. The environment is ours plus `variables` ("NAME=value").
[[nodiscard]] Ran run(const std::vector<std::string>& words, const std::string& input = {},
                      const std::vector<std::string>& variables = {});

}  // namespace nemcon::tests
