// Settling: looks at a healed mesh until nothing is in doubt, every queue is empty and every client
// knows its outcomes, and measures how long transactions stayed undecided.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/chaos/cluster.hpp"
#include "tests/chaos/plan.hpp"

namespace nemcon::chaos {

struct Settled {
  std::string left;  // What is not as it should be, when patience is over; else empty.
  Milliseconds time{0};
  // Of each transaction that was in doubt at some node after all was healed.
  std::vector<Milliseconds> in_doubt;
  // Once all was quiet: of transactions that nobody waits for, and some node does not know the end
  // of.
  std::size_t lingering_count = 0;
};

class Settling {
 public:
  explicit Settling(const Cluster& cluster);

  // `open`: what clients and services still wait for, in words; empty: nothing. Gives up at once
  // when `is_over` says so.
  [[nodiscard]] Settled wait(Milliseconds patience, const std::function<std::string()>& open,
                             const std::function<bool()>& is_over);

 private:
  struct Seen {
    std::set<TransactionId> in_doubt;
    std::size_t open_count = 0;
  };

  // What is left at a node, in words.
  [[nodiscard]] std::string look_at(Client& client, Seen& seen);

  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace nemcon::chaos
