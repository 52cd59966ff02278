#include "tests/bench/engine_mesh.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <time.h>

#include "core/check.hpp"
#include "tests/core/parts.hpp"
#include "transport/hashing.hpp"

namespace nemcon::bench {

namespace {

constexpr std::uint64_t wall_origin_ms = 1'700'000'000'000;
constexpr core::Duration tick = std::chrono::milliseconds{1};
constexpr core::LinkId client_link{1};
constexpr std::uint64_t subscription = 1;

std::string name_of(std::size_t node) {
  return "n" + std::to_string(node);
}

core::PeerIndex peer_of(std::size_t node) {
  return core::PeerIndex{static_cast<std::uint32_t>(node)};
}

// Of this thread: what others take of the processor does not count.
std::chrono::nanoseconds processor_time() {
  timespec time{};
  NEMCON_CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

// What reading the clock twice costs, which is not the engines'.
std::chrono::nanoseconds clock_cost() {
  std::chrono::nanoseconds least = std::chrono::seconds{1};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::chrono::nanoseconds begin = processor_time();
    least = std::min(least, processor_time() - begin);
  }
  return least;
}

core::Options options_of(const EngineMeshSetup& setup, std::size_t node) {
  core::Options options;
  options.name = name_of(node);
  options.incarnation = core::Incarnation{5000 + node};
  options.nonce = 9000 + node;
  options.seed = 1 + node;
  options.queues = {core::QueueOptions{.name = "inbox"}};
  options.witnesses = setup.witnesses;
  options.hashing = transport::hashing();
  options.hashing.of_node = core::tests::test_hashing().of_node;
  options.node = options.hashing.of_node(options.name, 1000 + node);
  for (std::size_t peer = 0; peer < setup.node_count; ++peer) {
    if (peer != node) options.peers.push_back({peer_of(peer), name_of(peer)});
  }
  return options;
}

}  // namespace

EngineMesh::EngineMesh(const EngineMeshSetup& setup)
    : nodes_(setup.node_count), frames_(setup.node_count), clock_cost_(clock_cost()) {
  for (std::size_t index = 0; index < nodes_.size(); ++index) {
    Node& node = nodes_[index];
    const core::Options options = options_of(setup, index);
    node.id = options.node;
    node.client = {.high = 55, .low = 1 + index};
    node.engine = std::make_unique<core::Engine>(options, core::Restored{});
    node.inbox.emplace_back(core::LifeBegins{});
    for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
      if (peer != index) node.inbox.emplace_back(core::PeerUp{peer_of(peer)});
    }
  }
  for (int round = 0; round < 200; ++round)
    run();
  for (Node& node : nodes_)
    node.inbox.emplace_back(
        core::ClientRequested{client_link, core::Open{.request = 1, .client = node.client}});
  run();
  forming_sent_count_ = sent_count();
  forming_step_time_ = step_time_;
  sent_by_kind_.fill(0);
  step_time_ = {};
  write_count_ = 0;
}

std::uint64_t EngineMesh::sent_count() const {
  return std::accumulate(sent_by_kind_.begin(), sent_by_kind_.end(), std::uint64_t{0});
}

void EngineMesh::submit(std::span<const std::size_t> nodes, std::size_t body_bytes) {
  Node& node = nodes_[nodes.front()];
  const std::uint64_t sequence = node.next_sequence++;
  core::Submit submit{
      .request = sequence,
      .id = {.initiator = node.id,
             .client = node.client,
             .epoch = {},
             .sequence = core::Sequence{sequence}},
      .ack_upto = core::Sequence{node.acknowledged},
      .expires = core::Hlc::from_ms(wall_origin_ms + 900'000 +
                                    static_cast<std::uint64_t>(core::monotonic_ms(now_)))};
  const std::string body(body_bytes, 'x');
  for (const std::size_t to : nodes) {
    submit.parts.push_back(core::Part{.target = "inbox@" + name_of(to),
                                      .content = {.headers = {}, .body = core::Bytes{body}}});
  }
  node.inbox.emplace_back(core::ClientRequested{client_link, std::move(submit)});
}

void EngineMesh::consume(std::size_t node, std::uint32_t credit) {
  nodes_[node].inbox.emplace_back(core::ClientRequested{
      client_link,
      core::Subscribe{.subscription = subscription, .queue = "inbox", .credit = credit}});
}

void EngineMesh::lose(std::size_t node) {
  nodes_[node].is_lost = true;
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer != node) nodes_[peer].inbox.emplace_back(core::PeerDown{peer_of(node)});
  }
}

void EngineMesh::run() {
  for (bool is_busy = true; is_busy;) {
    is_busy = false;
    for (std::size_t index = 0; index < nodes_.size(); ++index) {
      if (nodes_[index].inbox.empty() || nodes_[index].is_lost) continue;
      is_busy = true;
      turn(index);
    }
  }
  // Everything is decided: the clients know all that they began.
  for (Node& node : nodes_)
    node.acknowledged = node.next_sequence;
  now_ += tick;
  for (Node& node : nodes_) {
    if (node.wake_at && *node.wake_at <= now_) node.inbox.emplace_back(core::DeadlinePassed{});
  }
}

void EngineMesh::turn(std::size_t index) {
  Node& node = nodes_[index];
  std::deque<core::Event> events = std::exchange(node.inbox, {});
  std::vector<core::Effects> all(events.size());
  step(node, events, all);

  const core::Lsn before = node.written;
  std::vector<core::Write> writes;
  for (core::Effects& effects : all) {
    carry_out(index, effects);
    writes.insert(writes.end(), std::make_move_iterator(effects.writes.begin()),
                  std::make_move_iterator(effects.writes.end()));
  }
  if (on_writes && !writes.empty()) on_writes(writes);
  if (node.written != before) node.inbox.emplace_back(core::WriteDurable{node.written});
  settle(node);
  flush_frames(index);
}

void EngineMesh::step(Node& node, std::deque<core::Event>& events,
                      std::vector<core::Effects>& all) {
  const auto wall_ms = wall_origin_ms + static_cast<std::uint64_t>(core::monotonic_ms(now_));
  const std::chrono::nanoseconds begin = processor_time();
  for (std::size_t index = 0; index < events.size(); ++index) {
    node.engine->step({.now = now_, .wall_ms = wall_ms, .event = std::move(events[index])},
                      all[index]);
  }
  step_time_ += std::max(processor_time() - begin - clock_cost_, std::chrono::nanoseconds{0});
}

void EngineMesh::carry_out(std::size_t index, core::Effects& effects) {
  Node& node = nodes_[index];
  NEMCON_CHECK(effects.faults.empty() && !effects.fenced, index);
  node.wake_at = effects.wake_at;
  for (core::Send& send : effects.sends) {
    const std::size_t to = send.to.value();
    if (frames_[to].empty()) receivers_.push_back(to);
    sent_by_kind_[send.message.index()] += 1;
    frames_[to].push_back(std::move(send.message));
  }
  write_count_ += effects.writes.size();
  if (!effects.writes.empty()) node.written = effects.writes.back().lsn;
  for (const core::Read& read : effects.reads)
    node.inbox.emplace_back(node.store.read(read));
  if (effects.checkpoint) {
    node.store.apply(*effects.checkpoint);
    node.inbox.emplace_back(core::CheckpointDone{effects.checkpoint->upto});
  }
  for (const core::ClientReply& reply : effects.replies)
    on_reply(node, reply.reply);
}

void EngineMesh::on_reply(Node& node, const core::Reply& reply) {
  if (const auto* concluded = std::get_if<core::Concluded>(&reply)) {
    NEMCON_CHECK(concluded->verdict == core::Verdict::committed, concluded->text);
    committed_count_ += 1;
  } else if (const auto* delivered = std::get_if<core::Delivered>(&reply)) {
    node.to_settle.push_back(delivered->token);
  } else if (const auto* denied = std::get_if<core::Denied>(&reply)) {
    NEMCON_CHECK(false, denied->text);
  }
}

void EngineMesh::settle(Node& node) {
  if (node.to_settle.empty()) return;
  const auto count = static_cast<std::uint32_t>(node.to_settle.size());
  consumed_count_ += count;
  node.inbox.emplace_back(core::ClientRequested{
      client_link, core::Settle{.request = 1, .tokens = std::exchange(node.to_settle, {})}});
  node.inbox.emplace_back(core::ClientRequested{client_link, core::AddCredit{subscription, count}});
}

void EngineMesh::flush_frames(std::size_t index) {
  for (const std::size_t to : receivers_) {
    core::FrameReceived frame{.from = peer_of(index),
                              .header = nodes_[index].engine->header_for(peer_of(to)),
                              .messages = std::exchange(frames_[to], {})};
    if (on_frame) on_frame(index, to, frame.header, frame.messages);
    nodes_[to].inbox.emplace_back(std::move(frame));
  }
  receivers_.clear();
}

}  // namespace nemcon::bench
