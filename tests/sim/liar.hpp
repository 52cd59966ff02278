// Liar: a node with a valid key that says what it likes. Its engine is honest; what leaves it is
// not: its own words are twisted, and it speaks of transactions that it only overheard: votes,
// acceptances, promises, proposals, decisions, forgets, refusals, statuses, copies of what others
// said, clocks and positions that nobody has, and the ids of other nodes.
//
// Not what one node can always do to another (docs/security.md): say in HELLO that it saw a newer
// state. And not to clients: what begins at the liar is its own.
//
// It must not make others lose or double what it has no part in. touched() is what it has.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "core/record.hpp"
#include "core/request.hpp"
#include "tests/sim/history.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/random.hpp"

namespace nemcon::sim {

class Liar {
 public:
  // `nodes`: ids of all nodes, to speak under.
  Liar(Random random, core::NodeId self, const std::string& name, std::vector<core::NodeId> nodes)
      : random_(random), self_(self), address_('@' + name), nodes_(std::move(nodes)) {}

  // It may know whatever any node says or writes: keys, descriptors, whole messages.
  void overhear(const core::Message& message);
  void overhear(const core::Record& record);
  void overhear(const core::Request& request);

  // What goes out instead of what its engine wanted to say, and what it adds.
  [[nodiscard]] Frame twist(Frame frame);

  // Out of the blue, under this header of its own.
  [[nodiscard]] Frame invent(core::FrameHeader header);

  // From now on it says what its engine says.
  void repent() { lies_ = false; }

  [[nodiscard]] bool lies() const { return lies_; }

  // Transactions of which it is initiator, participant or witness, by any descriptor of their id or
  // by what their client wants.
  [[nodiscard]] bool is_touched(const core::TransactionId& id) const {
    return id.initiator == self_ || touched_.contains(id);
  }

  // Transactions of which it may have kept the end from their client without part in them: it said
  // in another one of their session, which it has part in, that the client has acknowledged what it
  // has not (Rule P-43).
  [[nodiscard]] bool may_hide(const core::TransactionId& id) const;

  // How often each lie was told.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  struct Known {
    core::TransactionKey key;
    core::DescriptorPtr descriptor;
  };

  void learn(const core::TransactionKey& key, const core::DescriptorPtr& descriptor);
  void twist(core::Message& message);
  void twist_header(core::FrameHeader& header);
  core::Sequence false_mark(const core::TransactionId& id, std::uint64_t upto);
  void twist(core::Value& value);
  [[nodiscard]] core::Message forge();
  [[nodiscard]] core::Message forge_word(const Known& known);
  [[nodiscard]] core::Message forge_leadership(const Known& known);
  [[nodiscard]] core::Value value();
  [[nodiscard]] std::vector<core::BranchValue> values(const core::Descriptor& descriptor);
  [[nodiscard]] std::vector<core::BranchVote> votes(const core::Descriptor& descriptor);
  [[nodiscard]] std::vector<core::Acceptance> acceptances(const core::Descriptor& descriptor);
  [[nodiscard]] core::Outcome outcome();
  [[nodiscard]] core::Ballot ballot();
  [[nodiscard]] core::Hlc time();

  Random random_;
  core::NodeId self_;
  std::string address_;
  std::vector<core::NodeId> nodes_;
  bool lies_ = true;
  std::deque<Known> known_;
  std::deque<core::Message> heard_;
  core::Hlc newest_;
  std::set<core::TransactionId> touched_;
  std::set<core::TransactionId> falsely_marked_;
  std::map<std::string, std::uint64_t> counts_;
};

// What is left of a history without some transactions: neither they nor the messages that they made
// or consumed, nor what happened to these.
[[nodiscard]] History without(const History& history, const std::set<std::uint32_t>& transactions);

}  // namespace nemcon::sim
