#include "transport/connection.hpp"

#include <algorithm>
#include <utility>

#include "transport/text.hpp"

namespace nemcon::transport {

core::Result<std::unique_ptr<Connection>> Connection::begin(Context& context, Poller& poller,
                                                            LinkCounters& counters,
                                                            Settings settings, core::Instant now) {
  const std::string endpoint = settings.endpoint;
  std::unique_ptr<Connection> connection(
      new Connection(context, poller, counters, std::move(settings), now));
  if (Resolution::is_needed(endpoint)) {
    connection->resolution_.emplace(poller, endpoint);
  } else if (const core::Status opened = connection->open(endpoint); !opened) {
    return opened.error();
  }
  ++counters.connects;
  return connection;
}

Connection::Connection(Context& context, Poller& poller, LinkCounters& counters, Settings settings,
                       core::Instant now)
    : context_(&context),
      poller_(&poller),
      counters_(&counters),
      settings_(std::move(settings)),
      begun_(now),
      heard_(now),
      pinged_(now) {}

core::Status Connection::open(const std::string& endpoint) {
  const SocketTuning tuning{.heartbeat_interval = settings_.timing.heartbeat_interval,
                            .heartbeat_timeout = settings_.timing.heartbeat_timeout,
                            .handshake_patience = settings_.timing.handshake_patience,
                            .frame_bytes_max = settings_.greeting.frame_bytes_max,
                            .own_keys = settings_.own_keys.get(),
                            .server_key = settings_.server_key};
  auto socket = DealerSocket::connect(*context_, *poller_, tuning, endpoint);
  if (!socket) return socket.error();
  socket_ = std::move(socket).value();
  // ZeroMQ keeps it until there is a connection, so that it is the first on it.
  encode(control_, settings_.greeting);
  // Not taken when the connection has failed already, which somebody else may bring about.
  if (socket_->try_send(control_.view()) == Handed::taken) return core::Nothing{};
  const std::optional<SocketEnd> ended = socket_->find_end();
  on_end(ended.value_or(SocketEnd{.kind = SocketEnd::Kind::unreachable, .why = "cannot connect"}));
  return core::Nothing{};
}

void Connection::open_when_resolved() {
  const std::optional<core::Result<std::string>> endpoint = resolution_->take();
  if (!endpoint) return;
  if (!*endpoint) {
    end_.is_host_unknown = true;
    return end(endpoint->error().detail);
  }
  resolution_.reset();
  if (const core::Status opened = open(endpoint->value()); !opened) end(opened.error().detail);
}

bool Connection::is_ready() const {
  if (state_ == State::over) return false;
  return socket_ ? socket_->is_ready() : resolution_->is_ready();
}

void Connection::end(std::string why) {
  if (state_ == State::over) return;
  ++(state_ == State::up ? counters_->links_lost : counters_->connects_failed);
  state_ = State::over;
  end_.why = std::move(why);
}

void Connection::refuse(RefusalReason reason, std::string why) {
  end_.refused = reason;
  end(std::move(why));
}

std::optional<Connection::Arrived> Connection::try_receive(core::Instant now) {
  if (state_ != State::over && !socket_) open_when_resolved();
  while (state_ != State::over && socket_) {
    std::optional<ReceivedFrame> frame = socket_->try_receive();
    if (!frame) {
      // Only now: what came before the end counts.
      if (const std::optional<SocketEnd> ended = socket_->find_end()) on_end(*ended);
      return std::nullopt;
    }
    ++counters_->frames_in;
    counters_->bytes_in += frame->view.size();
    const core::Result<FrameInfo> info = read_frame_info(frame->view);
    if (!info) {
      ++counters_->frames_malformed;
      end("what answers there does not speak this protocol: " + info.error().detail);
      return std::nullopt;
    }
    heard_ = now;
    switch (info->kind) {
      case FrameKind::welcome:
        on_welcome(frame->view);
        break;
      case FrameKind::refusal:
        on_refusal(frame->view);
        break;
      case FrameKind::ping:
        on_ping(frame->view);
        break;
      case FrameKind::pong:
        on_pong(frame->view);
        break;
      default:
        return Arrived{.kind = info->kind, .frame = std::move(*frame)};
    }
  }
  return std::nullopt;
}

void Connection::on_end(const SocketEnd& ended) {
  end_.is_key_refused = ended.kind == SocketEnd::Kind::key_refused;
  end_.is_handshake_failed = ended.kind == SocketEnd::Kind::handshake_failed;
  end(ended.why);
}

void Connection::on_welcome(std::string_view frame) {
  core::Result<Welcome> welcome = decode_welcome(frame);
  if (!welcome) {
    ++counters_->frames_malformed;
    return end("its welcome cannot be read: " + welcome.error().detail);
  }
  if (state_ != State::greeting) return end("it said welcome twice");
  if (welcome->version != protocol_version) return end("it chose a version that was not offered");
  welcome_ = std::move(welcome).value();
  state_ = State::up;
}

void Connection::on_refusal(std::string_view frame) {
  const core::Result<Refused> refused = decode_refused(frame);
  if (!refused) {
    ++counters_->frames_malformed;
    return end("its refusal cannot be read: " + refused.error().detail);
  }
  refuse(refused->reason, "refused: " + printable(refused->text));
}

void Connection::on_ping(std::string_view frame) {
  const core::Result<std::uint64_t> mark = decode_mark(frame);
  if (!mark) return end("its ping cannot be read: " + mark.error().detail);
  encode_pong(control_, *mark);
  // When the queue is full the other side has plenty to hear from us.
  static_cast<void>(socket_->try_send(control_.view()));
}

void Connection::on_pong(std::string_view frame) {
  const core::Result<std::uint64_t> mark = decode_mark(frame);
  if (!mark) return end("its pong cannot be read: " + mark.error().detail);
  flow_.on_pong(*mark);
}

void Connection::ping(core::Instant now) {
  encode_ping(control_, flow_.mark());
  if (socket_->try_send(control_.view()) == Handed::taken) flow_.on_ping();
  pinged_ = now;
}

void Connection::tend(core::Instant now) {
  const LinkTiming& timing = settings_.timing;
  switch (state_) {
    case State::greeting:
      if (now >= begun_ + timing.handshake_patience) {
        end(socket_ ? "no answer" : "no name server knows the host in time");
      }
      break;
    case State::up:
      if (now >= heard_ + timing.gone_after) return end("silent");
      if (now >= pinged_ + timing.ping_interval) ping(now);
      break;
    case State::over:
      break;
  }
}

core::Instant Connection::deadline() const {
  const LinkTiming& timing = settings_.timing;
  if (state_ == State::greeting) return begun_ + timing.handshake_patience;
  return std::min(heard_ + timing.gone_after, pinged_ + timing.ping_interval);
}

SendResult Connection::send(std::string_view frame) {
  if (state_ != State::up) return SendResult::down;
  if (flow_.is_full()) return SendResult::full;
  switch (socket_->try_send(frame)) {
    case Handed::full:
      return SendResult::full;
    case Handed::gone:
      return SendResult::down;
    case Handed::taken:
      break;
  }
  ++counters_->frames_out;
  counters_->bytes_out += frame.size();
  flow_.on_frame(frame.size());
  if (flow_.wants_ping()) ping(pinged_);
  return SendResult::sent;
}

void Connection::leave() {
  if (state_ != State::up) return;
  constexpr auto patience = std::chrono::milliseconds{200};
  encode_control(control_, FrameKind::bye);
  if (socket_->try_send(control_.view()) == Handed::taken) socket_->linger(patience);
  state_ = State::over;
}

}  // namespace nemcon::transport
