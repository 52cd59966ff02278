#include "tests/attack/peer_attacks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <variant>
#include <vector>

#include "tests/attack/rogue_peer.hpp"
#include "tests/attack/victim.hpp"
#include "tests/sim/liar.hpp"
#include "transport/hashing.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint64_t ahead_max = 16;
constexpr std::uint64_t far_ahead_max = 4096;
constexpr std::size_t recorded_max = 2000;
constexpr std::size_t own_count = 20;

// Which transactions of the honest client are under way: their numbers rise one by one.
class Guesses {
 public:
  explicit Guesses(const core::TransactionId& seen) : seen_(seen), front_(seen.sequence.value()) {}

  // A newer one, perhaps of another client: sessions end.
  void aim(const core::TransactionId& seen) {
    const bool goes_on = seen.client == seen_.client && seen.epoch == seen_.epoch;
    front_ = std::max(goes_on ? front_ : 0, seen.sequence.value());
    seen_ = seen;
  }

  [[nodiscard]] const core::NodeId& initiator() const { return seen_.initiator; }

  // Questions for the next ones.
  [[nodiscard]] std::vector<core::Message> questions() const {
    std::vector<core::Message> all;
    const auto ask = [&](std::uint64_t number) {
      core::TransactionId id = seen_;
      id.sequence = core::Sequence{number};
      all.emplace_back(core::Query{.id = id, .digest = {}, .wants_descriptor = true});
    };
    for (std::uint64_t ahead = 0; ahead < ahead_max; ++ahead)
      ask(front_ + ahead);
    // An answer takes longer than many transactions do.
    for (std::uint64_t ahead = ahead_max; ahead < far_ahead_max; ahead += ahead / 4)
      ask(front_ + ahead);
    return all;
  }

  void on_status(const core::TransactionStatus& status) {
    if (status.knowledge == core::Knowledge::none) return;
    front_ = std::max(front_, status.key.id.sequence.value());
    if (status.descriptor != nullptr) known_.insert(status.key.id);
  }

  [[nodiscard]] std::uint64_t known_count() const { return known_.size(); }

 private:
  core::TransactionId seen_;
  std::uint64_t front_;
  std::set<core::TransactionId> known_;
};

// The rogue peer with the simulator's liar in it.
class Lies {
 public:
  Lies(const Victim& victim, const Order& order)
      : order_(order), peer_(victim), nodes_{peer_.id()}, guesses_(seen_by(order)) {
    peer_.overhear = [this](const core::FrameReceived& frame) { overhear(frame); };
  }

  RoguePeer& peer() { return peer_; }

  // Once the others were heard.
  [[nodiscard]] bool is_ready() const { return liar_.has_value(); }

  sim::Liar& liar() { return *liar_; }

  void guess() {
    const Clock::time_point now = Clock::now();
    if (now < guess_at_) return;
    guess_at_ = now + 5ms;
    if (now >= aim_at_) {
      aim_at_ = now + 200ms;
      guesses_.aim(seen_by(order_));
    }
    const auto found = indices_.find(guesses_.initiator());
    if (found == indices_.end()) return;
    const core::PeerIndex to = found->second;
    (void)peer_.say(to, {.header = peer_.header_for(to), .messages = guesses_.questions()});
  }

  [[nodiscard]] std::uint64_t known_count() const { return guesses_.known_count(); }

 private:
  static core::TransactionId seen_by(const Order& order) {
    core::TransactionId id;
    if (!core::try_parse(order.seen_id(), id)) throw std::runtime_error("no id was seen");
    return id;
  }

  void overhear(const core::FrameReceived& frame) {
    indices_[frame.header.from] = frame.from;
    if (std::ranges::find(nodes_, frame.header.from) == nodes_.end()) {
      nodes_.push_back(frame.header.from);
      if (nodes_.size() == peer_.peer_count() + 1) {
        liar_.emplace(sim::Random{transport::random_u64()}, peer_.id(), rogue_name, nodes_);
      }
    }
    for (const core::Message& message : frame.messages) {
      if (liar_) liar_->overhear(message);
      const auto* const status = std::get_if<core::TransactionStatus>(&message);
      if (status != nullptr) guesses_.on_status(*status);
    }
  }

  const Order& order_;
  RoguePeer peer_;
  std::map<core::NodeId, core::PeerIndex> indices_;
  std::vector<core::NodeId> nodes_;
  Guesses guesses_;
  std::optional<sim::Liar> liar_;
  Clock::time_point guess_at_{};
  Clock::time_point aim_at_{};
};

// It knows the others, and something that it has no part in.
void begin(Lies& lies, const Order& order) {
  while ((!lies.is_ready() || lies.known_count() == 0) && !order.is_over()) {
    lies.peer().turn();
    if (lies.is_ready()) lies.guess();
  }
  order.set_ready();
}

bool is_foreign_word(const core::Message& message) {
  return std::holds_alternative<core::Decision>(message) ||
         std::holds_alternative<core::Propose>(message) ||
         std::holds_alternative<core::AskPromise>(message) ||
         std::holds_alternative<core::Forget>(message) ||
         std::holds_alternative<core::TransactionStatus>(message);
}

// Out of the blue to everybody, what `wanted` lets pass.
template <class Wanted>
std::uint64_t invent(Lies& lies, const Wanted& wanted) {
  std::uint64_t said = 0;
  for (std::uint32_t index = 0; index < lies.peer().peer_count(); ++index) {
    const core::PeerIndex to{index};
    sim::Frame frame = lies.liar().invent(lies.peer().header_for(to));
    std::erase_if(frame.messages, [&](const auto& message) { return !wanted(message); });
    if (lies.peer().say(to, frame)) said += frame.messages.size();
  }
  return said;
}

// Whether it has transactions of its own, so that there is something to vote and decide about.
enum class Own : std::uint8_t { none, submitted };

Tally lie(const Order& order, Own own) {
  const Victim victim(order.directory());
  Lies lies(victim, order);
  Tally tally{{"known", 0}, {"said", 0}};
  const auto lies_now = [&] { return order.is_on() && lies.is_ready(); };
  lies.peer().twist = [&](core::PeerIndex, sim::Frame frame) {
    return lies_now() ? lies.liar().twist(std::move(frame)) : frame;
  };
  begin(lies, order);
  Clock::time_point next{};
  std::uint64_t submitted = 0;
  while (!order.is_over()) {
    lies.peer().turn();
    if (!lies_now()) continue;
    lies.guess();
    if (Clock::now() < next) continue;
    next = Clock::now() + 20ms;
    if (own == Own::submitted) {
      lies.peer().submit({"inbox@shop", "inbox@warehouse"}, "rogue " + std::to_string(++submitted));
    }
    tally["said"] += invent(lies, [](const auto&) { return true; });
  }
  tally["known"] = lies.known_count();
  if (!lies.is_ready()) return tally;
  for (const auto& [what, count] : lies.liar().counts())
    tally[what.starts_with("lie: a forged") ? "forged" : what.substr(5)] += count;
  return tally;
}

}  // namespace

Tally decide_for_others(const Order& order) {
  const Victim victim(order.directory());
  Lies lies(victim, order);
  begin(lies, order);
  Tally tally{{"known", 0}, {"said", 0}};
  while (!order.is_over()) {
    lies.peer().turn();
    if (!order.is_on()) continue;
    lies.guess();
    if (lies.known_count() > 0) tally["said"] += invent(lies, is_foreign_word);
  }
  tally["known"] = lies.known_count();
  return tally;
}

Tally lie(const Order& order) {
  return lie(order, Own::submitted);
}

Tally lie_about_others(const Order& order) {
  return lie(order, Own::none);
}

Tally replay_after_restart(const Order& order) {
  const Victim victim(order.directory());
  RoguePeer peer(victim);
  const core::PeerIndex shop = peer.index_of("shop");
  std::vector<sim::Frame> recorded;
  peer.twist = [&](core::PeerIndex to, sim::Frame frame) {
    if (to == shop && recorded.size() < recorded_max) recorded.push_back(frame);
    return frame;
  };
  core::Boot first_boot;
  core::Boot boot;
  peer.overhear = [&](const core::FrameReceived& frame) {
    if (frame.from != shop) return;
    if (first_boot == core::Boot{}) first_boot = frame.header.boot;
    boot = frame.header.boot;
  };
  // One after the other; the first ones may come before the mesh is known.
  for (std::size_t i = 0; peer.committed_count() < own_count && !order.is_over(); ++i) {
    peer.submit({"inbox@shop", "inbox@warehouse"}, "recorded " + std::to_string(i));
    const std::uint64_t answered = peer.answered_count();
    while (peer.answered_count() == answered && !order.is_over())
      peer.turn();
  }
  order.set_ready();
  Tally tally{{"committed", 0}, {"replayed", 0}, {"restarts seen", 0}};
  std::size_t at = 0;
  while (!order.is_over()) {
    peer.turn();
    if (boot == first_boot) continue;
    tally["restarts seen"] = 1;
    if (!order.is_on() || recorded.empty()) continue;
    peer.twist = nullptr;
    sim::Frame frame = recorded[at++ % recorded.size()];
    // Every second time as if it were said now: old words by a header that is in order.
    if (at / recorded.size() % 2 == 0) frame.header = peer.header_for(shop);
    if (peer.say(shop, frame)) ++tally["replayed"];
  }
  tally["committed"] = peer.committed_count();
  return tally;
}

}  // namespace nemcon::attack
