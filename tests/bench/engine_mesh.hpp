// EngineMesh: real engines, wired together in memory. No socket, disk or thread is between them, so
// what is left is what the core itself costs: messages, and time inside Engine::step.
//
// A turn of a node is that of node/loop: every event that waits is stepped, then what the turn has
// for a peer leaves as one frame, and all that it wrote becomes durable at once. Virtual time; a
// run is a function of its calls. One thread; nothing blocks.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/engine.hpp"
#include "tests/core/disk.hpp"

namespace nemcon::bench {

struct EngineMeshSetup {
  std::size_t node_count = 2;
  std::uint32_t witnesses = 1;
};

class EngineMesh {
 public:
  using Frames = std::function<void(std::size_t from, std::size_t to, const core::FrameHeader&,
                                    std::span<const core::Message>)>;

  // All nodes are up and know each other; each has one queue "inbox" and one anonymous client.
  explicit EngineMesh(const EngineMeshSetup& setup);

  // A transaction of the client of nodes[0] with one message to "inbox" at each of the nodes.
  void submit(std::span<const std::size_t> nodes, std::size_t body_bytes);

  // The client of the node takes from its queue, and acknowledges what it gets in each turn.
  void consume(std::size_t node, std::uint32_t credit);

  // The node is gone: its peers are told so, and what is sent to it is lost.
  void lose(std::size_t node);

  // Until nothing is under way; then a millisecond passes, with what it wakes.
  void run();

  [[nodiscard]] std::uint64_t committed_count() const { return committed_count_; }

  [[nodiscard]] std::uint64_t consumed_count() const { return consumed_count_; }

  // Messages between nodes by kind, the index of core::Message; since the mesh was formed.
  [[nodiscard]] std::span<const std::uint64_t> sent_by_kind() const { return sent_by_kind_; }

  [[nodiscard]] std::uint64_t sent_count() const;

  // What it took until all knew each other.
  [[nodiscard]] std::uint64_t forming_sent_count() const { return forming_sent_count_; }

  [[nodiscard]] std::chrono::nanoseconds forming_step_time() const { return forming_step_time_; }

  // Processor time inside Engine::step, over all nodes.
  [[nodiscard]] std::chrono::nanoseconds step_time() const { return step_time_; }

  [[nodiscard]] std::uint64_t write_count() const { return write_count_; }

  Frames on_frame;                                              // Sees each frame; may be empty.
  std::function<void(std::span<const core::Write>)> on_writes;  // Of a turn; may be empty.

 private:
  struct Node {
    std::unique_ptr<core::Engine> engine;
    core::NodeId id;
    std::deque<core::Event> inbox;
    core::tests::Store store;
    core::Lsn written;
    std::optional<core::Instant> wake_at;
    core::ClientId client;
    std::uint64_t next_sequence = 1;
    std::uint64_t acknowledged = 1;  // All below are known to the client.
    std::vector<core::LeaseToken> to_settle;
    bool is_lost = false;
  };

  void turn(std::size_t index);
  void step(Node& node, std::deque<core::Event>& events, std::vector<core::Effects>& all);
  void carry_out(std::size_t index, core::Effects& effects);
  void on_reply(Node& node, const core::Reply& reply);
  void settle(Node& node);
  void flush_frames(std::size_t index);

  std::vector<Node> nodes_;
  std::vector<std::vector<core::Message>> frames_;  // Of the present turn, by receiver.
  std::vector<std::size_t> receivers_;              // Those that have any.
  std::chrono::nanoseconds clock_cost_;
  core::Instant now_{std::chrono::seconds{1}};
  std::uint64_t committed_count_ = 0;
  std::uint64_t consumed_count_ = 0;
  std::uint64_t write_count_ = 0;
  std::array<std::uint64_t, std::variant_size_v<core::Message>> sent_by_kind_{};
  std::chrono::nanoseconds step_time_{0};
  std::uint64_t forming_sent_count_ = 0;
  std::chrono::nanoseconds forming_step_time_{0};
};

}  // namespace nemcon::bench
