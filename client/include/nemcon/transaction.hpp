// Transaction: work at one or more nodes that takes effect everywhere or nowhere.
//
//   auto transaction = client.begin({.deadline = 5s});
//   transaction.send("orders@shop", order);
//   transaction.send("invoices@billing", invoice);
//   transaction.call("reserve@warehouse", request);
//   nemcon::Outcome outcome = transaction.commit();
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string_view>

#include <nemcon/consumer.hpp>
#include <nemcon/export.hpp>
#include <nemcon/message.hpp>
#include <nemcon/outcome.hpp>

namespace nemcon {
inline namespace v0 {

struct TransactionOptions {
  // By when the outcome is known, or said to be unknown. Zero: ClientOptions::deadline, and the
  // node's own limit for the votes.
  std::chrono::milliseconds deadline{0};
};

// Runs on the library's callback thread, once. See ClientOptions about that thread.
using OutcomeCallback = std::function<void(const Outcome&)>;

// Collects parts; nothing leaves before commit. Destroying it before that is the way to drop
// it. Move-only; one thread at a time; it must not outlive its Client.
class NEMCON_EXPORT Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // Parts. The target is "name@node", or "name" where that is unique in the mesh. They throw
  // std::invalid_argument for an empty target and std::logic_error after commit.

  // Puts a message into a queue.
  Transaction& send(std::string_view queue, Message message);

  // Takes a delivery out of its queue. If the transaction rolls back, it is delivered again.
  Transaction& ack(const Delivery& delivery);

  // Lets a service vote. Its reply comes with the outcome.
  Transaction& call(std::string_view service, Message request);

  // Objects when the queue holds more than `message_count_max` messages at the moment of the
  // vote.
  Transaction& check(std::string_view queue, std::uint64_t message_count_max);

  // Fixes the id, if it has none yet. Blocks only until the client has been connected once;
  // retryable Error when the deadline passes before that. Commit this transaction before later
  // ones of this client to the same queues: otherwise they overtake it, and it may roll back with
  // Reason::out_of_order.
  [[nodiscard]] TransactionId id();

  // Sends it and waits for the outcome. After `unknown`, and only then, it may be called again:
  // under the same id, so never twice in effect. Retryable Error: it was surely never
  // begun (no node was reachable, or the node turned it away before it wrote anything).
  [[nodiscard]] Outcome commit();

  // The same without waiting; the future gives what commit() returns or throws. Blocks only
  // while more than ClientOptions::in_flight_max are under way. Order of calls is order of
  // commits. `*this` may be destroyed at once.
  [[nodiscard]] std::future<Outcome> commit_async();

  // The same with a callback, which gets the retryable Error as an outcome that is rolled_back
  // and retryable. Only when there was no room before the deadline is that Error thrown here,
  // and the callback not called.
  void commit_async(OutcomeCallback callback);

  class Impl;

 private:
  friend class Client;
  explicit Transaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace nemcon
