// Connection: the connecting end of one connection, from greeting to end. Used by a node for
// each of its peers and by a client for its node.
//
//   (the host's name is looked up)
//       │
//   greeting ──welcome──► up ──────────────────► over
//       └── refusal, no answer, no connection, no such host ──►  ▲ refusal, silence, connection
//       lost
//
// Answers and sends pings by itself; what else arrives is the owner's. Never goes back: who wants
// to try again makes a new one. One owner thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/codec.hpp"
#include "transport/flow.hpp"
#include "transport/keys.hpp"
#include "transport/links.hpp"
#include "transport/poller.hpp"
#include "transport/resolution.hpp"
#include "transport/socket.hpp"

namespace nemcon::transport {

class Connection {
 public:
  struct Settings {
    std::string endpoint;
    Greeting greeting;  // frame_bytes_max is also enforced here.
    LinkTiming timing;
    std::shared_ptr<const KeyPair> own_keys;  // Null: plain text.
    std::optional<PublicKey> server_key;      // With own keys: of whom it connects to.
  };

  enum class State : std::uint8_t { greeting, up, over };

  struct Arrived {
    FrameKind kind = FrameKind::replies;
    ReceivedFrame frame;
  };

  struct End {
    std::optional<RefusalReason> refused;
    bool is_host_unknown = false;
    bool is_key_refused = false;       // By the other side.
    bool is_handshake_failed = false;  // See SocketEnd.
    std::string why;
  };

  // Begins to connect. `context`, `poller` and `counters` must outlive it. local_closed: the
  // endpoint cannot be used.
  [[nodiscard]] static core::Result<std::unique_ptr<Connection>> begin(Context& context,
                                                                       Poller& poller,
                                                                       LinkCounters& counters,
                                                                       Settings settings,
                                                                       core::Instant now);

  [[nodiscard]] State state() const { return state_; }

  // True while receive() may find something.
  [[nodiscard]] bool is_ready() const;

  // Handles what has arrived up to the next frame that is the owner's; nothing when there is none.
  [[nodiscard]] std::optional<Arrived> try_receive(core::Instant now);

  // Once a turn, after receiving: pings that are due, patience that is over.
  void tend(core::Instant now);

  // When tend() wants to be called.
  [[nodiscard]] core::Instant deadline() const;

  [[nodiscard]] SendResult send(std::string_view frame);

  // The owner found fault with what arrived.
  void end(std::string why);

  // The owner does not want to be connected to whom it found there.
  void refuse(RefusalReason reason, std::string why);

  // Says bye, and lets it leave.
  void leave();

  // Whom we are connected to, and the largest frame that it takes. Up only.
  [[nodiscard]] const Welcome& welcome() const { return welcome_; }

  [[nodiscard]] const End& how_it_ended() const { return end_; }

 private:
  Connection(Context& context, Poller& poller, LinkCounters& counters, Settings settings,
             core::Instant now);

  [[nodiscard]] core::Status open(const std::string& endpoint);
  void open_when_resolved();
  void on_end(const SocketEnd& end);
  void on_welcome(std::string_view frame);
  void on_refusal(std::string_view frame);
  void on_ping(std::string_view frame);
  void on_pong(std::string_view frame);
  void ping(core::Instant now);

  Context* context_;
  Poller* poller_;
  std::optional<Resolution> resolution_;  // Invariant: as long as there is no socket.
  std::unique_ptr<DealerSocket> socket_;
  LinkCounters* counters_;
  Settings settings_;
  FrameBuffer control_;
  FlowWindow flow_;
  Welcome welcome_;
  State state_ = State::greeting;
  core::Instant begun_;
  core::Instant heard_;
  core::Instant pinged_;
  End end_;
};

}  // namespace nemcon::transport
