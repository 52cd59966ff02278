#include "core/consumers.hpp"

#include <algorithm>
#include <iterator>

#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// One subscription may not ask for more than a queue keeps at hand.
constexpr std::uint32_t credit_max = 65'536;

// A message that waits for its time is looked at again after that long: the wall clock may have
// been set right meanwhile.
constexpr Duration clock_patience = std::chrono::seconds{10};

}  // namespace

void Consumers::on_subscribe(LinkId link, ClientId client, const Subscribe& subscribe) {
  const Queue* queue = context_.state.find_queue(subscribe.queue);
  if (queue == nullptr) {
    context_.reply(link, SubscriptionEnded{.subscription = subscribe.subscription,
                                           .reason = Reason::unknown_queue,
                                           .text = "no queue " + subscribe.queue + " at node " +
                                                   context_.options.name});
    return;
  }
  const QueueId id = queue->row().queue;
  const SubscriptionKey key{link, subscribe.subscription};
  on_unsubscribe(link, {.subscription = subscribe.subscription});  // The number is used again.
  const auto first = queue_of_.lower_bound({link, 0});
  const auto behind = std::find_if(first, queue_of_.end(),
                                   [link](const auto& one) { return one.first.first != link; });
  const std::uint32_t count_max = context_.options.limits.subscriptions_max;
  if (std::distance(first, behind) >= static_cast<std::ptrdiff_t>(count_max)) {
    context_.reply(link,
                   SubscriptionEnded{.subscription = subscribe.subscription,
                                     .reason = Reason::forbidden,
                                     .text = "one connection may have no more than " +
                                             std::to_string(count_max) + " subscriptions at node " +
                                             context_.options.name});
    return;
  }
  const Duration lease = subscribe.lease_ms == 0
                             ? queue->options().lease
                             : Duration{std::chrono::milliseconds{subscribe.lease_ms}};
  queue_of_[key] = id;
  subscriptions_[id][key] = {.link = link,
                             .number = subscribe.subscription,
                             .client = client,
                             .credit = std::min(subscribe.credit, credit_max),
                             .lease = lease};
  context_.state.touch(id);
}

void Consumers::on_add_credit(LinkId link, const AddCredit& add) {
  const SubscriptionKey key{link, add.subscription};
  const auto found = queue_of_.find(key);
  if (found == queue_of_.end()) return;
  Subscription& subscription = subscriptions_[found->second][key];
  subscription.credit += std::min(add.credit, credit_max - subscription.credit);
  context_.state.touch(found->second);
}

void Consumers::on_unsubscribe(LinkId link, const Unsubscribe& unsubscribe) {
  const SubscriptionKey key{link, unsubscribe.subscription};
  const auto found = queue_of_.find(key);
  if (found == queue_of_.end()) return;
  subscriptions_[found->second].erase(key);
  update_demand(found->second);
  queue_of_.erase(found);
}

void Consumers::on_client_gone(LinkId link) {
  for (auto at = queue_of_.lower_bound({link, 0});
       at != queue_of_.end() && at->first.first == link;) {
    subscriptions_[at->second].erase(at->first);
    update_demand(at->second);
    at = queue_of_.erase(at);
  }
  for (const LeaseToken token : leases_.of_link(link))
    give_back(token, Duration{});
}

void Consumers::end_where(const std::function<bool(LinkId, const std::string&)>& is_over) {
  std::vector<SubscriptionKey> over;
  for (const auto& [key, queue] : queue_of_) {
    if (is_over(key.first, context_.state.queue(queue).row().name)) over.push_back(key);
  }
  for (const SubscriptionKey& key : over) {
    const QueueId queue = queue_of_.at(key);
    context_.reply(key.first, SubscriptionEnded{
                                  .subscription = key.second,
                                  .reason = Reason::forbidden,
                                  .text = "not granted any more at node " + context_.options.name});
    on_unsubscribe(key.first, {.subscription = key.second});
    for (const LeaseToken token : leases_.of_link(key.first)) {
      if (leases_.find(token)->queue == queue) give_back(token, Duration{});
    }
  }
}

std::size_t Consumers::consumer_count(QueueId queue) const {
  const auto found = subscriptions_.find(queue);
  return found == subscriptions_.end() ? 0 : found->second.size();
}

void Consumers::update_demand(QueueId id) {
  bool demand = false;
  for (const auto& [key, subscription] : subscriptions_[id])
    demand |= subscription.credit > 0;
  context_.state.queue(id).set_demand(demand);
}

// ---- delivery ---------------------------------------------------------------------------------

Consumers::Subscription* Consumers::next_subscription(QueueId queue) {
  auto& all = subscriptions_[queue];
  if (all.empty()) return nullptr;
  auto at = all.upper_bound(last_served_[queue]);
  for (std::size_t step = 0; step < all.size(); ++step, ++at) {
    if (at == all.end()) at = all.begin();
    if (at->second.credit > 0) return &at->second;
  }
  return nullptr;
}

void Consumers::serve(QueueId id) {
  Queue& queue = context_.state.queue(id);
  const Hlc now = Hlc::from_ms(context_.clock.wall_ms());
  if (const std::optional<Hlc> due = queue.wake_deferred(now)) {
    const Duration left = std::chrono::milliseconds{due->wall_ms() - now.wall_ms()};
    deferred_.set(id, context_.now() + std::min(left, clock_patience));
  }
  if (queue.is_overfull()) drop_oldest(queue);
  while (Subscription* to = next_subscription(id)) {
    const std::optional<Position> position = queue.next_deliverable();
    if (!position) break;
    const Entry& entry = *queue.find(*position);
    if (entry.delivery_count >= queue.options().max_deliveries) {
      dead_letter(queue, *position, "delivered too often");
    } else {
      deliver(queue, *to, *position);
    }
  }
  update_demand(id);
  if (consumer_count(id) == 0 && !queue.is_overfull()) return;
  if (std::optional<Read> read = queue.try_read()) {
    context_.effects().reads.push_back(*read);
  }
}

void Consumers::deliver(Queue& queue, Subscription& to, const Position& position) {
  const LeaseToken token = leases_.add(
      {.queue = queue.row().queue, .position = position, .link = to.link, .client = to.client});
  queue.lease(position,
              {.token = token, .link = to.link, .client = to.client, .subscription = to.number});
  lease_deadlines_.set(token, context_.now() + to.lease);
  to.credit -= 1;
  last_served_[queue.row().queue] = {to.link, to.number};
  const Entry& entry = *queue.find(position);
  // A message may not overtake one before it that only waits for its record.
  Lsn& hold = newest_hold_[queue.row().queue];
  hold = std::max(hold, entry.lsn);
  context_.reply_after(
      hold, to.link,
      Delivered{.subscription = to.number,
                .token = token,
                .message = {.transaction = entry.message.transaction, .part = entry.message.part},
                .delivery_count = entry.delivery_count,
                .lease_ms = static_cast<std::uint32_t>(to.lease / std::chrono::milliseconds{1}),
                .at = position.at,
                .producer = entry.message.producer,
                .content = entry.message.content});
}

void Consumers::on_read(ReadDone done) {
  const QueueId id = done.queue;
  context_.state.queue(id).on_read(std::move(done));
  context_.state.touch(id);
}

// ---- what becomes of a delivery ---------------------------------------------------------------

void Consumers::on_settle(LinkId link, const Settle& settle) {
  Settled settled{.request = settle.request, .lost = {}};
  for (const LeaseToken token : settle.tokens) {
    const LeaseRef* lease = leases_.find(token);
    if (lease == nullptr || lease->link != link) {
      settled.lost.push_back(token);
      continue;
    }
    Queue& queue = context_.state.queue(lease->queue);
    const Position position = lease->position;
    const Duration delay = std::chrono::milliseconds{settle.delay_ms};
    switch (settle.how) {
      case Settlement::ack: {
        const Entry* entry = queue.find(position);
        NEMCON_CHECK(entry != nullptr, queue.row().name);
        const std::uint64_t bytes = entry->message.content.byte_count();
        leases_.remove(token);
        lease_deadlines_.clear(token);
        context_.write(Removed{.queue = queue.row().queue, .position = position, .bytes = bytes},
                       Urgency::urgent);
        break;
      }
      case Settlement::nack:
        give_back(token, delay);
        break;
      case Settlement::reject:
        leases_.remove(token);
        lease_deadlines_.clear(token);
        queue.end_lease(position);
        dead_letter(queue, position, "rejected: " + settle.text);
        break;
      case Settlement::extend:
        lease_deadlines_.set(token, context_.now() + delay);
        break;
    }
  }
  // Extending promises nothing durable; the rest is answered when it cannot be lost.
  if (settle.how == Settlement::extend || planted(Mutant::acknowledge_before_write)) {
    context_.reply(link, std::move(settled));
  } else {
    context_.promise_reply(link, std::move(settled));
  }
}

void Consumers::give_back(LeaseToken token, Duration delay) {
  const LeaseRef lease = *leases_.find(token);
  leases_.remove(token);
  lease_deadlines_.clear(token);
  Queue& queue = context_.state.queue(lease.queue);
  const Entry* entry = queue.find(lease.position);
  NEMCON_CHECK(entry != nullptr, queue.row().name);
  const std::uint32_t count = entry->delivery_count;
  queue.end_lease(lease.position);
  if (count >= queue.options().max_deliveries) {
    dead_letter(queue, lease.position, "delivered too often");
    return;
  }
  Hlc due;
  if (delay > Duration{}) {
    const auto delay_ms = static_cast<std::uint64_t>(delay / std::chrono::milliseconds{1});
    // By a clock that ran ahead the message would wait until the right one gets there.
    due = Hlc::from_ms(context_.clock.limited_ms() + delay_ms);
  }
  context_.write(
      Returned{
          .queue = lease.queue, .position = lease.position, .delivery_count = count, .due = due},
      Urgency::lazy);
}

void Consumers::dead_letter(Queue& queue, const Position& position, const std::string& why) {
  const std::string dead_name = queue.row().name + ".dead";
  Queue* dead = context_.state.find_queue(dead_name);
  if (dead == nullptr) {
    // A dead-letter queue has none of its own: the message stays, and waits for its due time.
    context_.note("nowhere to move a message", queue.row().name);
    context_.write(Returned{.queue = queue.row().queue, .position = position, .delivery_count = 0},
                   Urgency::lazy);
    return;
  }
  StoredMessage message = queue.find(position)->message;
  message.history = "from " + queue.row().name + " after " +
                    std::to_string(queue.find(position)->delivery_count) + " deliveries: " + why;
  context_.note("dead-lettered", message.transaction, message.history);
  context_.write(DeadLettered{.from = queue.row().queue,
                              .position = position,
                              .to = dead->row().queue,
                              .at = context_.clock.tick(),
                              .message = std::move(message)},
                 Urgency::lazy);
}

void Consumers::drop_oldest(Queue& queue) {
  std::uint64_t dropped = 0;
  while (queue.is_overfull()) {
    const std::optional<Position> oldest = queue.next_deliverable();
    if (!oldest) break;
    context_.write(Removed{.queue = queue.row().queue,
                           .position = *oldest,
                           .bytes = queue.find(*oldest)->message.content.byte_count()},
                   Urgency::lazy);
    dropped += 1;
  }
  if (dropped > 0)
    context_.note("dropped oldest", queue.row().name + " " + std::to_string(dropped));
}

void Consumers::on_deadline(Instant now) {
  while (const std::optional<LeaseToken> token = lease_deadlines_.try_pop(now)) {
    // A lease that became a claim has no deadline any more.
    if (leases_.find(*token) != nullptr) give_back(*token, Duration{});
  }
  while (const std::optional<QueueId> queue = deferred_.try_pop(now))
    context_.state.touch(*queue);
}

std::optional<Instant> Consumers::earliest() const {
  const std::optional<Instant> lease = lease_deadlines_.earliest();
  const std::optional<Instant> deferred = deferred_.earliest();
  if (!lease) return deferred;
  if (!deferred) return lease;
  return std::min(*lease, *deferred);
}

}  // namespace nemcon::core
