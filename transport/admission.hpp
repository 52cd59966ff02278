// Admission: how many connections others may make to this process, whoever they are.
//
// libzmq accepts whatever comes. When there are no descriptors left it goes on trying with all of
// a processor, and the node cannot open its own files any more. So before that, and beyond the
// number that a node can have use for, the kernel is told to drop what asks for a new connection
// (an empty socket filter on the listening socket; no privilege is needed). Connections that there
// are do not notice. Paths of the file system (ipc) have no such filter: who may use them is said
// by their mode.
//
// Owner's thread. The descriptors stay ZeroMQ's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nemcon::transport {

// Connections that the kernel holds for us until they are accepted, and that no filter stops any
// more: a mesh that starts all at once, or a smaller number where descriptors are few.
[[nodiscard]] int listen_backlog();

class Admission {
 public:
  // At most `wanted_max` connections, and no more than the process has descriptors for when it
  // keeps `reserved` of them for itself.
  Admission(std::size_t wanted_max, std::size_t reserved);

  void on_listening(int descriptor);
  void on_accepted();
  void on_ended();

  // All connections and listening sockets are gone.
  void on_closed();

  [[nodiscard]] bool is_holding_off() const { return is_holding_off_; }

  // How often it had to begin.
  [[nodiscard]] std::uint64_t held_off_count() const { return held_off_count_; }

  [[nodiscard]] std::size_t connections_max() const { return connections_max_; }

 private:
  void hold_off(bool hold);

  std::size_t connections_max_;
  std::size_t connection_count_ = 0;
  std::vector<int> listening_;
  bool is_holding_off_ = false;
  std::uint64_t held_off_count_ = 0;
};

}  // namespace nemcon::transport
