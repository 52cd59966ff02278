// What a node reports about itself and the mesh as it sees it. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nemcon/outcome.hpp>

namespace nemcon {
inline namespace v0 {

struct NodeStatus {
  std::string name;
  std::string id;  // 32 hexadecimal digits; zeros while it was never seen.
  std::uint64_t incarnation = 0;
  std::uint32_t boot = 0;
  bool self = false;
  bool live = false;
  std::string trouble;  // Why it does not take part, in words; empty when it does.
};

enum class QueueOrdering : std::uint8_t { producer, mesh, none };

struct QueueStatus {
  std::string node;
  std::string name;
  QueueOrdering ordering = QueueOrdering::producer;
  bool local = false;  // False: only the name is known here; ask that node for the rest.
  std::uint64_t message_count = 0;
  std::uint64_t byte_count = 0;
  std::uint64_t leased_count = 0;
  std::uint64_t prepared_count = 0;  // Voted for and not decided.
  std::uint64_t consumer_count = 0;
};

struct BranchStatus {
  std::uint8_t branch = 0;
  std::string node;
  std::string what;   // "deliver orders", "call reserve".
  std::string state;  // "waiting", "voted yes", "voted no: ...", "committed", "rolled back".
};

struct TransactionStatus {
  TransactionId id;
  std::string state;      // "preparing", "prepared", "in doubt", "recovering", "committed", ...
  std::string principal;  // The client's name; empty when anonymous.
  std::chrono::milliseconds age{0};
  std::vector<BranchStatus> branches;
  std::vector<std::string> waiting_for;  // Names of nodes.
};

struct MeshStatus {
  std::vector<NodeStatus> nodes;
  std::vector<QueueStatus> queues;
  // Of the node that answers. "transactions_undecided" and "transactions_in_doubt" are as of now;
  // what begins with links_, clients_, frames_, keys_, senders_ or submissions_ counts from the
  // start of its process: links_muted, frames_malformed, submissions_over_quota, ... A newer node
  // may add names.
  std::map<std::string, std::uint64_t> counts;
};

NEMCON_EXPORT const char* to_text(QueueOrdering ordering);

}  // namespace v0
}  // namespace nemcon
