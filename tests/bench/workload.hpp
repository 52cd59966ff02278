// Workloads: what a run does, through the public client library. Each blocks for about the load's
// duration and fills in operations, refused, seconds and latencies of the result.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/meter.hpp"

namespace nemcon::bench {

struct Load {
  std::string endpoint;         // Of the node that the client talks to.
  std::string key_file;         // Of the client; empty with plain links.
  std::string node_key;         // The node's.
  std::string queue = "inbox";  // At that node.
  std::size_t in_flight = 1;
  std::size_t body_bytes = 100;
  std::chrono::milliseconds duration{3000};
  std::optional<std::chrono::milliseconds> deadline;  // Of an operation; the client's own.
};

// One message to a queue of the node.
void enqueue(const Load& load, Result& result);

// One message in, delivered to a consumer of the same node, and acknowledged. An operation is a
// delivery that was acknowledged; the latencies are those of the sends. With a backlog the two
// need not keep pace: "enqueued_per_second" is the rate of the sends.
void enqueue_consume_ack(const Load& load, Result& result);

// One transaction with a message to a queue at each of the nodes named.
void commit(const Load& load, const std::vector<std::string>& queues, Result& result);

// `count` messages to a queue of the node, in transactions of many. False when one was refused.
[[nodiscard]] bool fill(const Load& load, std::uint64_t count);

}  // namespace nemcon::bench
