// Reload: what a running node makes of a changed configuration file. Keys take effect at once; what
// only a restart can change is named, and left as it is.
//
// Pure, but for write_answer().
#pragma once

#include <string>
#include <vector>

#include "node/config.hpp"

namespace nemcon::node {

struct Reload {
  std::vector<std::string> changed;        // "peer billing: public_key". Takes effect.
  std::vector<std::string> needs_restart;  // The same form. Has no effect yet.
  std::vector<std::string> pending;        // What is under way still, and why.
};

// What is different between two configurations that are both without errors.
[[nodiscard]] Reload compare(const Config& running, const Config& next);

// For `nemcon reload`, which waits for it: the file `reloaded` of the data directory, made anew.
// The first line is "reloaded" or "refused", the others say what. What cannot be written is left
// out: the diagnostics have it as well.
void write_answer(const std::string& data, bool is_refused, const std::vector<std::string>& lines);

}  // namespace nemcon::node
