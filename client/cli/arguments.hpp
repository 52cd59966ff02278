// The command line of `nemcon`: what may be written, and its help.
#pragma once

#include <functional>

#include "client/cli/commands.hpp"

namespace nemcon::cli {

struct Parsed {
  Globals globals;
  // What to do; absent when the answer (help, version) was printed already.
  std::function<Exit(const Globals&)> command;
};

// Throws Misuse.
[[nodiscard]] Parsed parse_arguments(int count, char** words);

}  // namespace nemcon::cli
