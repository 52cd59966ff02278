#include "tests/sim/consumer.hpp"

#include <algorithm>

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;

}  // namespace

Consumer::Consumer(World& world, Session& session, std::string queue, std::size_t home,
                   ConsumerHabits habits)
    : world_(world),
      session_(session),
      random_(world.random.fork()),
      queue_(std::move(queue)),
      queue_index_(world.queue_index(queue_ + '@' + world.node(home).name())),
      home_(home),
      habits_(std::move(habits)) {
  NEMCON_CHECK(queue_index_ < world.history.queues.size());
  session_.owner.opened = [this] { on_opened(); };
  session_.owner.lost = [this] { on_lost(); };
  session_.owner.replied = [this](const core::Reply& reply) { on_reply(reply); };
}

void Consumer::drain() {
  draining_ = true;
}

void Consumer::plan(Time delay, std::function<void()> action) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer,
                     [this, epoch = epoch_, action = std::move(action)] {
                       if (epoch == epoch_ && session_.is_open()) action();
                     });
}

void Consumer::on_opened() {
  ++epoch_;
  if (session_.node() != home_) {
    plan_way_home();
    return;
  }
  core::Subscribe subscribe;
  subscribe.subscription = ++subscription_;
  subscribe.queue = queue_;
  subscribe.credit = habits_.credit;
  world_.subscribed(session_.link(), subscription_, queue_index_);
  session_.send(subscribe);
}

// Elsewhere it only resolves what it began at home.
void Consumer::plan_way_home() {
  plan(std::chrono::seconds{3}, [this] {
    plan_way_home();
    session_.go_home();
  });
}

void Consumer::on_lost() {
  ++epoch_;
  for (const auto& [request, asked] : asked_) {
    if (asked.how != core::Settlement::ack) continue;
    for (const auto& [token, message] : asked.messages)
      record(Happened::maybe_acked, message);
  }
  asked_.clear();
}

void Consumer::record(Happened what, std::uint32_t message) {
  HistoryEvent event;
  event.what = what;
  event.message = message;
  event.queue = queue_index_;
  world_.add_event(event);
}

void Consumer::on_reply(const core::Reply& reply) {
  if (const auto* delivered = std::get_if<core::Delivered>(&reply)) {
    take(*delivered);
  } else if (const auto* settled = std::get_if<core::Settled>(&reply)) {
    take(*settled);
  } else if (const auto* denied = std::get_if<core::Denied>(&reply)) {
    asked_.erase(denied->request);
  } else if (std::holds_alternative<core::SubscriptionEnded>(reply)) {
    plan(milliseconds{300}, [this] { on_opened(); });
  }
}

void Consumer::take(const core::Delivered& delivered) {
  if (delivered.subscription != subscription_) return;
  ++counts_.delivered_count;
  const Time think{static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(habits_.think_max.count()) + 1))};
  plan(draining_ ? Time{1000} : think, [this, delivered] { decide(delivered); });
}

void Consumer::decide(const core::Delivered& delivered) {
  // What is not one of our messages was reported when it left the node.
  if (world_.message_of(delivered.content) >= world_.history.messages.size()) return;
  if (draining_) {
    settle(delivered, core::Settlement::ack);
  } else if (random_.chance(habits_.transacts)) {
    transact(delivered);
  } else if (random_.chance(habits_.nacks)) {
    ++counts_.nacked_count;
    settle(delivered, core::Settlement::nack);
  } else if (random_.chance(habits_.rejects)) {
    ++counts_.rejected_count;
    settle(delivered, core::Settlement::reject);
  } else if (random_.chance(habits_.forgets)) {
    ++counts_.forgotten_count;
    return_credit();
  } else {
    if (random_.chance(habits_.extends)) settle(delivered, core::Settlement::extend);
    settle(delivered, core::Settlement::ack);
  }
}

void Consumer::settle(const core::Delivered& delivered, core::Settlement how) {
  core::Settle request;
  request.request = session_.take_request();
  request.how = how;
  request.tokens.push_back(delivered.token);
  if (how == core::Settlement::nack && random_.chance(500'000)) {
    request.delay_ms = static_cast<std::uint32_t>(random_.below(400));
  }
  if (how == core::Settlement::extend) request.delay_ms = 1000;
  if (how == core::Settlement::reject) request.text = "not wanted";
  Asked asked;
  asked.how = how;
  asked.messages[delivered.token] = world_.message_of(delivered.content);
  asked_[request.request] = asked;
  session_.send(request);
}

void Consumer::take(const core::Settled& settled) {
  const auto found = asked_.find(settled.request);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  for (const auto& [token, message] : asked.messages) {
    const bool is_lost =
        std::find(settled.lost.begin(), settled.lost.end(), token) != settled.lost.end();
    if (is_lost) ++counts_.lost_lease_count;
    if (is_lost || asked.how != core::Settlement::ack) continue;
    ++counts_.acked_count;
    record(Happened::acked, message);
  }
  if (asked.how != core::Settlement::extend) return_credit();
}

void Consumer::return_credit() {
  session_.send(core::AddCredit{subscription_, 1});
}

// Takes the message and sends its amount on, in one or two messages, or neither happens.
void Consumer::transact(const core::Delivered& delivered) {
  ++counts_.transacted_count;
  TransactionPlan plan_made;
  PartPlan consume;
  consume.kind = core::OperationKind::consume;
  consume.target = world_.history.queues[queue_index_].name;
  consume.token = delivered.token;
  consume.consumed = world_.message_of(delivered.content);
  const std::int64_t amount = world_.history.messages[consume.consumed].amount;
  plan_made.parts.push_back(consume);
  const std::int64_t first = amount / 2;
  const bool splits = habits_.targets.size() > 1 && random_.chance(400'000);
  for (int part = 0; part < (splits ? 2 : 1); ++part) {
    PartPlan produce;
    produce.target = random_.pick(habits_.targets);
    produce.amount = !splits ? amount : part == 0 ? first : amount - first;
    plan_made.parts.push_back(produce);
  }
  session_.submit(std::move(plan_made), [this, epoch = epoch_](Ending) {
    if (epoch == epoch_ && session_.is_open()) return_credit();
  });
}

}  // namespace nemcon::sim
