// Penalties: whom a node refuses for a while, since what came from it was not this protocol or
// broke its rules. A client that does it again soon afterwards is refused twice as long each time;
// not a peer, since what another node lies may make it look so.
//
// Pure: time comes from the caller. Bounded: count_max names, then it begins anew.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "core/time.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {

class Penalties {
 public:
  static constexpr std::size_t count_max = 16'384;

  // The first one of a name, and the longest.
  Penalties(core::Duration first, core::Duration longest) : first_(first), longest_(longest) {}

  void add(Role role, const std::string& name, core::Instant now);

  [[nodiscard]] bool holds(Role role, const std::string& name, core::Instant now) const;

  // Forgets whose penalty has been over for as long as it was.
  void tidy(core::Instant now);

 private:
  struct Penalty {
    core::Duration length{};
    core::Instant until{};
  };

  core::Duration first_;
  core::Duration longest_;
  std::map<std::pair<Role, std::string>, Penalty> penalties_;
};

}  // namespace nemcon::transport
