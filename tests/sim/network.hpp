// Network: frames between nodes. Lossy, doubling, reordering, late, cut in one direction or both.
//
// Each end of a connection has its own view of it (PeerUp, PeerDown), which lags behind the
// truth. Frames are lost or late by the truth, never by the view. Two processes may sit at one
// address (a cloned data directory).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/effects.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/schedule.hpp"

namespace nemcon::sim {

struct NetworkRates {
  Time delay_min = std::chrono::microseconds{100};
  Time delay_max = std::chrono::milliseconds{1};
  std::uint32_t lost = 0;  // All in parts of a million frames.
  std::uint32_t doubled = 0;
  std::uint32_t delayed = 0;  // By up to delayed_max.
  Time delayed_max = std::chrono::milliseconds{200};
  std::uint32_t very_late = 0;  // A further copy comes up to very_late_max later.
  Time very_late_max = std::chrono::minutes{2};
};

struct NetworkCounts {
  std::uint64_t frame_count = 0;
  std::uint64_t message_count = 0;
  std::uint64_t lost_count = 0;
  std::uint64_t doubled_count = 0;
  std::uint64_t delayed_count = 0;
  std::uint64_t very_late_count = 0;
  std::uint64_t cut_count = 0;            // Frames that met a cut.
  std::uint64_t one_way_count = 0;        // Cuts of one direction only.
  std::uint64_t other_version_count = 0;  // Frames that their receiver does not understand.
};

struct Frame {
  core::FrameHeader header;
  std::vector<core::Message> messages;
};

// What a script does with one message; random runs let everything pass.
enum class Fate : std::uint8_t { pass, drop };

class Network {
 public:
  struct Listener {
    std::function<void(std::size_t to, std::size_t from, const Frame&)> arrived;
    std::function<void(std::size_t at, std::size_t peer, bool up)> view_changed;
    std::function<Fate(std::size_t from, std::size_t to, const core::Message&)> filter;
  };

  Network(Schedule& schedule, Random random, std::size_t node_count, Listener listener);

  NetworkRates rates;

  void send(std::size_t from, std::size_t to, Frame frame);

  // Cuts or mends the direction `from` -> `to`.
  void cut(std::size_t from, std::size_t to, bool is_cut);
  void mend_all();

  [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const {
    return links_[index(from, to)].cut;
  }

  // Which protocol version the next process at this address speaks. With another one there is no
  // connection: the greeting says so.
  void set_version(std::size_t node, std::uint8_t version) { versions_[node] = version; }

  [[nodiscard]] std::uint8_t version(std::size_t node) const { return versions_[node]; }

  void node_started(std::size_t node);
  void node_stopped(std::size_t node);

  [[nodiscard]] const NetworkCounts& counts() const { return counts_; }

 private:
  // Of one direction; `view` is what `from` thinks of its connection with `to`.
  struct Link {
    bool cut = false;
    bool view = false;
    std::uint64_t view_generation = 0;
    bool check_planned = false;
  };

  [[nodiscard]] std::size_t index(std::size_t from, std::size_t to) const {
    return from * node_count_ + to;
  }

  [[nodiscard]] bool is_connected(std::size_t a, std::size_t b) const;
  void plan_arrival(std::size_t from, std::size_t to, const Frame& frame, Time delay);
  void plan_view_check(std::size_t at, std::size_t peer, Time delay);
  void check_view(std::size_t at, std::size_t peer);
  void connection_broke(std::size_t a, std::size_t b);
  Time between(Time low, Time high);

  Schedule& schedule_;  // Must outlive the network.
  Random random_;
  std::size_t node_count_;
  Listener listener_;
  std::vector<Link> links_;
  std::vector<std::uint64_t> generations_;  // By unordered pair: index(min, max).
  std::vector<bool> alive_;
  std::vector<std::uint64_t> lives_;
  std::vector<std::uint8_t> versions_;
  NetworkCounts counts_;
};

}  // namespace nemcon::sim
