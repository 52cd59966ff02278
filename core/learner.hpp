// Learner: decides from reports alone whether a transaction has an outcome. Pure; used by
// whoever drives one.
//
// A branch is chosen with value v once F + 1 of its witnesses reported v at one and the same
// ballot (Rule P-9), or "no" once its own participant said so (Rule P-10).
#pragma once

#include <optional>
#include <vector>

#include "core/descriptor.hpp"
#include "core/message.hpp"
#include "core/vote.hpp"

namespace nemcon::core {

class Learner {
 public:
  explicit Learner(DescriptorPtr descriptor);

  // Node `node` (index) has durably accepted `value` for `branch` at `ballot`.
  void report(std::size_t node, std::uint8_t branch, const Ballot& ballot, const Value& value);

  // The participant's own durable vote.
  void report_vote(std::uint8_t branch, const Value& value, const std::vector<Content>& replies);

  [[nodiscard]] bool has_vote(std::uint8_t branch) const;
  [[nodiscard]] const Value* find_vote(std::uint8_t branch) const;

  // A roll back that no participant is known to have had a part in has the reason of a conflict: it
  // says nothing of other submissions of the id (Rule P-40).
  [[nodiscard]] std::optional<Outcome> conclude() const;

  // What the services answered, in the order of the calls in the descriptor.
  [[nodiscard]] std::vector<Content> replies() const;

  [[nodiscard]] std::optional<Value> chosen(std::uint8_t branch) const;

 private:
  struct Acceptor {
    std::size_t node = 0;
    Ballot ballot;
    Value value;
  };

  struct Known {
    std::vector<Acceptor> acceptors;
    std::optional<Value> vote;
    std::vector<Content> replies;
  };

  [[nodiscard]] bool has_heard_participant() const;

  DescriptorPtr descriptor_;
  std::vector<Known> branches_;
};

// Rule P-19: what a recovery leader proposes for a branch, from F + 1 promises of its witnesses
// and, where these are free, the participant's own vote if it gave it. nullopt while promises
// are missing.
struct PromiseOf {
  std::size_t node = 0;
  Promise promise;
};

[[nodiscard]] std::optional<Value> value_to_propose(const Descriptor& descriptor,
                                                    std::uint8_t branch, const Ballot& ballot,
                                                    const std::vector<PromiseOf>& promises);

}  // namespace nemcon::core
