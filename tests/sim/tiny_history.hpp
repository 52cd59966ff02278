// TinyHistory: random histories that are small enough for the judge that tries everything.
//
// About one half is what a mesh might well do: transactions whose outcome nobody hears, acks
// without answers, services asked twice, nodes that cannot be trusted. The rest is that with one or
// two things made wrong; which is not always a violation.
#pragma once

#include <string>

#include "tests/sim/history.hpp"
#include "tests/sim/random.hpp"

namespace nemcon::sim {

[[nodiscard]] History draw_tiny_history(Random random);

// One line for each queue, transaction, message and event.
[[nodiscard]] std::string text_of(const History& history);

}  // namespace nemcon::sim
