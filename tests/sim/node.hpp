// Node: one real engine with a simulated disk, clock and process around it.
//
//   down ──start──► running ──pause──► paused ──resume──► running
//     ▲                │                  │
//     └────crash───────┴──────────────────┘        gone: never started again
//
// Effects of one step are carried out in a random order (in the order given where effects.hpp
// promises one), and a crash may come between any two of them. At every crash the node is
// checked: what recovery finds equals what the whole history says.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/room.hpp"
#include "tests/sim/schedule.hpp"

namespace nemcon::sim {

// What a node tells the world around it. `node` is always the index of the node that tells.
class NodeSurroundings {
 public:
  virtual ~NodeSurroundings() = default;
  virtual void on_frame(std::size_t node, core::PeerIndex to, core::FrameHeader header,
                        std::vector<core::Message> messages) = 0;
  virtual void on_emitted(std::size_t node, const core::Effects& effects) = 0;
  virtual void on_reply(std::size_t node, const core::ClientReply& reply) = 0;
  virtual void on_durable(std::size_t node, core::Lsn lsn, const core::Record& record) = 0;
  virtual void on_input(std::size_t node, const core::Event& event) = 0;
  virtual void on_crashed(std::size_t node) = 0;
  virtual void on_violation(std::size_t node, const std::string& what) = 0;
};

// What a right wall clock shows when a run begins.
constexpr std::uint64_t wall_ms_at_begin = 1'700'000'000'000;

// Where to crash: `skip` actions after the first that matches. An action is named by the kind of
// its message or record, in lower case; "" matches every one.
struct CrashPlan {
  std::string at;
  std::uint32_t skip = 0;
  bool before = true;  // The action itself is not carried out any more.
};

struct NodeClock {
  Time monotonic_offset{0};  // Of `now`; new with each life.
  std::int64_t wall_skew_ms = 0;
  std::int64_t drift_ppm = 0;  // Of both: the oscillator is too fast or too slow.
};

struct NodeCounts {
  std::uint64_t step_count = 0;
  std::uint64_t start_count = 0;
  std::uint64_t crash_count = 0;
  std::uint64_t mid_effects_crash_count = 0;
  std::uint64_t in_doubt_crash_count = 0;  // Crashed between a vote and its decision.
  std::uint64_t pause_count = 0;
  std::uint64_t late_start_count = 0;   // After it was down for longer than outcomes are kept.
  std::uint64_t late_resume_count = 0;  // After it was paused for so long.
  std::uint64_t congested_count = 0;    // Requests that had to wait.
  std::uint64_t refused_count = 0;      // Starts that found something damaged.
  std::uint64_t no_room_count = 0;      // Requests and votes that a full disk made it refuse.
};

class Node {
 public:
  Node(Schedule& schedule, Random random, std::size_t index, core::Options options,
       NodeSurroundings& surroundings);

  NodeClock clock;
  bool shuffles = true;
  bool checks_recovery = true;

  void start();
  void crash();

  void plan_crash(CrashPlan plan) { crash_plan_ = std::move(plan); }

  void cancel_crash() { crash_plan_.reset(); }

  [[nodiscard]] bool has_crash_plan() const { return crash_plan_.has_value(); }

  void pause();
  void resume();

  void set_gone() { gone_ = true; }

  // Anything that is not a client's: frames, disk, peers, time.
  void deliver(core::Event event);

  // Waits while the engine is congested.
  void deliver_request(core::Event event);

  [[nodiscard]] bool is_alive() const { return engine_ != nullptr; }

  [[nodiscard]] bool is_running() const { return is_alive() && !paused_; }

  [[nodiscard]] bool is_paused() const { return paused_; }

  [[nodiscard]] bool is_gone() const { return gone_; }

  [[nodiscard]] bool is_fenced() const { return fenced_; }

  [[nodiscard]] std::size_t index() const { return index_; }

  [[nodiscard]] const std::string& name() const { return options_.name; }

  [[nodiscard]] core::NodeId id() const { return options_.node; }

  [[nodiscard]] std::uint64_t life() const { return life_; }

  [[nodiscard]] const core::Options& options() const { return options_; }

  // Takes effect at the next start.
  void set_options(core::Options options) { options_ = std::move(options); }

  [[nodiscard]] const core::Engine& engine() const { return *engine_; }

  [[nodiscard]] Disk& disk() { return disk_; }

  [[nodiscard]] const NodeCounts& counts() const { return counts_; }

  [[nodiscard]] std::uint64_t wall_ms() const;

 private:
  struct Action {
    enum class Kind : std::uint8_t { send, write, read, checkpoint, reply };
    Kind kind = Kind::send;
    std::size_t index = 0;
    std::uint64_t key = 0;
  };

  void step(core::Event event);
  void carry_out(core::Effects& effects);
  void check_room(const core::Effects& effects);
  void plan_actions(const core::Effects& effects, std::vector<Action>& actions);
  void order_group(std::vector<Action>& actions, std::size_t first);
  bool try_crash_at(const core::Effects& effects, const Action& action, bool before);
  void perform(core::Effects& effects, const Action& action);
  void flush_frames();
  void set_alarm(std::optional<core::Instant> wake_at);
  void take_held_requests();
  void check_recovery();
  [[nodiscard]] bool was_away_past_retention() const;
  [[nodiscard]] core::Instant local_now() const;

  Schedule& schedule_;  // Must outlive the node.
  Random random_;
  std::size_t index_;
  core::Options options_;
  NodeSurroundings& surroundings_;  // Must outlive the node.
  Disk disk_;
  std::unique_ptr<core::Engine> engine_;
  Room room_;
  std::uint64_t life_ = 0;
  std::uint64_t alarm_ = 0;
  bool paused_ = false;
  std::optional<Time> away_since_;  // The last crash or pause.
  bool gone_ = false;
  bool fenced_ = false;
  std::optional<CrashPlan> crash_plan_;
  std::deque<core::Event> backlog_;  // While paused.
  std::deque<core::Event> held_;     // Requests, while congested.
  std::vector<std::pair<core::PeerIndex, std::vector<core::Message>>> frames_;
  NodeCounts counts_;
};

// The durable state of two recoveries compared; empty when equal, else the first difference.
[[nodiscard]] std::string compare_recovery(const core::Options& options, const DiskImage& image);

}  // namespace nemcon::sim
