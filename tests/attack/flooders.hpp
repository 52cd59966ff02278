// Attackers who are clients by a valid key and hand over more than a node can take, and are gone.
#pragma once

#include <string>

#include "tests/attack/order.hpp"

namespace nemcon::attack {

// Thousands of frames as fast as they are taken, then a reset; some stay to see what becomes of
// it. "floods": ended by a reset of their own; "stopped", "not stopped": of those that stayed, by
// whether the node cut or muted them. On a busy machine they may not come far enough for that.
[[nodiscard]] Tally flood_and_leave(const Order& order);

// Each with a key of its own: one that was muted is refused for a while. They may do nothing.
constexpr int flooder_count = 12;
[[nodiscard]] std::string flooder_name(int number);

}  // namespace nemcon::attack
