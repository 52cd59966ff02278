#include "tests/sim/watcher.hpp"

#include <algorithm>

#include "tests/sim/archive.hpp"
#include "tests/sim/majority.hpp"

namespace nemcon::sim {

using core::Ballot;
using core::Choice;
using core::Outcome;
using core::TransactionKey;
using core::Value;

void Watcher::report(std::size_t node, const TransactionKey& key, const std::string& what) {
  if (excused_.contains(node)) return;
  if (liar_has_part_ && liar_has_part_(key.id)) return;
  report_(node, what + " (client " + std::to_string(key.id.client.low % 10'000) + " sequence " +
                    std::to_string(key.id.sequence.value()) + ")");
}

Watcher::Case& Watcher::case_of(const TransactionKey& key, const core::DescriptorPtr& descriptor) {
  Case& one = cases_[key];
  if (descriptor && !one.descriptor) one.descriptor = descriptor;
  return one;
}

bool Watcher::lives_at(const Case& one, std::uint8_t branch, std::size_t node) const {
  if (!one.descriptor || branch >= one.descriptor->branches.size()) return false;
  const core::Branch& where = one.descriptor->branches[branch];
  return one.descriptor->nodes[where.node] == nodes_.at(node);
}

// ---- records --------------------------------------------------------------------------------

void Watcher::add_vote(std::size_t node, const TransactionKey& key, const core::OwnBranch& own) {
  Case& one = cases_[key];
  if (!lives_at(one, own.branch, node)) report(node, key, "votes for a branch of another node");
  const auto [found, is_new] = one.votes.emplace(own.branch, own.vote);
  one.voted_in.emplace(own.branch, lives_[node]);
  if (!is_new && !found->second.same_choice(own.vote)) {
    report(node, key, "votes twice, differently, for branch " + std::to_string(own.branch));
  }
  if (!is_new && one.forgetful.contains(node)) {
    report(node, key, "votes again after it has forgotten");
  }
  // A no binds as well: no yes for another descriptor can follow it.
  const auto [binding, is_first] = bound_.emplace(std::pair{node, key.id}, key.digest);
  if (own.vote.choice == Choice::yes && !is_first && binding->second != key.digest) {
    report(node, key, "votes yes for two descriptors of one transaction");
  }
}

void Watcher::add_acceptance(std::size_t node, const TransactionKey& key, const Ballot& ballot,
                             std::uint8_t branch, const Value& value) {
  Case& one = cases_[key];
  Witnessed& witness = one.witnesses[node];
  if (ballot < witness.promised) report(node, key, "accepts below its promise");
  if (!ballot.is_zero()) one.recovering = true;
  witness.promised = std::max(witness.promised, ballot);
  const auto [proposed, is_first] = one.proposed.emplace(std::pair{ballot, branch}, value);
  // At ballot zero the voter proposes; of one that runs twice either process may.
  const bool runs_twice = ballot.is_zero() && std::ranges::any_of(excused_, [&](std::size_t voter) {
                            return lives_at(one, branch, voter);
                          });
  if (!is_first && !runs_twice && !proposed->second.same_choice(value)) {
    report(node, key, "two values at one ballot for branch " + std::to_string(branch));
  }
  witness.accepted[{ballot, branch}] = value;
}

void Watcher::add_promise(std::size_t node, const TransactionKey& key, const Ballot& ballot) {
  Case& one = cases_[key];
  Witnessed& witness = one.witnesses[node];
  if (ballot < witness.promised) report(node, key, "promises less than before");
  witness.promised = std::max(witness.promised, ballot);
  one.recovering = true;
}

// The value of `branch` that a quorum of its witnesses has durably accepted at one ballot.
std::optional<Value> Watcher::chosen(const Case& one, std::uint8_t branch) const {
  const core::Branch& where = one.descriptor->branches[branch];
  std::map<Ballot, std::size_t> counts;
  for (const auto& [node, witness] : one.witnesses) {
    const core::NodeRef& ref = nodes_.at(node);
    if (std::ranges::find(one.descriptor->nodes, ref) == one.descriptor->nodes.end()) continue;
    if (!is_witness_of(*one.descriptor, where, ref.node)) continue;
    for (const auto& [place, value] : witness.accepted) {
      if (place.second != branch) continue;
      if (is_majority(++counts[place.first], where.witnesses.size())) return value;
    }
  }
  return std::nullopt;
}

void Watcher::check_commit(std::size_t node, const Case& one, const Outcome& outcome) {
  if (names_excused(one)) return;  // Whose votes are its own is not to be told apart.
  if (liar_has_part_ && liar_has_part_(one.descriptor->id)) return;
  const std::string flaw = flaw_of_commit(one, outcome);
  if (!flaw.empty()) report_(node, flaw);
}

std::string Watcher::flaw_of_commit(const Case& one, const Outcome& outcome) const {
  core::Hlc latest;
  for (std::size_t index = 0; index < one.descriptor->branches.size(); ++index) {
    const auto branch = static_cast<std::uint8_t>(index);
    const auto vote = one.votes.find(branch);
    if (vote == one.votes.end() || vote->second.choice != Choice::yes) {
      return "commits without the yes of branch " + std::to_string(index);
    }
    latest = std::max(latest, vote->second.at);
    if (one.descriptor->one_phase) continue;
    const std::optional<Value> value = chosen(one, branch);
    if (!value || value->choice != Choice::yes) {
      return "commits without a quorum for branch " + std::to_string(index);
    }
    if (!value->same_choice(vote->second)) {
      return "commits a yes that is not the voter's, branch " + std::to_string(index);
    }
  }
  if (outcome.at != latest && !one.descriptor->one_phase) {
    return "commits at a time that is not the largest of the votes";
  }
  return {};
}

bool Watcher::is_bound_elsewhere(const TransactionKey& key) const {
  return std::any_of(bound_.begin(), bound_.end(), [&](const auto& binding) {
    return binding.first.second == key.id && binding.second != key.digest;
  });
}

// One that came back with an old state may say no where it once said yes and nobody heard of it.
bool Watcher::names_excused(const Case& one) const {
  return std::ranges::any_of(excused_, [&](std::size_t node) {
    return is_named_by(*one.descriptor, nodes_.at(node).node);
  });
}

bool Watcher::can_never_agree(std::size_t node, const TransactionKey& key, const Case& one) const {
  bool is_asked = false;
  for (std::size_t index = 0; index < one.descriptor->branches.size(); ++index) {
    const auto branch = static_cast<std::uint8_t>(index);
    is_asked = is_asked || (lives_at(one, branch, node) && !one.votes.contains(branch));
  }
  if (!is_asked) return false;
  const auto first = rolled_back_.lower_bound({node, TransactionKey{key.id, {}}});
  for (auto ended = first; ended != rolled_back_.end() && ended->first == node; ++ended) {
    if (ended->second.id != key.id) break;
    if (ended->second.digest != key.digest) return true;
  }
  return turned_away_.contains({node, key.id});
}

void Watcher::check_rollback(std::size_t node, const TransactionKey& key, const Case& one) {
  // All branches are at one node, which decides by itself.
  if (one.descriptor && one.descriptor->one_phase) return;
  const bool refused = std::any_of(one.votes.begin(), one.votes.end(), [](const auto& vote) {
    return vote.second.choice == Choice::no;
  });
  if (refused || is_bound_elsewhere(key)) return;
  if (!one.descriptor) return;  // Nobody ever voted or accepted: nothing to contradict.
  const bool is_hopeless = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
    return can_never_agree(entry.first, key, one);
  });
  if (is_hopeless || names_excused(one)) return;
  for (std::size_t index = 0; index < one.descriptor->branches.size(); ++index) {
    const std::optional<Value> value = chosen(one, static_cast<std::uint8_t>(index));
    if (value && value->choice == Choice::no) return;
  }
  report(node, key, "rolls back though no branch is chosen no");
}

void Watcher::excuse(std::size_t node) {
  excused_.insert(node);
  for (auto& [key, one] : cases_) {
    const bool is_lost = std::ranges::all_of(
        one.informed, [&](std::size_t informed) { return excused_.contains(informed); });
    if (is_lost) one.outcome.reset();
  }
}

void Watcher::check_outcome(std::size_t node, const TransactionKey& key, const Outcome& outcome) {
  // The two processes of a cloned node may end differently what nobody else knows of.
  if (excused_.contains(node)) return;
  Case& one = cases_[key];
  if (one.outcome) {
    if (one.outcome->committed != outcome.committed) {
      report(node, key,
             outcome.committed ? "commits what is rolled back elsewhere"
                               : "rolls back what is committed elsewhere");
    } else if (outcome.committed && one.outcome->at != outcome.at) {
      report(node, key, "commits at another time than others");
    }
    return;
  }
  one.outcome = outcome;
  ++decision_count_;
  if (one.recovering) ++recovered_count_;
  if (!outcome.committed) {
    check_rollback(node, key, one);
    return;
  }
  // A single message to a queue of that node: there is no descriptor and no digest.
  const auto alone = committed_.find(key.id);
  if (key.digest.is_zero() && alone != committed_.end() && alone->second.is_zero()) return;
  if (!one.descriptor) {
    report(node, key, "commits what nobody has a descriptor of");
    return;
  }
  check_commit(node, one, outcome);
  const auto [other, is_first] = committed_.emplace(key.id, key.digest);
  if (!is_first && other->second != key.digest) {
    report(node, key, "commits two descriptors of one transaction");
  }
}

void Watcher::add_outcome(std::size_t node, const TransactionKey& key, const Outcome& outcome) {
  check_outcome(node, key, outcome);
  cases_[key].informed.insert(node);
  // Of another submission of the same id that says nothing.
  if (!core::ends_id(outcome)) return;
  tell_outcome(node, key.id, outcome.committed);
}

// What only one of two processes of a node knows is lost with it.
void Watcher::tell_outcome(std::size_t node, const core::TransactionId& id, bool committed) const {
  if (on_outcome && !excused_.contains(node)) on_outcome(node, id, committed);
}

void Watcher::apply_once(std::size_t node, const core::TransactionId& id) {
  if (!applied_.insert({node, id}).second) {
    report(node, {id, {}}, "executes a transaction twice");
  }
}

// Whoever is in doubt, or has still to apply it, must be able to ask a witness (I11).
void Watcher::check_informed(std::size_t node, const TransactionKey& key) {
  const Case& one = cases_[key];
  if (!one.descriptor) return;
  for (const auto& [branch, vote] : one.votes) {
    if (vote.choice != Choice::yes || vote.read_only) continue;
    for (const auto& [index, ref] : nodes_) {
      if (excused_.contains(index)) continue;
      if (lives_at(one, branch, index) && !one.informed.contains(index)) {
        report(node, key, "forgets before node " + std::to_string(index) + " has the outcome");
      }
    }
  }
}

struct Watcher::Durable {
  Watcher& watcher;
  std::size_t node;

  void operator()(const core::Started&) const { ++watcher.lives_[node]; }

  void operator()(const core::Voted& record) const {
    watcher.case_of(record.key, record.descriptor);
    for (const core::OwnBranch& own : record.branches) {
      watcher.add_vote(node, record.key, own);
      if (!record.accepted) continue;
      watcher.add_acceptance(node, record.key, Ballot{}, own.branch, own.vote);
    }
  }

  void operator()(const core::AcceptedVotes& record) const {
    watcher.case_of(record.key, record.descriptor);
    for (const core::BranchValue& one : record.values) {
      watcher.add_acceptance(node, record.key, record.ballot, one.branch, one.value);
    }
  }

  void operator()(const core::Promised& record) const {
    watcher.case_of(record.key, record.descriptor);
    watcher.add_promise(node, record.key, record.ballot);
  }

  void operator()(const core::Decided& record) const {
    watcher.case_of(record.key, record.descriptor);
    if (!record.outcome.committed) watcher.rolled_back_.insert({node, record.key});
    watcher.add_outcome(node, record.key, record.outcome);
  }

  void operator()(const core::DecidedAlone& record) const {
    watcher.case_of(record.key, record.descriptor);
    for (const core::OwnBranch& own : record.branches)
      watcher.add_vote(node, record.key, own);
    if (record.outcome.committed) watcher.apply_once(node, record.key.id);
    watcher.add_outcome(node, record.key, record.outcome);
  }

  void operator()(const core::Sent& record) const {
    watcher.apply_once(node, record.id);
    watcher.committed_.emplace(record.id, core::Digest{});
    watcher.tell_outcome(node, record.id, true);
  }

  void operator()(const core::TurnedAway& record) const {
    watcher.turned_away_.insert({node, record.id});
    watcher.tell_outcome(node, record.id, false);
  }

  void operator()(const core::Forgotten& record) const {
    watcher.check_informed(node, record.key);
    watcher.cases_[record.key].forgetful.insert(node);
  }

  template <class Other>
  void operator()(const Other&) const {}
};

void Watcher::on_durable(std::size_t node, const core::Record& record) {
  std::visit(Durable{*this, node}, record);
}

// ---- messages -------------------------------------------------------------------------------

void Watcher::check_own_vote(std::size_t node, const TransactionKey& key, std::uint8_t branch,
                             const Value& value) {
  const auto found = cases_.find(key);
  if (found != cases_.end()) {
    const auto vote = found->second.votes.find(branch);
    if (vote != found->second.votes.end()) {
      if (!vote->second.same_choice(value)) report(node, key, "says another vote than it gave");
      return;
    }
  }
  // Bound to another descriptor: that binding is the durable reason of this no.
  const auto bound = bound_.find({node, key.id});
  const bool is_conflict = bound != bound_.end() && bound->second != key.digest;
  if (value.choice == Choice::no && is_conflict) return;
  report(node, key, "says a vote that is not durable");
}

struct Watcher::Leaving {
  Watcher& watcher;
  std::size_t node;

  void operator()(const core::Vote& message) const {
    for (const core::BranchVote& vote : message.votes) {
      watcher.check_own_vote(node, message.key, vote.branch, vote.value);
      if (message.accepted) check_accepted(message.key, Ballot{}, vote.branch, vote.value);
    }
  }

  void operator()(const core::Accepted& message) const {
    for (const core::BranchValue& one : message.values) {
      check_accepted(message.key, message.ballot, one.branch, one.value);
    }
  }

  void operator()(const core::Promise& message) const {
    const Case& one = watcher.cases_[message.key];
    for (const core::BranchValue& vote : message.votes) {
      watcher.check_own_vote(node, message.key, vote.branch, vote.value);
    }
    for (const core::Acceptance& accepted : message.accepted) {
      check_accepted(message.key, accepted.ballot, accepted.branch, accepted.value);
    }
    if (message.outcome) watcher.check_outcome(node, message.key, *message.outcome);
    if (message.outcome || !one.descriptor) return;
    check_own_answers(one, message);
    const auto witness = one.witnesses.find(node);
    const core::NodeId& self = watcher.nodes_.at(node).node;
    for (const core::Branch& branch : one.descriptor->branches) {
      if (!is_witness_of(*one.descriptor, branch, self)) continue;
      if (witness == one.witnesses.end() || witness->second.promised < message.ballot) {
        watcher.report(node, message.key, "promises what is not durable");
        return;
      }
    }
  }

  // Whoever promises has voted for every branch of its own: no PREPARE may lock after this (P-11).
  void check_own_answers(const Case& one, const core::Promise& message) const {
    for (std::size_t index = 0; index < one.descriptor->branches.size(); ++index) {
      const auto branch = static_cast<std::uint8_t>(index);
      const bool is_said = std::ranges::any_of(
          message.votes, [&](const auto& vote) { return vote.branch == branch; });
      if (!is_said && watcher.lives_at(one, branch, node)) {
        watcher.report(node, message.key, "promises without its own vote");
      }
    }
  }

  void operator()(const core::Decision& message) const {
    watcher.check_outcome(node, message.key, message.outcome);
  }

  void operator()(const core::DecisionAck& message) const {
    const Case& one = watcher.cases_[message.key];
    for (const auto& [branch, vote] : one.votes) {
      const bool waits = vote.choice == Choice::yes && !vote.read_only &&
                         watcher.lives_at(one, branch, node) && !one.informed.contains(node);
      if (waits) watcher.report(node, message.key, "confirms an outcome that is not durable");
    }
  }

  void operator()(const core::Forget& message) const { watcher.check_informed(node, message.key); }

  void operator()(const core::TransactionStatus& message) const {
    for (const core::BranchVote& vote : message.votes) {
      watcher.check_own_vote(node, message.key, vote.branch, vote.value);
    }
    for (const core::Acceptance& accepted : message.accepted) {
      check_accepted(message.key, accepted.ballot, accepted.branch, accepted.value);
    }
    if (message.outcome) watcher.check_outcome(node, message.key, *message.outcome);
    if (message.knowledge != core::Knowledge::none) return;
    const auto found = watcher.cases_.find(message.key);
    if (found == watcher.cases_.end() || found->second.forgetful.contains(node)) return;
    // What was true when the question came may leave late; a vote of an earlier life was never
    // unknown in this one.
    for (const auto& [branch, life] : found->second.voted_in) {
      const bool is_own = watcher.lives_at(found->second, branch, node);
      if (is_own && life < watcher.lives_[node]) {
        watcher.report(node, message.key, "denies that it voted");
      }
    }
  }

  template <class Other>
  void operator()(const Other&) const {}

  void check_accepted(const TransactionKey& key, const Ballot& ballot, std::uint8_t branch,
                      const Value& value) const {
    const Case& one = watcher.cases_[key];
    const auto witness = one.witnesses.find(node);
    if (witness != one.witnesses.end()) {
      const auto held = witness->second.accepted.find({ballot, branch});
      if (held != witness->second.accepted.end() && held->second.same_choice(value)) return;
    }
    watcher.report(node, key, "says an acceptance that is not durable");
  }
};

void Watcher::on_send(std::size_t node, const core::Message& message) {
  std::visit(Leaving{*this, node}, message);
}

void Watcher::on_reply(std::size_t node, const core::Reply& reply) {
  const auto* concluded = std::get_if<core::Concluded>(&reply);
  if (concluded == nullptr || concluded->verdict != core::Verdict::committed) return;
  if (committed_.contains(concluded->id)) return;
  // The first to know: the outcome must follow from what is durable now. Of which submission of
  // this id it is the client does not hear.
  Outcome outcome;
  outcome.committed = true;
  outcome.at = concluded->at;
  const TransactionKey* suspect = nullptr;
  for (auto one = cases_.lower_bound({concluded->id, {}});
       one != cases_.end() && one->first.id == concluded->id; ++one) {
    if (one->second.outcome && !one->second.outcome->committed) continue;
    if (!one->second.descriptor) continue;
    if (flaw_of_commit(one->second, outcome).empty()) {
      check_outcome(node, one->first, outcome);
      return;
    }
    if (suspect == nullptr || !names_excused(one->second)) suspect = &one->first;
  }
  if (suspect == nullptr) {
    report(node, {concluded->id, {}}, "tells the client of a commit that is not durable");
  } else if (!names_excused(cases_.at(*suspect))) {
    check_outcome(node, *suspect, outcome);
  }
}

}  // namespace nemcon::sim
