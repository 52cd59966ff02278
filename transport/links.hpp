// Links: who is connected to whom, over ZeroMQ. NodeSockets is a node's end of all its links,
// ClientSocket is a client's end of one.
//
//      node A                              node B
//      DEALER ── greeting, A's messages ──► ROUTER
//      ROUTER ◄── greeting, B's messages ── DEALER
//
//      client: DEALER ── greeting, requests ──► ROUTER of a node
//                     ◄── welcome, replies ───
//
// Promises:
//   - The sender of what comes in is what its connection was bound to at the handshake.
//   - ZeroMQ is a lossy pipe. A frame may be lost whatever send said; what send knows to be lost
//     is its result, and counted. Nothing is sent twice. Who needs an answer sends again.
//   - One connecting socket makes one connection and is then thrown away: a greeting is always
//     first on it, nothing of an older connection arrives on it, and there is no state in which
//     ZeroMQ has given up silently. Reconnecting, with back-off, is done here.
//   - Whatever a stranger sends, the worst is that its own connection is muted.
//   - A node that has very many peers is not connected to all of them all the time: of the links
//     that have nothing to send the longest unused ones rest beyond `idle_links_max`. One that
//     rests is up for the owner, who notices only that the death of its peer is noticed later: at
//     the next send, or after `rest_max`.
//   - Memory per link is bounded: link_window_bytes and one frame not yet taken by the other
//     side, then send says `full`.
//
// Threads: one owner thread for each object; only ClientSocket::wake may be called by others.
// There are no threads of ours in here, only those of the Context.
// Time: `now` comes from the caller, monotonic. Sizes are bytes.
// Errors: of the other side, events. Of the configuration (an endpoint that cannot be bound), the
// Result of open. Of ZeroMQ itself, a bug: NEMCON_CHECK.
//
// The loop of an owner:
//     sockets.poll(now, wait_at_most, watched);    // Sleeps; wakes for its own deadlines too.
//     sockets.receive(now, events);                // Never blocks; sees what poll() has seen.
//     ... handle events, send ...
// Never poll ZeroMQ's descriptors by other means: they are edge-triggered (a message that
// arrived during a send does not wake a sleeper any more); poll() knows.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"
#include "core/request.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/authenticator.hpp"
#include "transport/key_ring.hpp"
#include "transport/keys.hpp"

namespace nemcon::transport {

// ZeroMQ's threads. One for each process: two in one process are not safe with the libzmq that
// we build on. Not usable after fork().
class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  class Impl;

  [[nodiscard]] Impl& impl() { return *impl_; }

  // ZeroMQ's own.
  [[nodiscard]] void* handle();

 private:
  std::unique_ptr<Impl> impl_;
};

// The one of this process, made at the first call and never destroyed. Any thread.
[[nodiscard]] Context& process_context();

struct LinkTiming {
  // By ZeroMQ's own threads: notices a dead host, link or process.
  core::Duration heartbeat_interval = std::chrono::milliseconds{200};
  core::Duration heartbeat_timeout = std::chrono::milliseconds{600};
  // By the owner: notices one that lives but does not work, and clients that are gone.
  core::Duration ping_interval = std::chrono::seconds{1};
  core::Duration gone_after = std::chrono::seconds{5};
  core::Duration handshake_patience = std::chrono::seconds{2};  // Connect to welcome.
  core::Duration reconnect_first = std::chrono::milliseconds{50};
  core::Duration reconnect_max = std::chrono::seconds{1};
  // A muted name is refused that long; a client that does it again and again up to the second.
  core::Duration penalty = std::chrono::seconds{5};
  core::Duration penalty_max = std::chrono::minutes{1};
  // Of a node's links: without anything to send for so long it may rest, and is looked after again
  // at the latest after so long.
  core::Duration idle_after = std::chrono::seconds{10};
  core::Duration rest_max = std::chrono::minutes{1};
};

// Told to send no more than this ahead of what the other side has taken.
constexpr std::uint64_t link_window_bytes = std::uint64_t{4} << 20U;

// What one client may ask a node in the long run, and within one second what it may ask at once.
// Opening a session, asking for a report and beginning or ending to serve count as many each;
// asking for an outcome and submitting once more, of which other nodes are asked, as some. Who asks
// faster is told to hold, and its requests wait for their time; who goes on all the same is cut.
constexpr std::uint64_t requests_per_second_max = 1'000'000;
constexpr std::uint64_t requests_for_dear_one = 1'000;
constexpr std::uint64_t requests_for_asking_all = 100;

enum class SendResult : std::uint8_t {
  sent,       // Handed over; may be lost all the same.
  down,       // There is no such link now.
  full,       // The other side does not keep up, or said hold.
  too_large,  // One item is larger than the largest frame.
};

const char* to_text(SendResult result);

// A descriptor that poll() watches beside the sockets.
struct Watched {
  int descriptor = -1;
  bool readable = false;  // Set by poll().
};

// All count from the start of the process.
struct LinkCounters {
  std::uint64_t frames_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t sends_down = 0;  // Items not sent, by result.
  std::uint64_t sends_full = 0;
  std::uint64_t sends_too_large = 0;
  std::uint64_t handshakes_accepted = 0;
  std::uint64_t handshakes_refused = 0;
  std::uint64_t handshakes_failed = 0;  // Not even ZeroMQ's own; counted within ping_interval / 2.
  std::uint64_t connections_muted = 0;
  std::uint64_t links_held_off = 0;      // How often there were too many connections.
  std::uint64_t addresses_held_off = 0;  // How often they came too fast from one address.
  std::uint64_t connections_cut = 0;     // For what they have sent (intake.hpp).
  std::uint64_t clients_paced = 0;       // How often one asked too fast and was told to hold.
  std::uint64_t frames_malformed = 0;
  std::uint64_t frames_of_other_version = 0;
  std::uint64_t keys_refused = 0;     // By the gatekeeper: not known here.
  std::uint64_t keys_revoked = 0;     // Connections muted because their key is not valid any more.
  std::uint64_t senders_forged = 0;   // Who said they are somebody else than their key says.
  std::uint64_t frames_ignored = 0;   // From muted connections.
  std::uint64_t frames_dropped = 0;   // Clients that went on sending while told to hold.
  std::uint64_t connects = 0;         // Attempts of our own.
  std::uint64_t connects_failed = 0;  // Of these: no welcome came.
  std::uint64_t links_lost = 0;       // Of our own, after a welcome.
  std::uint64_t links_rested = 0;     // How often one was let go that had nothing to send.
  std::uint64_t clients_gone = 0;
};

// ---- node -----------------------------------------------------------------------------------

struct PeerEndpoint {
  core::PeerIndex peer;
  std::string name;
  std::string endpoint;
};

struct NodeSocketsOptions {
  std::string name;
  std::vector<std::string> listen;  // tcp://, ipc:// or inproc://; "tcp://127.0.0.1:*" is allowed.
  std::vector<PeerEndpoint> peers;
  core::Limits limits;
  LinkTiming timing;
  std::uint64_t held_bytes_max = std::uint64_t{32} << 20U;  // See hold_clients().
  // What all clients together may not have read yet; beyond it each has a sixteenth of a window.
  std::uint64_t unread_bytes_max = std::uint64_t{256} << 20U;
  // Connections a second that one address may make, and one second's worth at once; 0: no limit.
  std::uint32_t connect_rate_max = 0;
  std::uint32_t idle_links_max = 16;
  // With them every link is encrypted, only known keys get in, and the key says who somebody is.
  std::optional<NodeKeys> keys;
};

// Something about a connection that an operator should hear, once for each sender and reason.
struct LinkTrouble {
  RefusalReason reason = RefusalReason::malformed;
  std::optional<core::PeerIndex> peer;  // When it is, or says it is, one of ours.
  std::string what;                     // In words, with name and address.
};

// The same again, for who keeps a record of how often.
struct LinkTroubleAgain {
  LinkTrouble trouble;
  std::uint64_t count = 1;
};

// Frames of a peer come as one FrameReceived each; requests one by one.
using NodeEvent =
    std::variant<core::FrameReceived, core::PeerUp, core::PeerDown, core::ClientRequested,
                 core::ClientGone, LinkTrouble, LinkTroubleAgain>;

class NodeSockets {
 public:
  // Binds and begins to connect. `context` and `authenticator`, which is not asked where there are
  // keys, must outlive it. local_closed: an endpoint cannot be used, the text says which and why.
  // With keys it blocks until an unknown one was seen refused at each endpoint; local_refused:
  // that did not happen.
  [[nodiscard]] static core::Result<std::unique_ptr<NodeSockets>> open(Context& context,
                                                                       Authenticator& authenticator,
                                                                       NodeSocketsOptions options);
  ~NodeSockets();
  NodeSockets(const NodeSockets&) = delete;
  NodeSockets& operator=(const NodeSockets&) = delete;

  // What is really bound, in the order of `listen`: the port where "*" was asked for.
  [[nodiscard]] std::vector<std::string> endpoints() const;

  // Sleeps until there is something to receive, a deadline of the links has come, a watched
  // descriptor is readable, or `timeout` is over. Zero only looks.
  void poll(core::Instant now, core::Duration timeout, std::span<Watched> watched);

  // Appends what has happened, up to a bounded amount; what is left makes poll() return at once.
  void receive(core::Instant now, std::vector<NodeEvent>& events);

  // PeerUp comes when the peer has welcomed us; before that, and after PeerDown: `down`. The
  // items go in as few frames as sensible; a result other than `sent` is of some of them.
  [[nodiscard]] SendResult send_to_peer(core::PeerIndex to, const core::FrameHeader& header,
                                        std::span<const core::Message> messages);

  // After ClientGone: `down`.
  [[nodiscard]] SendResult send_to_client(core::LinkId to, std::span<const core::Reply> replies);

  // Until resume_clients() no ClientRequested comes. What clients still send is held, up to
  // held_bytes_max altogether, and they are told to wait; what comes beyond is dropped and
  // counted. Peers are not concerned.
  void hold_clients();
  void resume_clients();

  // For core::PeerFault: what this peer sends is ignored from now on, it is told, and refused
  // at the handshake for `penalty`.
  void mute_peer(core::Instant now, core::PeerIndex peer, const std::string& why);

  // Only where it was opened with keys. What is not valid any more is muted (inbound) or left
  // (outbound) at once; with another own key all inbound connections end, and this blocks for some
  // milliseconds. local_closed: an endpoint could not be bound again at once; it is tried until it
  // can be.
  [[nodiscard]] core::Status set_keys(core::Instant now, NodeKeys keys);

  [[nodiscard]] bool is_up(core::PeerIndex peer) const;

  // The name that this client's connection is bound to; empty when anonymous or gone.
  [[nodiscard]] std::string client_name(core::LinkId link) const;

  [[nodiscard]] std::size_t client_count() const;

  // All that others made to this node and that is remembered: peers, clients, muted ones.
  [[nodiscard]] std::size_t connection_count() const;

  [[nodiscard]] const LinkCounters& counters() const;

 private:
  class Impl;
  explicit NodeSockets(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// ---- client ---------------------------------------------------------------------------------

struct ClientSocketOptions {
  std::string name;  // Empty: anonymous.
  // For nodes that have keys; null for those that have none.
  std::shared_ptr<const KeyPair> keys;
  core::Limits limits;
  LinkTiming timing;
};

struct LinkUp {
  std::string node_name;
};

// The connection is over, and none is made until connect() is called again. What was sent and
// not answered may or may not have arrived.
struct LinkDown {
  std::optional<RefusalReason> refused;  // The node said no; else it cannot be reached.
  std::string why;
};

// The node asks to wait (true), or is ready again (false). While it does, send says `full`.
struct LinkHeld {
  bool held = false;
};

using ClientEvent = std::variant<LinkUp, LinkDown, LinkHeld, core::Reply>;

class ClientSocket {
 public:
  // `context` must outlive it.
  ClientSocket(Context& context, ClientSocketOptions options);
  ~ClientSocket();  // Says bye.
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  // Leaves the present connection, if any (without LinkDown), and begins another one: LinkUp or
  // LinkDown follows within handshake_patience. `node_key` is that of the node, where it has one.
  // local_closed: this is not an endpoint.
  [[nodiscard]] core::Status connect(core::Instant now, const std::string& endpoint,
                                     const std::optional<PublicKey>& node_key = {});

  // Says bye and leaves, without LinkDown.
  void disconnect();

  // As NodeSockets::poll; also returns after wake().
  void poll(core::Instant now, core::Duration timeout, std::span<Watched> watched);

  void receive(core::Instant now, std::vector<ClientEvent>& events);

  // `sent_count` of the items were handed over when the result is not `sent`: the leading ones.
  [[nodiscard]] SendResult send(std::span<const core::Request> requests, std::size_t& sent_count);

  [[nodiscard]] bool is_up() const;

  // Makes poll() return, the present or the next one. Any thread, also within a signal handler.
  void wake();

  [[nodiscard]] const LinkCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nemcon::transport
