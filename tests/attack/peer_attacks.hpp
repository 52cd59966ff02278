// Attackers that are a node of the mesh: the key is valid, the words are not.
#pragma once

#include "tests/attack/order.hpp"

namespace nemcon::attack {

// Asks for transactions that do not name it, by ids of which it knows one, and then decides, leads
// and forgets them. "known": of how many it had the descriptor.
[[nodiscard]] Tally decide_for_others(const Order& order);

// Honest at first, with transactions of its own ("committed"); everything that it says it keeps,
// and says it again once the node was started anew, under old headers and under new ones.
[[nodiscard]] Tally replay_after_restart(const Order& order);

// Everything that the simulator's liar does, as a process: twisted votes and decisions, words about
// what it has no part in, copies of what others said, absurd clocks, ballots and boot counts, ids
// of others.
[[nodiscard]] Tally lie(const Order& order);

// The same without transactions of its own, which could stay open when it is gone.
[[nodiscard]] Tally lie_about_others(const Order& order);

}  // namespace nemcon::attack
