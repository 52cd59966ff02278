#include <algorithm>

#include "tests/sim/brute_checker.hpp"

namespace nemcon::sim {
namespace {

bool is_handed_out_before(const History& history, std::uint32_t message, std::size_t end) {
  const auto last = history.events.begin() + static_cast<std::ptrdiff_t>(end);
  return std::any_of(history.events.begin(), last, [&](const HistoryEvent& event) {
    return event.what == Happened::delivered && event.message == message;
  });
}

std::string why_unfit(const History& history, const HistoryTransaction& transaction) {
  if (transaction.consumed.size() > 1) return "a transaction consumes two messages";
  for (const std::uint32_t message : transaction.consumed) {
    if (!is_handed_out_before(history, message, history.events.size())) {
      return "a transaction consumes what nobody was handed";
    }
  }
  if (history.doubtful_nodes.empty()) return {};
  const bool is_judged = std::any_of(transaction.calls.begin(), transaction.calls.end(),
                                     [](const HistoryCall& call) { return call.observable; });
  return is_judged ? "a node is doubtful and a call is observable" : "";
}

std::string why_unfit(const History& history, std::size_t index) {
  const HistoryEvent& event = history.events[index];
  if (event.what == Happened::told_committed && event.at == 0) return "a commit time is 0";
  const bool is_ack = event.what == Happened::acked || event.what == Happened::maybe_acked;
  if (is_ack && !is_handed_out_before(history, event.message, index)) {
    return "an ack of what nobody was handed";
  }
  if (event.what < Happened::service_yes) return {};
  return event.place < history.transactions[event.transaction].calls.size() ? "" : "no such call";
}

}  // namespace

std::string why_unfit(const History& history) {
  const bool is_tiny = history.transactions.size() <= tiny_transaction_count &&
                       history.messages.size() <= tiny_message_count &&
                       history.queues.size() <= tiny_queue_count &&
                       history.events.size() <= tiny_event_count;
  if (!is_tiny) return "too large";
  for (const HistoryQueue& queue : history.queues) {
    if (queue.doubtful && queue.observable) return "a doubtful queue is observable";
  }
  for (const HistoryTransaction& transaction : history.transactions) {
    std::string why = why_unfit(history, transaction);
    if (!why.empty()) return why;
  }
  for (std::size_t index = 0; index < history.events.size(); ++index) {
    std::string why = why_unfit(history, index);
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace nemcon::sim
