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

void Acceptor::tell_to_hold(Inbound& inbound) {
  if (std::exchange(inbound.is_told_to_hold, true)) return;
  encode_control(control_, FrameKind::hold);
  static_cast<void>(send_control(inbound));
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

void Acceptor::begin_pacing(Inbound& inbound) {
  paced_.insert(inbound.link);
  ++parts_.counters.clients_paced;
  inbound.bytes_too_fast = 0;
  inbound.largest_too_fast = 0;
  tell_to_hold(inbound);
}

// What it has sent before it could know is no more than its window and one frame.
bool Acceptor::goes_on_too_fast(Inbound& inbound, std::size_t byte_count) {
  if (!paced_.contains(inbound.link)) return false;
  inbound.bytes_too_fast += std::min<std::uint64_t>(byte_count, inbound.largest_too_fast);
  inbound.largest_too_fast = std::max<std::uint64_t>(byte_count, inbound.largest_too_fast);
  return inbound.bytes_too_fast > link_window_bytes;
}

// Takes what waits of each as time pays for it.
void Acceptor::tend_paced(std::vector<NodeEvent>& events) {
  if (holds_clients_) return;
  const std::size_t before = events.size();
  for (const core::LinkId link : std::vector(paced_.begin(), paced_.end())) {
    auto found = clients_.find(link);
    while (found != clients_.end() && !found->second->held_by_pace.empty() &&
           !found->second->pace.is_too_fast(now_) && events.size() - before < paced_at_once) {
      const ReceivedFrame frame = std::move(found->second->held_by_pace.front());
      found->second->held_by_pace.pop_front();
      take_now(*found->second, frame, events);
      found = clients_.find(link);
    }
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
