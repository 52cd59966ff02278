#include "tests/chaos/plan.hpp"

#include <initializer_list>

#include "tests/sim/random.hpp"

namespace nemcon::chaos {
namespace {

const char* const node_names[] = {"shop", "warehouse", "billing", "depot", "harbour"};

class Draw {
 public:
  Draw(std::uint64_t seed, const Wishes& wishes) : random_(seed ^ 0xc4a05), wishes_(wishes) {
    plan_.seed = seed;
  }

  Plan run() {
    draw_mesh();
    draw_services();
    draw_producers();
    draw_consumers();
    draw_faults();
    // As a witness it would have part in what others do.
    plan_.has_liar = random_.chance(500'000) && plan_.mode != "X";
    plan_.other_nemcond = wishes_.other_nemcond;
    plan_.other_node = random_.below(plan_.nodes.size());
    return std::move(plan_);
  }

 private:
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }

  Milliseconds one_time(std::initializer_list<int> choices) {
    return Milliseconds{one_of(choices)};
  }

  // What is fixed is drawn nevertheless, so that it changes nothing of what comes after it.
  void draw_mesh() {
    const auto count = one_of<std::size_t>({3, 3, 3, 5});
    const auto mode = one_of<const char*>({"X", "X", "X", "S", "C"});
    const Milliseconds trouble = one_time({8'000, 12'000, 16'000});
    plan_.mode = wishes_.mode.empty() ? mode : wishes_.mode;
    plan_.trouble = wishes_.trouble.count() == 0 ? trouble : wishes_.trouble;
    plan_.nodes.resize(wishes_.nodes == 0 ? count : wishes_.nodes);
    for (std::size_t index = 0; index < plan_.nodes.size(); ++index) {
      NodePlan& node = plan_.nodes[index];
      node.name = node_names[index];
      const std::uint64_t queue_count = 1 + random_.below(2);
      for (std::uint64_t queue = 0; queue < queue_count; ++queue)
        node.queues.push_back(draw_queue(queue));
    }
  }

  QueuePlan draw_queue(std::uint64_t index) {
    QueuePlan queue;
    queue.name = std::string("q") + static_cast<char>('a' + index);
    queue.order = static_cast<sim::QueueOrder>(random_.below(3));
    queue.lease = one_time({500, 1'000, 3'000, 10'000});
    queue.deliveries_max = one_of<unsigned>({5, 20});
    queue.messages_max = one_of<unsigned>({0, 0, 0, 0, 200});
    queue.waits_when_full = random_.chance(300'000);
    const auto consumers = one_of<std::size_t>({1, 2, 3});
    if (queue.order == sim::QueueOrder::none) queue.consumer_count = consumers;
    return queue;
  }

  void draw_services() {
    const std::uint64_t count = 1 + random_.below(2);
    for (std::uint64_t index = 0; index < count; ++index) {
      ServicePlan service;
      service.name = "service" + std::to_string(index);
      service.node = random_.below(plan_.nodes.size());
      service.instance_count = 1 + random_.below(2);
      service.refuses = one_of<std::uint32_t>({50'000, 200'000});
      service.read_only = one_of<std::uint32_t>({0, 100'000});
      service.fails = one_of<std::uint32_t>({0, 50'000});
      service.think_max = one_time({0, 0, 20});
      plan_.services.push_back(service);
    }
  }

  void draw_producers() {
    const std::uint64_t count = 2 + random_.below(4);
    for (std::uint64_t index = 0; index < count; ++index) {
      ProducerPlan producer;
      if (random_.chance(500'000)) producer.name = "producer-" + std::to_string(index);
      for (std::size_t node = 0; node < plan_.nodes.size(); ++node)
        producer.homes.push_back(node);
      random_.shuffle(producer.homes);
      producer.window = one_of<std::size_t>({1, 2, 4, 8, 16});
      producer.think_max = one_time({0, 5, 20, 100});
      producer.filling_bytes_max = one_of<std::size_t>({0, 40, 400, 4'000});
      plan_.producers.push_back(producer);
    }
  }

  void draw_consumers() {
    ConsumerPlan& consumer = plan_.consumer;
    consumer.credit = one_of<std::uint32_t>({1, 4, 32});
    consumer.nacks = one_of<std::uint32_t>({0, 20'000, 100'000});
    consumer.rejects = one_of<std::uint32_t>({0, 5'000, 50'000});
    consumer.forgets = one_of<std::uint32_t>({0, 2'000, 10'000});
    consumer.crashes = one_of<std::uint32_t>({0, 1'000, 5'000});
    consumer.transacts = one_of<std::uint32_t>({0, 100'000, 300'000});
  }

  // Zero in two of five plans.
  Milliseconds interval(std::uint64_t least, std::uint64_t most) {
    const bool never = random_.chance(400'000);
    const auto drawn = static_cast<std::int64_t>(random_.between(least, most));
    return Milliseconds{never ? 0 : drawn};
  }

  void draw_faults() {
    FaultPlan& faults = plan_.faults;
    faults.kill = interval(1'000, 4'000);
    faults.pause = interval(1'000, 4'000);
    faults.cut = interval(1'000, 4'000);
    faults.one_way = interval(1'000, 4'000);
    faults.isolate = interval(2'000, 6'000);
    faults.flap = interval(2'000, 6'000);
    faults.loss = interval(2'000, 6'000);
    faults.delay = interval(2'000, 6'000);
    faults.reset = interval(300, 2'000);
    faults.clock = interval(1'000, 4'000);
    faults.disk_full = interval(3'000, 6'000);
    faults.client_kill = interval(500, 3'000);
    faults.far_clock = random_.chance(400'000);
    faults.clock_victim = random_.below(plan_.nodes.size());
    faults.disk_victim = random_.below(plan_.nodes.size());
    faults.trouble_max = one_time({500, 2'000, 4'000});
  }

  sim::Random random_;
  Wishes wishes_;
  Plan plan_;
};

}  // namespace

Plan draw_plan(std::uint64_t seed, const Wishes& wishes) {
  return Draw{seed, wishes}.run();
}

std::string Plan::text() const {
  std::size_t queue_count = 0;
  for (const NodePlan& node : nodes)
    queue_count += node.queues.size();
  return std::to_string(nodes.size()) + " nodes, mode " + mode + ", " +
         std::to_string(queue_count) + " queues, " + std::to_string(producers.size()) +
         " producers, " + std::to_string(services.size()) + " services, " +
         std::to_string(trouble.count() / 1000) + " s" + (has_liar ? ", a liar" : "") +
         (other_nemcond.empty() ? "" : ", the other nemcond at " + nodes[other_node].name);
}

std::string Plan::transactions_section() const {
  if (mode == "C") return "coordinator = '" + nodes[0].name + "'\n";
  return "witnesses = " + std::string(mode == "S" ? "1" : nodes.size() == 5 ? "5" : "3") + "\n";
}

}  // namespace nemcon::chaos
