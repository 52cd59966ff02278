// Checker: judges a history. It shares no code with the product and knows nothing of how the
// mesh works, only what it promises.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/history.hpp"

namespace nemcon::sim {

// One line for each violation; empty when every promise was kept. Each line begins with the
// kind of the violation, which the tests name.
[[nodiscard]] std::vector<std::string> check(const History& history);

}  // namespace nemcon::sim
