// Attackers who have no key, and need none for what they do: raw connections.
#pragma once

#include "tests/attack/order.hpp"

namespace nemcon::attack {

[[nodiscard]] Tally greet_with_garbage(const Order& order);
[[nodiscard]] Tally announce_huge_frames(const Order& order);

// One that the node would take from a friend, and of it as much as is taken, all but its end.
[[nodiscard]] Tally send_before_handshake(const Order& order);

// "longest ms" is how long the node let one of them be there.
[[nodiscard]] Tally stay_idle(const Order& order);
[[nodiscard]] Tally take_all_descriptors(const Order& order);

constexpr std::size_t idle_count = 2000;
constexpr std::size_t huge_count = 20;
constexpr std::size_t garbage_count = 30;

}  // namespace nemcon::attack
