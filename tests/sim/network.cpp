#include "tests/sim/network.hpp"

#include <algorithm>

#include "transport/codec.hpp"

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;

// A closed socket is noticed at once, a silent one by missing heartbeats.
constexpr Time reset_noticed_max = milliseconds{5};
constexpr Time silence_noticed_min = milliseconds{200};
constexpr Time silence_noticed_max = milliseconds{900};
constexpr Time connect_min = milliseconds{1};
constexpr Time connect_max = milliseconds{120};

}  // namespace

Network::Network(Schedule& schedule, Random random, std::size_t node_count, Listener listener)
    : schedule_(schedule),
      random_(random),
      node_count_(node_count),
      listener_(std::move(listener)),
      links_(node_count * node_count),
      generations_(node_count * node_count),
      alive_(node_count),
      lives_(node_count),
      versions_(node_count, transport::protocol_version) {}

Time Network::between(Time low, Time high) {
  const auto from = static_cast<std::uint64_t>(low.count());
  const auto to = static_cast<std::uint64_t>(std::max(low, high).count());
  return Time{static_cast<std::int64_t>(random_.between(from, to))};
}

bool Network::is_connected(std::size_t a, std::size_t b) const {
  const bool understand = versions_[a] == versions_[b];
  return alive_[a] && alive_[b] && understand && !is_cut(a, b) && !is_cut(b, a);
}

void Network::send(std::size_t from, std::size_t to, Frame frame) {
  const auto is_dropped = [&](const core::Message& message) {
    return listener_.filter && listener_.filter(from, to, message) == Fate::drop;
  };
  frame.messages.erase(std::remove_if(frame.messages.begin(), frame.messages.end(), is_dropped),
                       frame.messages.end());
  if (frame.messages.empty()) return;
  ++counts_.frame_count;
  counts_.message_count += frame.messages.size();
  if (is_cut(from, to)) {
    ++counts_.cut_count;
    return;
  }
  if (random_.chance(rates.very_late)) {
    ++counts_.very_late_count;
    plan_arrival(from, to, frame, between(Time{0}, rates.very_late_max));
  }
  if (random_.chance(rates.lost)) {
    ++counts_.lost_count;
    return;
  }
  if (random_.chance(rates.doubled)) {
    ++counts_.doubled_count;
    plan_arrival(from, to, frame, between(rates.delay_min, rates.delayed_max));
  }
  Time delay = between(rates.delay_min, rates.delay_max);
  if (random_.chance(rates.delayed)) {
    ++counts_.delayed_count;
    delay += between(Time{0}, rates.delayed_max);
  }
  plan_arrival(from, to, frame, delay);
}

void Network::plan_arrival(std::size_t from, std::size_t to, const Frame& frame, Time delay) {
  // Nobody waits for a copy that comes minutes later: it is no work of the world.
  const Nature nature = delay > milliseconds{1000} ? Nature::timer : Nature::work;
  schedule_.at(schedule_.now() + delay, nature, [this, from, to, frame, spoken = versions_[from]] {
    if (!alive_[to]) return;
    if (spoken != versions_[to]) {
      ++counts_.other_version_count;
      return;
    }
    if (is_cut(from, to)) {
      ++counts_.cut_count;
      return;
    }
    listener_.arrived(to, from, frame);
  });
}

void Network::cut(std::size_t from, std::size_t to, bool is_cut_now) {
  Link& link = links_[index(from, to)];
  if (link.cut == is_cut_now) return;
  link.cut = is_cut_now;
  if (is_cut_now && !is_cut(to, from)) ++counts_.one_way_count;
  if (is_cut_now) {
    plan_view_check(from, to, between(silence_noticed_min, silence_noticed_max));
    plan_view_check(to, from, between(silence_noticed_min, silence_noticed_max));
  } else if (is_connected(from, to)) {
    plan_view_check(from, to, between(connect_min, connect_max));
    plan_view_check(to, from, between(connect_min, connect_max));
  }
}

void Network::mend_all() {
  for (std::size_t from = 0; from < node_count_; ++from) {
    for (std::size_t to = 0; to < node_count_; ++to) {
      if (from != to) cut(from, to, false);
    }
  }
}

void Network::node_started(std::size_t node) {
  alive_[node] = true;
  ++lives_[node];
  for (std::size_t peer = 0; peer < node_count_; ++peer) {
    if (peer == node) continue;
    links_[index(node, peer)].view = false;
    if (!is_connected(node, peer)) continue;
    plan_view_check(node, peer, between(connect_min, connect_max));
    plan_view_check(peer, node, between(connect_min, connect_max));
  }
}

void Network::node_stopped(std::size_t node) {
  alive_[node] = false;
  for (std::size_t peer = 0; peer < node_count_; ++peer) {
    if (peer == node) continue;
    connection_broke(node, peer);
    links_[index(node, peer)].view = false;
    const bool reset_arrives = !is_cut(node, peer);
    plan_view_check(peer, node,
                    reset_arrives ? between(Time{0}, reset_noticed_max)
                                  : between(silence_noticed_min, silence_noticed_max));
  }
}

// Whoever still takes the connection for alive will first see it go down.
void Network::connection_broke(std::size_t a, std::size_t b) {
  ++generations_[index(std::min(a, b), std::max(a, b))];
}

void Network::plan_view_check(std::size_t at, std::size_t peer, Time delay) {
  schedule_.after(delay, [this, at, peer, life = lives_[at]] {
    if (alive_[at] && life == lives_[at]) check_view(at, peer);
  });
}

void Network::check_view(std::size_t at, std::size_t peer) {
  Link& link = links_[index(at, peer)];
  const std::uint64_t generation = generations_[index(std::min(at, peer), std::max(at, peer))];
  const bool connected = is_connected(at, peer);
  const bool stale = link.view_generation != generation;
  if (link.view && (!connected || stale)) {
    link.view = false;
    if (connected) plan_view_check(at, peer, between(connect_min, connect_max));
    listener_.view_changed(at, peer, false);
  } else if (!link.view && connected) {
    link.view = true;
    link.view_generation = generation;
    listener_.view_changed(at, peer, true);
  }
}

}  // namespace nemcon::sim
