// Driver: brings a transaction to its end. The initiator first; any node that holds an undecided
// row after that. Nothing here is durable: a driver that dies is replaced by another.
//
//   preparing ──all chosen──────────────────────────────► informing ──all acked──► forgetting ──►
//   (gone)
//       └─deadline─► asking ──known───────────────────────────▲  ▲
//                      │ ▲ └─unknown─► promising ─► accepting ┘  │
//                      │ └──back-off──────┴────────────┘         │
//                      └── outsider: asks again until known ─────┘ (replies only)
//
// A drive without a seat in the transaction (its node is not named) only asks; those named finish.
#pragma once

#include <bitset>
#include <optional>
#include <vector>

#include "core/context.hpp"
#include "core/deadlines.hpp"
#include "core/hashed_map.hpp"
#include "core/learner.hpp"
#include "core/participant.hpp"

namespace nemcon::core {

// A client that waits for an outcome.
struct Waiter {
  LinkId link;
  std::uint64_t request = 0;
};

class Driver {
 public:
  Driver(Context& context, Participant& participant)
      : context_(context), participant_(participant) {}

  void on_life_begins();

  // Contents: for each branch those of its delivers and calls, in order.
  void begin(const DescriptorPtr& descriptor, const Digest& digest,
             std::vector<std::vector<Content>> contents, const std::optional<Waiter>& waiter);

  // Learns the outcome of what another node began. The waiter is told.
  void follow(const DescriptorPtr& descriptor, const Digest& digest,
              const std::optional<Waiter>& waiter);

  // Adds a client that wants to hear the outcome. False when nothing is driven under this id.
  [[nodiscard]] bool try_wait(const TransactionId& id, const Waiter& waiter);
  void on_client_gone(LinkId link);

  // An own vote or acceptance was written: from now on this node must see it finished.
  void watch(const TransactionKey& key, const NodeId& asked_by);

  // The first copy of an own vote: to the driver, the initiator and as many witnesses as make a
  // quorum (Rule P-7).
  void send_vote(const TransactionKey& key, const NodeId& asked_by);

  void on_vote(const NodeId& from, const Vote& vote);
  void on_accepted(const NodeId& from, const Accepted& accepted);
  void on_promise(const NodeId& from, const Promise& promise);
  void on_refuse(const NodeId& from, const Refuse& refuse);
  void on_status(const NodeId& from, const TransactionStatus& status);
  void on_decision_ack(const NodeId& from, const DecisionAck& ack);
  void on_forget(const NodeId& from, const Forget& forget);
  void on_forget_ack(const NodeId& from, const ForgetAck& ack);

  // Another leader is at work: give it time.
  void on_other_leader(const TransactionKey& key);

  // A decision was applied here: what remains is to hear that it may be forgotten.
  void on_decided_here(const TransactionKey& key);
  void on_peer_down(const NodeId& node);
  void on_peer_up(const NodeId& node);

  [[nodiscard]] Learnt learnt(const TransactionKey& key) const;

  [[nodiscard]] std::size_t drive_count() const { return drives_.size(); }

  enum class Phase { preparing, asking, promising, accepting, informing, forgetting };

  // For reports.
  struct View {
    Phase phase = Phase::preparing;
    Instant began{};
    std::vector<bool> voted;               // By branch.
    std::vector<std::size_t> waiting_for;  // Node indices.
  };

  [[nodiscard]] std::optional<View> view(const TransactionKey& key) const;
  [[nodiscard]] std::vector<TransactionKey> keys() const;
  [[nodiscard]] DescriptorPtr descriptor_of(const TransactionKey& key) const;

  void on_deadline(Instant now);
  [[nodiscard]] std::optional<Instant> earliest() const;

 private:
  // Nodes of one descriptor, by index.
  using NodeSet = std::bitset<nodes_max>;

  struct Drive {
    DescriptorPtr descriptor;
    Digest digest;
    std::vector<std::vector<Content>> contents;  // Empty unless begun here.
    Learner learner;
    Phase phase = Phase::preparing;
    std::vector<Waiter> waiters;
    int self = -1;  // Index of this node, or -1: an outsider.
    Instant began{};
    Instant deadline{};
    bool second_wave = false;

    Ballot ballot;
    Ballot highest_seen;
    std::vector<PromiseOf> promises;
    bool proposed = false;
    bool somebody_works = false;
    NodeSet too_old;  // Nodes that have finished with it, or never will begin.
    std::uint32_t resend_count = 0;
    std::uint32_t failed_ballots = 0;

    std::optional<Outcome> outcome;
    NodeSet informed;
    bool left_to_initiator = false;  // For a while (Rule P-13).
    NodeSet forgotten;
    Due due;

    [[nodiscard]] TransactionKey key() const { return {descriptor->id, digest}; }

    // Whoever waits has heard it.
    [[nodiscard]] bool is_told() const { return outcome && ends_id(*outcome); }
  };

  // A row that somebody else is expected to finish.
  struct Watch {
    NodeId asked_by;
    std::uint32_t resend_count = 0;
    Instant resend_at{};
    Instant recover_at{};
    Instant deadline{};  // A participant that works until then is waited for (Rule P-20).
    bool decided = false;
    Due due;
  };

  // Where the deadlines of a table are: in its entries, so that none is looked for twice.
  template <class Entries>
  struct DuesOf {
    explicit DuesOf(Entries& of) : entries(of) {}

    Entries& entries;

    [[nodiscard]] Due* find(const TransactionKey& key) const {
      auto* entry = entries.find(key);
      return entry == nullptr ? nullptr : &entry->due;
    }

    [[nodiscard]] std::size_t size() const { return entries.size(); }
  };

  Drive& open_drive(const DescriptorPtr& descriptor, const Digest& digest);
  Drive* find_drive(const TransactionKey& key);
  void close_drive(const TransactionKey& key);
  void wake(Drive& drive, Duration in);

  // driver.cpp: the fast path and its end.
  void on_stray_vote(const NodeId& from, const Vote& vote);
  void send_prepares(Drive& drive);
  void send_prepare(Drive& drive, std::size_t node, const std::vector<std::uint8_t>& branches);
  [[nodiscard]] bool is_due(const Drive& drive, std::uint8_t branch) const;
  void evaluate(Drive& drive);
  [[nodiscard]] bool has_lost_vote(const Drive& drive) const;
  void decide(Drive& drive, const Outcome& outcome);
  void answer_waiters(Drive& drive);
  void inform(Drive& drive);
  void on_informed(const NodeId& from, Drive& drive);
  [[nodiscard]] std::vector<std::size_t> to_inform(const Drive& drive) const;
  void all_informed(Drive& drive);
  void send_forgets(Drive& drive);
  void all_forgotten(Drive& drive);
  void on_drive_deadline(Drive& drive);

  // recovery.cpp
  void start_asking(Drive& drive);
  void ask(Drive& drive);
  void finish_asking(Drive& drive);
  [[nodiscard]] bool can_win(const Drive& drive) const;
  void start_ballot(Drive& drive);
  void try_propose(Drive& drive);
  void back_off(Drive& drive);
  void take_over(Drive& drive);
  [[nodiscard]] static bool is_forgotten_elsewhere(const Drive& drive);
  void tell_too_old(Drive& drive, const NodeId& by);
  [[nodiscard]] bool try_drop(Drive& drive);
  [[nodiscard]] bool try_forget(Drive& drive, const Outcome& outcome);
  [[nodiscard]] bool try_insist(const Drive& drive, const NodeId& from, std::uint64_t challenge);
  [[nodiscard]] Outcome lost() const;
  void adopt_bound(Drive& drive, const Refuse& refuse);
  void on_bound_elsewhere(const NodeId& from, const Refuse& refuse);
  void pass_on(std::vector<Waiter>& waiters, const Drive& drive, const Refuse& refuse);
  void finish_elsewhere(Drive& drive, const TransactionStatus& status);
  void schedule(const TransactionKey& key, Watch& watch);
  void unwatch(const TransactionKey& key);
  void on_watch_deadline(const TransactionKey& key);
  void resend_vote(const TransactionKey& key, Watch& watch);
  void restart(const Transaction& row);

  Context& context_;
  Participant& participant_;
  TransactionMap<Drive> drives_{context_.options.nonce};
  TransactionMap<Watch> watches_{context_.options.nonce};
  DeadlineHeap<TransactionKey> drive_deadlines_;
  DeadlineHeap<TransactionKey> watch_deadlines_;
};

}  // namespace nemcon::core
