// Names: what nodes, clients and transactions are called in the story. Ids are random numbers,
// which nobody can follow.
#pragma once

#include <map>
#include <string>

#include "core/descriptor.hpp"
#include "core/ids.hpp"
#include "core/time.hpp"

namespace nemcon::sim {

// Wall time at which every world begins: 2023-11-14 22:13:20 UTC. Timestamps are told as
// milliseconds since then.
constexpr std::uint64_t wall_origin_ms = 1'700'000'000'000;

class Names {
 public:
  void call(core::NodeId node, const std::string& name) { nodes_[node] = name; }

  void call(core::ClientId client, const std::string& name) { clients_[client] = name; }

  // For scenarios, where transactions have names of their own.
  void call(const core::TransactionId& id, const std::string& name) { transactions_[id] = name; }

  [[nodiscard]] std::string of(core::NodeId node) const;
  [[nodiscard]] std::string of(core::ClientId client) const;
  [[nodiscard]] std::string of(const core::TransactionId& id) const;

  [[nodiscard]] std::string of(const core::TransactionKey& key) const { return of(key.id); }

  [[nodiscard]] static std::string of(core::Hlc at);
  [[nodiscard]] std::string of(const core::Descriptor& descriptor, std::size_t node_index) const;

 private:
  std::map<core::NodeId, std::string> nodes_;
  std::map<core::ClientId, std::string> clients_;
  std::map<core::TransactionId, std::string> transactions_;
};

}  // namespace nemcon::sim
