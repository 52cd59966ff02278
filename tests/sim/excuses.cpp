#include "tests/sim/excuses.hpp"

#include <algorithm>
#include <vector>

namespace nemcon::sim {
namespace {

bool is_definite(Happened what) {
  return what == Happened::told_committed || what == Happened::told_rolled_back ||
         what == Happened::told_denied;
}

}  // namespace

Excuses count_excuses(const History& history) {
  std::vector<bool> has_end(history.transactions.size());
  for (const HistoryEvent& event : history.events) {
    if (is_definite(event.what)) has_end[event.transaction] = true;
  }
  Excuses excuses;
  for (std::size_t index = 0; index < history.transactions.size(); ++index) {
    const HistoryTransaction& transaction = history.transactions[index];
    if (transaction.may_stay_open && !has_end[index]) ++excuses.outcome_count;
    excuses.call_count += static_cast<std::uint64_t>(
        std::ranges::count(transaction.calls, false, &HistoryCall::observable));
  }
  for (const HistoryMessage& message : history.messages) {
    const HistoryQueue& queue = history.queues[message.queue];
    if (!queue.observable || queue.doubtful) ++excuses.message_count;
  }
  return excuses;
}

std::uint64_t count_calls(const History& history) {
  std::uint64_t count = 0;
  for (const HistoryTransaction& transaction : history.transactions)
    count += transaction.calls.size();
  return count;
}

}  // namespace nemcon::sim
