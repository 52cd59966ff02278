// Settling: looks at a mesh from the moment that its faults end until nothing is in doubt, every
// queue is empty and every client knows its outcomes, and measures how long transactions stayed
// undecided. Nodes that start again meanwhile are looked at once they are ready.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/chaos/cluster.hpp"
#include "tests/chaos/plan.hpp"

namespace nemcon::chaos {

struct Settled {
  std::string left;  // What is not as it should be, when patience is over; else empty.
  Milliseconds time{0};
  // Of each transaction that was in doubt at some node after the faults had ended.
  std::vector<Milliseconds> in_doubt;
  std::string slowest;  // What the node that was in doubt for longest said of it; empty: none.
  // Once all was quiet: of transactions that nobody waits for, and some node does not know the end
  // of.
  std::size_t lingering_count = 0;
};

class Settling {
 public:
  // `healed`: when the faults began to end; times are counted from there.
  Settling(Cluster& cluster, std::chrono::steady_clock::time_point healed);

  // `open`: what clients and services still wait for, in words; empty: nothing. Gives up at once
  // when `is_over` says so.
  [[nodiscard]] Settled wait(Milliseconds patience, const std::function<std::string()>& open,
                             const std::function<bool()>& is_over);

 private:
  struct Seen {
    std::map<TransactionId, std::string> in_doubt;  // In words.
    std::size_t open_count = 0;
  };

  // What is left at a node, in words.
  [[nodiscard]] std::string look_at(std::size_t node, Seen& seen);
  [[nodiscard]] Client& client_of(std::size_t node);

  Cluster& cluster_;
  std::chrono::steady_clock::time_point healed_;
  std::vector<std::unique_ptr<Client>> clients_;  // Null until the node is ready.
};

}  // namespace nemcon::chaos
