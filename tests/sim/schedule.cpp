#include "tests/sim/schedule.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace nemcon::sim {

void Schedule::at(Time when, Nature nature, std::function<void()> action) {
  Happening happening;
  happening.when = std::max(when, now_);
  happening.sequence = next_sequence_++;
  happening.nature = nature;
  happening.action = std::move(action);
  if (nature == Nature::work) ++work_count_;
  heap_.push_back(std::move(happening));
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

bool Schedule::try_step(Time horizon) {
  if (heap_.empty() || heap_.front().when > horizon) {
    now_ = std::max(now_, horizon);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
  Happening happening = std::move(heap_.back());
  heap_.pop_back();
  NEMCON_CHECK(happening.when >= now_);
  now_ = happening.when;
  if (happening.nature == Nature::work) --work_count_;
  ++step_count_;
  happening.action();
  return true;
}

}  // namespace nemcon::sim
