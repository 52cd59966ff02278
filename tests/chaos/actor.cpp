#include "tests/chaos/actor.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace nemcon::chaos {

void Orphans::add(One one) {
  const std::scoped_lock lock(mutex_);
  all_.push_back(std::move(one));
}

std::vector<Orphans::One> Orphans::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(all_, {});
}

void Actor::begin() {
  thread_ = std::thread([this] {
    while (!is_stopped_) {
      is_killed_ = false;
      try {
        live();
      } catch (const std::exception& error) {
        stage_.recorder.blame(std::string("client: ") + error.what());
        return;
      }
    }
  });
}

void Actor::join() {
  if (thread_.joinable()) thread_.join();
}

void Actor::rest(std::chrono::milliseconds time) const {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!is_over() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds{5}));
}

}  // namespace nemcon::chaos
