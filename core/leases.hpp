// Leases: which delivery is out with whom. Volatile: a restart ends all leases. A token carries
// the boot count, so that it is unique across restarts (Rule P-34).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/ids.hpp"
#include "core/queue.hpp"

namespace nemcon::core {

struct LeaseRef {
  QueueId queue;
  Position position;
  LinkId link;
  ClientId client;
};

class Leases {
 public:
  // Called once, when the boot count of this life is known.
  void begin_life(Boot boot) { boot_ = boot; }

  LeaseToken add(const LeaseRef& lease) {
    counter_ += 1;
    const LeaseToken token{(std::uint64_t{boot_.value()} << 40U) | counter_};
    leases_.emplace_hint(leases_.end(), token, lease);
    std::set<LeaseToken>& of_link = by_link_[lease.link];
    of_link.insert(of_link.end(), token);
    return token;
  }

  [[nodiscard]] const LeaseRef* find(LeaseToken token) const {
    const auto found = leases_.find(token);
    return found == leases_.end() ? nullptr : &found->second;
  }

  void remove(LeaseToken token) {
    const auto found = leases_.find(token);
    if (found == leases_.end()) return;
    const auto link = by_link_.find(found->second.link);
    link->second.erase(token);
    if (link->second.empty()) by_link_.erase(link);
    leases_.erase(found);
  }

  [[nodiscard]] std::vector<LeaseToken> of_link(LinkId link) const {
    const auto found = by_link_.find(link);
    if (found == by_link_.end()) return {};
    return {found->second.begin(), found->second.end()};
  }

  [[nodiscard]] std::size_t count_of(QueueId queue) const {
    std::size_t count = 0;
    for (const auto& [token, lease] : leases_)
      count += lease.queue == queue ? 1U : 0U;
    return count;
  }

 private:
  Boot boot_;
  std::uint64_t counter_ = 0;
  std::map<LeaseToken, LeaseRef> leases_;
  std::map<LinkId, std::set<LeaseToken>> by_link_;
};

}  // namespace nemcon::core
