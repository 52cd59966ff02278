#include "tests/chaos/taker.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace nemcon::chaos {
namespace {

constexpr std::chrono::milliseconds deadline{3'000};
constexpr std::chrono::milliseconds look_again{10};
constexpr std::size_t window_max = 8;

}  // namespace

Taker::Taker(Stage& stage, std::uint64_t seed, TakerOptions options, const Targets& targets)
    : Actor(stage, seed),
      options_(std::move(options)),
      targets_(targets),
      producer_(stage.recorder.new_producer()) {}

void Taker::live() {
  ClientOptions door = options_.door;
  door.deadline = deadline;
  Client client(door);
  Window window(stage_, client, options_.name);
  Consumer consumer = client.consume(options_.queue, {.credit = options_.habits.credit});
  while (!is_over()) {
    try {
      const bool waits = options_.is_crowded && stage_.crowds;
      if (waits) rest(look_again);
      std::optional<Delivery> delivery;
      if (!waits) delivery = consumer.receive(look_again);
      if (delivery) take(client, window, std::move(*delivery));
    } catch (const Error& error) {
      if (!error.is_retryable()) throw;
      consumer = client.consume(options_.queue, {.credit = options_.habits.credit});
      rest(look_again);
    }
    look();
    window.look();
    set_open_count(window.size());
  }
  window.abandon();
  abandon();
  set_open_count(0);
  if (options_.name.empty()) producer_ = stage_.recorder.new_producer();
}

void Taker::take(Client& client, Window& window, Delivery delivery) {
  const auto seen = stage_.recorder.delivered(delivery, options_.index);
  if (!seen) return;
  const ConsumerPlan& habits = options_.habits;
  if (stage_.quiet) return acknowledge(std::move(delivery), *seen);
  if (random_.chance(habits.crashes)) {
    kill();
  } else if (random_.chance(habits.transacts) && window.size() < window_max) {
    transact(client, window, std::move(delivery), *seen);
  } else if (random_.chance(habits.nacks)) {
    const std::chrono::milliseconds delay{random_.chance(500'000) ? random_.below(300) : 0};
    (void)delivery.nack_async(delay);
  } else if (random_.chance(habits.rejects)) {
    (void)delivery.reject_async("not wanted");
  } else if (!random_.chance(habits.forgets)) {
    acknowledge(std::move(delivery), *seen);
  }
}

void Taker::acknowledge(Delivery delivery, const Recorder::Seen& seen) {
  std::future<bool> answer = delivery.ack_async();
  asked_.push_back({std::move(delivery), seen, std::move(answer)});
}

void Taker::look() {
  for (auto asked = asked_.begin(); asked != asked_.end();) {
    if (asked->answer.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
      ++asked;
      continue;
    }
    if (asked->answer.get()) {
      stage_.recorder.acked(asked->delivery, asked->seen, options_.index);
    } else {
      stage_.recorder.maybe_acked(asked->seen, options_.index);
    }
    asked = asked_.erase(asked);
  }
}

void Taker::abandon() {
  for (const Asked& asked : asked_)
    stage_.recorder.maybe_acked(asked.seen, options_.index);
  asked_.clear();
}

// The amount goes on, in one message or in two.
void Taker::transact(Client& client, Window& window, Delivery delivery,
                     const Recorder::Seen& seen) {
  window.observe(delivery.at());
  std::vector<Target> queues{random_.pick(targets_.queues)};
  std::vector<PartDraft> parts{{.queue = queues[0].index, .amount = seen.amount}};
  if (random_.chance(400'000)) {
    queues.push_back(random_.pick(targets_.queues));
    parts[0].amount = seen.amount / 2;
    parts.push_back({.queue = queues[1].index, .amount = seen.amount - seen.amount / 2});
  }
  sim::HistoryTransaction history;
  history.producer = producer_;
  history.after = window.newest();
  history.consumed = {seen.message};
  const Drafted drafted = stage_.recorder.draft(history, parts);
  Transaction transaction = client.begin({.deadline = deadline});
  transaction.ack(delivery);
  for (std::size_t part = 0; part < queues.size(); ++part)
    transaction.send(queues[part].address, drafted.bodies[part]);
  window.commit(std::move(transaction), drafted.transaction, std::move(delivery));
}

}  // namespace nemcon::chaos
