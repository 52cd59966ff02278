#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/check.hpp"
#include "transport/codec.hpp"
#include "transport/connection.hpp"
#include "transport/flow.hpp"
#include "transport/links.hpp"
#include "transport/poller.hpp"

namespace nemcon::transport {

namespace {

// Of one receive().
constexpr int frames_per_turn = 256;

}  // namespace

class ClientSocket::Impl {
 public:
  Impl(Context& context, ClientSocketOptions options)
      : context_(context),
        options_(std::move(options)),
        limits_(decode_limits(options_.limits)),
        time_(options_.timing.ping_interval),
        bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    NEMCON_CHECK(bell_ >= 0, errno);
    poller_.add(bell_, is_rung_);
  }

  ~Impl() {
    disconnect();
    poller_.remove(bell_);
    ::close(bell_);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  core::Status connect(core::Instant caller_now, const std::string& endpoint,
                       const std::optional<PublicKey>& node_key) {
    disconnect();
    NEMCON_CHECK((options_.keys != nullptr) == node_key.has_value());
    const Greeting greeting{
        .role = Role::client, .frame_bytes_max = limits_.frame_bytes_max, .name = options_.name};
    auto connection = Connection::begin(context_, poller_, counters_,
                                        {.endpoint = endpoint,
                                         .greeting = greeting,
                                         .timing = options_.timing,
                                         .own_keys = options_.keys,
                                         .server_key = node_key},
                                        time_.advance(caller_now));
    if (!connection) return connection.error();
    connection_ = std::move(connection).value();
    return core::Nothing{};
  }

  void disconnect() {
    if (connection_) connection_->leave();
    connection_.reset();
    is_up_ = false;
    is_held_ = false;
  }

  void poll(core::Instant now, core::Duration timeout, std::span<Watched> watched) {
    if (connection_) {
      timeout = std::min(timeout, time_.until(connection_->deadline(), now));
      if (connection_->is_ready()) timeout = core::Duration::zero();
    }
    poller_.wait(timeout, watched);
    if (!is_rung_) return;
    is_rung_ = false;
    std::uint64_t rung = 0;
    const ssize_t taken = ::read(bell_, &rung, sizeof rung);
    NEMCON_CHECK(taken == sizeof rung || errno == EAGAIN || errno == EINTR, errno);
  }

  void receive(core::Instant caller_now, std::vector<ClientEvent>& events) {
    const core::Instant now = time_.advance(caller_now);
    if (!connection_) return;
    for (int i = 0; i < frames_per_turn && connection_->is_ready(); ++i) {
      const std::optional<Connection::Arrived> arrived = connection_->try_receive(now);
      report_up(events);
      if (!arrived) break;
      on_frame(*arrived, events);
    }
    connection_->tend(now);
    if (connection_->state() == Connection::State::over) on_over(events);
  }

  SendResult send(std::span<const core::Request> requests, std::size_t& sent_count) {
    const std::size_t asked_count = requests.size();
    const SendResult result = send_frames(requests);
    sent_count = asked_count - requests.size();
    if (result == SendResult::down) counters_.sends_down += requests.size();
    if (result == SendResult::full) counters_.sends_full += requests.size();
    if (result == SendResult::too_large) ++counters_.sends_too_large;
    return result;
  }

  [[nodiscard]] bool is_up() const { return is_up_; }

  void wake() const {
    const std::uint64_t one = 1;
    // It cannot fail but for a counter that is full, and then the bell rings anyway.
    static_cast<void>(!::write(bell_, &one, sizeof one));
  }

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  void report_up(std::vector<ClientEvent>& events) {
    if (is_up_ || connection_->state() != Connection::State::up) return;
    is_up_ = true;
    events.emplace_back(LinkUp{.node_name = connection_->welcome().name});
  }

  void on_frame(const Connection::Arrived& arrived, std::vector<ClientEvent>& events) {
    switch (arrived.kind) {
      case FrameKind::replies:
        return on_replies(arrived.frame, events);
      case FrameKind::hold:
      case FrameKind::go_on:
        is_held_ = arrived.kind == FrameKind::hold;
        events.emplace_back(LinkHeld{.held = is_held_});
        return;
      default:
        return connection_->end("it sent a frame that no client expects");
    }
  }

  void on_replies(const ReceivedFrame& frame, std::vector<ClientEvent>& events) {
    core::Result<std::vector<core::Reply>> replies = decode_replies(frame, limits_);
    if (!replies) {
      ++counters_.frames_malformed;
      return connection_->end("its replies cannot be read: " + replies.error().detail);
    }
    for (core::Reply& reply : std::move(replies).value())
      events.emplace_back(std::move(reply));
  }

  void on_over(std::vector<ClientEvent>& events) {
    const Connection::End end = connection_->how_it_ended();
    connection_.reset();
    is_up_ = false;
    is_held_ = false;
    const std::optional<RefusalReason> refused =
        end.is_key_refused ? RefusalReason::forbidden : end.refused;
    events.emplace_back(LinkDown{.refused = refused, .why = end.why});
  }

  // Takes away from `requests` what was sent.
  SendResult send_frames(std::span<const core::Request>& requests) {
    if (!is_up_) return SendResult::down;
    if (is_held_) return SendResult::full;
    const DecodeLimits limits = limits_of_receiver(limits_, connection_->welcome().frame_bytes_max);
    while (!requests.empty()) {
      const core::Result<std::size_t> count = encode_requests(out_, requests, limits);
      if (!count) return SendResult::too_large;
      const SendResult sent = connection_->send(out_.view());
      if (sent != SendResult::sent) return sent;
      requests = requests.subspan(*count);
    }
    return SendResult::sent;
  }

  Context& context_;
  ClientSocketOptions options_;
  DecodeLimits limits_;
  LinkCounters counters_;
  Poller poller_;
  ListeningTime time_;
  int bell_;
  bool is_rung_ = false;
  std::unique_ptr<Connection> connection_;
  bool is_up_ = false;
  bool is_held_ = false;
  FrameBuffer out_;
};

ClientSocket::ClientSocket(Context& context, ClientSocketOptions options)
    : impl_(std::make_unique<Impl>(context, std::move(options))) {}

ClientSocket::~ClientSocket() = default;

core::Status ClientSocket::connect(core::Instant now, const std::string& endpoint,
                                   const std::optional<PublicKey>& node_key) {
  return impl_->connect(now, endpoint, node_key);
}

void ClientSocket::disconnect() {
  impl_->disconnect();
}

void ClientSocket::poll(core::Instant now, core::Duration timeout, std::span<Watched> watched) {
  impl_->poll(now, timeout, watched);
}

void ClientSocket::receive(core::Instant now, std::vector<ClientEvent>& events) {
  impl_->receive(now, events);
}

SendResult ClientSocket::send(std::span<const core::Request> requests, std::size_t& sent_count) {
  return impl_->send(requests, sent_count);
}

bool ClientSocket::is_up() const {
  return impl_->is_up();
}

void ClientSocket::wake() {
  impl_->wake();
}

const LinkCounters& ClientSocket::counters() const {
  return impl_->counters();
}

}  // namespace nemcon::transport
