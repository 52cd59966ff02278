// The two ZeroMQ sockets that we use, without ZeroMQ's types: all of libzmq is behind this file.
//
//   DealerSocket: makes one connection, once. It never reconnects by itself (see links.hpp).
//   RouterSocket: takes connections, on several endpoints.
//
// Frames are messages of one part. Never blocks. One owner thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"
#include "transport/admission.hpp"
#include "transport/codec.hpp"
#include "transport/intake.hpp"
#include "transport/keys.hpp"
#include "transport/links.hpp"
#include "transport/poller.hpp"

namespace nemcon::transport {

struct SocketTuning {
  core::Duration heartbeat_interval;
  core::Duration heartbeat_timeout;
  core::Duration handshake_patience;
  std::size_t frame_bytes_max = 0;  // A larger one ends the connection that it comes from.
  // With keys (CURVE), which are copied; without them plain text.
  const KeyPair* own_keys = nullptr;
  std::optional<PublicKey> server_key = {};  // Dealer: of whom it connects to.
  std::string domain = {};                   // Router: what the gatekeeper is asked for.
  std::size_t connections_max = 0;           // Router: that others may make.
  std::size_t descriptors_reserved = 0;      // Router: for what else the process opens.
  std::uint32_t connect_rate_max = 0;        // Router: a second, of one address; 0: no limit.
};

enum class Handed : std::uint8_t {
  taken,
  full,  // ZeroMQ's queue to this connection is full.
  gone,  // There is no such connection any more.
};

// Why a connection has failed or ended.
struct SocketEnd {
  enum class Kind : std::uint8_t {
    unreachable,
    lost,
    key_refused,       // The other side does not know our key.
    handshake_failed,  // Not ZeroMQ's protocol, or keys at one end only, or the wrong one.
  };

  Kind kind = Kind::lost;
  const char* why = "";
};

// What ZeroMQ knows about where a frame came from.
struct Origin {
  std::string user_id;
  std::string address;
};

// tcp://, ipc:// and inproc:// with something behind it. Others drag in code of libzmq that is
// not kept as well.
[[nodiscard]] bool is_endpoint(std::string_view endpoint);

class DealerSocket {
 public:
  // `context` and `poller` must outlive it. local_closed: not an endpoint that can be used.
  [[nodiscard]] static core::Result<std::unique_ptr<DealerSocket>> connect(
      Context& context, Poller& poller, const SocketTuning& tuning, const std::string& endpoint);
  ~DealerSocket();
  DealerSocket(const DealerSocket&) = delete;
  DealerSocket& operator=(const DealerSocket&) = delete;

  // True while there may be something to receive or to find out.
  [[nodiscard]] bool is_ready() const;

  [[nodiscard]] std::optional<ReceivedFrame> try_receive();
  [[nodiscard]] Handed try_send(std::string_view frame);

  // Nothing while the connection is being made or lasts. Once it says something the socket is of
  // no use any more.
  [[nodiscard]] std::optional<SocketEnd> find_end();

  // Lets what was sent last leave when this is destroyed, for that long at most.
  void linger(core::Duration patience);

 private:
  class Impl;
  explicit DealerSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct RoutedFrame {
  std::string routing_id;  // Of the connection, at this socket.
  ReceivedFrame frame;
  bool is_whole = true;  // False: it had more parts, which are dropped.
  int descriptor = -1;
  bool is_flood = false;  // The connection was cut: it sent far more than it may (intake.hpp).
};

class RouterSocket {
 public:
  RouterSocket(Context& context, Poller& poller, const SocketTuning& tuning);
  ~RouterSocket();
  RouterSocket(const RouterSocket&) = delete;
  RouterSocket& operator=(const RouterSocket&) = delete;

  // The endpoint as it is bound, wildcards resolved. local_closed: why it cannot be; also when
  // another process listens on that ipc path.
  [[nodiscard]] core::Result<std::string> bind(const std::string& endpoint);

  // Ends all connections; new ones are made with this key. Blocks until all is bound again, some
  // milliseconds. local_closed: not all is, within a second; call bind_again().
  [[nodiscard]] core::Status change_keys(core::Instant now, const KeyPair& keys);

  // Takes no connections any more, and ends those that there are.
  void close(core::Instant now);

  // Tries once to bind what change_keys() could not. True: all is bound.
  [[nodiscard]] bool bind_again();

  [[nodiscard]] bool is_ready() const;

  // Takes note of connections that came and went, and holds off new ones when there are too many.
  // Before receiving.
  void observe(core::Instant now);

  // Lets those in again that were held off for a while, and looks after those that are new.
  void tend(core::Instant now);

  // When to tend; nothing: no need.
  [[nodiscard]] std::optional<core::Instant> deadline() const;

  // Told of what comes by this class; the rest is the owner's.
  [[nodiscard]] Intake& intake();

  // Connections, since the last call, that ended without ZeroMQ's handshake or broke it.
  [[nodiscard]] std::uint64_t take_failed_handshakes();

  [[nodiscard]] const Admission& admission() const;

  [[nodiscard]] std::optional<RoutedFrame> try_receive(core::Instant now);

  // Of what was received last.
  [[nodiscard]] Origin origin() const;

  // Whether ZeroMQ vouches for that key as the sender of what was received last; cheap.
  [[nodiscard]] bool is_from(const std::string& user_id) const;

  [[nodiscard]] Handed try_send(std::string_view routing_id, std::string_view frame);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nemcon::transport
