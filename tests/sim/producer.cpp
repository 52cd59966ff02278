#include "tests/sim/producer.hpp"

#include <algorithm>

namespace nemcon::sim {

Producer::Producer(World& world, Session& session, ProducerPlan plan,
                   std::vector<std::string> queues, std::vector<std::string> services)
    : world_(world),
      session_(session),
      random_(world.random.fork()),
      plan_(std::move(plan)),
      queues_(std::move(queues)),
      services_(std::move(services)),
      quota_(plan_.quota) {}

void Producer::begin() {
  fill_window();
}

void Producer::fill_window() {
  for (std::uint32_t lane = 0; lane < plan_.window; ++lane)
    plan_next();
}

// Each lane of the window goes on when its transaction has ended, or its process died with it.
void Producer::plan_next() {
  if (quota_ == 0 || session_.is_stopped()) return;
  --quota_;
  const auto most = static_cast<std::uint64_t>(plan_.think_max.count()) + 1;
  const Time think{static_cast<std::int64_t>(random_.below(most))};
  world_.schedule.at(world_.schedule.now() + think, Nature::timer,
                     [this] { session_.submit(make(), [this](Ending) { plan_next(); }); });
}

void Producer::add_send(TransactionPlan& plan, std::int64_t amount) {
  PartPlan part;
  part.target = random_.pick(queues_);
  part.amount = amount;
  part.filling_bytes = random_.below(plan_.filling_bytes_max + 1);
  plan.parts.push_back(part);
}

void Producer::add_call(TransactionPlan& plan) {
  if (services_.empty()) return;
  PartPlan part;
  part.kind = core::OperationKind::call;
  part.target = random_.pick(services_);
  plan.parts.push_back(part);
}

void Producer::add_impossible(TransactionPlan& plan) {
  const std::string& known = random_.pick(queues_);
  const std::string node = known.substr(known.find('@'));
  PartPlan part;
  part.kind = random_.chance(500'000) ? core::OperationKind::deliver : core::OperationKind::call;
  part.target = "nowhere" + node;
  plan.parts.insert(
      plan.parts.begin() + static_cast<std::ptrdiff_t>(random_.below(plan.parts.size() + 1)), part);
  plan.must_fail = true;
}

TransactionPlan Producer::make_several() {
  TransactionPlan plan;
  const std::uint64_t count = 2 + random_.below(4);
  for (std::uint64_t part = 0; part < count; ++part) {
    add_send(plan, static_cast<std::int64_t>(random_.below(1000)));
  }
  return plan;
}

TransactionPlan Producer::make() {
  const Mix& mix = plan_.mix;
  const std::uint32_t weights[] = {mix.single, mix.several, mix.transfer,
                                   mix.call,   mix.check,   mix.impossible};
  std::uint64_t draw = random_.below(mix.single + mix.several + mix.transfer + mix.call +
                                     mix.check + mix.impossible);
  std::size_t kind = 0;
  while (draw >= weights[kind])
    draw -= weights[kind++];
  TransactionPlan plan;
  if (kind == 0) {
    add_send(plan, static_cast<std::int64_t>(random_.below(1000)));
  } else if (kind == 1) {
    plan = make_several();
  } else if (kind == 2) {
    const auto amount = static_cast<std::int64_t>(random_.below(1000)) + 1;
    add_send(plan, -amount);
    add_send(plan, amount);
  } else if (kind == 3) {
    add_call(plan);
    if (random_.chance(300'000)) add_call(plan);
    add_send(plan, 1);
    if (random_.chance(600'000)) add_send(plan, 2);
  } else if (kind == 4) {
    plan = make_several();
    PartPlan part;
    part.kind = core::OperationKind::check;
    part.target = random_.pick(queues_);
    part.limit = random_.below(60);
    plan.parts.push_back(part);
  } else {
    plan = make_several();
    add_impossible(plan);
  }
  const bool has_deadline = random_.chance(plan_.own_deadlines);
  if (has_deadline) plan.deadline_ms = static_cast<std::uint32_t>(random_.between(50, 3000));
  return plan;
}

}  // namespace nemcon::sim
