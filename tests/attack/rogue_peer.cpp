#include "tests/attack/rogue_peer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <variant>

#include "core/overloaded.hpp"
#include "log/identity.hpp"
#include "node/node_keys.hpp"
#include "transport/authenticator.hpp"
#include "transport/hashing.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;

namespace {

constexpr core::LinkId own_link{1};
constexpr const char* principal = "operator";

core::Instant present() {
  return core::Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

std::uint64_t wall_ms() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(wall).count());
}

core::Options rogue_options(const node::Config& config) {
  core::Options options = node::engine_options(config);
  options.hashing = transport::hashing();
  options.hashing.of_node = log::node_id_of;
  options.node = log::node_id_of(config.name, transport::random_u64());
  options.incarnation = core::Incarnation{transport::random_u64()};
  options.nonce = transport::random_u64();
  options.seed = transport::random_u64();
  return options;
}

std::vector<std::string> names_of(const node::Config& config) {
  std::vector<std::string> names;
  for (const node::PeerConfig& peer : config.peers)
    names.push_back(peer.name);
  return names;
}

std::unique_ptr<transport::NodeSockets> open_sockets(const node::Config& config,
                                                     transport::Authenticator& authenticator) {
  core::Result<transport::NodeKeys> keys = node::load_keys(config);
  if (!keys) throw std::runtime_error(keys.error().detail);
  transport::NodeSocketsOptions options;
  options.name = config.name;
  options.listen = config.listen;
  std::uint32_t index = 0;
  for (const node::PeerConfig& peer : config.peers)
    options.peers.push_back({core::PeerIndex{index++}, peer.name, peer.endpoint});
  options.limits = config.limits;
  options.keys = std::move(keys).value();
  auto sockets =
      transport::NodeSockets::open(transport::process_context(), authenticator, std::move(options));
  if (!sockets) throw std::runtime_error(sockets.error().detail);
  return std::move(sockets).value();
}

}  // namespace

RoguePeer::RoguePeer(const Victim& victim)
    : options_(rogue_options(victim.rogue)),
      peer_names_(names_of(victim.rogue)),
      names_(peer_names_),
      sockets_(open_sockets(victim.rogue, names_)),
      engine_(std::make_unique<core::Engine>(options_, core::Restored{})) {
  inbox_.emplace_back(core::LifeBegins{});
  inbox_.emplace_back(core::ClientKnown{.link = own_link, .name = principal});
  inbox_.emplace_back(core::ClientRequested{
      .link = own_link, .request = core::Open{.request = ++request_, .name = "operator/rogue"}});
}

core::PeerIndex RoguePeer::index_of(const std::string& name) const {
  const auto found = std::ranges::find(peer_names_, name);
  if (found == peer_names_.end()) throw std::runtime_error("no peer " + name);
  return core::PeerIndex{static_cast<std::uint32_t>(found - peer_names_.begin())};
}

void RoguePeer::turn() {
  core::Duration timeout = inbox_.empty() ? core::Duration{5ms} : core::Duration::zero();
  if (wake_at_) timeout = std::clamp(*wake_at_ - present(), core::Duration::zero(), timeout);
  sockets_->poll(present(), timeout, {});
  std::vector<transport::NodeEvent> events;
  sockets_->receive(present(), events);
  for (transport::NodeEvent& event : events)
    on_event(event);
  if (wake_at_ && *wake_at_ <= present()) {
    wake_at_.reset();
    inbox_.emplace_back(core::DeadlinePassed{});
  }
  const core::Lsn before = written_;
  for (core::Event& event : std::exchange(inbox_, {}))
    step(std::move(event));
  if (written_ != before) inbox_.emplace_back(core::WriteDurable{written_});
  flush();
}

void RoguePeer::on_event(transport::NodeEvent& event) {
  std::visit(core::Overloaded{
                 [this](core::FrameReceived& frame) {
                   if (overhear) overhear(frame);
                   inbox_.emplace_back(std::move(frame));
                 },
                 [this](const core::PeerUp& up) { inbox_.emplace_back(up); },
                 [this](const core::PeerDown& down) { inbox_.emplace_back(down); },
                 [](const auto&) {},
             },
             event);
}

void RoguePeer::step(core::Event event) {
  core::Effects effects;
  engine_->step({.now = present(), .wall_ms = wall_ms(), .event = std::move(event)}, effects);
  carry_out(effects);
}

void RoguePeer::carry_out(core::Effects& effects) {
  wake_at_ = effects.wake_at;
  for (core::Send& send : effects.sends)
    messages_[send.to].push_back(std::move(send.message));
  if (!effects.writes.empty()) written_ = effects.writes.back().lsn;
  for (const core::Read& read : effects.reads)
    inbox_.emplace_back(store_.read(read));
  if (effects.checkpoint) {
    store_.apply(*effects.checkpoint);
    inbox_.emplace_back(core::CheckpointDone{effects.checkpoint->upto});
  }
  for (const core::ClientReply& reply : effects.replies)
    on_reply(reply.reply);
}

void RoguePeer::on_reply(const core::Reply& reply) {
  if (const auto* opened = std::get_if<core::Opened>(&reply)) session_ = *opened;
  const auto* concluded = std::get_if<core::Concluded>(&reply);
  if (concluded != nullptr || std::holds_alternative<core::Denied>(reply)) ++answered_count_;
  if (const auto* denied = std::get_if<core::Denied>(&reply))
    std::fprintf(stderr, "denied: %s\n", denied->text.c_str());
  if (concluded != nullptr && concluded->verdict == core::Verdict::committed) ++committed_count_;
}

void RoguePeer::submit(const std::vector<std::string>& targets, const std::string& body) {
  while (!session_)
    turn();
  core::Submit submit;
  submit.request = ++request_;
  submit.id = {.initiator = session_->node,
               .client = session_->client,
               .epoch = session_->epoch,
               .sequence = core::Sequence{++sequence_}};
  for (const std::string& target : targets) {
    core::Part part;
    part.target = target;
    part.content.body = core::Bytes(body);
    submit.parts.push_back(std::move(part));
  }
  submit.ack_upto = core::Sequence{sequence_ > 8 ? sequence_ - 8 : 1};
  submit.expires = core::Hlc::never();
  inbox_.emplace_back(core::ClientRequested{.link = own_link, .request = std::move(submit)});
}

void RoguePeer::flush() {
  for (auto& [to, messages] : std::exchange(messages_, {})) {
    sim::Frame frame{.header = engine_->header_for(to), .messages = std::move(messages)};
    if (twist) frame = twist(to, std::move(frame));
    (void)say(to, frame);
  }
}

bool RoguePeer::say(core::PeerIndex to, const sim::Frame& frame) {
  if (frame.messages.empty()) return true;
  return sockets_->send_to_peer(to, frame.header, frame.messages) == transport::SendResult::sent;
}

}  // namespace nemcon::attack
