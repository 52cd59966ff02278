// Runs: each starts its own daemons on loopback, in a directory of its own, measures one thing and
// prints one line of JSON for each figure. False, with the reason on standard error, when a daemon
// did not start or an operation was refused. One thread of the caller; blocks for about the run's
// duration and what it takes to prepare it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace nemcon::bench {

struct RunSettings {
  std::uint32_t witnesses = 1;  // 1: mode S, two nodes. 3: mode X, three nodes.
  std::string links = "plain";  // Or "curve": encrypted, with keys and permissions.
  std::size_t in_flight = 64;
  std::size_t body_bytes = 100;
  std::chrono::milliseconds duration{3000};
  // backlog: messages that wait. in-doubt: transactions. restart: bytes in the store.
  std::uint64_t count = 0;
  std::size_t nodes = 3;        // idle: of the mesh.
  std::string directory = ".";  // Where the flush probe writes.
};

// One message to a queue of the only node.
[[nodiscard]] bool run_enqueue(const RunSettings& settings);

// The same, delivered and acknowledged.
[[nodiscard]] bool run_consume(const RunSettings& settings);

// A transaction with a message to a queue at each of two nodes.
[[nodiscard]] bool run_commit(const RunSettings& settings);

// consume and enqueue at an empty queue, then both with `count` messages waiting.
[[nodiscard]] bool run_backlog(const RunSettings& settings);

// run_commit() over two nodes of three, the third one dead, with `count` transactions that wait for
// it in doubt at both.
[[nodiscard]] bool run_in_doubt(const RunSettings& settings);

// `count` bytes of messages in the store, SIGKILL under load, and how long until the node commits.
[[nodiscard]] bool run_restart(const RunSettings& settings);

// A mesh with nothing to do; the figures are those of the node that costs most.
[[nodiscard]] bool run_idle(const RunSettings& settings);

}  // namespace nemcon::bench
