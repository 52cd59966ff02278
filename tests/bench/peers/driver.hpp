// Driver: the same work on every peer, measured and printed as ours is. A peer is a Connection; its
// program parses the same options as all others and hands a way to connect to drive().
//
// A Connection belongs to one thread at a time. Whatever the peer answers that is not success ends
// the process by fail(): a figure from a run with errors is none.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nemcon::bench::peers {

class Connection {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to put one message into the queue; may return before it is acknowledged.
  virtual void begin_enqueue(const std::string& body) = 0;

  // Begins a transaction that puts the message into two queues: both get it, or none. Fails where
  // the peer has none, or none that is compared.
  virtual void begin_commit(const std::string& body);

  // How many of those that were begun are acknowledged by now, durable; in the order of their
  // beginning. Waits for one at least.
  virtual std::size_t reap() = 0;

  // Receives and acknowledges at most `count_max` messages of the queue; 0 when none came within
  // a twentieth of a second.
  virtual std::size_t consume(std::size_t count_max) = 0;

  // Takes everything out of the queues.
  virtual void clear() = 0;
};

struct DriveOptions {
  std::string run;  // "enqueue", "consume", "commit".
  std::size_t connections = 1;
  std::size_t in_flight = 1;  // Of each connection.
  std::size_t consumers = 1;
  std::size_t body_bytes = 100;
  std::chrono::milliseconds duration{3000};
  std::vector<pid_t> processes;  // The servers.
  std::string directory = ".";   // Where the flush probe and a coordinator's log are.
  std::string settings;          // Goes into the line.
  std::string address;           // What the peer makes of it: a port, a socket's directory.
  std::string queue_type;        // Where the peer has several.
};

using Connect = std::function<std::unique_ptr<Connection>()>;

// Parses the command line, runs and prints one line. The exit code of the program.
int drive(int argc, char** argv, const std::string& system,
          const std::function<Connect(const DriveOptions&)>& peer);

[[noreturn]] void fail(const std::string& what);

}  // namespace nemcon::bench::peers
