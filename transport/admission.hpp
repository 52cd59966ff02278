// Admission: how many connections others may make to this process, and how fast, whoever they are.
//
// libzmq accepts whatever comes. When there are no descriptors left it goes on trying with all of
// a processor, and the node cannot open its own files any more. So before that, and beyond the
// number that a node can have use for, the kernel is told to drop what asks for a new connection.
// The same for single addresses that make them faster than they may (connect_rates.hpp); one that
// was gone before it was looked at counts for no address. Connections that there are do not
// notice. Who may use paths of the file system (ipc) is said by their mode only.
//
// Owner's thread. The descriptors stay ZeroMQ's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.hpp"
#include "transport/connect_rates.hpp"

namespace nemcon::transport {

// Connections that the kernel holds for us until they are accepted, and that no filter stops any
// more: a mesh that starts all at once, or a smaller number where descriptors are few.
[[nodiscard]] int listen_backlog();

class Admission {
 public:
  // At most `wanted_max` connections, and no more than the process has descriptors for when it
  // keeps `reserved` of them for itself. `rate_max`: a second, of one address; 0: no limit.
  Admission(std::size_t wanted_max, std::size_t reserved, std::uint32_t rate_max);

  void on_listening(int descriptor);
  void on_accepted(int descriptor, core::Instant now);
  // A frame of it was taken, the first one.
  void on_known(int descriptor);
  void on_ended(int descriptor, core::Instant now);

  // Lets addresses in again whose time has come.
  void tend(core::Instant now);

  // When to tend; nothing where no address is held off.
  [[nodiscard]] std::optional<core::Instant> deadline() const { return rates_.release_at(); }

  // All connections and listening sockets are gone.
  void on_closed(core::Instant now);

  [[nodiscard]] bool is_holding_off() const { return is_holding_off_; }

  // How often it had to begin.
  [[nodiscard]] std::uint64_t held_off_count() const { return held_off_count_; }

  [[nodiscard]] std::size_t connections_max() const { return connections_max_; }

  // How often an address had to be.
  [[nodiscard]] std::uint64_t addresses_held_off_count() const { return addresses_held_off_count_; }

  // The one that was held off last.
  [[nodiscard]] const std::optional<NetworkAddress>& last_held_off() const {
    return last_held_off_;
  }

 private:
  struct Accepted {
    NetworkAddress from;
    bool is_known = false;
  };

  [[nodiscard]] std::optional<Accepted>* find(int descriptor);
  void note(bool is_faster, const NetworkAddress& from);
  void hold_off(bool hold);
  void set_filters() const;
  void set_filter(int listening) const;

  std::size_t connections_max_;
  std::size_t connection_count_ = 0;
  std::vector<int> listening_;
  std::vector<std::optional<Accepted>> accepted_;  // By descriptor.
  bool is_holding_off_ = false;
  std::uint64_t held_off_count_ = 0;
  ConnectRates rates_;
  std::uint64_t addresses_held_off_count_ = 0;
  std::optional<NetworkAddress> last_held_off_;
};

}  // namespace nemcon::transport
