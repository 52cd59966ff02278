// Requests and replies between a client and its node. `request` is the client's own number; the
// answer carries it back. A client speaks to one node at a time.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/message.hpp"

namespace nemcon::core {

// ---- requests -------------------------------------------------------------------------------

// First on a link. With `epoch` zero a named client opens a new session (older ones are fenced
// off); with a known epoch it goes on with that session at another node.
struct Open {
  std::uint64_t request = 0;
  std::string name;  // Empty: anonymous; then `client` is random per life.
  ClientId client;   // Ignored when named: the node derives it.
  Epoch epoch;
  Epoch above;  // A new epoch must be larger than this one.
};

struct Part {
  OperationKind kind = OperationKind::deliver;
  std::string target;  // "queue@node", "service@node", or without "@node" where unique.
  LeaseToken token;
  Sequence previous;
  std::uint64_t limit = 0;
  Content content;
};

struct Submit {
  std::uint64_t request = 0;
  TransactionId id;
  std::vector<Part> parts;
  std::uint32_t deadline_ms = 0;  // 0: the node's default.
  bool retry = false;             // Sent before, perhaps to another node.
  Hlc after;                      // The newest commit timestamp that the client knows of.
  Sequence ack_upto;              // All below are finished and known to the client.
  Hlc expires;                    // Fixed at the first submission; never() for named clients.
};

struct Ask {
  std::uint64_t request = 0;
  TransactionId id;
};

struct Acknowledge {
  Epoch epoch;
  Sequence ack_upto;
};

struct Subscribe {
  std::uint64_t subscription = 0;
  std::string queue;  // A queue of this node.
  std::uint32_t credit = 0;
  std::uint32_t lease_ms = 0;  // 0: the queue's own.
};

struct AddCredit {
  std::uint64_t subscription = 0;
  std::uint32_t credit = 0;
};

struct Unsubscribe {
  std::uint64_t subscription = 0;
};

enum class Settlement : std::uint8_t { ack, nack, reject, extend };

struct Settle {
  std::uint64_t request = 0;
  Settlement how = Settlement::ack;
  std::vector<LeaseToken> tokens;
  std::uint32_t delay_ms = 0;  // nack: wait before the next delivery; extend: the new lease.
  std::string text;            // reject: why.
};

// Names one call to a service: the same for prepare, vote, decision and done.
struct CallKey {
  TransactionKey transaction;
  std::uint8_t branch = 0;
  std::uint8_t operation = 0;

  friend auto operator<=>(const CallKey&, const CallKey&) = default;
};

struct Serve {
  std::uint64_t request = 0;
  std::string service;
  std::vector<CallKey> in_doubt;  // What the application has prepared and not finished.
  // Of the Serving that asked to look again (Rule P-36); 0 when nobody asked.
  std::uint64_t looked = 0;
};

struct Unserve {
  std::string service;
};

struct ServiceVote {
  CallKey call;
  bool yes = false;
  bool read_only = false;
  std::string text;
  Content reply;
};

struct ServiceDone {
  CallKey call;
};

enum class Topic : std::uint8_t { status, queues, transactions, in_doubt, transaction };

struct Inspect {
  std::uint64_t request = 0;
  Topic topic = Topic::status;
  TransactionId id;  // Topic::transaction.
};

using Request = std::variant<Open, Submit, Ask, Acknowledge, Subscribe, AddCredit, Unsubscribe,
                             Settle, Serve, Unserve, ServiceVote, ServiceDone, Inspect>;

// ---- replies --------------------------------------------------------------------------------

struct Opened {
  std::uint64_t request = 0;
  std::string node_name;
  NodeId node;
  ClientId client;
  Epoch epoch;
  Hlc clock;
  std::uint64_t retention_ms = 0;  // How long an anonymous client's outcomes are kept.
  std::uint64_t message_bytes_max = 0;
  std::uint64_t transaction_bytes_max = 0;
  std::uint32_t window = 0;  // Unacknowledged transactions that a client may have.
  bool named = false;
};

// The request was turned away before anything was written.
struct Denied {
  std::uint64_t request = 0;
  bool retryable = false;
  Reason reason = Reason::none;
  std::string text;
  Epoch epoch;  // fenced: the newest known.
};

enum class Verdict : std::uint8_t { committed, rolled_back, in_doubt, unknown };

struct Concluded {
  std::uint64_t request = 0;
  TransactionId id;
  Verdict verdict = Verdict::unknown;
  Hlc at;
  Reason reason = Reason::none;
  std::string text;
  std::string by;  // Name of the node that objected.
  std::vector<Content> replies;
};

struct MessageId {
  TransactionId transaction;
  std::uint16_t part = 0;

  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

struct Delivered {
  std::uint64_t subscription = 0;
  LeaseToken token;
  MessageId message;
  std::uint32_t delivery_count = 0;  // 1 for the first.
  std::uint32_t lease_ms = 0;
  Hlc at;  // Place in the queue.
  std::string producer;
  Content content;
};

struct SubscriptionEnded {
  std::uint64_t subscription = 0;
  Reason reason = Reason::none;
  std::string text;
};

struct Settled {
  std::uint64_t request = 0;
  std::vector<LeaseToken> lost;  // Tokens whose lease had ended: nothing was done for these.
};

struct ServicePrepare {
  CallKey call;
  std::string service;
  std::string principal;
  Content content;
  std::uint32_t remaining_ms = 0;
};

struct ServiceDecision {
  CallKey call;
  std::string service;
  bool commit = false;
  Hlc at;
  Content content;
};

struct Serving {
  std::uint64_t request = 0;
  bool active = false;  // False: another instance is; this one stands by.
  // Not 0: the node knows nothing of some call in doubt. Is it still? Look, and serve again.
  std::uint64_t look_again = 0;
};

struct NodeReport {
  std::string name;
  NodeId node;
  Incarnation incarnation;
  Boot boot;
  bool self = false;
  bool live = false;
  std::string trouble;  // Why it does not take part, in words; empty when it does.
};

struct QueueReport {
  std::string node;
  std::string name;
  Ordering ordering = Ordering::producer;
  std::uint64_t message_count = 0;
  std::uint64_t byte_count = 0;
  std::uint64_t leased_count = 0;
  std::uint64_t prepared_count = 0;  // Voted for and not decided.
  std::uint64_t consumer_count = 0;
  bool local = false;  // False: only the name is known here; ask that node for the rest.
};

struct BranchReport {
  std::uint8_t branch = 0;
  std::string node;
  std::string what;   // "deliver orders", "call reserve".
  std::string state;  // "waiting", "voted yes", "voted no: ...", "committed", "rolled back".
};

struct TransactionReport {
  TransactionId id;
  std::string state;  // "preparing", "prepared", "in doubt", "recovering", "committed", ...
  std::string principal;
  std::uint64_t age_ms = 0;
  std::vector<BranchReport> branches;
  std::vector<std::string> waiting_for;  // Node names.
};

// So that a report fits a frame, at about 300 bytes a transaction of a few branches.
inline constexpr std::size_t report_transactions_max = 1'000;

struct CountReport {
  std::string name;
  std::uint64_t value = 0;
};

struct Report {
  std::uint64_t request = 0;
  std::vector<NodeReport> nodes;
  std::vector<QueueReport> queues;
  // At most report_transactions_max, undecided ones before others.
  std::vector<TransactionReport> transactions;
  std::vector<CountReport> counts;  // With topic status, and what the node adds.
};

using Reply = std::variant<Opened, Denied, Concluded, Delivered, SubscriptionEnded, Settled,
                           ServicePrepare, ServiceDecision, Serving, Report>;

// ---- fields ---------------------------------------------------------------------------------

template <class Archive>
void fields(Archive& archive, Open& v) {
  archive(v.request, v.name, v.client, v.epoch, v.above);
}

template <class Archive>
void fields(Archive& archive, Part& v) {
  archive(v.kind, v.target, v.token, v.previous, v.limit, v.content);
}

template <class Archive>
void fields(Archive& archive, Submit& v) {
  archive(v.request, v.id, v.parts, v.deadline_ms, v.retry, v.after, v.ack_upto, v.expires);
}

template <class Archive>
void fields(Archive& archive, Ask& v) {
  archive(v.request, v.id);
}

template <class Archive>
void fields(Archive& archive, Acknowledge& v) {
  archive(v.epoch, v.ack_upto);
}

template <class Archive>
void fields(Archive& archive, Subscribe& v) {
  archive(v.subscription, v.queue, v.credit, v.lease_ms);
}

template <class Archive>
void fields(Archive& archive, AddCredit& v) {
  archive(v.subscription, v.credit);
}

template <class Archive>
void fields(Archive& archive, Unsubscribe& v) {
  archive(v.subscription);
}

template <class Archive>
void fields(Archive& archive, Settle& v) {
  archive(v.request, v.how, v.tokens, v.delay_ms, v.text);
}

template <class Archive>
void fields(Archive& archive, CallKey& v) {
  archive(v.transaction, v.branch, v.operation);
}

template <class Archive>
void fields(Archive& archive, Serve& v) {
  archive(v.request, v.service, v.in_doubt, v.looked);
}

template <class Archive>
void fields(Archive& archive, Unserve& v) {
  archive(v.service);
}

template <class Archive>
void fields(Archive& archive, ServiceVote& v) {
  archive(v.call, v.yes, v.read_only, v.text, v.reply);
}

template <class Archive>
void fields(Archive& archive, ServiceDone& v) {
  archive(v.call);
}

template <class Archive>
void fields(Archive& archive, Inspect& v) {
  archive(v.request, v.topic, v.id);
}

template <class Archive>
void fields(Archive& archive, Opened& v) {
  archive(v.request, v.node_name, v.node, v.client, v.epoch, v.clock, v.retention_ms,
          v.message_bytes_max, v.transaction_bytes_max, v.window, v.named);
}

template <class Archive>
void fields(Archive& archive, Denied& v) {
  archive(v.request, v.retryable, v.reason, v.text, v.epoch);
}

template <class Archive>
void fields(Archive& archive, Concluded& v) {
  archive(v.request, v.id, v.verdict, v.at, v.reason, v.text, v.by, v.replies);
}

template <class Archive>
void fields(Archive& archive, MessageId& v) {
  archive(v.transaction, v.part);
}

template <class Archive>
void fields(Archive& archive, Delivered& v) {
  archive(v.subscription, v.token, v.message, v.delivery_count, v.lease_ms, v.at, v.producer,
          v.content);
}

template <class Archive>
void fields(Archive& archive, SubscriptionEnded& v) {
  archive(v.subscription, v.reason, v.text);
}

template <class Archive>
void fields(Archive& archive, Settled& v) {
  archive(v.request, v.lost);
}

template <class Archive>
void fields(Archive& archive, ServicePrepare& v) {
  archive(v.call, v.service, v.principal, v.content, v.remaining_ms);
}

template <class Archive>
void fields(Archive& archive, ServiceDecision& v) {
  archive(v.call, v.service, v.commit, v.at, v.content);
}

template <class Archive>
void fields(Archive& archive, Serving& v) {
  archive(v.request, v.active, v.look_again);
}

template <class Archive>
void fields(Archive& archive, NodeReport& v) {
  archive(v.name, v.node, v.incarnation, v.boot, v.self, v.live, v.trouble);
}

template <class Archive>
void fields(Archive& archive, QueueReport& v) {
  archive(v.node, v.name, v.ordering, v.message_count, v.byte_count, v.leased_count,
          v.prepared_count, v.consumer_count, v.local);
}

template <class Archive>
void fields(Archive& archive, BranchReport& v) {
  archive(v.branch, v.node, v.what, v.state);
}

template <class Archive>
void fields(Archive& archive, TransactionReport& v) {
  archive(v.id, v.state, v.principal, v.age_ms, v.branches, v.waiting_for);
}

template <class Archive>
void fields(Archive& archive, CountReport& v) {
  archive(v.name, v.value);
}

template <class Archive>
void fields(Archive& archive, Report& v) {
  archive(v.request, v.nodes, v.queues, v.transactions, v.counts);
}

}  // namespace nemcon::core
