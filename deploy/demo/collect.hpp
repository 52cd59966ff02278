// What demo-audit finds at the nodes, through the client library like anybody.
//
// Errors: nemcon::Error when a node does not answer; std::runtime_error about files.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "deploy/demo/audit.hpp"

namespace nemcon::demo {

// Transactions that are not finished at the node that the client is connected to, a line each.
[[nodiscard]] std::vector<std::string> find_unfinished(Client& client);

// Queues of that node that are not empty, with what is in them, a line each.
[[nodiscard]] std::vector<std::string> find_waiting(Client& client);

// Takes every message out of a queue ("orders") of that node, in the order of delivery. Each is in
// `file` before it is acknowledged, and those that are there from an earlier call come first: so a
// drain that was cut off can be repeated. `patience` without any message while some are left ends
// it.
[[nodiscard]] std::vector<Found> drain_queue(Client& client, const std::string& queue,
                                             const std::string& file,
                                             std::chrono::seconds patience);

}  // namespace nemcon::demo
