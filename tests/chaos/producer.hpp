// Producer: begins transactions over queues and services of the whole mesh, through any node.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/chaos/actor.hpp"
#include "tests/chaos/plan.hpp"
#include "tests/chaos/window.hpp"

namespace nemcon::chaos {

struct Target {
  std::string address;      // "name@node".
  std::uint32_t index = 0;  // Of the queue or the service.
};

struct Targets {
  std::vector<Target> queues;
  std::vector<Target> crowded;  // Those of the queues that Stage::crowds means.
  std::vector<Target> services;
};

class Producer : public Actor {
 public:
  // `door`: how it reaches its nodes.
  Producer(Stage& stage, std::uint64_t seed, ProducerPlan plan, ClientOptions door,
           const Targets& targets);

 private:
  struct Draft {
    sim::HistoryTransaction history;
    std::vector<PartDraft> parts;
    std::vector<Target> queues;    // Of the parts.
    std::vector<Target> services;  // That are called.
    std::string check;             // A queue that must hold few messages.
    std::uint64_t check_max = 0;
  };

  void live() override;
  void begin_one(Client& client, Window& window);
  [[nodiscard]] Draft draw();
  void add_send(Draft& draft, std::int64_t amount);
  void add_call(Draft& draft);

  ProducerPlan plan_;
  ClientOptions door_;
  const Targets& targets_;
  std::uint32_t producer_ = 0;
};

}  // namespace nemcon::chaos
