// Taker: consumes one queue at its node. What it takes it acknowledges, gives back, refuses,
// forgets until the lease ends, or takes away in a transaction that sends the amount on; now and
// then it dies with all of it in its hands. Once the stage is quiet it only acknowledges.
#pragma once

#include <cstdint>
#include <future>
#include <list>
#include <string>
#include <vector>

#include "tests/chaos/actor.hpp"
#include "tests/chaos/plan.hpp"
#include "tests/chaos/producer.hpp"
#include "tests/chaos/window.hpp"

namespace nemcon::chaos {

struct TakerOptions {
  std::string queue;        // At its node, without "@node".
  std::uint32_t index = 0;  // In the history.
  ClientOptions door;       // How it reaches its node.
  std::string name;         // Of its client; empty: anonymous.
  ConsumerPlan habits;
  bool is_crowded = false;  // At the node that Stage::crowds means.
};

class Taker : public Actor {
 public:
  Taker(Stage& stage, std::uint64_t seed, TakerOptions options, const Targets& targets);

 private:
  struct Asked {
    Delivery delivery;
    Recorder::Seen seen;
    std::future<bool> answer;
  };

  void live() override;
  void take(Client& client, Window& window, Delivery delivery);
  void acknowledge(Delivery delivery, const Recorder::Seen& seen);
  void transact(Client& client, Window& window, Delivery delivery, const Recorder::Seen& seen);
  void look();
  void abandon();

  TakerOptions options_;
  const Targets& targets_;
  std::uint32_t producer_ = 0;
  std::list<Asked> asked_;
};

}  // namespace nemcon::chaos
