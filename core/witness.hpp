// Witness: stores the votes of others, so that the outcome outlives the voter and the initiator.
// One promise covers all branches of a transaction at this node.
//
//   free ──vote──► accepted(0) ──ask-promise(b)──► promised(b) ──propose(b)──► accepted(b)
//     └────────────ask-promise(b)────────────────────▲   (b only rises)
//
// Invariant: after a promise of b nothing below b is accepted (Rule P-18); whatever was said is
// durable first.
#pragma once

#include <map>

#include "core/context.hpp"
#include "core/participant.hpp"

namespace nemcon::core {

class Witness {
 public:
  Witness(Context& context, Participant& participant)
      : context_(context), participant_(participant) {}

  // `shown`: what the vote itself or this node's driver knows of the transaction; may be null. True
  // when something new was accepted.
  bool on_vote(const NodeId& from, const Vote& vote, const DescriptorPtr& shown);
  void on_ask_promise(const NodeId& from, const AskPromise& ask);
  void on_propose(const NodeId& from, const Propose& propose);

 private:
  [[nodiscard]] bool ignore(const NodeId& from, const DescriptorPtr& given, const Digest& digest,
                            const char* what);
  [[nodiscard]] bool refuse_forgotten(const NodeId& from, const DescriptorPtr& descriptor,
                                      const Digest& digest, std::uint64_t challenge);
  [[nodiscard]] std::uint64_t challenge(const TransactionKey& key);
  [[nodiscard]] bool is_in_doubt_still(const NodeId& from, const AskPromise& ask) const;
  [[nodiscard]] bool is_made_up(const Transaction* row, const Descriptor& descriptor,
                                const BranchValue& value) const;
  void answer_accepted(const NodeId& from, const Transaction& row, const Vote& vote, bool repeated);

  Context& context_;
  Participant& participant_;
  // Rule P-39: what was refused as too old and may be in doubt elsewhere still. Volatile.
  std::map<TransactionKey, std::uint64_t> challenges_;
  std::uint32_t challenge_count_ = 0;
};

}  // namespace nemcon::core
