#include "tests/sim/links.hpp"

#include <algorithm>
#include <vector>

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;

constexpr Time reset_noticed_max = milliseconds{20};
constexpr Time silence_noticed_max = milliseconds{30'000};
constexpr Time heartbeat_noticed_max = milliseconds{10'000};

}  // namespace

Links::Links(Schedule& schedule, Random random, Listener listener)
    : schedule_(schedule), random_(random), listener_(std::move(listener)) {}

Time Links::arrival(Time& next) {
  const auto most = static_cast<std::uint64_t>(delay_max.count());
  const Time delay{static_cast<std::int64_t>(random_.between(most / 10, most))};
  next = std::max(next + Time{1}, schedule_.now() + delay);
  return next;
}

core::LinkId Links::connect(ClientEnd& end, std::size_t node, const std::string& account) {
  const core::LinkId id{next_link_++};
  Link link;
  link.end = &end;
  link.node = node;
  link.account = account;
  links_[id] = link;
  ++counts_.opened_count;
  if (!listener_.is_alive(node)) break_link(id);
  return id;
}

void Links::request(core::LinkId id, const core::Request& request) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  if (link.silent) return;
  const std::size_t node = link.node;
  core::Result<core::Request> carried = wire_.carry(request);
  if (!carried) {
    listener_.trouble(node, "is sent a request that " + carried.error().detail);
    return;
  }
  // What the node's sockets know of a client, they say before its first word.
  const bool opens = std::holds_alternative<core::Open>(request);
  const std::string account = opens ? link.account : std::string{};
  schedule_.at(
      arrival(link.next_request), Nature::work,
      [this, id, node, account, life = listener_.life(node), request = std::move(carried).value()] {
        if (life != listener_.life(node) || !passes(id)) return;
        if (!account.empty()) {
          listener_.request(node, core::ClientKnown{.link = id, .name = account});
          if (life != listener_.life(node)) return;
        }
        listener_.request(node, core::ClientRequested{id, request});
      });
}

// What a client sent before its link closed still arrives, up to some point.
bool Links::passes(core::LinkId id) const {
  if (links_.contains(id)) return true;
  const auto cutoff = cutoffs_.find(id);
  return cutoff != cutoffs_.end() && schedule_.now() <= cutoff->second;
}

void Links::reply(std::size_t node, core::LinkId id, const core::Reply& reply) {
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.node != node) return;
  Link& link = found->second;
  if (link.silent) return;
  core::Result<core::Reply> carried = wire_.carry(reply);
  if (!carried) {
    listener_.trouble(node, "sends a reply that " + carried.error().detail);
    return;
  }
  const Time when = arrival(link.next_reply);
  schedule_.at(when, Nature::work, [this, id, reply = std::move(carried).value()] {
    const auto open = links_.find(id);
    if (open == links_.end() || open->second.silent) return;
    open->second.end->on_reply(id, reply);
  });
}

void Links::tell_client(core::LinkId id, const Link& link) {
  const auto most = static_cast<std::uint64_t>(reset_noticed_max.count());
  const Time delay{static_cast<std::int64_t>(random_.below(most))};
  schedule_.after(delay, [end = link.end, id] { end->on_closed(id); });
}

void Links::tell_node(core::LinkId id, const Link& link, Time delay_most) {
  const Time latest = std::max(link.next_request, schedule_.now()) - schedule_.now();
  const auto some = random_.between(0, static_cast<std::uint64_t>(latest.count()));
  cutoffs_[id] = schedule_.now() + Time{static_cast<std::int64_t>(some)};
  const auto most = static_cast<std::uint64_t>(delay_most.count());
  const Time when = cutoffs_[id] + Time{1 + static_cast<std::int64_t>(random_.below(most))};
  const Nature nature = delay_most > reset_noticed_max ? Nature::timer : Nature::work;
  const std::size_t node = link.node;
  schedule_.at(when, nature, [this, id, node, life = listener_.life(node)] {
    cutoffs_.erase(id);
    if (life == listener_.life(node)) listener_.request(node, core::ClientGone{id});
  });
}

void Links::close(core::LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  if (!found->second.silent) tell_node(id, found->second, reset_noticed_max);
  links_.erase(found);
}

void Links::break_link(core::LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  ++counts_.broken_count;
  tell_client(id, found->second);
  if (!found->second.silent) tell_node(id, found->second, reset_noticed_max);
  links_.erase(found);
}

void Links::break_all(std::size_t node) {
  std::vector<core::LinkId> affected;
  for (const auto& [id, link] : links_) {
    if (link.node == node) affected.push_back(id);
  }
  for (const core::LinkId id : affected)
    break_link(id);
}

void Links::silence(core::LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.silent) return;
  ++counts_.silent_count;
  found->second.silent = true;
  tell_node(id, found->second, silence_noticed_max);
  // The client's heartbeats get no answer either.
  const auto most = static_cast<std::uint64_t>(heartbeat_noticed_max.count());
  const Time delay{static_cast<std::int64_t>(random_.below(most))};
  schedule_.at(schedule_.now() + delay, Nature::timer, [this, id] {
    const auto link = links_.find(id);
    if (link == links_.end()) return;
    ClientEnd* const end = link->second.end;
    links_.erase(link);
    end->on_closed(id);
  });
}

void Links::node_stopped(std::size_t node) {
  std::vector<core::LinkId> affected;
  for (const auto& [id, link] : links_) {
    if (link.node == node) affected.push_back(id);
  }
  for (const core::LinkId id : affected) {
    tell_client(id, links_[id]);
    links_.erase(id);
  }
}

}  // namespace nemcon::sim
