// Keys: what a plan says of clients that have keys, and of what they may not do.
#pragma once

#include <set>
#include <string>

namespace nemcon::sim {

struct KeyPlan {
  bool secured = false;
  // "CLIENT QUEUE@NODE": where the queue's own node does not let this client send to.
  std::set<std::string> forbidden;
  bool impostor = false;  // A client that calls itself by another's name.
};

}  // namespace nemcon::sim
