#include "transport/penalties.hpp"

#include <algorithm>

namespace nemcon::transport {

void Penalties::add(Role role, const std::string& name, core::Instant now) {
  if (penalties_.size() >= count_max) penalties_.clear();
  const auto [found, is_new] = penalties_.try_emplace({role, name});
  Penalty& penalty = found->second;
  // What is found out during a penalty was done before it.
  if (!is_new && now < penalty.until) return;
  penalty.length = is_new || role == Role::peer ? first_ : std::min(2 * penalty.length, longest_);
  penalty.until = now + penalty.length;
}

bool Penalties::holds(Role role, const std::string& name, core::Instant now) const {
  const auto found = penalties_.find({role, name});
  return found != penalties_.end() && now < found->second.until;
}

void Penalties::tidy(core::Instant now) {
  std::erase_if(penalties_,
                [now](const auto& one) { return one.second.until + one.second.length <= now; });
}

}  // namespace nemcon::transport
