// Loop: the thread that owns sockets and engine. One turn:
//
//     sleep ─► facts of journal and store ─► frames of peers and clients ─► deadline
//       ▲                      each is one step of the engine                  │
//       └── replies, a frame each ◄── messages, a frame each ◄── orders ◄──────┘
//
// The clock is read once a turn. What the steps of a turn want is carried out together at its
// end: one order to the journal, one frame to each peer and each client.
//
// Back-pressure: while the engine is congested or the journal is behind, clients are held; while
// the journal is far behind, peers are as well. No locks: all that is shared is in Mailboxes.
//
// Stop: new work is refused, what is under way goes on for at most 5 s, then run() returns.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/engine.hpp"
#include "node/audit.hpp"
#include "node/batches.hpp"
#include "node/fail_points.hpp"
#include "node/orders.hpp"
#include "node/trace.hpp"
#include "transport/links.hpp"

namespace nemcon::node {

constexpr core::Duration drain_patience = std::chrono::seconds{5};

class Loop {
 public:
  // All must outlive the loop.
  struct Parts {
    core::Engine& engine;
    transport::NodeSockets& sockets;
    Mailboxes& mailboxes;
    const Trace& trace;
    FailPoints& fail_points;
    std::vector<std::string> peer_names;  // By PeerIndex.
    core::Lsn last;                       // Of the newest record found at start.
    Audit* audit = nullptr;               // Without one nothing is recorded.
  };

  explicit Loop(Parts parts);

  // Until StopAsked was carried out.
  void run();

  // After run(), once journal and store have finished: what they made durable last, and what may
  // leave for it.
  void finish();

 private:
  // True when the bell rang: there are facts.
  [[nodiscard]] bool sleep();
  void read_clock();
  void take_facts();
  void on_fact(LoopFact& fact);
  void on_room_short(const RoomShort& fact);
  void take_events();
  void on_event(transport::NodeEvent& event);
  void record(AuditKind kind, const std::string& who, const std::string& what,
              std::uint64_t count = 1);
  void record(const transport::LinkTrouble& trouble, std::uint64_t count);
  void pass_deadline();

  void step(core::Event event);
  void collect();
  void report(const core::Effects& effects);

  void carry_out();
  void send_orders();
  void send_messages();
  void send_replies();
  void hold_or_resume();
  void add_link_counts(core::Report& report) const;

  [[nodiscard]] bool is_drained() const;
  [[nodiscard]] const std::string& peer_name(core::PeerIndex peer) const;

  Parts parts_;

  core::Instant now_{};
  std::uint64_t wall_ms_ = 0;

  core::Effects effects_;  // Of the latest step; emptied by collect().
  std::vector<LoopFact> facts_;
  std::vector<transport::NodeEvent> events_;

  // What the steps of this turn want.
  JournalOrder journal_order_;
  std::vector<StoreOrder> store_orders_;
  Batches<core::PeerIndex, core::Message> messages_;
  Batches<core::LinkId, core::Reply> replies_;

  std::optional<core::Instant> wake_at_;
  core::Lsn written_;  // The newest that was made.
  core::Lsn durable_;
  std::size_t store_orders_open_ = 0;  // Sent and not answered.
  bool journal_is_short_ = false;
  bool store_is_short_ = false;
  bool holds_clients_ = false;
  std::optional<core::Instant> stop_at_;  // Set once a stop was asked for: when patience ends.
};

}  // namespace nemcon::node
