// Attackers who speak ZeroMQ: with no key, with one that nobody knows, with one that was revoked,
// or with a valid one under which they say what they must not.
#pragma once

#include <chrono>
#include <cstddef>

#include "tests/attack/order.hpp"

namespace nemcon::attack {

// "let in": how many were; "refused", "failed": how many were not, with and without an answer.
[[nodiscard]] Tally come_with_unknown_keys(const Order& order);
[[nodiscard]] Tally come_with_a_revoked_key(const Order& order);
[[nodiscard]] Tally come_in_plain_text(const Order& order);
[[nodiscard]] Tally flood_with_handshakes(const Order& order);

// A peer, and a client, that say they are another peer; a client that says it is another client.
[[nodiscard]] Tally greet_as_another(const Order& order);

// A peer and a client: frames that were damaged, and whole ones that make no sense.
[[nodiscard]] Tally send_malformed_frames(const Order& order);

// A client by the library that is allowed nothing of what it asks for: "allowed", "denied".
[[nodiscard]] Tally use_foreign_queues(const Order& order);

// As fast as they are answered: each costs the node about a millisecond of a processor.
constexpr std::size_t handshakes_at_once = 16;
constexpr std::chrono::milliseconds flood_pause{1};

// Clients that send malformed frames, each with a key of its own.
constexpr int babbler_count = 128;
[[nodiscard]] std::string babbler_name(int number);

}  // namespace nemcon::attack
