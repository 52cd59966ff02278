// Threat: one attack with the answer that is expected, and what was seen.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/attack/stage.hpp"

namespace nemcon::attack {

struct Threat {
  struct Happening {
    std::string name;
    double per_second = 0;
  };

  std::string name;      // Also of the attacker.
  std::string expected;  // In words.
  Stage::Options stage = {};
  bool has_attacker = true;
  // What the attacker must have counted, at least once, and where speed is judged that often: a
  // fifth and less of what it reaches with the time that is left to it; and what it must not.
  std::vector<Happening> happens = {};
  std::vector<std::string> never_happens = {};
  // Which of its counts shop must have raised.
  std::string counted = {};
  // Memory that shop may have in addition under attack.
  std::size_t growth_kib_max = std::size_t{32} << 10U;
  // Before the windows; throws what is wrong, and returns what is worth saying.
  std::function<std::string(Stage&)> first = {};
  // In the first window under attack.
  std::function<void(Stage&)> during = {};
  // In the end, by what the attacker counted: what is wrong, in words.
  std::function<std::string(Stage&, const Tally&)> last = {};
};

struct Verdict {
  std::string seen;
  Measured measured;
  tests::Footprint before;
  tests::Footprint after;
  std::vector<std::string> wrong;  // In words; empty: passed.
  std::string diagnostics;         // Of the nodes, when something is wrong.
};

[[nodiscard]] const std::vector<Threat>& threats();

struct Effort {
  std::chrono::milliseconds each;  // So long is measured without, and so long with the attack.
  // Else the attacker is as good as the nodes: it has its time on a busy machine, too.
  bool is_speed_judged = true;
};

// Blocks.
[[nodiscard]] Verdict face(const Threat& threat, const Effort& effort);

}  // namespace nemcon::attack
