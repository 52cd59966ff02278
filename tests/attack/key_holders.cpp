#include "tests/attack/key_holders.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <nemcon/nemcon.hpp>

#include "tests/attack/victim.hpp"
#include "tests/transport/samples.hpp"
#include "tests/transport/stranger.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using transport::Greeting;
using transport::KeyPair;
using transport::Role;
using transport::SocketEnd;
using transport::Stranger;

namespace {

constexpr std::uint64_t frame_bytes_max = 1U << 20U;

Greeting client_greeting(const std::string& name) {
  return {.role = Role::client, .frame_bytes_max = frame_bytes_max, .name = name};
}

Greeting peer_greeting(const std::string& name) {
  return {.role = Role::peer, .frame_bytes_max = frame_bytes_max, .name = name};
}

// Of one connection: it knocks, greets, and waits for what becomes of it.
class Knock {
 public:
  // Without keys in plain text.
  Knock(const Victim& victim, std::shared_ptr<const KeyPair> keys, const Greeting& greeting)
      : keys_(std::move(keys)) {
    if (keys_ == nullptr) {
      stranger_ = std::make_unique<Stranger>(victim.endpoint_from_elsewhere);
    } else {
      stranger_ =
          std::make_unique<Stranger>(victim.endpoint_from_elsewhere, *keys_, victim.public_key);
    }
    // One that is refused at once takes none.
    transport::FrameBuffer out;
    encode(out, greeting);
    (void)stranger_->try_send(out.view());
  }

  // Counts once what has become of it; false before that.
  bool is_answered(Tally& tally) {
    stranger_->turn();
    if (stranger_->welcome_count > 0) return count(tally, "let in");
    if (!stranger_->refusals.empty()) return count(tally, "refused");
    if (!stranger_->end && Clock::now() < begun_at_ + 3s) return false;
    const bool is_refused = stranger_->end && stranger_->end->kind == SocketEnd::Kind::key_refused;
    return count(tally, is_refused ? "refused" : "failed");
  }

  [[nodiscard]] bool is_in() const { return stranger_->welcome_count > 0; }

  Stranger& stranger() { return *stranger_; }

 private:
  static bool count(Tally& tally, const char* what) {
    ++tally[what];
    return true;
  }

  std::shared_ptr<const KeyPair> keys_;
  std::unique_ptr<Stranger> stranger_;
  Clock::time_point begun_at_ = Clock::now();
};

std::shared_ptr<const KeyPair> shared(KeyPair keys) {
  return std::make_shared<const KeyPair>(std::move(keys));
}

// Some at a time, `pause` after each look at them.
template <class Next>
Tally knock(const Order& order, std::size_t at_once, std::chrono::milliseconds pause,
            const Next& next) {
  Tally tally{{"let in", 0}, {"refused", 0}, {"failed", 0}};
  std::vector<std::unique_ptr<Knock>> knocks;
  const auto act = [&] {
    while (knocks.size() < at_once)
      knocks.push_back(next());
    std::erase_if(knocks, [&tally](const auto& one) { return one->is_answered(tally); });
    std::this_thread::sleep_for(pause);
  };
  obey(order, act, [&] { knocks.clear(); });
  return tally;
}

}  // namespace

Tally come_with_unknown_keys(const Order& order) {
  const Victim victim(order.directory());
  return knock(order, 4, 20ms, [&] {
    return std::make_unique<Knock>(victim, shared(transport::make_key_pair()),
                                   client_greeting("operator"));
  });
}

Tally come_with_a_revoked_key(const Order& order) {
  const Victim victim(order.directory());
  const auto keys = shared(victim.keys_of(guest_name));
  return knock(order, 4, 20ms,
               [&] { return std::make_unique<Knock>(victim, keys, client_greeting(guest_name)); });
}

Tally come_in_plain_text(const Order& order) {
  const Victim victim(order.directory());
  return knock(order, 4, 20ms, [&] {
    return std::make_unique<Knock>(victim, nullptr, client_greeting("operator"));
  });
}

Tally flood_with_handshakes(const Order& order) {
  const Victim victim(order.directory());
  const auto keys = shared(transport::make_key_pair());
  return knock(order, handshakes_at_once, flood_pause,
               [&] { return std::make_unique<Knock>(victim, keys, client_greeting("")); });
}

Tally greet_as_another(const Order& order) {
  const Victim victim(order.directory());
  const auto rogue = shared(victim.keys_of(rogue_name));
  const auto guest = shared(victim.keys_of(guest_name));
  std::size_t turn = 0;
  return knock(order, 3, 20ms, [&] {
    switch (++turn % 3) {
      case 0:
        return std::make_unique<Knock>(victim, rogue, peer_greeting("warehouse"));
      case 1:
        return std::make_unique<Knock>(victim, guest, peer_greeting("warehouse"));
      default:
        return std::make_unique<Knock>(victim, guest, client_greeting("operator"));
    }
  });
}

namespace {

using Random = std::mt19937_64;

// A bit flipped, an end cut off, a part doubled; or nothing of that.
std::string damaged(std::string frame, Random& random) {
  const std::size_t at = random() % frame.size();
  switch (random() % 4) {
    case 0:
      frame[at] = static_cast<char>(frame[at] ^ static_cast<char>(1U << random() % 8));
      break;
    case 1:
      frame.resize(at + 1);
      break;
    case 2:
      frame += frame.substr(at);
      break;
    default:
      break;
  }
  return frame;
}

// In, some frames, and out: muted or not.
class Babbler {
 public:
  Babbler(const Victim& victim, std::shared_ptr<const KeyPair> keys, Greeting greeting)
      : victim_(victim), keys_(std::move(keys)), greeting_(std::move(greeting)) {}

  template <class Frame>
  void turn(Tally& tally, const Frame& frame) {
    if (knock_ == nullptr) knock_ = std::make_unique<Knock>(victim_, keys_, greeting_);
    if (!knock_->is_in()) {
      if (knock_->is_answered(counts_) && !knock_->is_in()) knock_.reset();
      return;
    }
    knock_->stranger().turn();
    const bool is_over = knock_->stranger().end || !knock_->stranger().refusals.empty();
    if (is_over || !knock_->stranger().try_send(frame())) {
      tally["muted"] += is_over ? 1U : 0U;
      knock_.reset();
      return;
    }
    ++tally["frames"];
  }

  void leave() { knock_.reset(); }

 private:
  const Victim& victim_;
  std::shared_ptr<const KeyPair> keys_;
  Greeting greeting_;
  std::unique_ptr<Knock> knock_;
  Tally counts_;
};

}  // namespace

std::string babbler_name(int number) {
  return "babbler-" + std::to_string(number);
}

Tally send_malformed_frames(const Order& order) {
  const Victim victim(order.directory());
  Babbler peer(victim, shared(victim.keys_of(rogue_name)), peer_greeting(rogue_name));
  // Many clients, since each that was muted is refused for a while.
  std::vector<std::unique_ptr<Babbler>> clients;
  for (int i = 0; i < babbler_count; ++i) {
    const std::string name = babbler_name(i);
    clients.push_back(
        std::make_unique<Babbler>(victim, shared(victim.keys_of(name)), client_greeting(name)));
  }
  Random random(2026);
  Tally tally{{"frames", 0}, {"muted", 0}};
  const auto act = [&] {
    peer.turn(tally,
              [&] { return damaged(samples::frame_of(samples::random_message(random)), random); });
    for (const auto& client : clients) {
      client->turn(tally, [&] {
        return damaged(samples::frame_of(samples::random_request(random)), random);
      });
    }
    std::this_thread::sleep_for(10ms);
  };
  obey(order, act, [&] {
    peer.leave();
    for (const auto& client : clients)
      client->leave();
  });
  return tally;
}

Tally use_foreign_queues(const Order& order) {
  const Victim victim(order.directory());
  Client client({.nodes = {victim.endpoint},
                 .name = guest_name,
                 .key_file = order.directory() + "/" + guest_name + ".key",
                 .node_keys = {to_text(victim.public_key)},
                 .deadline = 2s});
  Tally tally{{"allowed", 0}, {"denied", 0}};
  const auto is_denied = [](const Outcome& outcome) {
    return !outcome.committed() && outcome.reason == Reason::forbidden;
  };
  const auto send = [&](const std::string& queue) {
    try {
      const Outcome outcome = client.begin().send(queue, "stolen").commit();
      ++tally[is_denied(outcome) ? "denied" : outcome.committed() ? "allowed" : "failed"];
    } catch (const Error& error) {
      ++tally[error.reason() == Reason::forbidden ? "denied" : "failed"];
    }
  };
  const auto act = [&] {
    send("inbox@shop");
    send("inbox@warehouse");
    try {
      const bool got = client.consume("inbox").receive(50ms).has_value();
      ++tally[got ? "allowed" : "nothing came"];
    } catch (const Error& error) {
      ++tally[error.reason() == Reason::forbidden ? "denied" : "failed"];
    }
    std::this_thread::sleep_for(2ms);
  };
  obey(order, act, [] {});
  return tally;
}

}  // namespace nemcon::attack
