#include "client/convert.hpp"

#include <utility>

#include "client/headers.hpp"

namespace nemcon::client {

// The public enum repeats the core's, so that installed headers need nothing of the core.
static_assert(static_cast<int>(Reason::none) == static_cast<int>(core::Reason::none));
static_assert(static_cast<int>(Reason::deadline) == static_cast<int>(core::Reason::deadline));
static_assert(static_cast<int>(Reason::fenced) == static_cast<int>(core::Reason::fenced));
static_assert(static_cast<int>(Reason::unavailable) == static_cast<int>(core::Reason::unavailable));
static_assert(static_cast<int>(Reason::too_old) == static_cast<int>(core::Reason::too_old));
static_assert(static_cast<int>(Reason::rolled_back_node) ==
              static_cast<int>(core::Reason::rolled_back_node));
static_assert(static_cast<int>(QueueOrdering::none) == static_cast<int>(core::Ordering::none));

namespace {

// Rolled back, but not for anything that is wrong with the transaction itself.
bool is_worth_repeating(core::Reason reason) {
  switch (reason) {
    using enum core::Reason;
    case queue_full:
    case out_of_order:
    case service_unavailable:
    case deadline:
    case preempted:
    case descriptor_conflict:
    case clock_drift:
    case unavailable:
    case disk_full:
    case window_full:
    case stopping:
    case rolled_back_node:
      return true;
    default:
      return false;
  }
}

}  // namespace

TransactionId to_public(const core::TransactionId& id) {
  return TransactionId{{id.initiator.high, id.initiator.low, id.client.high, id.client.low,
                        id.epoch.value(), id.sequence.value()}};
}

core::TransactionId to_core(const TransactionId& id) {
  const TransactionId::Words& words = id.words();
  return {.initiator = {words[0], words[1]},
          .client = {words[2], words[3]},
          .epoch = core::Epoch{words[4]},
          .sequence = core::Sequence{words[5]}};
}

Reason to_public(core::Reason reason) {
  return static_cast<Reason>(reason);
}

core::Reason to_core(Reason reason) {
  return static_cast<core::Reason>(reason);
}

CallId to_public(const core::CallKey& call) {
  return {to_public(call.transaction.id), call.transaction.digest.high, call.transaction.digest.low,
          call.branch, call.operation};
}

core::CallKey to_core(const CallId& call) {
  return {.transaction = {.id = to_core(call.transaction()),
                          .digest = {call.digest_high(), call.digest_low()}},
          .branch = call.branch(),
          .operation = call.operation()};
}

Outcome to_public(const core::Concluded& concluded) {
  Outcome outcome;
  switch (concluded.verdict) {
    case core::Verdict::committed:
      outcome.state = State::committed;
      break;
    case core::Verdict::rolled_back:
      outcome.state = State::rolled_back;
      break;
    case core::Verdict::in_doubt:
    case core::Verdict::unknown:
      outcome.state = State::unknown;
      break;
  }
  outcome.id = to_public(concluded.id);
  outcome.at = Timestamp{concluded.at.value()};
  outcome.reason = to_public(concluded.reason);
  outcome.text = concluded.text;
  outcome.by = concluded.by;
  outcome.retryable = outcome.state == State::rolled_back && is_worth_repeating(concluded.reason);
  for (const core::Content& reply : concluded.replies) {
    outcome.replies.push_back(to_message(reply));
  }
  return outcome;
}

Outcome to_public(const core::Denied& denied) {
  Outcome outcome;
  outcome.state = State::rolled_back;
  outcome.reason = to_public(denied.reason);
  outcome.text = denied.text;
  outcome.retryable = denied.retryable;
  return outcome;
}

NodeStatus to_public(const core::NodeReport& report) {
  return {.name = report.name,
          .id = core::to_text(report.node),
          .incarnation = report.incarnation.value(),
          .boot = report.boot.value(),
          .self = report.self,
          .live = report.live,
          .trouble = report.trouble};
}

QueueStatus to_public(const core::QueueReport& report) {
  return {.node = report.node,
          .name = report.name,
          .ordering = static_cast<QueueOrdering>(report.ordering),
          .local = report.local,
          .message_count = report.message_count,
          .byte_count = report.byte_count,
          .leased_count = report.leased_count,
          .prepared_count = report.prepared_count,
          .consumer_count = report.consumer_count};
}

TransactionStatus to_public(const core::TransactionReport& report) {
  TransactionStatus status{.id = to_public(report.id),
                           .state = report.state,
                           .principal = report.principal,
                           .age = std::chrono::milliseconds{report.age_ms},
                           .branches = {},
                           .waiting_for = report.waiting_for};
  for (const core::BranchReport& branch : report.branches) {
    status.branches.push_back(
        {.branch = branch.branch, .node = branch.node, .what = branch.what, .state = branch.state});
  }
  return status;
}

}  // namespace nemcon::client
