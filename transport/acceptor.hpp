// Acceptor: a node's end of all connections that others made to it.
//
// Each connection is bound, by its greeting, to a peer, a client, or to nobody:
//
//   (nothing) ──greeting──► bound to a peer or a client ──► (nothing): silent, gone, bye
//       │                          │
//       └── garbage, fault, turned away, replaced ──► muted ──► (nothing): ended, gone
//
// libzmq cannot close one connection of many. What would be closed is muted: nothing of it is read
// any more, and it was told so once. When that had time to leave it is ended below libzmq, as one
// is that is silent or says bye: each connection that has sent something is in the table, or ends.
// So no key holds more of them than its share. One owner thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/authenticator.hpp"
#include "transport/codec.hpp"
#include "transport/flow.hpp"
#include "transport/links.hpp"
#include "transport/node_security.hpp"
#include "transport/penalties.hpp"
#include "transport/poller.hpp"
#include "transport/socket.hpp"

namespace nemcon::transport {

class Acceptor {
 public:
  // All must outlive it.
  struct Parts {
    Context& context;
    Poller& poller;
    Authenticator& authenticator;
    const NodeSocketsOptions& options;
    const DecodeLimits& limits;
    LinkCounters& counters;
    NodeSecurity* security;  // Null without keys.
  };

  explicit Acceptor(Parts parts);

  [[nodiscard]] core::Result<std::string> bind(const std::string& endpoint);

  // After the keys of the security were replaced: whoever's is not valid any more is muted.
  void on_keys_replaced(core::Instant now);

  // With the own key of the security: ends all connections, and takes new ones.
  [[nodiscard]] core::Status change_own_keys();

  // Takes no connections any more, and ends those that there are.
  void close();

  // True while receive() may find something.
  [[nodiscard]] bool is_ready() const;

  // Takes a bounded number of frames.
  void receive(core::Instant now, std::vector<NodeEvent>& events);

  // Once a turn, after receiving: looks for silent connections when it is time to, and appends
  // what else has happened to clients.
  void tend(core::Instant now, std::vector<NodeEvent>& events);

  [[nodiscard]] core::Instant deadline() const;

  [[nodiscard]] SendResult send_to_client(core::LinkId to, std::span<const core::Reply> replies);

  void hold_clients() { holds_clients_ = true; }

  void resume_clients();
  void mute_peer(core::Instant now, core::PeerIndex peer, const std::string& why);

  [[nodiscard]] std::string client_name(core::LinkId link) const;

  [[nodiscard]] std::size_t client_count() const { return clients_.size(); }

  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

 private:
  // One connection. At a fixed address as long as it is known.
  struct Inbound {
    std::string routing_id;
    Role role = Role::client;
    bool is_muted = false;
    std::string name;
    std::string address;
    std::string user_id;                // That ZeroMQ vouched for at the greeting: a key, or empty.
    core::PeerIndex peer;               // role == peer.
    core::LinkId link;                  // role == client.
    std::uint64_t frame_bytes_max = 0;  // That it takes.
    core::Instant heard;
    core::Instant end_at;  // Muted: when it is ended.
    FlowWindow flow;
    bool is_told_to_hold = false;
    ConnectionRef connection;
    Pace pace;
    std::uint64_t bytes_since_hold = 0;  // That it was told, without the largest frame.
    std::uint64_t largest_since_hold = 0;
    std::deque<ReceivedFrame> held_by_pace;
    std::uint64_t held_by_pace_bytes = 0;
  };

  struct Held {
    core::LinkId link;
    ReceivedFrame frame;
  };

  // What has been reported, and shall not be again.
  struct Reported {
    Role role = Role::client;
    std::string name;
    std::string address;
    RefusalReason reason = RefusalReason::malformed;

    friend auto operator<=>(const Reported&, const Reported&) = default;
  };

  struct Hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  using Connections =
      std::unordered_map<std::string, std::unique_ptr<Inbound>, Hash, std::equal_to<>>;

  void on_frame(const RoutedFrame& routed, std::vector<NodeEvent>& events);
  void on_stranger(const RoutedFrame& routed, const core::Result<FrameInfo>& info);
  void on_greeting(const RoutedFrame& routed, Inbound stranger);
  void on_bound(Inbound& inbound, FrameKind kind, const ReceivedFrame& frame,
                std::vector<NodeEvent>& events);
  void on_messages(Inbound& inbound, const ReceivedFrame& frame, std::vector<NodeEvent>& events);
  void on_requests(Inbound& inbound, const ReceivedFrame& frame, std::vector<NodeEvent>& events);
  void on_ping(Inbound& inbound, std::string_view frame);
  void on_pong(Inbound& inbound, std::string_view frame);
  [[nodiscard]] bool is_own_name(const Inbound& inbound, const core::Request& request) const;
  void take_requests(Inbound& inbound, const ReceivedFrame& frame, std::vector<NodeEvent>& events);
  void take_now(Inbound& inbound, const ReceivedFrame& frame, std::vector<NodeEvent>& events);
  void hold(Inbound& inbound, const ReceivedFrame& frame);
  void release_held(std::vector<NodeEvent>& events);
  void tell_to_hold(Inbound& inbound);
  void let_go_on(Inbound& inbound);
  [[nodiscard]] bool ignores_hold(Inbound& inbound, std::size_t byte_count);
  void charge(Inbound& inbound, std::uint64_t request_count);
  void hold_by_pace(Inbound& inbound, const ReceivedFrame& frame);
  void drop_held_by_pace(Inbound& inbound);
  void cut(Inbound& inbound, const std::string& why);
  void tend_paced(std::vector<NodeEvent>& events);

  [[nodiscard]] const PeerEndpoint* find_peer(const std::string& name) const;
  [[nodiscard]] bool has_its_share(const std::string& client_name) const;
  [[nodiscard]] bool has_too_many(const std::string& user_id) const;
  void welcome(const RoutedFrame& routed, Inbound inbound);
  void refuse(std::string_view routing_id, RefusalReason reason, const std::string& text);
  void report(const Inbound& inbound, RefusalReason reason, const std::string& text);
  void tell(LinkTrouble trouble, bool is_new, std::uint64_t count);
  Inbound& add(const RoutedFrame& routed, Inbound inbound);
  void end(Inbound& inbound);
  void turn_away(const RoutedFrame& routed, Inbound inbound, RefusalReason reason,
                 const std::string& text);
  void let_go(Inbound& inbound, core::Duration patience);
  void mute_stranger(const RoutedFrame& routed, Inbound inbound, RefusalReason reason,
                     const std::string& text);
  void mute(Inbound& inbound, RefusalReason reason, const std::string& text);
  void blame(Inbound& inbound, const core::Error& error);
  void blame_forger(Inbound& inbound, const std::string& what);
  void unbind(Inbound& inbound);
  void forget(Inbound& inbound);

  [[nodiscard]] Handed send_control(Inbound& inbound);
  void ping(Inbound& inbound);
  [[nodiscard]] bool has_enough_unread(const Inbound& inbound) const;
  [[nodiscard]] SendResult send_frames(Inbound& inbound, std::span<const core::Reply>& replies);
  void count_strangers();
  void count_refused_keys();
  void count_floods();
  void watch_admission();
  // False: it is gone.
  [[nodiscard]] bool tend_one(Inbound& inbound);

  Parts parts_;
  RouterSocket socket_;
  FrameBuffer control_;
  FrameBuffer out_;
  core::Instant now_{};
  core::Instant next_sweep_{};

  Connections connections_;
  std::map<core::PeerIndex, Inbound*> peers_;  // Invariant: not muted, at most one for each.
  std::map<core::LinkId, Inbound*> clients_;   // Invariant: not muted.
  std::unordered_map<std::string, std::uint32_t> clients_by_name_;
  // All of `connections_` of each key that ZeroMQ vouched for.
  std::unordered_map<std::string, std::uint32_t> connections_by_key_;
  std::size_t muted_count_ = 0;
  std::uint64_t link_count_ = 0;
  Penalties penalties_{parts_.options.timing.penalty, parts_.options.timing.penalty_max};
  std::set<Reported> reported_;
  bool has_met_strangers_ = false;
  std::vector<NodeEvent> pending_;  // For the next tend().
  core::Instant tell_of_crowd_at_{};
  core::Instant tell_of_speed_at_{};
  core::Instant tell_of_keys_again_at_{};
  std::size_t keys_told_ = 0;  // Since then.
  bool is_bound_ = true;       // False: an endpoint could not be bound again.

  std::set<core::LinkId> paced_;
  core::LinkId paced_last_;  // That had its turn.
  std::uint64_t paced_bytes_ = 0;
  std::uint64_t unread_bytes_ = 0;  // Sent to clients, and not known to be taken.
  bool holds_clients_ = false;
  std::deque<Held> held_;
  std::uint64_t held_bytes_ = 0;
};

}  // namespace nemcon::transport
