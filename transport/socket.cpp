#include "transport/socket.hpp"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.hpp>

#include "core/check.hpp"
#include "transport/hashing.hpp"

namespace nemcon::transport {

class Context::Impl {
 public:
  zmq::context_t context;
};

Context::Context() : impl_(std::make_unique<Impl>()) {
  // Three for each link of our own: the socket, and two for its monitor. The default, 1,023,
  // would end at 340 peers and clients within one process.
  constexpr int socket_count_max = 16'384;
  impl_->context.set(zmq::ctxopt::max_sockets, socket_count_max);
}

Context::~Context() = default;

void* Context::handle() {
  return impl_->context.handle();
}

Context& process_context() {
  static auto* const context = new Context;  // Reachable for ever, and never in anybody's way.
  return *context;
}

namespace {

// Frames that wait in ZeroMQ for each connection on their way out, so that both threads are busy.
// On their way in there is no such bound (intake.hpp).
constexpr int queued_frames_max = 1000;

int to_milliseconds(core::Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

core::Error unusable(const std::string& endpoint, const char* why) {
  return {core::Errc::local_closed, "cannot use " + endpoint + ": " + why};
}

void tune(zmq::socket_t& socket, const SocketTuning& tuning) {
  using namespace zmq::sockopt;         // NOLINT(google-build-using-namespace)
  socket.set(zmq::sockopt::linger, 0);  // sys/socket.h has a struct of that name.
  socket.set(sndhwm, queued_frames_max);
  socket.set(rcvhwm, 0);
  socket.set(maxmsgsize, static_cast<std::int64_t>(tuning.frame_bytes_max));
  socket.set(handshake_ivl, to_milliseconds(tuning.handshake_patience));
}

// By the end that connects: it notices when no answer comes, and the other end when it asks no
// more.
void beat(zmq::socket_t& socket, const SocketTuning& tuning) {
  using namespace zmq::sockopt;  // NOLINT(google-build-using-namespace)
  socket.set(heartbeat_ivl, to_milliseconds(tuning.heartbeat_interval));
  socket.set(heartbeat_timeout, to_milliseconds(tuning.heartbeat_timeout));
  socket.set(heartbeat_ttl, to_milliseconds(tuning.heartbeat_timeout));
}

void set_option(zmq::socket_t& socket, int option, const void* value, std::size_t size) {
  const int done = zmq_setsockopt(socket.handle(), option, value, size);
  NEMCON_CHECK(done == 0, option, zmq_strerror(zmq_errno()));
}

void set_secret_key(zmq::socket_t& socket, const KeyPair& keys) {
  set_option(socket, ZMQ_CURVE_SECRETKEY, keys.secret.bytes().data(), key_bytes);
}

void secure_dealer(zmq::socket_t& socket, const SocketTuning& tuning) {
  if (tuning.own_keys == nullptr) return;
  NEMCON_CHECK(tuning.server_key.has_value());
  set_option(socket, ZMQ_CURVE_SERVERKEY, tuning.server_key->bytes.data(), key_bytes);
  set_option(socket, ZMQ_CURVE_PUBLICKEY, tuning.own_keys->public_key.bytes.data(), key_bytes);
  set_secret_key(socket, *tuning.own_keys);
}

// Without it a socket that has keys lets everybody in as long as no gatekeeper answers. In the
// library of Debian 12, but not in its header.
constexpr int option_enforce_domain = 93;

void secure_router(zmq::socket_t& socket, const SocketTuning& tuning) {
  if (tuning.own_keys == nullptr) return;
  const int yes = 1;
  set_option(socket, option_enforce_domain, &yes, sizeof yes);
  set_option(socket, ZMQ_ZAP_DOMAIN, tuning.domain.data(), tuning.domain.size());
  set_option(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes);
  set_secret_key(socket, *tuning.own_keys);
}

// Only where it is asked for: with it a host name may resolve to an address nobody listens on.
void allow_ipv6(zmq::socket_t& socket, std::string_view endpoint) {
  if (endpoint.starts_with("tcp://[")) socket.set(zmq::sockopt::ipv6, true);
}

enum class Sent : std::uint8_t { yes, full, gone };

// One part of a message. What can go wrong at run time is an answer; anything else is a bug.
Sent send_part(zmq::socket_t& socket, std::string_view bytes, zmq::send_flags flags) {
  for (;;) {
    try {
      const auto sent = socket.send(zmq::buffer(bytes), flags | zmq::send_flags::dontwait);
      return sent ? Sent::yes : Sent::full;
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) return Sent::gone;
      NEMCON_CHECK(error.num() == EINTR, error.what());
    }
  }
}

bool receive_part(zmq::socket_t& socket, zmq::message_t& message) {
  for (;;) {
    try {
      return socket.recv(message, zmq::recv_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
      NEMCON_CHECK(error.num() == EINTR, error.what());
    }
  }
}

// ZeroMQ reads 8 KiB at a time, and the small messages in there share that memory: a body of
// 100 bytes that waits in a queue would keep all of it.
constexpr std::size_t shared_bytes_max = 8192;

// The memory that everything decoded from it will share: that of the frame, and no more.
ReceivedFrame owned(zmq::message_t& message) {
  if (message.size() <= shared_bytes_max) {
    const auto copy = std::make_shared_for_overwrite<char[]>(message.size());
    if (message.size() != 0) std::memcpy(copy.get(), message.data(), message.size());
    return {.owner = copy, .view = {copy.get(), message.size()}};
  }
  const auto owner = std::make_shared<zmq::message_t>(std::move(message));
  return {.owner = owner, .view = owner->to_string_view()};
}

// Reads what is left of a message. True when there was something.
bool drop_rest(zmq::socket_t& socket, zmq::message_t& last) {
  bool dropped = false;
  while (last.more() && receive_part(socket, last))
    dropped = true;
  return dropped;
}

// A socket in the poller, as long as it lives.
class Registration {
 public:
  Registration(Poller& poller, zmq::socket_t& socket)
      : poller_(&poller), descriptor_(socket.get(zmq::sockopt::fd)) {
    poller_->add(descriptor_, ready_);
  }

  ~Registration() { poller_->remove(descriptor_); }

  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  [[nodiscard]] bool is_ready() const { return ready_; }

  void set_ready(bool ready) { ready_ = ready; }

 private:
  Poller* poller_;
  int descriptor_;
  bool ready_ = true;
};

// What ZeroMQ's own thread says of a socket: which of `events` happened.
class Monitor {
 public:
  Monitor(zmq::context_t& context, zmq::socket_t& socket, int events)
      : watched_(&socket), events_(context, zmq::socket_type::pair) {
    const std::string endpoint = "inproc://nemcon.monitor." + std::to_string(random_u64());
    const int done = zmq_socket_monitor(socket.handle(), endpoint.c_str(), events);
    if (done != 0) throw zmq::error_t();  // No descriptors are left.
    events_.set(zmq::sockopt::linger, 0);
    // With a bound ZeroMQ's thread would wait for us.
    events_.set(zmq::sockopt::rcvhwm, 0);
    events_.connect(endpoint);
  }

  ~Monitor() {
    // First the events end, then their reader goes: ZeroMQ's thread would wait for a reader.
    zmq_socket_monitor(watched_->handle(), nullptr, 0);
  }

  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  [[nodiscard]] zmq::socket_t& socket() { return events_; }

  struct Event {
    std::uint16_t kind = 0;
    std::int32_t value = 0;  // A descriptor or an error number.
  };

  std::optional<Event> next_event() {
    zmq::message_t message;
    if (!receive_part(events_, message)) return std::nullopt;
    Event event;
    const auto* const bytes = static_cast<const char*>(message.data());
    if (message.size() >= sizeof event.kind + sizeof event.value) {
      std::memcpy(&event.kind, bytes, sizeof event.kind);
      std::memcpy(&event.value, bytes + sizeof event.kind, sizeof event.value);
    }
    drop_rest(events_, message);
    return event;
  }

 private:
  zmq::socket_t* watched_;
  zmq::socket_t events_;
};

constexpr int handshake_failures =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

// Another process would lose the socket file that it listens on without noticing: ZeroMQ removes
// what is there before it binds. One that nobody listens on any more refuses.
bool is_listening(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int connected =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(probe);
  return connected == 0;
}

std::string property(const zmq::message_t& message, const char* name) {
  const char* value = zmq_msg_gets(message.handle(), name);
  return value == nullptr ? std::string{} : std::string{value};
}

Origin origin_of(const zmq::message_t& message) {
  return {.user_id = property(message, "User-Id"), .address = property(message, "Peer-Address")};
}

}  // namespace

bool is_endpoint(std::string_view endpoint) {
  for (const std::string_view scheme : {"tcp://", "ipc://", "inproc://"}) {
    if (endpoint.starts_with(scheme)) return endpoint.size() > scheme.size();
  }
  return false;
}

// ---- dealer ---------------------------------------------------------------------------------

class DealerSocket::Impl {
 public:
  Impl(Context& context, Poller& poller, const SocketTuning& tuning)
      : socket_(context.impl().context, zmq::socket_type::dealer),
        monitor_(context.impl().context, socket_,
                 ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                     handshake_failures),
        socket_registration_(poller, socket_),
        monitor_registration_(poller, monitor_.socket()) {
    tune(socket_, tuning);
    beat(socket_, tuning);
    // One connection, never another: what a later one would need first is a greeting.
    socket_.set(zmq::sockopt::reconnect_ivl, -1);
    socket_.set(zmq::sockopt::connect_timeout, to_milliseconds(tuning.handshake_patience));
    socket_.set(zmq::sockopt::routing_id, random_routing_id());
    secure_dealer(socket_, tuning);
  }

  void connect(const std::string& endpoint) {
    allow_ipv6(socket_, endpoint);
    socket_.connect(endpoint);
  }

  [[nodiscard]] bool is_ready() const {
    return socket_registration_.is_ready() || monitor_registration_.is_ready();
  }

  std::optional<ReceivedFrame> try_receive() {
    zmq::message_t message;
    if (!receive_part(socket_, message)) {
      socket_registration_.set_ready(false);
      return std::nullopt;
    }
    if (drop_rest(socket_, message)) return ReceivedFrame{};  // No frame has two parts.
    return owned(message);
  }

  Handed try_send(std::string_view frame) {
    socket_registration_.set_ready(true);
    // A dealer without a connection cannot be told from one with a full queue; find_end() tells.
    const Sent sent = send_part(socket_, frame, zmq::send_flags::none);
    return sent == Sent::yes ? Handed::taken : Handed::full;
  }

  std::optional<SocketEnd> find_end() {
    while (!end_) {
      const std::optional<Monitor::Event> event = monitor_.next_event();
      if (!event) break;
      end_ = meaning_of(event->kind);
    }
    if (!end_) monitor_registration_.set_ready(false);
    return end_;
  }

  void linger(core::Duration patience) {
    socket_.set(zmq::sockopt::linger, to_milliseconds(patience));
  }

 private:
  // Never that of another connection, not even of an earlier one of ours: a router keeps a
  // second connection with the same id mute. Short enough to need no memory of its own.
  static std::string random_routing_id() {
    std::array<char, 12> bytes{};
    const std::uint64_t first = random_u64();
    const std::uint64_t second = random_u64();
    std::memcpy(bytes.data(), &first, 8);
    std::memcpy(bytes.data() + 8, &second, 4);
    if (bytes[0] == 0) bytes[0] = 1;  // Zero begins those that ZeroMQ makes.
    return {bytes.data(), bytes.size()};
  }

  static std::optional<SocketEnd> meaning_of(std::uint16_t event) {
    using Kind = SocketEnd::Kind;
    switch (event) {
      case ZMQ_EVENT_CLOSED:
        return SocketEnd{.kind = Kind::unreachable, .why = "cannot connect"};
      case ZMQ_EVENT_DISCONNECTED:
        return SocketEnd{.kind = Kind::lost, .why = "connection lost"};
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return SocketEnd{.kind = Kind::key_refused,
                         .why =
                             "it does not know our key: a [[client]] or [[peer]] table there "
                             "must have it (nemcon keygen --show)"};
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return SocketEnd{.kind = Kind::handshake_failed,
                         .why =
                             "what answers there does not speak ZeroMQ's protocol, or only one "
                             "side has keys, or its key is another one"};
      default:
        return std::nullopt;
    }
  }

  zmq::socket_t socket_;
  Monitor monitor_;
  Registration socket_registration_;
  Registration monitor_registration_;
  std::optional<SocketEnd> end_;
};

DealerSocket::DealerSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DealerSocket::~DealerSocket() = default;

core::Result<std::unique_ptr<DealerSocket>> DealerSocket::connect(Context& context, Poller& poller,
                                                                  const SocketTuning& tuning,
                                                                  const std::string& endpoint) {
  if (!is_endpoint(endpoint)) return unusable(endpoint, "not tcp://, ipc:// or inproc://");
  std::unique_ptr<Impl> impl;
  try {
    impl = std::make_unique<Impl>(context, poller, tuning);
  } catch (const zmq::error_t&) {
    // Which strangers may bring about. What the exception says cannot be asked then: the
    // undefined-behaviour sanitizer needs a pipe to look at it.
    return unusable(endpoint, "no socket could be made, as when there are no descriptors left");
  }
  try {
    impl->connect(endpoint);
  } catch (const zmq::error_t& error) {
    return unusable(endpoint, error.what());
  }
  return std::unique_ptr<DealerSocket>(new DealerSocket(std::move(impl)));
}

bool DealerSocket::is_ready() const {
  return impl_->is_ready();
}

std::optional<ReceivedFrame> DealerSocket::try_receive() {
  return impl_->try_receive();
}

Handed DealerSocket::try_send(std::string_view frame) {
  return impl_->try_send(frame);
}

std::optional<SocketEnd> DealerSocket::find_end() {
  return impl_->find_end();
}

void DealerSocket::linger(core::Duration patience) {
  impl_->linger(patience);
}

// ---- router ---------------------------------------------------------------------------------

class RouterSocket::Impl {
 public:
  Impl(Context& context, Poller& poller, const SocketTuning& tuning)
      : socket(context.impl().context, zmq::socket_type::router),
        monitor(
            context.impl().context, socket,
            ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | handshake_failures),
        registration(poller, socket),
        monitor_registration(poller, monitor.socket()),
        admission(tuning.connections_max, tuning.descriptors_reserved, tuning.connect_rate_max),
        intake(tuning.frame_bytes_max) {
    tune(socket, tuning);
    socket.set(zmq::sockopt::backlog, listen_backlog());
    // Without it a frame to nobody, or to a full queue, is dropped and said to be sent.
    socket.set(zmq::sockopt::router_mandatory, true);
    secure_router(socket, tuning);
  }

  // What is wrong with it, or null.
  const char* try_bind(const std::string& endpoint) {
    try {
      allow_ipv6(socket, endpoint);
      socket.bind(endpoint);
      return nullptr;
    } catch (const zmq::error_t& error) {
      return error.what();
    }
  }

  bool bind_again() {
    std::erase_if(unbound, [this](const std::string& endpoint) {
      if (try_bind(endpoint) != nullptr) return false;
      bound.push_back(endpoint);
      return true;
    });
    return unbound.empty();
  }

  zmq::socket_t socket;

  void observe(core::Instant now) {
    while (const std::optional<Monitor::Event> event = monitor.next_event()) {
      switch (event->kind) {
        case ZMQ_EVENT_LISTENING:
          admission.on_listening(event->value);
          break;
        case ZMQ_EVENT_ACCEPTED:
          admission.on_accepted(event->value, now);
          intake.on_accepted(event->value, now);
          break;
        case ZMQ_EVENT_DISCONNECTED:
          admission.on_ended(event->value, now);
          intake.on_ended(event->value);
          break;
        default:
          ++failed_handshakes;
      }
    }
    monitor_registration.set_ready(false);
  }

  Monitor monitor;
  Registration registration;
  Registration monitor_registration;
  Admission admission;
  Intake intake;
  std::uint64_t failed_handshakes = 0;
  zmq::message_t last;  // Asked for its origin, which few frames are.
  Origin origin;        // Of one that is moved away, or empty.
  std::vector<std::string> bound;
  std::vector<std::string> unbound;  // That should be.
};

RouterSocket::RouterSocket(Context& context, Poller& poller, const SocketTuning& tuning)
    : impl_(std::make_unique<Impl>(context, poller, tuning)) {}

RouterSocket::~RouterSocket() = default;

core::Result<std::string> RouterSocket::bind(const std::string& endpoint) {
  if (!is_endpoint(endpoint)) return unusable(endpoint, "not tcp://, ipc:// or inproc://");
  constexpr std::string_view ipc = "ipc://";
  if (endpoint.starts_with(ipc) && is_listening(endpoint.substr(ipc.size()))) {
    return unusable(endpoint, "another process listens there");
  }
  if (const char* const why = impl_->try_bind(endpoint)) return unusable(endpoint, why);
  impl_->bound.push_back(impl_->socket.get(zmq::sockopt::last_endpoint));
  return impl_->bound.back();
}

core::Status RouterSocket::change_keys(core::Instant now, const KeyPair& keys) {
  set_secret_key(impl_->socket, keys);
  // A listener goes on with the options that it began with; with it go its connections.
  impl_->unbound.insert(impl_->unbound.end(), impl_->bound.begin(), impl_->bound.end());
  close(now);
  // ZeroMQ's thread frees the address a moment later and does not say when.
  constexpr int tries_max = 1000;
  for (int i = 0; i < tries_max; ++i) {
    if (impl_->bind_again()) return core::Nothing{};
    ::usleep(1000);
  }
  return unusable(impl_->unbound.front(), "the address is not free any more");
}

void RouterSocket::close(core::Instant now) {
  for (const std::string& endpoint : impl_->bound)
    impl_->socket.unbind(endpoint);
  impl_->bound.clear();
  impl_->observe(now);
  impl_->admission.on_closed(now);
}

bool RouterSocket::bind_again() {
  return impl_->bind_again();
}

bool RouterSocket::is_ready() const {
  return impl_->registration.is_ready() || impl_->monitor_registration.is_ready();
}

void RouterSocket::observe(core::Instant now) {
  if (impl_->monitor_registration.is_ready()) impl_->observe(now);
}

void RouterSocket::tend(core::Instant now) {
  impl_->admission.tend(now);
  impl_->intake.tend(now);
}

std::optional<core::Instant> RouterSocket::deadline() const {
  const std::optional<core::Instant> first = impl_->admission.deadline();
  const std::optional<core::Instant> second = impl_->intake.deadline();
  return first && second ? std::min(first, second) : first ? first : second;
}

Intake& RouterSocket::intake() {
  return impl_->intake;
}

std::uint64_t RouterSocket::take_failed_handshakes() {
  return std::exchange(impl_->failed_handshakes, 0);
}

const Admission& RouterSocket::admission() const {
  return impl_->admission;
}

std::optional<RoutedFrame> RouterSocket::try_receive(core::Instant now) {
  zmq::message_t id;
  if (!receive_part(impl_->socket, id)) {
    impl_->registration.set_ready(false);
    impl_->intake.on_drained();
    return std::nullopt;
  }
  RoutedFrame routed{.routing_id = id.to_string(), .frame = {}, .is_whole = id.more()};
  zmq::message_t& message = impl_->last;
  message.rebuild();
  if (id.more()) routed.is_whole = receive_part(impl_->socket, message);
  if (message.more()) routed.is_whole = !drop_rest(impl_->socket, message);
  const int from = zmq_msg_get(message.handle(), ZMQ_SRCFD);
  if (from >= 0 && !impl_->intake.is_known(from)) impl_->observe(now);
  routed.descriptor = from;
  if (impl_->intake.is_stranger(from)) impl_->admission.on_known(from);
  routed.is_flood = from >= 0 && impl_->intake.on_taken(from, message.size(), now);
  const bool is_left = message.size() > 0 && message.size() <= shared_bytes_max;
  if (!is_left) impl_->origin = origin_of(message);
  routed.frame = owned(message);
  return routed;
}

Origin RouterSocket::origin() const {
  return impl_->last.size() == 0 ? impl_->origin : origin_of(impl_->last);
}

bool RouterSocket::is_from(const std::string& user_id) const {
  if (impl_->last.size() == 0) return impl_->origin.user_id == user_id;
  const char* const vouched = zmq_msg_gets(impl_->last.handle(), "User-Id");
  return vouched != nullptr && user_id == vouched;
}

Handed RouterSocket::try_send(std::string_view routing_id, std::string_view frame) {
  impl_->registration.set_ready(true);
  const Sent first = send_part(impl_->socket, routing_id, zmq::send_flags::sndmore);
  if (first != Sent::yes) return first == Sent::full ? Handed::full : Handed::gone;
  // Once the first part is taken the second is as well, or is dropped with the connection.
  const Sent sent = send_part(impl_->socket, frame, zmq::send_flags::none);
  NEMCON_CHECK(sent == Sent::yes);
  return Handed::taken;
}

}  // namespace nemcon::transport
