// Rate: how often something may happen, kept as one instant: up to which what happened is paid for.
//
//        now                  now + burst
//   ──────┼──────────────────────┼──────►      what happens moves `paid_until` to the right by its
//        paid_until ▲                          cost (1 s / rate for each); beyond now + burst it
//                                              has to wait
//
// So who was idle has a burst at once.
#pragma once

#include <algorithm>

#include "core/time.hpp"

namespace nemcon::core {

class Rate {
 public:
  // What alone costs more than a burst fits in when everything is paid for, and is paid afterwards.
  [[nodiscard]] bool has_room(Duration cost, Instant now, Duration burst) const {
    return paid_until_ <= now || paid_until_ + cost <= now + burst;
  }

  void spend(Duration cost, Instant now) { paid_until_ = std::max(paid_until_, now) + cost; }

  [[nodiscard]] Instant paid_until() const { return paid_until_; }

 private:
  Instant paid_until_{};
};

}  // namespace nemcon::core
