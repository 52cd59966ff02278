// Consumers: subscriptions, deliveries and what becomes of them. A subscription gets messages as
// long as it has credit; each is leased, and comes back when the lease ends without an answer.
//
//   ready ──deliver──► leased ──ack──► gone
//     ▲                  ├─nack, lease over, client gone──► ready, or dead-letter queue
//     └──────────────────┤                                  (after max_deliveries)
//                        ├─reject──► dead-letter queue
//                        └─consumed in a transaction──► claimed (State) ──► gone or ready
//
// Leases are volatile: after a restart everything undecided is ready again.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/context.hpp"
#include "core/deadlines.hpp"
#include "core/leases.hpp"

namespace nemcon::core {

class Consumers {
 public:
  Consumers(Context& context, Leases& leases) : context_(context), leases_(leases) {}

  void on_subscribe(LinkId link, ClientId client, const Subscribe& subscribe);
  void on_add_credit(LinkId link, const AddCredit& add);
  void on_unsubscribe(LinkId link, const Unsubscribe& unsubscribe);
  void on_settle(LinkId link, const Settle& settle);
  void on_client_gone(LinkId link);

  // Ends the subscriptions for which `is_over` says so; their clients are told.
  void end_where(const std::function<bool(LinkId, const std::string& queue)>& is_over);
  void on_read(ReadDone done);

  // Delivers what may be delivered. Called once after each step for the queues that changed.
  void serve(QueueId queue);

  void on_deadline(Instant now);
  [[nodiscard]] std::optional<Instant> earliest() const;
  [[nodiscard]] std::size_t consumer_count(QueueId queue) const;

 private:
  struct Subscription {
    LinkId link;
    std::uint64_t number = 0;
    ClientId client;
    std::uint32_t credit = 0;
    Duration lease{};
  };

  using SubscriptionKey = std::pair<LinkId, std::uint64_t>;

  void deliver(Queue& queue, Subscription& to, const Position& position);
  [[nodiscard]] Subscription* next_subscription(QueueId queue);
  void give_back(LeaseToken token, Duration delay);
  void dead_letter(Queue& queue, const Position& position, const std::string& why);
  void drop_oldest(Queue& queue);
  void update_demand(QueueId queue);

  Context& context_;
  Leases& leases_;
  std::map<SubscriptionKey, QueueId> queue_of_;
  std::map<QueueId, std::map<SubscriptionKey, Subscription>> subscriptions_;
  std::map<QueueId, SubscriptionKey> last_served_;  // Round robin.

  // What the newest delivery of a queue had to wait for. Deliveries leave in the queue's order.
  std::map<QueueId, Lsn> newest_hold_;
  Deadlines<LeaseToken> lease_deadlines_{context_.options.nonce};
  Deadlines<QueueId> deferred_{context_.options.nonce};
};

}  // namespace nemcon::core
