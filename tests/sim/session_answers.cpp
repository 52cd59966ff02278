// What a Session does with the answers to its submissions.
#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/sim/session.hpp"

namespace nemcon::sim {

using core::Sequence;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t finished_kept = 64;

}  // namespace

void Session::take(const core::Concluded& concluded) {
  if (concluded.id.client != client_ || concluded.id.epoch != epoch_) return;
  const Sequence sequence = concluded.id.sequence;
  const auto found = pending_.find(sequence);
  std::optional<std::uint32_t> transaction;
  if (found != pending_.end()) transaction = found->second.transaction;
  const auto finished = finished_.find(sequence);
  if (finished != finished_.end()) transaction = finished->second.transaction;
  if (!transaction) return;
  switch (concluded.verdict) {
    case core::Verdict::committed:
      record(Happened::told_committed, *transaction, concluded.at);
      newest_ = std::max(newest_, concluded.at);
      finish(sequence, Ending::committed);
      return;
    case core::Verdict::rolled_back:
      record(Happened::told_rolled_back, *transaction, {});
      finish(sequence, Ending::rolled_back);
      return;
    case core::Verdict::in_doubt:
      plan_ask(sequence, between(milliseconds{100}, milliseconds{1000}));
      return;
    case core::Verdict::unknown:
      if (found == pending_.end()) return;
      if (concluded.reason == core::Reason::too_old) {
        // A node whose clock is far behind begins it, and another one calls it too old.
        excuse_if_expired(found->second, true);
        record(Happened::told_unknown, *transaction, {});
        finish(sequence, Ending::unknown);
      } else {
        plan_resubmit(sequence, between(milliseconds{1}, milliseconds{50}));
      }
      return;
  }
}

void Session::take(const core::Denied& denied) {
  if (state_ == State::opening && denied.request == open_request_) {
    take_open_denied(denied);
    return;
  }
  const auto request = requests_.find(denied.request);
  if (request == requests_.end()) {
    if (owner.replied) owner.replied(denied);
    return;
  }
  const Sequence sequence = request->second;
  requests_.erase(request);
  const auto found = pending_.find(sequence);
  if (found == pending_.end()) return;
  ++counts_.denied_count;
  if (denied.reason == core::Reason::fenced) {
    start_over(denied.epoch);
    leave();
    return;
  }
  if (denied.retryable && denied.reason == core::Reason::clock_drift &&
      found->second.sent_count == 1) {
    // It would be remembered for longer than the later ones, and could come behind them then.
    if (has_ended_after(sequence)) {
      record(Happened::told_denied, found->second.transaction, {});
      finish(sequence, Ending::rolled_back);
      return;
    }
    found->second.is_expiry_wrong = true;
    leave();
    return;
  }
  const bool is_node_bad =
      denied.reason == core::Reason::rolled_back_node || denied.reason == core::Reason::stopping;
  if (denied.retryable && is_node_bad) {
    ++home_index_;
    leave();
    return;
  }
  found->second.is_unanswered = denied.text.starts_with("not every node answered");
  if (denied.retryable) {
    // Its only copy was refused: as it has not begun, its expiry may be found wrong later. What has
    // none is sent as if it might have begun, and nodes ask each other more than they need to.
    if (name_.empty() && found->second.sent_count == 1) found->second.sent_count = 0;
    plan_resubmit(sequence, between(milliseconds{50}, milliseconds{600}));
    return;
  }
  const bool definite = found->second.sent_count == 1;
  if (definite) {
    record(Happened::told_denied, found->second.transaction, {});
  } else {
    world_.history.transactions[found->second.transaction].may_stay_open = true;
    record(Happened::told_unknown, found->second.transaction, {});
    world_.acknowledged_unknown.insert(found->second.request.id);
  }
  finish(sequence, definite ? Ending::rolled_back : Ending::unknown);
}

bool Session::has_ended_after(Sequence sequence) const {
  const auto pending = std::distance(pending_.upper_bound(sequence), pending_.end());
  return static_cast<std::uint64_t>(pending) < next_.value() - sequence.value() - 1;
}

void Session::finish(Sequence sequence, Ending ending) {
  const auto found = pending_.find(sequence);
  if (found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);
  if (ending == Ending::committed) ++counts_.committed_count;
  if (ending == Ending::rolled_back) ++counts_.rolled_back_count;
  if (ending == Ending::unknown) ++counts_.unknown_count;
  Finished finished;
  finished.id = pending.request.id;
  finished.transaction = pending.transaction;
  finished_[sequence] = finished;
  if (finished_.size() > finished_kept) finished_.erase(finished_.begin());
  for (const core::Part& part : pending.request.parts) {
    const auto chain = chain_.find(part.target);
    if (ending != Ending::rolled_back || chain == chain_.end()) continue;
    auto& sequences = chain->second;
    sequences.erase(std::remove(sequences.begin(), sequences.end(), sequence), sequences.end());
  }
  repeat_now_and_then(finished.id);
  if (pending.ended) pending.ended(ending);
}

}  // namespace nemcon::sim
