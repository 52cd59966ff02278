// What an Acceptor does about clients that ask more than a node can do.
#include <algorithm>
#include <utility>

#include "transport/acceptor.hpp"

namespace nemcon::transport {

namespace {

// While somebody is paced.
constexpr core::Duration paced_interval = std::chrono::milliseconds{2};
constexpr std::size_t paced_at_once = 256;

}  // namespace

void Acceptor::hold(Inbound& inbound, const ReceivedFrame& frame) {
  if (held_bytes_ + frame.view.size() > parts_.options.held_bytes_max) {
    ++parts_.counters.frames_dropped;
    return;
  }
  held_bytes_ += frame.view.size();
  held_.push_back({.link = inbound.link, .frame = frame});
  tell_to_hold(inbound);
}

// One that cannot be told now is told with its next frame, or when its turn comes.
void Acceptor::tell_to_hold(Inbound& inbound) {
  if (inbound.is_told_to_hold) return;
  encode_control(control_, FrameKind::hold);
  inbound.is_told_to_hold = send_control(inbound) == Handed::taken;
  inbound.bytes_since_hold = 0;
  inbound.largest_since_hold = 0;
}

// What it has sent before it could know is no more than its window and one frame, and some control
// frames.
bool Acceptor::ignores_hold(Inbound& inbound, std::size_t byte_count) {
  if (!inbound.is_told_to_hold) return false;
  inbound.bytes_since_hold += std::min<std::uint64_t>(byte_count, inbound.largest_since_hold);
  inbound.largest_since_hold = std::max<std::uint64_t>(byte_count, inbound.largest_since_hold);
  return inbound.bytes_since_hold > link_window_bytes + link_window_bytes / 16;
}

void Acceptor::cut(Inbound& inbound, const std::string& why) {
  socket_.intake().cut(inbound.connection);
  blame(inbound, {core::Errc::remote_malformed, why});
}

// One that cannot be told now is told by the next sweep.
void Acceptor::let_go_on(Inbound& inbound) {
  if (!inbound.is_told_to_hold || holds_clients_ || paced_.contains(inbound.link)) return;
  encode_control(control_, FrameKind::go_on);
  if (send_control(inbound) == Handed::taken) inbound.is_told_to_hold = false;
}

void Acceptor::resume_clients() {
  holds_clients_ = false;
  for (const auto& [link, inbound] : clients_)
    let_go_on(*inbound);
}

// ---- one that asks too fast -------------------------------------------------------------------

void Acceptor::charge(Inbound& inbound, std::uint64_t request_count) {
  inbound.pace.on_requests(request_count, now_);
  if (!inbound.pace.is_too_fast(now_) || !paced_.insert(inbound.link).second) return;
  ++parts_.counters.clients_paced;
  tell_to_hold(inbound);
}

void Acceptor::hold_by_pace(Inbound& inbound, const ReceivedFrame& frame) {
  inbound.held_by_pace.push_back(frame);
  inbound.held_by_pace_bytes += frame.view.size();
  paced_bytes_ += frame.view.size();
  if (paced_bytes_ <= parts_.options.held_bytes_max) return;
  const auto bytes_of = [this](core::LinkId link) {
    const auto found = clients_.find(link);
    return found == clients_.end() ? 0 : found->second->held_by_pace_bytes;
  };
  const core::LinkId most = *std::ranges::max_element(paced_, {}, bytes_of);
  cut(*clients_.at(most), "it asks faster than it may, as others do, and has most waiting");
}

void Acceptor::drop_held_by_pace(Inbound& inbound) {
  paced_bytes_ -= std::exchange(inbound.held_by_pace_bytes, 0);
  inbound.held_by_pace.clear();
}

// Takes what waits of each, in turns, as time pays for it.
void Acceptor::tend_paced(std::vector<NodeEvent>& events) {
  if (holds_clients_ || paced_.empty()) return;
  const std::size_t before = events.size();
  std::vector<core::LinkId> turns(paced_.upper_bound(paced_last_), paced_.end());
  turns.insert(turns.end(), paced_.begin(), paced_.upper_bound(paced_last_));
  for (const core::LinkId link : turns) {
    auto found = clients_.find(link);
    while (found != clients_.end() && !found->second->held_by_pace.empty() &&
           !found->second->pace.is_too_fast(now_) && events.size() - before < paced_at_once) {
      Inbound& inbound = *found->second;
      const ReceivedFrame frame = std::move(inbound.held_by_pace.front());
      inbound.held_by_pace.pop_front();
      inbound.held_by_pace_bytes -= frame.view.size();
      paced_bytes_ -= frame.view.size();
      paced_last_ = link;
      take_now(inbound, frame, events);
      found = clients_.find(link);
    }
    if (found != clients_.end()) tell_to_hold(*found->second);
    const bool is_gone = found == clients_.end();
    if (!is_gone && !(found->second->held_by_pace.empty() && found->second->pace.may_go_on(now_)))
      continue;
    paced_.erase(link);
    if (!is_gone) let_go_on(*found->second);
  }
}

core::Instant Acceptor::deadline() const {
  const core::Instant next = std::min(next_sweep_, socket_.deadline().value_or(next_sweep_));
  return paced_.empty() ? next : std::min(next, now_ + paced_interval);
}

}  // namespace nemcon::transport
