// Membership: who the peers are, which of them can be talked to now, and whether this node may
// take part at all.
//
//   peer:   down ──link──► up ──HELLO──► live ──link lost──► down
//                                 └────► refused  (its state is older than what we saw of it)
//   self:   joining ──HELLO answers──► taking part ──► fenced   (ours is older than what they saw)
//
// A starting node neither votes nor accepts before the peers that it can reach have said what
// they last saw of it: that is how a restored backup and a cloned disk are found (Rule P-37).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"
#include "core/state.hpp"

namespace nemcon::core {

struct Peer {
  PeerIndex index;
  std::string name;
  bool up = false;
  bool greeted = false;  // HELLO came over the present link.
  bool refused = false;
  bool fenced = false;  // By its own word.
  NodeId node;          // Zero until the first HELLO, in this life or an earlier one.
  Sighting sighting;    // The newest seen of it.
  Sighting recorded;    // The newest of which a record exists.
  Hlc clock;            // Newest heard from it.
  std::optional<std::int64_t> skew_ms;  // Its clock minus our monotonic one, at its last HELLO.
  std::vector<QueueNotice> queues;
  std::vector<std::string> services;
  Hlc hello_clock;   // The sender's, at the HELLO that said so.
  Instant hello_at;  // When to say HELLO again while it has not answered.

  [[nodiscard]] bool is_live() const { return up && greeted && !refused && !fenced; }
};

class Membership {
 public:
  Membership(const Options& options, const State& state);

  // Called once, after recovery.
  void recall_sightings();
  void on_life_begins(Instant now);
  void on_up(PeerIndex index, Instant now);
  void on_down(PeerIndex index);

  // What a frame says of its sender's clock (Rule P-22).
  void measure(Peer& peer, const FrameHeader& header, Instant now);

  // When this node turns out to be the one that lost state: how it shows.
  [[nodiscard]] std::optional<std::string> on_hello(Peer& peer, const FrameHeader& header,
                                                    const Hello& hello, Lsn own_durable);

  // Whether a HELLO of this peer may not say so: an id comes from the name of its node.
  [[nodiscard]] bool is_of_another(const Peer& peer, const NodeId& node) const;

  // Keeps the newest of what a frame says of its sender. False: the frame is to be ignored.
  [[nodiscard]] bool try_accept(Peer& peer, const FrameHeader& header);

  [[nodiscard]] Peer& peer(PeerIndex index) { return peers_.at(index); }

  [[nodiscard]] const Peer& peer(PeerIndex index) const { return peers_.at(index); }

  [[nodiscard]] bool has(PeerIndex index) const { return peers_.contains(index); }

  // Nothing of a peer that is not known yet.
  [[nodiscard]] Sighting sighting_of(PeerIndex index) const {
    const auto found = peers_.find(index);
    return found == peers_.end() ? Sighting{} : found->second.sighting;
  }

  [[nodiscard]] const std::map<PeerIndex, Peer>& peers() const { return peers_; }

  // Their link is up, and no HELLO came over it yet.
  [[nodiscard]] const std::set<PeerIndex>& ungreeted() const { return ungreeted_; }

  [[nodiscard]] const Peer* find(const NodeId& node) const;
  [[nodiscard]] const Peer* find(const std::string& name) const;
  [[nodiscard]] bool is_live(const NodeId& node) const;
  [[nodiscard]] std::string name_of(const NodeId& node) const;

  // May this node vote and accept for transactions with others?
  [[nodiscard]] bool may_vote() const { return !fenced_ && joined_ && !is_drifted(); }

  // May it do work of its own alone? Also without any peer, after some patience.
  [[nodiscard]] bool may_work_alone(Instant now) const;

  void fence() { fenced_ = true; }

  [[nodiscard]] bool is_fenced() const { return fenced_; }

  // Once a step: by how much our clock is ahead of our monotonic one.
  void on_time(std::int64_t skew_ms) { skew_ms_ = skew_ms; }

  // More than half of the peers see our clock far off on the same side.
  [[nodiscard]] bool is_drifted() const;

  // How far our clock may be set at once towards those of the peers, or of the only one: not
  // beyond the nearest of them that is more than `max_drift` away. 0: no reason to.
  [[nodiscard]] std::int64_t known_drift_ms() const;

  // The latest wall time that some peer would still accept in a timestamp (Rule P-22).
  [[nodiscard]] std::uint64_t ceiling_ms(Instant now) const;

  // The slowest clock of this node and its live peers; 0 while less than half of the peers are live
  // or this node's clock is off. Nothing may be dropped by a clock that nobody confirms: a wrong
  // one would make every anonymous client too old, until that time has come (Rule P-15).
  [[nodiscard]] std::uint64_t slowest_ms(std::uint64_t own_ms) const;

  void update_joined(Instant now);
  [[nodiscard]] std::optional<Instant> earliest(Instant now) const;

 private:
  const Options& options_;
  const State& state_;
  std::map<PeerIndex, Peer> peers_;
  std::map<std::string, PeerIndex, std::less<>> by_name_;
  std::map<NodeId, PeerIndex> by_node_;
  std::set<PeerIndex> ungreeted_;
  bool fenced_ = false;

  // Invariant: once true it stays true for this life.
  bool joined_ = false;
  Instant began_{};
  std::int64_t skew_ms_ = 0;

  // Bounds of all that was measured: what lies within them needs no look at each peer.
  struct Skews {
    std::int64_t least = 0;
    std::int64_t most = 0;
  };

  [[nodiscard]] const std::optional<Skews>& skews() const;
  void include(std::int64_t skew_ms) const;

  mutable std::optional<Skews> skews_;
  mutable bool skews_are_stale_ = false;

  struct Drift {
    std::size_t known = 0;
    std::vector<std::int64_t> ahead;   // Offsets of peers that are too far ahead of us.
    std::vector<std::int64_t> behind;  // Of those behind; negative.
  };

  [[nodiscard]] Drift drift() const;
  void set_node(Peer& peer, const NodeId& node);
};

}  // namespace nemcon::core
