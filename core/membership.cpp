#include "core/membership.hpp"

#include <algorithm>
#include <utility>

#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// How long a starting node waits for the first peer before it goes on with its own queues, and
// for a peer whose link is up to answer. A link on a loaded machine is up within 100 ms.
constexpr Duration join_patience = std::chrono::seconds{2};

// How long it waits for the link of a peer when another has answered already: one peer alone may
// have seen less of this node than the one that is not there yet.
constexpr Duration link_patience = std::chrono::milliseconds{500};

// The newest record that a node can have had in its life `boot`, going by the lives it knows of. A
// restored backup knows nothing of records that came after it, but the others have seen them.
Lsn end_of_life(const std::vector<Life>& lives, Boot boot, Lsn durable) {
  const auto next = std::ranges::find_if(lives, [&](const Life& one) { return one.boot > boot; });
  return next == lives.end() ? durable : next->after;
}

}  // namespace

Membership::Membership(const Options& options, const State& state)
    : options_(options), state_(state) {
  for (const PeerOptions& configured : options.peers) {
    Peer peer;
    peer.index = configured.index;
    peer.name = configured.name;
    by_name_.emplace(configured.name, configured.index);
    peers_.emplace(configured.index, std::move(peer));
  }
}

void Membership::set_node(Peer& peer, const NodeId& node) {
  const auto known = by_node_.find(peer.node);
  if (known != by_node_.end() && known->second == peer.index) by_node_.erase(known);
  peer.node = node;
  if (!node.is_zero()) by_node_.insert_or_assign(node, peer.index);
}

void Membership::recall_sightings() {
  for (auto& [index, peer] : peers_) {
    // Among several nodes of that name (its data directory was made anew) the last one stands
    // for it until it says HELLO.
    for (const auto& [node, row] : state_.peers()) {
      if (row.name != peer.name) continue;
      set_node(peer, node);
      peer.sighting = row.sighting;
      peer.recorded = row.sighting;
    }
  }
}

void Membership::on_life_begins(Instant now) {
  began_ = now;
  // The first life has nothing that could be older than what others saw.
  if (peers_.empty() || state_.boot().value() <= 1) joined_ = true;
}

void Membership::on_up(PeerIndex index, Instant now) {
  Peer& peer = peers_.at(index);
  peer.up = true;
  peer.greeted = false;
  peer.hello_at = now;
  ungreeted_.insert(index);
}

void Membership::on_down(PeerIndex index) {
  Peer& peer = peers_.at(index);
  peer.up = false;
  peer.greeted = false;
  ungreeted_.erase(index);
}

void Membership::measure(Peer& peer, const FrameHeader& header, Instant now) {
  const std::int64_t skew_ms = static_cast<std::int64_t>(header.wall_ms) - monotonic_ms(now);
  const std::optional<std::int64_t> before = std::exchange(peer.skew_ms, skew_ms);
  if (before == skew_ms || skews_are_stale_) return;
  skews_are_stale_ = before && skews_ && (*before == skews_->least || *before == skews_->most);
  include(skew_ms);
}

void Membership::include(std::int64_t skew_ms) const {
  if (!skews_) skews_ = Skews{.least = skew_ms, .most = skew_ms};
  skews_->least = std::min(skews_->least, skew_ms);
  skews_->most = std::max(skews_->most, skew_ms);
}

const std::optional<Membership::Skews>& Membership::skews() const {
  if (!skews_are_stale_) return skews_;
  skews_are_stale_ = false;
  skews_.reset();
  for (const auto& [index, peer] : peers_) {
    if (peer.skew_ms) include(*peer.skew_ms);
  }
  return skews_;
}

std::optional<std::string> Membership::on_hello(Peer& peer, const FrameHeader& header,
                                                const Hello& hello, Lsn own_durable) {
  if (peer.node != header.from || peer.sighting.incarnation != header.incarnation) {
    peer.refused = false;
    set_node(peer, header.from);
    peer.sighting = {};
    if (const auto known = state_.peers().find(header.from);
        known != state_.peers().end() && known->second.sighting.incarnation == header.incarnation) {
      peer.sighting = known->second.sighting;
    }
  }
  const bool same_boot = header.boot == peer.sighting.boot && peer.sighting.nonce != 0;
  const bool same_process = same_boot && hello.nonce == peer.sighting.nonce;
  const bool cloned = same_boot && !same_process;
  const bool older = !planted(Mutant::believe_old_copy) && !same_process &&
                     (header.boot < peer.sighting.boot ||
                      end_of_life(hello.lives, peer.sighting.boot, header.lsn) < peer.sighting.lsn);
  if (older || cloned) {
    // A late copy of an earlier life's HELLO looks like this as well. It changes nothing for a
    // peer that is live; one that really lost state hears in our answer what we saw of it. But it
    // can be the one that we took for live whose HELLO was late: a word that is newer than all that
    // was heard counts.
    const bool newest = header.boot > peer.sighting.boot || header.clock > peer.clock;
    if (older && newest) peer.greeted = false;
    if (cloned || !peer.greeted) peer.refused = true;
  } else {
    // Of two HELLOs of one process the later one counts, whichever comes first.
    if (!same_process || header.clock >= peer.hello_clock) {
      peer.hello_clock = header.clock;
      peer.queues = hello.queues;
      peer.services = hello.services;
      peer.fenced = hello.fenced;
    }
    peer.refused = false;
    peer.sighting = {.incarnation = header.incarnation,
                     .boot = header.boot,
                     .nonce = hello.nonce,
                     .lsn = std::max(header.lsn, peer.sighting.lsn)};
  }
  // After an older one it is asked again.
  if (!older) peer.greeted = true;
  if (peer.greeted || !peer.up) {
    ungreeted_.erase(peer.index);
  } else {
    ungreeted_.insert(peer.index);
  }
  if (planted(Mutant::believe_old_copy)) return std::nullopt;
  if (!hello.seen || hello.seen->incarnation != options_.incarnation) return std::nullopt;
  const Sighting& seen = *hello.seen;
  if (seen.boot > state_.boot() || seen.lsn > end_of_life(state_.lives(), seen.boot, own_durable)) {
    return "peer " + peer.name + " has seen a newer state of this node";
  }
  if (seen.boot == state_.boot() && seen.nonce != 0 && seen.nonce != options_.nonce) {
    return "peer " + peer.name + " speaks with another process of this data directory";
  }
  return std::nullopt;
}

bool Membership::is_of_another(const Peer& peer, const NodeId& node) const {
  return node.is_zero() || options_.hashing.of_node(peer.name, node.low) != node;
}

bool Membership::try_accept(Peer& peer, const FrameHeader& header) {
  if (fenced_ || !peer.is_live()) return false;
  if (header.from != peer.node || header.incarnation != peer.sighting.incarnation) return false;
  if (header.to_incarnation != options_.incarnation) return false;
  // Late, or meant for a second process that has taken our place (Rule P-37).
  if (header.to_boot != state_.boot()) return false;
  // Late, or of a second process that does not know yet that it has been replaced (Rule P-37).
  if (header.boot != peer.sighting.boot) return false;
  peer.sighting.lsn = std::max(peer.sighting.lsn, header.lsn);
  peer.clock = std::max(peer.clock, header.clock);
  return true;
}

const Peer* Membership::find(const NodeId& node) const {
  const auto found = by_node_.find(node);
  return found == by_node_.end() ? nullptr : &peers_.at(found->second);
}

const Peer* Membership::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &peers_.at(found->second);
}

bool Membership::is_live(const NodeId& node) const {
  if (node == options_.node) return !fenced_;
  const Peer* peer = find(node);
  return peer != nullptr && peer->is_live();
}

std::string Membership::name_of(const NodeId& node) const {
  if (node == options_.node) return options_.name;
  if (const Peer* peer = find(node); peer != nullptr) return peer->name;
  const auto known = state_.peers().find(node);
  return known == state_.peers().end() ? to_text(node) : known->second.name;
}

bool Membership::may_work_alone(Instant now) const {
  if (fenced_) return false;
  if (joined_) return true;
  const bool nobody_up =
      std::ranges::none_of(peers_, [](const auto& entry) { return entry.second.up; });
  return nobody_up && now >= began_ + join_patience;
}

Membership::Drift Membership::drift() const {
  const auto limit = options_.timing.max_drift / std::chrono::milliseconds{1};
  Drift drift;
  const std::optional<Skews>& all = skews();
  if (!all || (all->most - skew_ms_ <= limit && all->least - skew_ms_ >= -limit)) return drift;
  for (const auto& [index, peer] : peers_) {
    if (!peer.is_live() || !peer.skew_ms) continue;
    drift.known += 1;
    const std::int64_t offset = *peer.skew_ms - skew_ms_;
    if (offset > limit) drift.ahead.push_back(offset);
    if (offset < -limit) drift.behind.push_back(offset);
  }
  return drift;
}

bool Membership::is_drifted() const {
  const Drift seen = drift();
  // With one peer nobody can say who is wrong; its requests are refused one by one instead.
  return seen.known >= 2 && std::max(seen.ahead.size(), seen.behind.size()) * 2 > seen.known;
}

std::int64_t Membership::known_drift_ms() const {
  const Drift seen = drift();
  if (seen.ahead.size() * 2 > seen.known) return std::ranges::min(seen.ahead);
  if (seen.behind.size() * 2 > seen.known) return std::ranges::max(seen.behind);
  return 0;
}

std::uint64_t Membership::ceiling_ms(Instant now) const {
  const std::optional<Skews>& all = skews();
  if (!all) return ~std::uint64_t{0};
  const std::int64_t limit = options_.timing.max_drift / std::chrono::milliseconds{1};
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(all->most + monotonic_ms(now) + limit, 0));
}

std::uint64_t Membership::slowest_ms(std::uint64_t own_ms) const {
  std::uint64_t slowest = own_ms;
  std::size_t live_count = 0;
  for (const auto& [index, peer] : peers_) {
    if (!peer.is_live()) continue;
    live_count += 1;
    slowest = std::min(slowest, peer.clock.wall_ms());
  }
  const bool is_confirmed = 2 * live_count >= peers_.size() && may_vote();
  return is_confirmed ? slowest : 0;
}

void Membership::update_joined(Instant now) {
  if (joined_ || fenced_) return;
  bool any = false;
  for (const auto& [index, peer] : peers_) {
    if (peer.greeted) any = true;
    const Duration patience = peer.up ? join_patience : link_patience;
    if (!peer.greeted && now < began_ + patience) return;
  }
  joined_ = any;
}

std::optional<Instant> Membership::earliest(Instant now) const {
  std::optional<Instant> earliest;
  auto consider = [&earliest](Instant at) {
    if (!earliest || at < *earliest) earliest = at;
  };
  for (const PeerIndex index : ungreeted_)
    consider(peers_.at(index).hello_at);
  if (!joined_ && !fenced_) {
    if (now < began_ + link_patience) consider(began_ + link_patience);
    if (now < began_ + join_patience) consider(began_ + join_patience);
  }
  return earliest;
}

}  // namespace nemcon::core
