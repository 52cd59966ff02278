// Workloads: what a run does, through the public client library.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "tests/bench/meter.hpp"

namespace nemcon::bench {

struct Load {
  std::string endpoint;  // Of the node that the client talks to.
  std::size_t in_flight = 1;
  std::size_t body_bytes = 100;
  std::chrono::milliseconds duration{3000};
};

// Each fills in operations, refused, seconds and latencies of the result.

// One message to a queue of the node.
void enqueue(const Load& load, Result& result);

// One message in, delivered to a consumer of the same node, and acknowledged.
void enqueue_consume_ack(const Load& load, Result& result);

// One transaction with a message to a queue at each of the nodes named.
void commit(const Load& load, const std::vector<std::string>& queues, Result& result);

}  // namespace nemcon::bench
