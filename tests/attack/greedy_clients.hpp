// Attackers who are clients by a valid key and speak the protocol rightly, but ask again and again
// for what a node would have to remember.
#pragma once

#include <cstdint>
#include <vector>

#include "core/request.hpp"
#include "tests/attack/order.hpp"

namespace nemcon::attack {

// A new anonymous session, and that it has acknowledged what never was: two requests.
void add_idle_session(std::vector<core::Request>& requests, std::uint64_t number);

// One connection; anonymous sessions without end, each of which acknowledges what never was.
[[nodiscard]] Tally acknowledge_without_end(const Order& order);

// Its own named session in ever new epochs, some of which it makes up, each acknowledged. "beyond":
// more of them than the node should have opened.
[[nodiscard]] Tally open_without_end(const Order& order);

// A service whose calls in doubt nobody has heard of: others with every report, and what the node
// asks about them is not answered ("asked again").
[[nodiscard]] Tally doubt_without_end(const Order& order);

constexpr const char* idler_name = "idler";    // May do nothing.
constexpr const char* opener_name = "opener";  // May send to a queue.
constexpr const char* server_name = "server";  // May stand for `doubted_service`.
constexpr const char* doubted_service = "ledger";

// What the node of the second has for `max_clients`: the sessions that it opens at once.
constexpr int few_clients = 40;

}  // namespace nemcon::attack
