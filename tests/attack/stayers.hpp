// Attackers who have a valid key, are nobody at the node, and stay.
#pragma once

#include "tests/attack/order.hpp"

namespace nemcon::attack {

// More connections than the node has places, each of which says bye, some after a greeting, or
// something out of turn, and does not go. "stayed": what the node has not ended.
[[nodiscard]] Tally say_bye_and_stay(const Order& order);

}  // namespace nemcon::attack
