// History: what clients, consumers and services asked for and saw, in plain numbers. Written by
// the simulation, judged by the checker; neither knows any type of the product.
//
// Everything has an index: transactions, messages (each body is unique), queues, producers.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace nemcon::sim {

enum class QueueOrder : std::uint8_t { producer, mesh, none };

struct HistoryQueue {
  std::string name;
  QueueOrder order = QueueOrder::producer;
  std::uint32_t base = 0;  // Of a dead-letter queue: the queue it belongs to; else itself.
  bool observable = true;  // False once its node is gone for good.
  // Its node ran twice or came back with an old state: what was seen there proves nothing.
  bool doubtful = false;
};

struct HistoryMessage {
  std::string body;
  std::uint32_t transaction = 0;
  std::uint32_t queue = 0;
  std::uint32_t part = 0;
  std::int64_t amount = 0;
};

struct HistoryCall {
  std::uint32_t service = 0;
  std::uint32_t node = 0;  // Of the service.
  bool observable = true;
};

struct HistoryTransaction {
  std::string name;
  std::uint32_t producer = 0;
  std::uint64_t session = 0;  // Rises with the sessions of one producer.
  std::uint64_t sequence = 0;
  std::uint64_t after = 0;              // The newest commit timestamp its client knew of.
  std::vector<std::uint32_t> produced;  // Messages.
  std::vector<std::uint32_t> consumed;  // Messages.
  std::vector<HistoryCall> calls;
  bool must_fail = false;      // It names something that does not exist.
  bool may_stay_open = false;  // Its client died, was fenced, or asked too late.
};

enum class Happened : std::uint8_t {
  told_committed,  // The client was told; `at` is the commit timestamp.
  told_rolled_back,
  told_unknown,    // Final: the mesh does not know (any more).
  told_denied,     // Turned away, and nothing of it can have been sent before.
  node_committed,  // A node holds the outcome durably.
  node_rolled_back,
  delivered,    // Handed out by the queue's node. `at`: its place there.
  acked,        // The node confirmed.
  maybe_acked,  // Asked for, and no answer came.
  service_yes,
  service_read_only,
  service_no,
  service_committed,
  service_rolled_back,
};

struct HistoryEvent {
  Happened what = Happened::delivered;
  std::uint32_t transaction = 0;
  std::uint32_t message = 0;
  std::uint32_t queue = 0;
  std::uint32_t place = 0;  // Node, or index of a call in its transaction.
  std::uint64_t at = 0;
  // service_*: of which submission of the transaction. Two different ones may be prepared; at most
  // one commits.
  std::uint64_t submission = 0;
  std::uint32_t node = 0;  // service_*: where the service lives.
  std::int64_t time = 0;   // For reports.
  // delivered: it was handed out before, to somebody who may not have lived to see it. So its place
  // among first deliveries is not known.
  bool is_repeated = false;
};

struct History {
  std::vector<HistoryQueue> queues;
  std::vector<HistoryMessage> messages;
  std::vector<HistoryTransaction> transactions;
  std::vector<HistoryEvent> events;
  // Nodes that ran twice or came back with an old state: what their services were told, or their
  // own disks say, proves nothing.
  std::set<std::uint32_t> doubtful_nodes;
  // Bodies that came out and were never put in.
  std::vector<std::string> phantoms;
  // The mesh was healed and every observable queue was emptied: what is missing is lost.
  bool drained = false;
};

}  // namespace nemcon::sim
