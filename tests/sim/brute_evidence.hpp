// Evidence: what a history shows, without any guess, for the judge that tries everything. Each
// question reads all events anew, so that nothing has to be kept right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/sim/history.hpp"

namespace nemcon::sim {

class Evidence {
 public:
  explicit Evidence(const History& judged) : history(judged) {}

  template <class Fits>
  [[nodiscard]] bool any_event(Fits fits) const {
    return std::any_of(history.events.begin(), history.events.end(), fits);
  }

  template <class Fits>
  [[nodiscard]] std::size_t count_events(Fits fits) const {
    return static_cast<std::size_t>(
        std::count_if(history.events.begin(), history.events.end(), fits));
  }

  [[nodiscard]] bool has(std::uint32_t transaction, Happened what) const {
    return any_event([&](const HistoryEvent& event) {
      return event.what == what && event.transaction == transaction;
    });
  }

  [[nodiscard]] bool is_sane(std::uint32_t node) const {
    return !history.doubtful_nodes.contains(node);
  }

  [[nodiscard]] bool is_commit_said(const HistoryEvent& event, std::uint32_t transaction) const {
    if (event.transaction != transaction) return false;
    return event.what == Happened::told_committed ||
           (event.what == Happened::node_committed && is_sane(event.place));
  }

  [[nodiscard]] bool is_rollback_said(const HistoryEvent& event, std::uint32_t transaction) const {
    if (event.transaction != transaction) return false;
    return event.what == Happened::told_rolled_back ||
           (event.what == Happened::node_rolled_back && is_sane(event.place));
  }

  [[nodiscard]] bool is_effect(const HistoryEvent& event, std::uint32_t transaction) const {
    if (event.what == Happened::delivered) {
      return !history.queues[event.queue].doubtful &&
             history.messages[event.message].transaction == transaction;
    }
    return event.what == Happened::service_committed && is_sane(event.node) &&
           event.transaction == transaction;
  }

  [[nodiscard]] bool said_committed(std::uint32_t transaction) const {
    return any_event([&](const auto& event) { return is_commit_said(event, transaction); });
  }

  [[nodiscard]] bool said_rolled_back(std::uint32_t transaction) const {
    return any_event([&](const auto& event) { return is_rollback_said(event, transaction); });
  }

  [[nodiscard]] bool was_seen(std::uint32_t transaction) const {
    return any_event([&](const auto& event) { return is_effect(event, transaction); });
  }

  // The queue of the message, or its dead-letter queue, hands it out.
  [[nodiscard]] bool is_handed_out(const HistoryEvent& event, std::uint32_t message) const {
    const HistoryQueue& queue = history.queues[event.queue];
    return event.what == Happened::delivered && event.message == message && !queue.doubtful &&
           queue.base == history.messages[message].queue;
  }

  // Not counting its dead-letter queue.
  [[nodiscard]] bool is_handed_out_at_home(const HistoryEvent& event) const {
    return is_handed_out(event, event.message) &&
           event.queue == history.messages[event.message].queue;
  }

  // The event that handed out the message for the first time, if this is it.
  [[nodiscard]] bool is_first(std::size_t index) const {
    const HistoryEvent& event = history.events[index];
    if (event.what != Happened::delivered || !is_handed_out_at_home(event)) return false;
    const auto end = history.events.begin() + static_cast<std::ptrdiff_t>(index);
    return std::none_of(history.events.begin(), end, [&](const HistoryEvent& before) {
      return before.what == Happened::delivered && before.message == event.message &&
             is_handed_out_at_home(before);
    });
  }

  [[nodiscard]] std::vector<HistoryEvent> first_deliveries_of(std::uint32_t queue) const {
    std::vector<HistoryEvent> found;
    for (std::size_t index = 0; index < history.events.size(); ++index) {
      if (is_first(index) && history.events[index].queue == queue) {
        found.push_back(history.events[index]);
      }
    }
    return found;
  }

  [[nodiscard]] bool is_judged_at_end(std::uint32_t queue) const {
    return history.drained && history.queues[queue].observable && !history.queues[queue].doubtful;
  }

  const History& history;
};

}  // namespace nemcon::sim
