// World: one mesh in one thread. Nodes with their disks, the network between them, the links of
// clients, one virtual time, one seed. Who puts clients and faults into it: run.hpp for random
// runs, tests/scenarios for scripts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/history.hpp"
#include "tests/sim/keys.hpp"
#include "tests/sim/liar.hpp"
#include "tests/sim/links.hpp"
#include "tests/sim/names.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/node.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/schedule.hpp"
#include "tests/sim/story.hpp"
#include "tests/sim/watcher.hpp"
#include "tests/sim/wire.hpp"

namespace nemcon::sim {

struct WorldSetup {
  std::uint64_t seed = 1;
  // By node: name, queues, witnesses, coordinator, limits, timing. The rest is filled in.
  std::vector<core::Options> nodes;
  std::size_t story_line_count = 0;
  bool shuffles = true;
  std::optional<std::size_t> liar;  // This node says what it likes, until repent().
};

class World : private NodeSurroundings {
 public:
  explicit World(WorldSetup setup);
  ~World() override = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- parts, in the order in which they depend on each other ---------------------------------
  Random random;
  Schedule schedule;
  Story story;
  Names names;
  History history;
  // By clients that gave up too early: who still holds a vote for one may be told "too old" for
  // good.
  std::set<core::TransactionId> acknowledged_unknown;
  Watcher watcher;
  Network network;
  Links links;

  [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }

  [[nodiscard]] Node& node(std::size_t index) { return *nodes_[index]; }

  [[nodiscard]] std::size_t find_node(const std::string& name) const;

  // ---- processes ------------------------------------------------------------------------------
  void start(std::size_t node);
  void crash(std::size_t node);

  // A second process with a copy of this node's disk, at the same address.
  void start_clone(std::size_t node);

  // The liar says what its engine says, from now on. Without one: nothing.
  void repent() {
    if (liar_) liar_->repent();
  }

  [[nodiscard]] const std::optional<Liar>& liar() const { return liar_; }

  // What the liar has no part in.
  [[nodiscard]] History history_without_liar() const;

  // Clients may hear nothing of the end of what the liar has part in or may hide.
  void leave_open_for_liar();

  // A fault of the world, for the story.
  void tell_fault(int node, const std::string& what);

  // ---- what clients tell the history ----------------------------------------------------------
  std::uint32_t add_queue(const std::string& address, QueueOrder order, std::uint32_t base);
  [[nodiscard]] std::uint32_t queue_index(const std::string& address) const;
  std::uint32_t add_transaction(const core::TransactionId& id, HistoryTransaction transaction);
  std::uint32_t add_message(HistoryMessage message);
  void add_event(HistoryEvent event);

  // Deliveries under this number on this link come from this queue.
  void subscribed(core::LinkId link, std::uint64_t subscription, std::uint32_t queue);

  [[nodiscard]] std::uint32_t message_of(const core::Content& content) const;

  // ---- permissions ----------------------------------------------------------------------------
  // As the plan says, and not as the nodes understand it.
  KeyPlan keys;

  // Its sender may not put it where it wants to: no node may ever hold it.
  void forbid(std::uint32_t message) { forbidden_.insert(message); }

  // ---- verdict --------------------------------------------------------------------------------
  void add_violation(const std::string& what);

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

  [[nodiscard]] bool is_liar(std::size_t node) const { return liar_ && node == liar_at_; }

  // Of which a fence or a fault is no surprise: restored or cloned on purpose.
  [[nodiscard]] bool is_excused(std::size_t node) const { return watcher.excused().contains(node); }

  [[nodiscard]] std::uint64_t fence_count() const { return fence_count_; }

  [[nodiscard]] std::uint64_t fault_count() const { return fault_count_; }

  // Notes of the engines, counted: marks of what the run has covered.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& notes() const { return notes_; }

  // For scripts.
  std::function<Fate(std::size_t from, std::size_t to, const core::Message&)> filter;

 private:
  void send(std::size_t from, std::size_t to, const Frame& frame);
  void on_frame(std::size_t node, core::PeerIndex to, core::FrameHeader header,
                std::vector<core::Message> messages) override;
  void on_emitted(std::size_t node, const core::Effects& effects) override;
  void on_reply(std::size_t node, const core::ClientReply& reply) override;
  void on_durable(std::size_t node, core::Lsn lsn, const core::Record& record) override;
  void on_input(std::size_t node, const core::Event& event) override;
  void on_crashed(std::size_t node) override;
  void on_violation(std::size_t node, const std::string& what) override;

  void on_arrived(std::size_t to, std::size_t from, const Frame& frame);
  void on_view_changed(std::size_t at, std::size_t peer, bool up);
  void on_outcome(std::size_t node, const core::TransactionId& id, bool committed);
  void plan_lies();
  [[nodiscard]] bool is_of_liar(const std::optional<core::TransactionId>& id) const;

  void check_permission(std::size_t node, const core::Record& record);
  void check_permission(std::size_t node, const core::Content& content);
  void record_delivery(core::LinkId link, const core::Delivered& delivered);

  // The number under which a node knows a peer: another one at each node, so that a mix-up of
  // two nodes' numbers shows.
  [[nodiscard]] core::PeerIndex peer_index(std::size_t at, std::size_t peer) const;
  [[nodiscard]] std::size_t node_of(std::size_t at, core::PeerIndex peer) const;

  void add_node(core::Options options, bool shuffles);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Node> clone_;
  std::vector<std::string> violations_;
  std::uint64_t fence_count_ = 0;
  std::uint64_t fault_count_ = 0;
  std::map<std::string, std::uint64_t> notes_;
  std::map<std::string, std::uint32_t> queue_indices_;
  std::map<core::TransactionId, std::uint32_t> transaction_indices_;
  std::map<std::pair<core::LinkId, std::uint64_t>, std::uint32_t> subscriptions_;
  std::set<std::uint32_t> forbidden_;  // Messages.
  std::optional<Liar> liar_;
  std::size_t liar_at_ = 0;
  std::size_t expected_node_count_;
  Wire wire_{core::Limits{}};
};

// A body that can be told apart from all others: "<number>|<filling>". The number is the index
// of the message in the history.
[[nodiscard]] core::Content make_content(std::uint32_t message, std::size_t filling_bytes);

}  // namespace nemcon::sim
