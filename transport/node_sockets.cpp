#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "transport/acceptor.hpp"
#include "transport/codec.hpp"
#include "transport/connection.hpp"
#include "transport/flow.hpp"
#include "transport/hashing.hpp"
#include "transport/links.hpp"
#include "transport/node_security.hpp"
#include "transport/poller.hpp"
#include "transport/text.hpp"

namespace nemcon::transport {

namespace {

// To a peer's router nothing but control frames comes back.
constexpr std::uint64_t control_bytes_max = 4096;

// Of one link in one receive().
constexpr int frames_per_turn = 256;

}  // namespace

const char* to_text(SendResult result) {
  switch (result) {
    case SendResult::sent:
      return "sent";
    case SendResult::down:
      return "down";
    case SendResult::full:
      return "full";
    case SendResult::too_large:
      return "too large";
  }
  return "?";
}

class NodeSockets::Impl {
 public:
  // `gatekeeper` is there if the options have keys.
  Impl(Context& context, Authenticator& authenticator, NodeSocketsOptions options,
       Gatekeeper* gatekeeper)
      : context_(context),
        options_(std::move(options)),
        limits_(decode_limits(options_.limits)),
        time_(options_.timing.ping_interval),
        security_(gatekeeper == nullptr
                      ? nullptr
                      : std::make_unique<NodeSecurity>(*gatekeeper, std::move(*options_.keys))),
        acceptor_({context, poller_, security_ ? security_->ring() : authenticator, options_,
                   limits_, counters_, security_.get()}) {
    links_.reserve(options_.peers.size());
    for (const PeerEndpoint& peer : options_.peers)
      links_.emplace_back(peer, options_.timing);
  }

  core::Status bind() {
    for (const std::string& endpoint : options_.listen) {
      core::Result<std::string> bound = acceptor_.bind(endpoint);
      if (!bound) return bound.error();
      endpoints_.push_back(std::move(bound).value());
    }
    for (const PeerEndpoint& peer : options_.peers) {
      if (!is_endpoint(peer.endpoint)) {
        return core::Error{core::Errc::local_closed,
                           "not tcp://, ipc:// or inproc://: " + peer.endpoint};
      }
    }
    return core::Nothing{};
  }

  // With keys: that strangers are kept out is seen, not believed.
  core::Status prove() {
    if (!security_) return core::Nothing{};
    for (const std::string& endpoint : endpoints_) {
      const core::Status proved = prove_refusal(context_, endpoint, security_->own().public_key);
      if (!proved) return proved;
    }
    // These were our own.
    static_cast<void>(security_->take_refusals());
    return core::Nothing{};
  }

  core::Status set_keys(core::Instant caller_now, NodeKeys keys) {
    NEMCON_CHECK(security_ != nullptr);
    const core::Instant now = time_.advance(caller_now);
    const PublicKey before = security_->own().public_key;
    security_->replace(std::move(keys));
    acceptor_.on_keys_replaced(now);
    for (Link& link : links_) {
      link.next.reset();  // It began with what was valid before.
      const std::vector<PublicKey>& valid = security_->keys_of_peer(link.peer.name);
      if (link.connection && std::ranges::find(valid, link.key) == valid.end()) {
        link.connection->end("its key is not valid any more");
      }
    }
    if (security_->own().public_key == before) return core::Nothing{};
    const core::Status changed = acceptor_.change_own_keys();
    if (!changed) return changed;
    const core::Status proved = prove();
    if (proved) return proved;
    acceptor_.close();
    return core::Error{
        proved.error().code,
        proved.error().detail + "; nobody is let in any more until the node is started again"};
  }

  void poll(core::Instant now, core::Duration timeout, std::span<Watched> watched) {
    bool ready = acceptor_.is_ready();
    core::Instant deadline = acceptor_.deadline();
    for (const Link& link : links_) {
      ready = ready || (link.connection && link.connection->is_ready());
      deadline =
          std::min(deadline, link.connection ? link.connection->deadline() : link.connect_at);
      if (link.next) {
        ready = ready || link.next->is_ready();
        deadline = std::min(deadline, link.next->deadline());
      } else if (is_outdated(link)) {
        deadline = std::min(deadline, link.renew_at);
      }
    }
    if (ready) timeout = core::Duration::zero();
    poller_.wait(std::min(timeout, time_.until(deadline, now)), watched);
  }

  void receive(core::Instant caller_now, std::vector<NodeEvent>& events) {
    const core::Instant now = time_.advance(caller_now);
    now_ = now;
    acceptor_.receive(now, events);
    for (Link& link : links_)
      tend(link, now, events);
    rest_the_idlest(now);
    acceptor_.tend(now, events);
  }

  SendResult send_to_peer(core::PeerIndex to, const core::FrameHeader& header,
                          std::span<const core::Message> messages) {
    Link* link = find(to);
    NEMCON_CHECK(link != nullptr, to);
    const SendResult result = send_frames(*link, header, messages);
    if (result == SendResult::down) counters_.sends_down += messages.size();
    if (result == SendResult::full) counters_.sends_full += messages.size();
    return result;
  }

  void mute_peer(core::Instant caller_now, core::PeerIndex peer, const std::string& why) {
    acceptor_.mute_peer(time_.advance(caller_now), peer, why);
  }

  [[nodiscard]] bool is_up(core::PeerIndex peer) {
    const Link* link = find(peer);
    return link != nullptr && link->is_up;
  }

  [[nodiscard]] Acceptor& acceptor() { return acceptor_; }

  [[nodiscard]] const std::vector<std::string>& endpoints() const { return endpoints_; }

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  // Our own way to one peer: a connection, or the moment of the next attempt.
  struct Link {
    Link(PeerEndpoint endpoint, const LinkTiming& timing)
        : peer(std::move(endpoint)), backoff(timing.reconnect_first, timing.reconnect_max) {}

    PeerEndpoint peer;
    std::unique_ptr<Connection> connection;
    PublicKey key;            // That the connection expects there, if there are keys.
    PublicKey own_key;        // Under which it was made.
    std::size_t key_index{};  // Of the next attempt: a peer may have several.
    std::size_t keys_tried{};
    // Under our other own key: takes the place of the connection once it is up.
    std::unique_ptr<Connection> next;
    core::Instant renew_at{};
    core::Instant connect_at{};
    core::Instant up_since{};
    bool is_up = false;  // Invariant: PeerUp was reported last, not PeerDown.
    // Up, and there is no connection, or one that is not up yet: it was let go.
    bool is_resting = false;
    core::Instant used_at{};           // When something was sent last,
    core::Instant worked_at{};         // and something else than a HELLO.
    std::uint64_t lot = random_u64();  // Among those that never worked.
    std::uint64_t frame_bytes_max{};   // That the peer takes, by its last welcome.
    std::vector<std::string> waiting;  // Frames, while resting.
    std::uint64_t waiting_bytes{};
    Backoff backoff;
    std::string reported;  // The trouble that was reported last, until it is up again.
  };

  Link* find(core::PeerIndex peer) {
    // By index where the caller numbers them from zero, as one does.
    if (peer.value() < links_.size() && links_[peer.value()].peer.peer == peer) {
      return &links_[peer.value()];
    }
    for (Link& link : links_) {
      if (link.peer.peer == peer) return &link;
    }
    return nullptr;
  }

  void tend(Link& link, core::Instant now, std::vector<NodeEvent>& events) {
    renew(link, now);
    if (!link.connection) {
      if (now >= link.connect_at) begin(link, now, events);
      return;
    }
    Connection& connection = *link.connection;
    listen(connection, now);
    const bool is_new = !link.is_up || link.is_resting;
    if (connection.state() == Connection::State::up && is_new) on_up(link, now, events);
    if (connection.state() == Connection::State::over) on_over(link, now, events);
  }

  static void listen(Connection& connection, core::Instant now) {
    int count = 0;
    for (; count < frames_per_turn && connection.is_ready(); ++count) {
      const std::optional<Connection::Arrived> arrived = connection.try_receive(now);
      if (arrived) connection.end("it answers as to a client");
    }
    // Nothing bounds what waits there but this (intake.hpp); it has a few to send a second.
    if (count == frames_per_turn) connection.end("it sends more than answers");
    connection.tend(now);
  }

  // Made under an own key that we do not use any more: the others will not know it for long.
  [[nodiscard]] bool is_outdated(const Link& link) const {
    return security_ && link.is_up && !link.is_resting &&
           link.own_key != security_->own().public_key;
  }

  // Makes the new connection before it leaves the old one, so that nothing waits.
  void renew(Link& link, core::Instant now) {
    if (!link.next) {
      if (!is_outdated(link) || now < link.renew_at) return;
      link.renew_at = now + options_.timing.reconnect_max;
      link.next = connect(link, now);
      return;
    }
    listen(*link.next, now);
    if (link.next->state() == Connection::State::over) link.next.reset();
    if (!link.next || link.next->state() != Connection::State::up) return;
    if (link.connection && link.next->welcome().name == link.peer.name) {
      link.connection->leave();
      link.connection = std::move(link.next);
      link.own_key = security_->own().public_key;
    }
    link.next.reset();
  }

  void begin(Link& link, core::Instant now, std::vector<NodeEvent>& events) {
    if (security_) {
      const std::vector<PublicKey>& keys = security_->keys_of_peer(link.peer.name);
      if (keys.empty()) return give_up(link, now + options_.timing.reconnect_max, events);
      link.key = keys[link.key_index % keys.size()];
      link.own_key = security_->own().public_key;
    }
    link.connection = connect(link, now);
    if (!link.connection) give_up(link, now + options_.timing.reconnect_max, events);
  }

  void give_up(Link& link, core::Instant connect_at, std::vector<NodeEvent>& events) {
    if (link.is_up) events.emplace_back(core::PeerDown{link.peer.peer});
    link.is_up = false;
    link.is_resting = false;
    link.waiting.clear();
    link.waiting_bytes = 0;
    link.connect_at = connect_at;
    link.connection.reset();
    link.next.reset();
  }

  // Null: the endpoint cannot be used.
  std::unique_ptr<Connection> connect(const Link& link, core::Instant now) {
    const Greeting greeting{
        .role = Role::peer, .frame_bytes_max = control_bytes_max, .name = options_.name};
    auto connection =
        Connection::begin(context_, poller_, counters_,
                          {.endpoint = link.peer.endpoint,
                           .greeting = greeting,
                           .timing = options_.timing,
                           .own_keys = security_ ? security_->shared_own() : nullptr,
                           .server_key = security_ ? std::optional(link.key) : std::nullopt},
                          now);
    return connection ? std::move(connection).value() : nullptr;
  }

  void on_up(Link& link, core::Instant now, std::vector<NodeEvent>& events) {
    const std::string& name = link.connection->welcome().name;
    if (name != link.peer.name) {
      // Somebody else lives at that address now.
      return link.connection->refuse(RefusalReason::unknown, "answers as " + printable(name));
    }
    link.frame_bytes_max = link.connection->welcome().frame_bytes_max;
    link.keys_tried = 0;
    link.up_since = now;
    if (std::exchange(link.is_resting, false)) return send_waiting(link);
    link.is_up = true;
    link.used_at = now;
    link.reported.clear();
    events.emplace_back(core::PeerUp{link.peer.peer});
  }

  // What is lost here the owner sends again, as if it were lost on the way.
  static void send_waiting(Link& link) {
    for (const std::string& frame : std::exchange(link.waiting, {}))
      static_cast<void>(link.connection->send(frame));
    link.waiting_bytes = 0;
  }

  // Lets go of the links that have not worked for longest, beyond those that may be idle. Of those
  // that never have any may stay: of the last to come, all nodes would keep the same.
  void rest_the_idlest(core::Instant now) {
    if (now < rest_at_ || links_.size() <= options_.idle_links_max) return;
    rest_at_ = now + options_.timing.idle_after / 10;
    std::vector<Link*> idle;
    for (Link& link : links_) {
      const bool is_idle = now >= link.used_at + options_.timing.idle_after;
      if (link.is_up && !link.is_resting && !link.next && is_idle) idle.push_back(&link);
    }
    if (idle.size() <= options_.idle_links_max) return;
    std::ranges::sort(idle, {}, [](const Link* link) {
      return std::pair{link->worked_at, link->lot};
    });
    idle.resize(idle.size() - options_.idle_links_max);
    for (Link* const link : idle)
      rest(*link, now);
  }

  void rest(Link& link, core::Instant now) {
    ++counters_.links_rested;
    link.connection->leave();
    link.connection.reset();
    link.is_resting = true;
    // Not all of them in one moment.
    const auto half = static_cast<std::uint64_t>(options_.timing.rest_max.count() / 2);
    link.connect_at = now + options_.timing.rest_max -
                      core::Duration{static_cast<core::Duration::rep>(random_u64() % (half + 1))};
  }

  void on_over(Link& link, core::Instant now, std::vector<NodeEvent>& events) {
    const Connection::End& end = link.connection->how_it_ended();
    const bool lasted = link.is_up && now >= link.up_since + options_.timing.ping_interval;
    if (lasted) link.backoff.reset();
    report(link, end, events);
    core::Duration wait = link.backoff.next(random_u64());
    if (end.refused) wait = std::max(wait, options_.timing.reconnect_max);
    // It may have changed to another of its keys: each is tried before anybody waits.
    if (security_ && end.is_handshake_failed) {
      ++link.key_index;
      ++link.keys_tried;
      if (link.keys_tried < security_->keys_of_peer(link.peer.name).size()) {
        wait = core::Duration::zero();
      } else {
        link.keys_tried = 0;
      }
    }
    give_up(link, now + wait, events);
  }

  // That a peer cannot be reached is daily business; that it does not want us, or that there is no
  // such host, is not.
  void report(Link& link, const Connection::End& end, std::vector<NodeEvent>& events) {
    const bool is_refused = end.refused && *end.refused != RefusalReason::replaced &&
                            *end.refused != RefusalReason::stranger;
    const bool is_keys = end.is_key_refused || (security_ && end.is_handshake_failed);
    const bool expected = !is_refused && !end.is_host_unknown && !is_keys;
    if (expected || link.reported == end.why) return;
    link.reported = end.why;
    events.emplace_back(LinkTrouble{
        .reason = end.refused.value_or(is_keys ? RefusalReason::forbidden : RefusalReason::unknown),
        .peer = link.peer.peer,
        .what = "node " + link.peer.name + " at " + link.peer.endpoint + ": " + end.why});
  }

  // Takes away from `messages` what was sent, or can never be.
  SendResult send_frames(Link& link, const core::FrameHeader& header,
                         std::span<const core::Message>& messages) {
    if (!link.is_up) return SendResult::down;
    const DecodeLimits limits = limits_of_receiver(limits_, link.frame_bytes_max);
    link.used_at = now_;
    const bool is_greeting = std::ranges::all_of(messages, [](const core::Message& message) {
      return std::holds_alternative<core::Hello>(message);
    });
    if (!is_greeting) link.worked_at = now_;
    SendResult result = SendResult::sent;
    while (!messages.empty()) {
      const core::Result<std::size_t> count = encode_peer(out_, header, messages, limits);
      if (!count) {
        ++counters_.sends_too_large;
        result = SendResult::too_large;
        messages = messages.subspan(1);
        continue;
      }
      const SendResult sent =
          link.is_resting ? keep(link, out_.view()) : link.connection->send(out_.view());
      if (sent != SendResult::sent) return sent;
      messages = messages.subspan(*count);
    }
    return result;
  }

  // Until it is connected again, which begins now.
  SendResult keep(Link& link, std::string_view frame) {
    if (link.waiting_bytes >= link_window_bytes) return SendResult::full;
    if (!link.connection) link.connect_at = now_;
    link.waiting.emplace_back(frame);
    link.waiting_bytes += frame.size();
    return SendResult::sent;
  }

  Context& context_;
  NodeSocketsOptions options_;
  DecodeLimits limits_;
  LinkCounters counters_;
  Poller poller_;
  ListeningTime time_;
  core::Instant now_{};                     // Of the last receive().
  core::Instant rest_at_{};                 // When to look for links that may rest.
  std::unique_ptr<NodeSecurity> security_;  // Null without keys.
  Acceptor acceptor_;
  std::vector<Link> links_;
  std::vector<std::string> endpoints_;
  FrameBuffer out_;
};

NodeSockets::NodeSockets(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

NodeSockets::~NodeSockets() = default;

core::Result<std::unique_ptr<NodeSockets>> NodeSockets::open(Context& context,
                                                             Authenticator& authenticator,
                                                             NodeSocketsOptions options) {
  Gatekeeper* gatekeeper = nullptr;
  if (options.keys) {
    // Before anything is bound.
    const core::Result<Gatekeeper*> found = Gatekeeper::of_process();
    if (!found) return found.error();
    gatekeeper = *found;
    for (const std::string& endpoint : options.listen) {
      if (!endpoint.starts_with("inproc://")) continue;
      return core::Error{core::Errc::local_closed,
                         "cannot use " + endpoint + ": ZeroMQ has no keys within a process"};
    }
  }
  auto impl = std::make_unique<Impl>(context, authenticator, std::move(options), gatekeeper);
  if (const core::Status bound = impl->bind(); !bound) return bound.error();
  if (const core::Status proved = impl->prove(); !proved) return proved.error();
  return std::unique_ptr<NodeSockets>(new NodeSockets(std::move(impl)));
}

std::vector<std::string> NodeSockets::endpoints() const {
  return impl_->endpoints();
}

void NodeSockets::poll(core::Instant now, core::Duration timeout, std::span<Watched> watched) {
  impl_->poll(now, timeout, watched);
}

void NodeSockets::receive(core::Instant now, std::vector<NodeEvent>& events) {
  impl_->receive(now, events);
}

SendResult NodeSockets::send_to_peer(core::PeerIndex to, const core::FrameHeader& header,
                                     std::span<const core::Message> messages) {
  return impl_->send_to_peer(to, header, messages);
}

SendResult NodeSockets::send_to_client(core::LinkId to, std::span<const core::Reply> replies) {
  return impl_->acceptor().send_to_client(to, replies);
}

void NodeSockets::hold_clients() {
  impl_->acceptor().hold_clients();
}

void NodeSockets::resume_clients() {
  impl_->acceptor().resume_clients();
}

void NodeSockets::mute_peer(core::Instant now, core::PeerIndex peer, const std::string& why) {
  impl_->mute_peer(now, peer, why);
}

core::Status NodeSockets::set_keys(core::Instant now, NodeKeys keys) {
  return impl_->set_keys(now, std::move(keys));
}

bool NodeSockets::is_up(core::PeerIndex peer) const {
  return impl_->is_up(peer);
}

std::string NodeSockets::client_name(core::LinkId link) const {
  return impl_->acceptor().client_name(link);
}

std::size_t NodeSockets::client_count() const {
  return impl_->acceptor().client_count();
}

std::size_t NodeSockets::connection_count() const {
  return impl_->acceptor().connection_count();
}

const LinkCounters& NodeSockets::counters() const {
  return impl_->counters();
}

}  // namespace nemcon::transport
