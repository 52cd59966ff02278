#include "tests/core/mesh.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/check.hpp"

namespace nemcon::core::tests {

namespace {

// No two links of a test have the same number.
LinkId next_link() {
  static std::uint64_t last = 0;
  last += 1;
  return LinkId{last};
}

}  // namespace

bool Match::operator()(const Envelope& envelope) const {
  const std::string actual = kind_of(envelope.message);
  if (kind.empty() ? actual == "hello" : actual != kind) return false;
  return (!from || *from == envelope.from) && (!to || *to == envelope.to);
}

// ---- setting up -------------------------------------------------------------------------------

Mesh::Mesh(const Layout& layout) {
  for (std::size_t node = 0; node < layout.node_count; ++node) {
    nodes_.push_back(std::make_unique<Node>(options_of(layout, node)));
  }
  linked_.assign(layout.node_count, std::vector<bool>(layout.node_count, true));
  for (const auto& node : nodes_)
    node->begin();
  for (std::size_t node = 0; node < layout.node_count; ++node)
    connect(node);
  run();
  run_for(std::chrono::milliseconds{200});
  forget_sent();
}

void Mesh::connect(std::size_t node) {
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer == node || !linked_[node][peer] || !nodes_[peer]->is_alive()) continue;
    nodes_[node]->step(PeerUp{peer_index(peer)});
  }
}

void Mesh::set_now(Instant now) {
  now_ = now;
  for (const auto& node : nodes_)
    node->now = now;
}

// ---- the pool ---------------------------------------------------------------------------------

void Mesh::collect() {
  for (std::size_t from = 0; from < nodes_.size(); ++from) {
    for (Outgoing& out : nodes_[from]->take_outgoing()) {
      const std::size_t to = out.to.value() - 1;
      Envelope envelope{
          .from = from, .to = to, .header = out.header, .message = std::move(out.message)};
      sent_.push_back(envelope);
      if (linked_[from][to] && nodes_[to]->is_alive()) pool_.push_back(std::move(envelope));
    }
  }
}

bool Mesh::is_held(const Envelope& envelope) const {
  return std::ranges::any_of(held_, [&](const Match& match) { return match(envelope); });
}

Effects Mesh::hand_over(const Envelope& envelope) {
  return nodes_[envelope.to]->step(FrameReceived{.from = peer_index(envelope.from),
                                                 .header = envelope.header,
                                                 .messages = {envelope.message}});
}

void Mesh::run() {
  for (int count = 0; count < 100'000; ++count) {
    collect();
    const auto next =
        std::ranges::find_if(pool_, [&](const Envelope& envelope) { return !is_held(envelope); });
    if (next == pool_.end()) return;
    const Envelope envelope = std::move(*next);
    pool_.erase(next);
    hand_over(envelope);
  }
  ADD_FAILURE() << "the nodes never stop talking";
}

void Mesh::hold(const Match& match) {
  held_.push_back(match);
}

void Mesh::release() {
  held_.clear();
}

bool Mesh::try_deliver(const Match& match) {
  collect();
  const auto next = std::ranges::find_if(pool_, match);
  if (next == pool_.end()) return false;
  const Envelope envelope = std::move(*next);
  pool_.erase(next);
  hand_over(envelope);
  return true;
}

Effects Mesh::deliver(const Match& match) {
  collect();
  const auto next = std::ranges::find_if(pool_, match);
  if (next == pool_.end()) {
    ADD_FAILURE() << "no such message: " << match.kind;
    return {};
  }
  const Envelope envelope = std::move(*next);
  pool_.erase(next);
  return hand_over(envelope);
}

std::size_t Mesh::drop(const Match& match) {
  collect();
  return std::erase_if(pool_, match);
}

void Mesh::duplicate(const Match& match) {
  collect();
  const auto found = std::ranges::find_if(pool_, match);
  if (found == pool_.end()) {
    ADD_FAILURE() << "no such message: " << match.kind;
    return;
  }
  pool_.push_back(Envelope{*found});
}

void Mesh::reverse() {
  collect();
  std::ranges::reverse(pool_);
}

std::size_t Mesh::pending_count(const Match& match) {
  collect();
  return static_cast<std::size_t>(std::ranges::count_if(pool_, match));
}

void Mesh::forge(std::size_t from, std::size_t to, Message message) {
  collect();
  pool_.push_back({.from = from,
                   .to = to,
                   .header = nodes_[from]->engine().header_for(peer_index(to)),
                   .message = std::move(message)});
}

std::vector<Envelope> Mesh::sent(const Match& match) {
  collect();
  std::vector<Envelope> found;
  std::ranges::copy_if(sent_, std::back_inserter(found), match);
  return found;
}

void Mesh::forget_sent() {
  collect();
  sent_.clear();
}

// ---- time -------------------------------------------------------------------------------------

void Mesh::run_for(Duration duration) {
  const Instant target = now_ + duration;
  for (int count = 0; count < 100'000; ++count) {
    run();
    std::optional<Instant> earliest;
    for (const auto& node : nodes_) {
      if (!node->is_alive() || !node->wake_at()) continue;
      if (!earliest || *node->wake_at() < *earliest) earliest = node->wake_at();
    }
    if (!earliest || *earliest > target) {
      set_now(target);
      return;
    }
    set_now(std::max(now_, *earliest));
    for (const auto& node : nodes_) {
      if (node->is_alive()) node->tick();
    }
  }
  ADD_FAILURE() << "some node wakes up for nothing";
}

// ---- faults -----------------------------------------------------------------------------------

void Mesh::crash(std::size_t node) {
  collect();
  nodes_[node]->crash();
  std::erase_if(pool_, [&](const Envelope& envelope) { return envelope.to == node; });
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (nodes_[peer]->is_alive() && linked_[node][peer]) {
      nodes_[peer]->step(PeerDown{peer_index(node)});
    }
  }
}

void Mesh::recover(std::size_t node) {
  nodes_[node]->options().nonce += 100;
  nodes_[node]->begin();
  connect(node);
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer == node || !nodes_[peer]->is_alive() || !linked_[node][peer]) continue;
    nodes_[peer]->step(PeerUp{peer_index(node)});
  }
}

void Mesh::crash_and_recover(std::size_t node) {
  crash(node);
  recover(node);
}

void Mesh::cut(std::size_t a, std::size_t b) {
  collect();
  linked_[a][b] = linked_[b][a] = false;
  std::erase_if(pool_, [&](const Envelope& envelope) {
    return (envelope.from == a && envelope.to == b) || (envelope.from == b && envelope.to == a);
  });
  if (nodes_[a]->is_alive()) nodes_[a]->step(PeerDown{peer_index(b)});
  if (nodes_[b]->is_alive()) nodes_[b]->step(PeerDown{peer_index(a)});
}

void Mesh::heal(std::size_t a, std::size_t b) {
  linked_[a][b] = linked_[b][a] = true;
  if (!nodes_[a]->is_alive() || !nodes_[b]->is_alive()) return;
  nodes_[a]->step(PeerUp{peer_index(b)});
  nodes_[b]->step(PeerUp{peer_index(a)});
}

// ---- clients ----------------------------------------------------------------------------------

Caller::Caller(Node& node, const std::string& name)
    : Caller(node, name, std::string{account_of(name)}) {}

Caller::Caller(Node& node, const std::string& name, std::string key)
    : node_(&node), name_(name), key_(std::move(key)) {
  client_ = name_.empty() ? ClientId{.high = 55, .low = next_link().value()} : client_named(name_);
  connect(Epoch{});
}

void Caller::connect(Epoch epoch) {
  link_ = next_link();
  if (!key_.empty()) node_->step(ClientKnown{.link = link_, .name = key_});
  request(Open{.request = next_request_++, .name = name_, .client = client_, .epoch = epoch});
  const std::optional<Opened> opened = last<Opened>();
  if (opened) epoch_ = opened->epoch;
  if (opened) client_ = opened->client;
}

void Caller::move_to(Node& node) {
  node_ = &node;
  connect(epoch_);
}

void Caller::open_anew() {
  connect(Epoch{});
  next_sequence_ = 1;
}

TransactionId Caller::next_id() {
  return {.initiator = node_->options().node,
          .client = client_,
          .epoch = epoch_,
          .sequence = Sequence{next_sequence_++}};
}

Submit Caller::draft(const TransactionId& id, const std::vector<Part>& parts) const {
  const auto now_ms =
      static_cast<std::uint64_t>(node_->now.time_since_epoch() / std::chrono::milliseconds{1});
  constexpr std::uint64_t quarter_hour_ms = 900'000;
  return {.request = id.sequence.value() + 1000,
          .id = id,
          .parts = parts,
          .expires = Hlc::from_ms(wall_origin_ms + now_ms + quarter_hour_ms)};
}

TransactionId Caller::submit(const std::vector<Part>& parts) {
  return submit(draft(next_id(), parts));
}

TransactionId Caller::submit(Submit submit) {
  const TransactionId id = submit.id;
  request(std::move(submit));
  return id;
}

void Caller::resubmit(const TransactionId& id, const std::vector<Part>& parts) {
  Submit again = draft(id, parts);
  again.retry = true;
  submit(std::move(again));
}

void Caller::ask(const TransactionId& id) {
  request(Ask{.request = next_request_++, .id = id});
}

void Caller::acknowledge(std::uint64_t upto) {
  request(Acknowledge{.epoch = epoch_, .ack_upto = Sequence{upto}});
}

Effects Caller::request(Request given) {
  return node_->request(link_, std::move(given));
}

void Caller::leave() {
  node_->step(ClientGone{link_});
}

std::optional<Concluded> Caller::answer(const TransactionId& id) const {
  std::optional<Concluded> found;
  for (const Concluded& concluded : all<Concluded>()) {
    if (concluded.id == id) found = concluded;
  }
  return found;
}

bool Caller::is_committed(const TransactionId& id) const {
  const std::optional<Concluded> found = answer(id);
  return found && found->verdict == Verdict::committed;
}

bool Caller::is_rolled_back(const TransactionId& id) const {
  const std::optional<Concluded> found = answer(id);
  return found && found->verdict == Verdict::rolled_back;
}

void Caller::subscribe(const std::string& queue, std::uint32_t credit) {
  request(Subscribe{.subscription = 1, .queue = queue, .credit = credit});
}

Effects Caller::settle(Settlement how, const std::vector<LeaseToken>& tokens) {
  return request(Settle{.request = next_request_++, .how = how, .tokens = tokens});
}

std::vector<std::string> Caller::delivered() const {
  std::vector<std::string> bodies;
  for (const Delivered& delivered : all<Delivered>()) {
    bodies.emplace_back(delivered.content.body.view());
  }
  return bodies;
}

void Caller::serve(const std::string& service) {
  request(Serve{.request = next_request_++, .service = service, .in_doubt = {}});
}

void Caller::vote_yes(const std::string& reply) {
  const std::optional<ServicePrepare> asked = last<ServicePrepare>();
  NEMCON_CHECK(asked.has_value(), name_);
  request(ServiceVote{.call = asked->call, .yes = true, .reply = content(reply)});
}

void Caller::vote_no(const std::string& why) {
  const std::optional<ServicePrepare> asked = last<ServicePrepare>();
  NEMCON_CHECK(asked.has_value(), name_);
  request(ServiceVote{.call = asked->call, .yes = false, .text = why});
}

void Caller::done(const CallKey& call) {
  request(ServiceDone{.call = call});
}

}  // namespace nemcon::core::tests
