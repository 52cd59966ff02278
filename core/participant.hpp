// Participant: this node's branches of a transaction, from PREPARE to the decision.
//
//   (unknown) ──prepare──► preparing ──all checks passed──► voted yes ──decision──► finished
//                            │  ▲                 no ▼                       ▲
//                            │  └─ service answers  voted no ────────────────┘
//                            │     room, predecessor
//                            └──deadline──► voted no
//
// Invariant: a vote leaves only after its record is durable, and at most one value per branch
// ever leaves, across restarts (Rules P-6, P-7).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/context.hpp"
#include "core/deadlines.hpp"
#include "core/hashed_map.hpp"
#include "core/leases.hpp"
#include "core/services.hpp"

namespace nemcon::core {

// Why a branch says no.
struct Objection {
  Reason reason = Reason::none;
  std::string text;
};

// What this node, as driver, knows beyond the decision itself.
struct Learnt {
  DescriptorPtr descriptor;
  std::vector<Content> replies;
};

class Participant {
 public:
  Participant(Context& context, Services& services, Leases& leases)
      : context_(context), services_(services), leases_(leases) {}

  void on_life_begins();
  void on_prepare(const NodeId& from, const Prepare& prepare, bool sender_drifted);
  void on_service_vote(const ServiceVote& vote);
  void on_decision(const NodeId& from, const Decision& decision, const Learnt& learnt);

  // The answer of a node that told a decision of something unknown, if it is one.
  void on_shown(const NodeId& from, const TransactionStatus& status);
  void on_service_done(const CallKey& call);

  // A recovery leader asks, and nothing was voted here: say no, durably (Rule P-11). A fenced
  // session's is said so.
  void vote_no_for_recovery(const DescriptorPtr& descriptor, const Digest& digest);

  // The application reports what it has prepared and was not told the end of.
  void on_in_doubt(const InDoubt& report);

  // What waited for this transaction of its client, or for room in this queue, is looked at
  // again.
  void on_known(const TransactionId& id);
  void on_room(QueueId queue);

  [[nodiscard]] bool is_preparing(const TransactionKey& key) const {
    return preparing_.contains(key);
  }

  // A submission of this id, whatever its digest, that is on its way to a vote here.
  [[nodiscard]] std::optional<std::pair<TransactionKey, DescriptorPtr>> find_preparing(
      const TransactionId& id) const;

  [[nodiscard]] std::size_t preparing_count() const { return preparing_.size(); }

  // All on their way to a vote, with their descriptors.
  [[nodiscard]] std::map<TransactionKey, DescriptorPtr> preparing() const;

  // Transactions whose votes were written since the last call, with the node that asked.
  struct NewVote {
    TransactionKey key;
    NodeId driver;
  };

  [[nodiscard]] std::vector<NewVote> take_new_votes() { return std::exchange(new_votes_, {}); }

  void on_deadline(Instant now);

  [[nodiscard]] std::optional<Instant> earliest() const { return deadlines_.earliest(); }

 private:
  struct Answer {
    bool given = false;
    bool yes = false;
    bool read_only = false;
    std::string text;
    Content reply;
  };

  using CallIndex = std::pair<std::uint8_t, std::uint8_t>;  // Branch, operation.

  struct ToBeShown {
    NodeId by;
    Outcome outcome;
  };

  struct Preparing {
    DescriptorPtr descriptor;
    Digest digest;
    NodeId driver;
    std::vector<std::uint8_t> branches;
    std::map<CallIndex, Content> contents;
    std::map<CallIndex, Answer> answers;
    Instant deadline{};
    Instant order_until{};  // So long it waits for the preceding transaction (Rule P-32).
    Objection held;         // Why it waits for something other than a service; what "no" would say.

    [[nodiscard]] TransactionKey key() const { return {descriptor->id, digest}; }
  };

  [[nodiscard]] bool try_take_unknown(const NodeId& from, const Decision& decision,
                                      const Learnt& learnt);
  [[nodiscard]] bool must_be_shown(const NodeId& from, const TransactionKey& key,
                                   const Learnt& learnt) const;
  void ask_to_show(const NodeId& from, const Decision& decision);

  struct Shown {
    TransactionKey key;
    Hlc expires;
  };

  [[nodiscard]] bool is_shown(const TransactionKey& key) const {
    return shown_ && shown_->key == key;
  }

  enum class Readiness { ready, wait, objection };

  [[nodiscard]] bool answer_known(const NodeId& from, const Prepare& prepare);
  [[nodiscard]] bool ignore_prepare(const NodeId& from, const Prepare& prepare);
  [[nodiscard]] std::optional<Objection> object_at_once(const NodeId& from,
                                                        const Prepare& prepare) const;
  void take_in(const NodeId& from, const Prepare& prepare);
  [[nodiscard]] bool try_take_contents(const Prepare& prepare, Preparing& preparing, bool own);
  void ask_services(Preparing& preparing);
  void advance(const TransactionKey& key);
  Readiness check(Preparing& preparing, Objection& objection);
  Readiness check_operation(const Preparing& preparing, const Operation& operation,
                            Objection& objection);
  Readiness check_deliver(const Preparing& preparing, const Operation& operation,
                          Objection& objection);
  [[nodiscard]] Objection objection_to_recovery(const TransactionKey& key) const;
  [[nodiscard]] bool is_bound_elsewhere(const TransactionKey& key) const;
  [[nodiscard]] Outcome as_seen_here(const TransactionKey& key, const Outcome& outcome) const;
  void acknowledge(const NodeId& from, const Decision& decision);
  void vote_yes(Preparing& preparing);
  void vote_no(Preparing& preparing, const Objection& objection);
  void dismiss_services(const Preparing& preparing);
  void end_superseded(const TransactionId& id);
  [[nodiscard]] OwnBranch prepared_branch(const Preparing& preparing, std::uint8_t index);
  [[nodiscard]] PreparedOperation prepared_operation(const Preparing& preparing,
                                                     std::uint8_t branch, std::uint8_t operation);
  void write_votes(const TransactionKey& key, const DescriptorPtr& descriptor,
                   std::vector<OwnBranch> branches);
  void write_alone(const Preparing& preparing, std::vector<OwnBranch> branches,
                   const Outcome& outcome);
  void finish(const TransactionKey& key);
  void notify_services(const Transaction& row);
  void end_consumed_leases(const std::vector<OwnBranch>& branches, const Descriptor& descriptor);
  [[nodiscard]] bool somebody_waits_for(const Transaction& row);

  Context& context_;
  Services& services_;
  Leases& leases_;
  TransactionMap<Preparing> preparing_{context_.options.nonce};
  Deadlines<TransactionKey> deadlines_{context_.options.nonce};
  std::set<TransactionKey> held_;
  std::vector<NewVote> new_votes_;
  std::map<TransactionKey, ToBeShown> to_be_shown_;
  std::optional<Shown> shown_;  // While its decision is carried out.
  Instant life_began_{};
};

}  // namespace nemcon::core
