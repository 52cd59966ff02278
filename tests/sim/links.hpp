// Links: connections between simulated clients and nodes. In order and whole as TCP is, until
// they break; then both ends hear of it, each in its own time, and what was under way is gone. What
// passes has been the product's bytes on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/effects.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/schedule.hpp"
#include "tests/sim/wire.hpp"

namespace nemcon::sim {

// The client's end of its links.
class ClientEnd {
 public:
  virtual ~ClientEnd() = default;
  virtual void on_reply(core::LinkId link, const core::Reply& reply) = 0;
  virtual void on_closed(core::LinkId link) = 0;
};

struct LinkCounts {
  std::uint64_t opened_count = 0;
  std::uint64_t broken_count = 0;
  std::uint64_t silent_count = 0;
};

class Links {
 public:
  struct Listener {
    std::function<void(std::size_t node, core::Event)> request;
    std::function<bool(std::size_t node)> is_alive;
    std::function<std::uint64_t(std::size_t node)> life;
    // A request, or a reply of this node, that does not come through as it was.
    std::function<void(std::size_t node, const std::string& what)> trouble;
  };

  Links(Schedule& schedule, Random random, Listener listener);

  // `end` must outlive the link, or let go of it by close() first.
  // `account`: whom the client's key stands for; empty: it has none.
  core::LinkId connect(ClientEnd& end, std::size_t node, const std::string& account);
  void request(core::LinkId link, const core::Request& request);

  // The client closes it; the node hears of it a little later.
  void close(core::LinkId link);

  // A fault: both ends hear of it.
  void break_link(core::LinkId link);
  void break_all(std::size_t node);

  // A fault: nothing passes any more, and nobody is told for a while.
  void silence(core::LinkId link);

  void reply(std::size_t node, core::LinkId link, const core::Reply& reply);
  void node_stopped(std::size_t node);

  [[nodiscard]] bool is_open(core::LinkId link) const { return links_.contains(link); }

  [[nodiscard]] const LinkCounts& counts() const { return counts_; }

  Time delay_max = std::chrono::microseconds{500};

 private:
  struct Link {
    ClientEnd* end = nullptr;
    std::size_t node = 0;
    std::string account;
    bool silent = false;
    Time next_request{0};
    Time next_reply{0};
  };

  Time arrival(Time& next);
  void tell_client(core::LinkId id, const Link& link);
  void tell_node(core::LinkId id, const Link& link, Time delay_most);
  [[nodiscard]] bool passes(core::LinkId id) const;

  Schedule& schedule_;  // Must outlive the links.
  Random random_;
  Listener listener_;
  std::uint64_t next_link_ = 1;
  std::map<core::LinkId, Link> links_;
  std::map<core::LinkId, Time> cutoffs_;  // Closed links: requests that arrive before it count.
  LinkCounts counts_;
  Wire wire_{core::Limits{}};
};

}  // namespace nemcon::sim
