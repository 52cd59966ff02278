// Watcher: the invariants of the protocol, judged from outside. It sees every record at the
// moment it becomes durable and every message at the moment it leaves, at all nodes, and never
// forgets: what a node lost or forgot is still held against it.
//
//   A message may only say what is durable at its sender.                        (I10)
//   Who promises a recovery ballot has voted for its own branches.               (Rule P-11)
//   A branch votes once, for one descriptor of an id, whatever crashed.          (I4)
//   Acceptances follow the ballots: never below a promise, one value a ballot.   (I5)
//   An outcome follows from a quorum of acceptances; all outcomes are one.       (I1, I2, I3)
//   Nothing is forgotten before every participant has the outcome.               (I11)
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/message.hpp"
#include "core/record.hpp"
#include "core/request.hpp"

namespace nemcon::sim {

class Watcher {
 public:
  // Reported with the index of the node that broke the invariant.
  using Report = std::function<void(std::size_t node, const std::string& what)>;

  explicit Watcher(Report report) : report_(std::move(report)) {}

  void add_node(std::size_t index, const core::NodeRef& node) { nodes_[index] = node; }

  // That node came back with an old state, or runs twice: nobody can hold it to what it promised
  // before, nor anybody to what it alone had concluded. What the others conclude is looked at.
  void excuse(std::size_t node);

  // That node says what it likes: of transactions that it has part in nothing is sure.
  void tell_liar(std::size_t node, std::function<bool(const core::TransactionId&)> has_part) {
    excuse(node);
    liar_has_part_ = std::move(has_part);
  }

  [[nodiscard]] const std::set<std::size_t>& excused() const { return excused_; }

  void on_durable(std::size_t node, const core::Record& record);
  void on_send(std::size_t node, const core::Message& message);
  void on_reply(std::size_t node, const core::Reply& reply);

  // Outcomes that some node knows durably, for the history.
  std::function<void(std::size_t node, const core::TransactionId& id, bool committed)> on_outcome;

  [[nodiscard]] std::uint64_t decision_count() const { return decision_count_; }

  // Decided with the help of a ballot above zero.
  [[nodiscard]] std::uint64_t recovered_count() const { return recovered_count_; }

 private:
  struct Witnessed {
    core::Ballot promised;
    std::map<std::pair<core::Ballot, std::uint8_t>, core::Value> accepted;
  };

  struct Case {
    core::DescriptorPtr descriptor;
    std::map<std::uint8_t, core::Value> votes;       // Durable, at ballot 0, by branch.
    std::map<std::uint8_t, std::uint64_t> voted_in;  // In which life of the voter.
    std::map<std::pair<core::Ballot, std::uint8_t>, core::Value> proposed;
    std::map<std::size_t, Witnessed> witnesses;
    std::set<std::size_t> informed;        // Nodes with a durable outcome.
    std::set<std::size_t> forgetful;       // Nodes that have forgotten it.
    std::optional<core::Outcome> outcome;  // Found derivable.
    bool recovering = false;               // Some ballot above zero exists.
  };

  struct Durable;
  struct Leaving;

  Case& case_of(const core::TransactionKey& key, const core::DescriptorPtr& descriptor);
  void add_vote(std::size_t node, const core::TransactionKey& key, const core::OwnBranch& own);
  void add_acceptance(std::size_t node, const core::TransactionKey& key, const core::Ballot& ballot,
                      std::uint8_t branch, const core::Value& value);
  void add_promise(std::size_t node, const core::TransactionKey& key, const core::Ballot& ballot);
  void add_outcome(std::size_t node, const core::TransactionKey& key, const core::Outcome& outcome);
  void check_outcome(std::size_t node, const core::TransactionKey& key,
                     const core::Outcome& outcome);
  void check_commit(std::size_t node, const Case& one, const core::Outcome& outcome);
  void check_rollback(std::size_t node, const core::TransactionKey& key, const Case& one);
  void check_informed(std::size_t node, const core::TransactionKey& key);
  void check_own_vote(std::size_t node, const core::TransactionKey& key, std::uint8_t branch,
                      const core::Value& value);
  [[nodiscard]] std::optional<core::Value> chosen(const Case& one, std::uint8_t branch) const;
  [[nodiscard]] bool is_bound_elsewhere(const core::TransactionKey& key) const;
  // What is missing for a commit with this outcome; empty: nothing.
  [[nodiscard]] std::string flaw_of_commit(const Case& one, const core::Outcome& outcome) const;
  // The node has ended the id, turned away or under another digest, and has not voted for this one.
  [[nodiscard]] bool can_never_agree(std::size_t node, const core::TransactionKey& key,
                                     const Case& one) const;
  [[nodiscard]] bool names_excused(const Case& one) const;
  [[nodiscard]] bool lives_at(const Case& one, std::uint8_t branch, std::size_t node) const;
  void tell_outcome(std::size_t node, const core::TransactionId& id, bool committed) const;
  void apply_once(std::size_t node, const core::TransactionId& id);
  void report(std::size_t node, const core::TransactionKey& key, const std::string& what);

  Report report_;
  std::map<std::size_t, core::NodeRef> nodes_;
  std::map<std::size_t, std::uint64_t> lives_;
  std::set<std::size_t> excused_;
  std::function<bool(const core::TransactionId&)> liar_has_part_;
  std::map<core::TransactionKey, Case> cases_;
  std::map<std::pair<std::size_t, core::TransactionId>, core::Digest> bound_;
  std::set<std::pair<std::size_t, core::TransactionId>> applied_;
  std::set<std::pair<std::size_t, core::TransactionId>> turned_away_;
  std::set<std::pair<std::size_t, core::TransactionKey>> rolled_back_;
  std::map<core::TransactionId, core::Digest> committed_;
  std::uint64_t decision_count_ = 0;
  std::uint64_t recovered_count_ = 0;
};

}  // namespace nemcon::sim
