#include "tests/sim/checker.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace nemcon::sim {
namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

struct TransactionFacts {
  bool told = false;       // Its client has some final answer.
  bool committed = false;  // Somebody said so.
  bool rolled_back = false;
  bool denied = false;
  bool unknown = false;
  std::uint64_t at = 0;       // As its client was told first.
  std::uint64_t mesh_at = 0;  // As a `mesh` queue showed first.
  bool has_effect = false;    // Something of it was seen, whatever was said.

  // 0: unknown.
  [[nodiscard]] std::uint64_t commit_time() const { return at != 0 ? at : mesh_at; }

  [[nodiscard]] bool took_effect() const { return committed || has_effect; }
};

struct MessageFacts {
  bool seen = false;                    // By its queue or its dead-letter queue.
  std::size_t first_delivered = never;  // Event index. By its queue.
  std::size_t gone = never;             // Event after which it must not be seen again.
  std::uint32_t acked = 0;
  std::uint32_t maybe_acked = 0;
  std::uint64_t place = 0;
};

struct CallFacts {
  bool yes = false;
  bool read_only = false;
  bool no = false;
  std::uint32_t committed = 0;
  std::uint32_t rolled_back = 0;
};

class Judge {
 public:
  explicit Judge(const History& history)
      : history_(history),
        transactions_(history.transactions.size()),
        messages_(history.messages.size()),
        consumers_(history.messages.size()) {}

  std::vector<std::string> run() {
    index_consumers();
    for (std::size_t index = 0; index < history_.events.size(); ++index)
      read_event(index);
    judge_phantoms();
    for (std::uint32_t index = 0; index < transactions_.size(); ++index)
      judge_outcome(index);
    for (std::uint32_t index = 0; index < messages_.size(); ++index)
      judge_message(index);
    judge_deliveries();
    judge_calls();
    judge_mesh_cycles();
    judge_conservation();
    return std::move(violations_);
  }

 private:
  using Place = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>;

  void blame(const std::string& kind, const std::string& what) {
    violations_.push_back(kind + ": " + what);
  }

  [[nodiscard]] std::string name_of(std::uint32_t transaction) const {
    return history_.transactions[transaction].name;
  }

  [[nodiscard]] std::string message_text(std::uint32_t message) const {
    const HistoryMessage& one = history_.messages[message];
    return one.body.substr(0, 24) + " of " + name_of(one.transaction) + " for " +
           history_.queues[one.queue].name;
  }

  void index_consumers() {
    for (std::uint32_t index = 0; index < history_.transactions.size(); ++index) {
      for (const std::uint32_t message : history_.transactions[index].consumed) {
        consumers_[message].push_back(index);
      }
    }
  }

  void read_event(std::size_t index) {
    const HistoryEvent& event = history_.events[index];
    switch (event.what) {
      case Happened::told_committed:
        read_commit(index, true);
        break;
      case Happened::node_committed:
        if (is_doubtful(event.place)) break;
        read_commit(index, false);
        break;
      case Happened::told_rolled_back:
        transactions_[event.transaction].told = true;
        transactions_[event.transaction].rolled_back = true;
        break;
      case Happened::node_rolled_back:
        if (is_doubtful(event.place)) break;
        transactions_[event.transaction].rolled_back = true;
        break;
      case Happened::told_unknown:
        transactions_[event.transaction].told = true;
        transactions_[event.transaction].unknown = true;
        break;
      case Happened::told_denied:
        transactions_[event.transaction].told = true;
        transactions_[event.transaction].denied = true;
        break;
      case Happened::delivered:
        read_delivery(index);
        break;
      case Happened::acked:
        ++messages_[event.message].acked;
        messages_[event.message].gone = std::min(messages_[event.message].gone, index);
        break;
      case Happened::maybe_acked:
        ++messages_[event.message].maybe_acked;
        break;
      default:
        read_service(index);
        break;
    }
  }

  // What was on a disk that an older one replaced, and nobody heard of, did not happen.
  [[nodiscard]] bool is_doubtful(std::uint32_t node) const {
    return history_.doubtful_nodes.contains(node);
  }

  void read_commit(std::size_t index, bool told) {
    const HistoryEvent& event = history_.events[index];
    TransactionFacts& facts = transactions_[event.transaction];
    facts.committed = true;
    take_consumed(event.transaction, index);
    if (!told) return;
    facts.told = true;
    if (facts.at != 0 && facts.at != event.at) {
      blame("outcome-changed", name_of(event.transaction) + " has two commit times");
    }
    if (facts.at == 0) facts.at = event.at;
  }

  void read_effect(std::uint32_t transaction, std::size_t index) {
    transactions_[transaction].has_effect = true;
    take_consumed(transaction, index);
  }

  // Their queues have agreed before anything of the commit can show, and keep them back since.
  void take_consumed(std::uint32_t transaction, std::size_t index) {
    for (const std::uint32_t message : history_.transactions[transaction].consumed) {
      messages_[message].gone = std::min(messages_[message].gone, index);
    }
  }

  void read_delivery(std::size_t index) {
    const HistoryEvent& event = history_.events[index];
    MessageFacts& facts = messages_[event.message];
    const HistoryMessage& message = history_.messages[event.message];
    if (history_.queues[event.queue].doubtful) return;
    read_effect(message.transaction, index);
    if (history_.queues[event.queue].base != message.queue) {
      blame("wrong-queue",
            message_text(event.message) + " came from " + history_.queues[event.queue].name);
      return;
    }
    facts.seen = true;
    if (facts.gone != never) {
      blame("delivered-after-gone",
            message_text(event.message) + " at " + std::to_string(event.time));
    }
    if (event.queue == message.queue) read_place(index);
  }

  void read_place(std::size_t index) {
    const HistoryEvent& event = history_.events[index];
    MessageFacts& facts = messages_[event.message];
    if (facts.first_delivered != never) {
      if (facts.place != event.at) blame("place-changed", message_text(event.message));
      return;
    }
    facts.first_delivered = index;
    facts.place = event.at;
    TransactionFacts& origin = transactions_[history_.messages[event.message].transaction];
    const bool is_mesh = history_.queues[event.queue].order == QueueOrder::mesh;
    if (is_mesh && origin.mesh_at == 0) origin.mesh_at = event.at;
  }

  void read_service(std::size_t index) {
    const HistoryEvent& event = history_.events[index];
    if (is_doubtful(event.node)) return;
    CallFacts& call = calls_[{event.transaction, event.place}][event.submission];
    switch (event.what) {
      case Happened::service_yes:
        call.yes = true;
        break;
      case Happened::service_read_only:
        call.read_only = true;
        break;
      case Happened::service_no:
        call.no = true;
        break;
      case Happened::service_committed:
        ++call.committed;
        read_effect(event.transaction, index);
        break;
      default:
        ++call.rolled_back;
        break;
    }
  }

  void judge_phantoms() {
    for (const std::string& body : history_.phantoms)
      blame("phantom", body.substr(0, 60));
  }

  void judge_outcome(std::uint32_t index) {
    const HistoryTransaction& transaction = history_.transactions[index];
    const TransactionFacts& facts = transactions_[index];
    const std::string& name = transaction.name;
    if (facts.committed && facts.rolled_back) {
      blame("outcome-changed", name + " is committed and rolled back");
    }
    if (facts.rolled_back && facts.has_effect) {
      blame("rolled-back-visible", name);
    }
    if (facts.denied && facts.took_effect()) blame("denied-visible", name);
    if (transaction.must_fail && facts.took_effect()) blame("impossible-commit", name);
    if (facts.unknown && !transaction.may_stay_open) blame("unknown-outcome", name);
    if (history_.drained && !facts.told && !transaction.may_stay_open) blame("no-outcome", name);
    const std::uint64_t time = facts.commit_time();
    if (time != 0 && !transaction.produced.empty() && time <= transaction.after) {
      blame("causality", name + " commits at " + std::to_string(time) + " after " +
                             std::to_string(transaction.after));
    }
  }

  // For a history that is drained: nobody heard of it, and nothing that would have been seen by now
  // shows that it did not happen.
  [[nodiscard]] bool may_have_committed(std::uint32_t index) const {
    const HistoryTransaction& transaction = history_.transactions[index];
    const TransactionFacts& facts = transactions_[index];
    if (facts.took_effect() || facts.rolled_back || facts.denied) return false;
    const auto& produced = transaction.produced;
    const bool would_show = std::ranges::any_of(produced, [this](std::uint32_t message) {
      return history_.queues[history_.messages[message].queue].observable;
    });
    return !transaction.must_fail && !would_show && blames_of_calls(index).empty();
  }

  void judge_message(std::uint32_t index) {
    const HistoryMessage& message = history_.messages[index];
    const MessageFacts& facts = messages_[index];
    const TransactionFacts& origin = transactions_[message.transaction];
    std::uint32_t sure = facts.acked;
    std::uint32_t maybe = facts.maybe_acked;
    for (const std::uint32_t consumer : consumers_[index]) {
      if (transactions_[consumer].took_effect()) {
        ++sure;
      } else if (may_have_committed(consumer)) {
        ++maybe;
      }
    }
    // What was consumed after the backup of a queue is there once more.
    if (sure > 1 && !history_.queues[message.queue].doubtful)
      blame("consumed-twice", message_text(index));
    if (!history_.drained || !history_.queues[message.queue].observable) return;
    if (origin.took_effect() && !facts.seen) {
      blame(origin.committed ? "lost" : "torn", message_text(index));
    }
    if (facts.seen && sure + maybe == 0) blame("never-consumed", message_text(index));
  }

  // The order of first deliveries, queue by queue.
  void judge_deliveries() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<Place, std::uint32_t>> newest;
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint32_t>> mesh;
    for (std::size_t index = 0; index < history_.events.size(); ++index) {
      const HistoryEvent& event = history_.events[index];
      if (event.what != Happened::delivered) continue;
      if (messages_[event.message].first_delivered != index || event.is_repeated) continue;
      const HistoryMessage& message = history_.messages[event.message];
      const HistoryTransaction& transaction = history_.transactions[message.transaction];
      const QueueOrder order = history_.queues[event.queue].order;
      if (order == QueueOrder::producer) {
        const Place place{transaction.session, transaction.sequence, message.part};
        const auto [last, is_new] = newest.emplace(std::pair{event.queue, transaction.producer},
                                                   std::pair{place, event.message});
        if (!is_new && place < last->second.first) {
          blame("producer-order",
                message_text(event.message) + " comes after " + message_text(last->second.second));
        }
        if (!is_new) last->second = {place, event.message};
      } else if (order == QueueOrder::mesh) {
        read_mesh(event, message.transaction, mesh);
      }
    }
  }

  void read_mesh(const HistoryEvent& event, std::uint32_t transaction,
                 std::map<std::uint32_t, std::pair<std::uint64_t, std::uint32_t>>& newest) {
    const TransactionFacts& facts = transactions_[transaction];
    if (facts.commit_time() != event.at) {
      blame("mesh-time", name_of(transaction) + " is not at its commit time in " +
                             history_.queues[event.queue].name);
    }
    const auto [last, is_new] = newest.emplace(event.queue, std::pair{event.at, transaction});
    if (is_new) return;
    if (event.at < last->second.first) {
      blame("mesh-order", name_of(transaction) + " comes after " + name_of(last->second.second) +
                              " in " + history_.queues[event.queue].name);
    }
    if (last->second.second != transaction) {
      mesh_edges_[last->second.second].insert(transaction);
    }
    last->second = {event.at, transaction};
  }

  // Kahn: what is left when nothing without a predecessor remains is on a cycle.
  void judge_mesh_cycles() {
    std::map<std::uint32_t, std::uint32_t> incoming;
    for (const auto& [from, successors] : mesh_edges_) {
      incoming.try_emplace(from, 0);
      for (const std::uint32_t to : successors)
        ++incoming[to];
    }
    std::vector<std::uint32_t> ready;
    for (const auto& [transaction, count] : incoming) {
      if (count == 0) ready.push_back(transaction);
    }
    std::size_t done = 0;
    while (!ready.empty()) {
      const std::uint32_t from = ready.back();
      ready.pop_back();
      ++done;
      const auto successors = mesh_edges_.find(from);
      if (successors == mesh_edges_.end()) continue;
      for (const std::uint32_t to : successors->second) {
        if (--incoming[to] == 0) ready.push_back(to);
      }
    }
    if (done == incoming.size()) return;
    std::string names;
    for (const auto& [transaction, count] : incoming) {
      if (count != 0 && names.size() < 100) names += ' ' + name_of(transaction);
    }
    blame("mesh-cycle", "among" + names);
  }

  void judge_calls() {
    for (const auto& [place, submissions] : calls_) {
      for (const auto& [submission, call] : submissions) {
        judge_call(place.first, place.second, call);
      }
    }
    for (std::uint32_t index = 0; index < transactions_.size(); ++index) {
      if (!transactions_[index].took_effect()) continue;
      for (const auto& [kind, what] : blames_of_calls(index))
        blame(kind, what);
    }
  }

  [[nodiscard]] bool is_judged_at_end(std::uint32_t transaction, std::uint32_t place) const {
    const HistoryTransaction& whole = history_.transactions[transaction];
    return history_.drained && place < whole.calls.size() && whole.calls[place].observable;
  }

  [[nodiscard]] std::string name_of_call(std::uint32_t transaction, std::uint32_t place) const {
    return name_of(transaction) + " call " + std::to_string(place);
  }

  void judge_call(std::uint32_t transaction, std::uint32_t place, const CallFacts& call) {
    const std::string name = name_of_call(transaction, place);
    if (call.committed != 0 && call.rolled_back != 0) blame("service-both", name);
    if (call.committed != 0 && !call.yes) blame("service-unasked", name);
    if (call.committed > 1 || call.rolled_back > 1) blame("service-twice", name);
    if (!is_judged_at_end(transaction, place) || !call.yes) return;
    if (call.committed + call.rolled_back == 0) blame("service-in-doubt", name);
  }

  using Blames = std::vector<std::pair<std::string, std::string>>;  // Kind, and what.

  // Of a transaction that takes effect. One submission of it does, the same at all its services;
  // which one it was is judged in favour of the mesh.
  [[nodiscard]] Blames blames_of_calls(std::uint32_t transaction) const {
    std::set<std::uint64_t> submissions;
    const auto end = calls_.lower_bound({transaction + 1, 0});
    for (auto place = calls_.lower_bound({transaction, 0}); place != end; ++place) {
      for (const auto& [submission, call] : place->second)
        submissions.insert(submission);
    }
    if (submissions.empty()) return blames_of_submission(transaction, 0);
    std::optional<Blames> least;
    for (const std::uint64_t submission : submissions) {
      Blames blames = blames_of_submission(transaction, submission);
      if (!least || blames.size() < least->size()) least = std::move(blames);
    }
    return *least;
  }

  [[nodiscard]] Blames blames_of_submission(std::uint32_t transaction,
                                            std::uint64_t submission) const {
    Blames blames;
    const std::size_t call_count = history_.transactions[transaction].calls.size();
    for (std::uint32_t place = 0; place < call_count; ++place) {
      const auto submissions = calls_.find({transaction, place});
      if (submissions == calls_.end() && !history_.doubtful_nodes.empty()) continue;
      const std::string name = name_of_call(transaction, place);
      CallFacts call;
      if (submissions != calls_.end()) {
        for (const auto& [other, facts] : submissions->second) {
          if (other == submission) call = facts;
          if (other == submission || facts.committed == 0) continue;
          blames.emplace_back("service-twice", name + " of two submissions");
        }
      }
      if (!call.yes && !call.read_only) {
        blames.emplace_back("service-ignored", name + " took effect without its yes");
      }
      if (call.committed != 0) continue;
      if (call.rolled_back != 0) blames.emplace_back("service-rolled-back", name);
      if (is_judged_at_end(transaction, place) && call.yes) {
        blames.emplace_back("service-torn", name);
      }
    }
    return blames;
  }

  // What was brought in is what was taken out.
  void judge_conservation() {
    const auto hidden = [](const HistoryQueue& queue) { return !queue.observable; };
    if (!history_.drained) return;
    if (std::any_of(history_.queues.begin(), history_.queues.end(), hidden)) return;
    std::int64_t brought = 0;
    for (std::uint32_t index = 0; index < transactions_.size(); ++index) {
      if (!transactions_[index].took_effect()) continue;
      const HistoryTransaction& transaction = history_.transactions[index];
      for (const std::uint32_t message : transaction.produced) {
        brought += history_.messages[message].amount;
      }
      for (const std::uint32_t message : transaction.consumed) {
        brought -= history_.messages[message].amount;
      }
    }
    std::int64_t taken = 0;
    for (std::uint32_t index = 0; index < messages_.size(); ++index) {
      if (is_taken_unseen(index)) taken += history_.messages[index].amount;
    }
    if (brought != taken) {
      blame("conservation",
            std::to_string(brought) + " came in, " + std::to_string(taken) + " went out");
    }
  }

  // By an ack, or by a transaction that nobody heard of.
  [[nodiscard]] bool is_taken_unseen(std::uint32_t message) const {
    const MessageFacts& facts = messages_[message];
    if (facts.acked != 0) return true;
    const auto& consumers = consumers_[message];
    const bool is_consumed = std::ranges::any_of(consumers, [this](std::uint32_t consumer) {
      return transactions_[consumer].took_effect();
    });
    if (is_consumed) return false;
    return facts.maybe_acked != 0 || std::ranges::any_of(consumers, [this](std::uint32_t consumer) {
             return may_have_committed(consumer);
           });
  }

  const History& history_;
  std::vector<TransactionFacts> transactions_;
  std::vector<MessageFacts> messages_;
  std::vector<std::vector<std::uint32_t>> consumers_;  // By message: who consumes it.
  // Of a transaction and a call of it, by submission.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::map<std::uint64_t, CallFacts>> calls_;
  std::map<std::uint32_t, std::set<std::uint32_t>> mesh_edges_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> check(const History& history) {
  return Judge{history}.run();
}

}  // namespace nemcon::sim
