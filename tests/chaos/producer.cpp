#include "tests/chaos/producer.hpp"

#include <chrono>
#include <utility>

namespace nemcon::chaos {
namespace {

// Short, so that many outcomes are unknown at first and are asked for again.
constexpr std::chrono::milliseconds deadline{3'000};

// Four of them are less than a transaction may have (Cluster::write_config).
constexpr std::size_t crowding_bytes = 50'000;

std::int64_t amount_of(sim::Random& random) {
  return static_cast<std::int64_t>(random.below(1000)) + 1;
}

}  // namespace

Producer::Producer(Stage& stage, std::uint64_t seed, ProducerPlan plan, ClientOptions door,
                   const Targets& targets)
    : Actor(stage, seed),
      plan_(std::move(plan)),
      door_(std::move(door)),
      targets_(targets),
      producer_(stage.recorder.new_producer()) {}

void Producer::live() {
  ClientOptions options = door_;
  options.deadline = deadline;
  Client client(options);
  Window window(stage_, client, plan_.name);
  const auto think_max = static_cast<std::uint64_t>(plan_.think_max.count());
  while (!is_over()) {
    window.look();
    if (!stage_.quiet && window.size() < plan_.window) begin_one(client, window);
    set_open_count(window.size());
    const bool waits = stage_.quiet || window.size() >= plan_.window;
    rest(std::chrono::milliseconds{waits ? 1 : random_.below(think_max + 1)});
  }
  window.abandon();
  set_open_count(0);
  // An anonymous client is another one in its next life.
  if (plan_.name.empty()) producer_ = stage_.recorder.new_producer();
}

void Producer::begin_one(Client& client, Window& window) {
  Draft draft = draw();
  draft.history.producer = producer_;
  draft.history.after = window.newest();
  const Drafted drafted = stage_.recorder.draft(draft.history, draft.parts);
  Transaction transaction = client.begin({.deadline = deadline});
  for (std::size_t part = 0; part < draft.queues.size(); ++part)
    transaction.send(draft.queues[part].address, drafted.bodies[part]);
  for (std::size_t place = 0; place < draft.services.size(); ++place) {
    transaction.call(draft.services[place].address,
                     "call|" + std::to_string(drafted.transaction) + "|" + std::to_string(place));
  }
  if (!draft.check.empty()) transaction.check(draft.check, draft.check_max);
  if (draft.history.must_fail) transaction.send("nowhere@" + std::string("shop"), "never");
  window.commit(std::move(transaction), drafted.transaction, std::nullopt);
}

void Producer::add_send(Draft& draft, std::int64_t amount) {
  const bool crowds = stage_.crowds && random_.chance(500'000);
  const Target& queue = random_.pick(crowds ? targets_.crowded : targets_.queues);
  const std::size_t filling_bytes = random_.below(plan_.filling_bytes_max + 1);
  draft.queues.push_back(queue);
  draft.parts.push_back({.queue = queue.index,
                         .amount = amount,
                         .filling_bytes = crowds ? crowding_bytes : filling_bytes});
}

void Producer::add_call(Draft& draft) {
  const Target& service = random_.pick(targets_.services);
  draft.services.push_back(service);
  draft.history.calls.push_back({.service = service.index});
}

Producer::Draft Producer::draw() {
  Draft draft;
  const std::uint64_t kind = random_.below(100);
  if (kind < 20) {
    add_send(draft, amount_of(random_));
  } else if (kind < 55) {
    for (std::uint64_t left = 2 + random_.below(3); left > 0; --left)
      add_send(draft, amount_of(random_));
  } else if (kind < 70) {
    const std::int64_t amount = amount_of(random_);
    add_send(draft, -amount);
    add_send(draft, amount);
  } else if (kind < 92) {
    add_call(draft);
    if (random_.chance(300'000)) add_call(draft);
    add_send(draft, amount_of(random_));
    if (random_.chance(500'000)) add_send(draft, amount_of(random_));
  } else if (kind < 97) {
    add_send(draft, amount_of(random_));
    draft.check = random_.pick(targets_.queues).address;
    draft.check_max = random_.below(60);
  } else {
    add_send(draft, amount_of(random_));
    draft.history.must_fail = true;
  }
  return draft;
}

}  // namespace nemcon::chaos
