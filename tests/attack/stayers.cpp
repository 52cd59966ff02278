#include "tests/attack/stayers.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/attack/greedy_clients.hpp"
#include "tests/attack/victim.hpp"
#include "tests/transport/stranger.hpp"
#include "transport/codec.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;

namespace {

// All places of a node with few clients are less.
constexpr std::size_t crowd_max = 1200;
constexpr std::size_t new_at_once = 20;

class Crowd {
 public:
  explicit Crowd(const Victim& victim) : victim_(victim), keys_(victim.keys_of(idler_name)) {
    transport::encode_control(bye_, transport::FrameKind::bye);
    transport::encode_ping(ping_, 0);
  }

  void grow(Tally& tally) {
    for (std::size_t i = 0; i < new_at_once && all_.size() < crowd_max; ++i) {
      all_.push_back(std::make_unique<transport::Stranger>(victim_.endpoint_from_elsewhere, keys_,
                                                           victim_.public_key));
      transport::Stranger& one = *all_.back();
      const std::uint64_t number = ++tally["connections"];
      if (number % 3 == 0) one.greet({.role = transport::Role::client, .name = idler_name});
      // One that is not connected yet takes it all the same.
      static_cast<void>(one.try_send(number % 3 == 1 ? ping_.view() : bye_.view()));
    }
  }

  void look(Tally& tally) {
    for (const auto& one : all_)
      one->turn();
    tally["ended"] += std::erase_if(all_, [](const auto& one) { return one->end.has_value(); });
  }

  void leave() { all_.clear(); }

  [[nodiscard]] std::size_t count() const { return all_.size(); }

 private:
  const Victim& victim_;
  transport::KeyPair keys_;
  transport::FrameBuffer bye_;
  transport::FrameBuffer ping_;
  std::vector<std::unique_ptr<transport::Stranger>> all_;
};

}  // namespace

Tally say_bye_and_stay(const Order& order) {
  const Victim victim(order.directory());
  Tally tally{{"connections", 0}, {"ended", 0}, {"stayed", 0}};
  Crowd crowd(victim);
  const auto act = [&] {
    crowd.grow(tally);
    crowd.look(tally);
    std::this_thread::sleep_for(10ms);
  };
  obey(order, act, [&] { crowd.leave(); });
  // Undisturbed to their end.
  crowd.grow(tally);
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (crowd.count() > 0 && std::chrono::steady_clock::now() < give_up) {
    crowd.look(tally);
    std::this_thread::sleep_for(10ms);
  }
  tally["stayed"] = crowd.count();
  return tally;
}

}  // namespace nemcon::attack
