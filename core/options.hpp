// Options: what a deployment decides, as the engine wants it. Every limit of the core is here,
// with where it comes from.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/descriptor.hpp"
#include "core/message.hpp"
#include "core/permissions.hpp"
#include "core/row.hpp"

namespace nemcon::core {

enum class WhenFull : std::uint8_t { refuse, wait, drop_oldest };

struct QueueOptions {
  std::string name;
  Ordering ordering = Ordering::producer;
  Duration lease = std::chrono::seconds{30};
  std::uint32_t max_deliveries = 20;  // RabbitMQ's default for quorum queues.
  std::uint64_t max_messages = 10'000'000;
  std::uint64_t max_bytes = 8ULL << 30U;
  WhenFull when_full = WhenFull::refuse;
};

struct PeerOptions {
  PeerIndex index;
  std::string name;
};

struct Limits {
  std::uint64_t message_bytes_max = 1ULL << 20U;
  std::uint64_t transaction_bytes_max = 16ULL << 20U;
  std::uint32_t branches_max = 64;      // Nodes of one transaction.
  std::uint32_t operations_max = 1024;  // Parts of one transaction.
  std::uint32_t clients_max = 10'000;
  std::uint32_t window_max = 4096;  // Unacknowledged outcomes of one client.
  // Of one connection, and names of all services that were here in one life of the node.
  std::uint32_t subscriptions_max = 1024;
  std::uint32_t services_max = 256;
  std::uint32_t service_names_max = 4096;
  std::uint32_t reply_bytes_max = 64U << 10U;
  // A queue keeps this much of its head in memory, so that memory does not grow with it.
  std::uint32_t head_messages_max = 4096;
  std::uint64_t head_bytes_max = 4ULL << 20U;
  // What the journal has and the store has not: past the first a checkpoint is taken at once,
  // past the second new work waits.
  std::uint64_t overlay_bytes_checkpoint = 4ULL << 20U;
  std::uint64_t overlay_bytes_max = 32ULL << 20U;
};

struct Timing {
  Duration deadline = std::chrono::seconds{2};           // Without services.
  Duration service_deadline = std::chrono::seconds{10};  // With.
  Duration deadline_max = std::chrono::seconds{10};      // Caps what a client asks for.
  Duration resend_first = std::chrono::milliseconds{50};
  Duration resend_max = std::chrono::seconds{5};
  Duration rank_step = std::chrono::milliseconds{300};
  Duration initiator_lost = std::chrono::milliseconds{500};
  Duration query_patience = std::chrono::milliseconds{300};
  Duration retention = std::chrono::minutes{15};  // Of an anonymous client's outcomes.
  Duration max_drift = std::chrono::seconds{5};
  Duration checkpoint_interval = std::chrono::milliseconds{100};
};

// Pure functions that need a library; the core treats what they return as opaque.
struct Hashing {
  Digest (*of_descriptor)(const Descriptor& descriptor) = nullptr;
  Digest (*of_content)(const Content& content) = nullptr;
  ClientId (*of_name)(const std::string& client_name) = nullptr;
  // The id of a node of this name whose random half is `salt`, which is the id's low half: nobody
  // else can claim it (Rule P-43).
  NodeId (*of_node)(const std::string& node_name, std::uint64_t salt) = nullptr;
};

struct Options {
  std::string name;
  NodeId node;
  Incarnation incarnation;
  std::uint64_t nonce = 0;  // Random per process.
  std::uint64_t seed = 0;   // Of the back-off jitter.
  std::vector<PeerOptions> peers;
  std::vector<QueueOptions> queues;
  std::uint32_t witnesses = 1;  // 2F + 1.
  std::string coordinator;      // Mode C when not empty: the name of the one fixed witness.
  PermissionOptions permissions;
  Limits limits;
  Timing timing;
  Hashing hashing;
};

// What log found at start: the rows of the last checkpoint (all but messages), then every
// record after it, in order.
struct Restored {
  std::vector<Row> rows;
  Lsn checkpoint;  // The rows are the state after this record.
  std::vector<Record> records;
};

}  // namespace nemcon::core
