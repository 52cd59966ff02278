#include "tests/sim/brute_checker.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "tests/sim/brute_evidence.hpp"

namespace nemcon::sim {
namespace {

constexpr const char* kind_names[] = {"phantom",
                                      "wrong-queue",
                                      "place-changed",
                                      "delivered-after-gone",
                                      "consumed-twice",
                                      "never-consumed",
                                      "lost",
                                      "torn",
                                      "producer-order",
                                      "mesh-order",
                                      "mesh-cycle",
                                      "mesh-time",
                                      "causality",
                                      "outcome-changed",
                                      "rolled-back-visible",
                                      "denied-visible",
                                      "impossible-commit",
                                      "unknown-outcome",
                                      "no-outcome",
                                      "service-both",
                                      "service-unasked",
                                      "service-twice",
                                      "service-ignored",
                                      "service-rolled-back",
                                      "service-torn",
                                      "service-in-doubt",
                                      "conservation"};
static_assert(std::size(kind_names) == kind_count);

// What is broken: the kind, and which transaction, message or queue it is about; with services also
// which call and, where each is judged by itself, which submission.
using Breach = std::tuple<Kind, std::uint32_t, std::uint32_t, std::uint64_t>;

using Breaches = std::set<Breach>;

Kinds kinds_of(const Breaches& breaches) {
  Kinds kinds;
  for (const Breach& breach : breaches)
    kinds.set(static_cast<std::size_t>(std::get<Kind>(breach)));
  return kinds;
}

// One way in which it may have happened.
struct World {
  std::vector<bool> committed;                           // By transaction.
  std::vector<std::optional<std::uint64_t>> submission;  // By transaction: which took effect.
  std::vector<bool> ack_counts;  // By event: an ack without an answer that took effect.
};

// ---- what is broken in every world --------------------------------------------------------------

class Orders {
 public:
  explicit Orders(const Evidence& evidence) : evidence_(evidence), history_(evidence.history) {}

  [[nodiscard]] Breaches judge() {
    for (std::uint32_t queue = 0; queue < history_.queues.size(); ++queue) {
      const auto seen = evidence_.first_deliveries_of(queue);
      if (history_.queues[queue].order == QueueOrder::producer) {
        blame(Kind::producer_order, queue, !is_in_order_of_producers(seen));
      } else if (history_.queues[queue].order == QueueOrder::mesh) {
        const auto by_place = [](const auto& a, const auto& b) { return a.at < b.at; };
        blame(Kind::mesh_order, queue, !std::is_sorted(seen.begin(), seen.end(), by_place));
      }
    }
    blame(Kind::mesh_cycle, 0, !has_one_order());
    return broken_;
  }

 private:
  void blame(Kind kind, std::uint32_t queue, bool is_broken) {
    if (is_broken) broken_.insert({kind, queue, 0, 0});
  }

  [[nodiscard]] std::tuple<std::uint64_t, std::uint64_t, std::uint32_t> place_of(
      std::uint32_t message) const {
    const HistoryMessage& one = history_.messages[message];
    const HistoryTransaction& transaction = history_.transactions[one.transaction];
    return {transaction.session, transaction.sequence, one.part};
  }

  // No two messages of one producer are the wrong way round.
  [[nodiscard]] bool is_in_order_of_producers(const std::vector<HistoryEvent>& seen) const {
    const auto producer_of = [this](const HistoryEvent& event) {
      return history_.transactions[history_.messages[event.message].transaction].producer;
    };
    for (std::size_t early = 0; early < seen.size(); ++early) {
      for (std::size_t late = early + 1; late < seen.size(); ++late) {
        if (producer_of(seen[early]) != producer_of(seen[late])) continue;
        if (place_of(seen[late].message) < place_of(seen[early].message)) return false;
      }
    }
    return true;
  }

  // Some order of all transactions is the one that every `mesh` queue shows.
  [[nodiscard]] bool has_one_order() const {
    std::vector<std::uint32_t> position(history_.transactions.size());
    std::iota(position.begin(), position.end(), 0U);
    do {
      if (is_order_of_mesh(position)) return true;
    } while (std::next_permutation(position.begin(), position.end()));
    return false;
  }

  [[nodiscard]] bool is_order_of_mesh(const std::vector<std::uint32_t>& position) const {
    for (std::uint32_t queue = 0; queue < history_.queues.size(); ++queue) {
      if (history_.queues[queue].order != QueueOrder::mesh) continue;
      const auto seen = evidence_.first_deliveries_of(queue);
      const auto by_position = [&](const HistoryEvent& a, const HistoryEvent& b) {
        return position[history_.messages[a.message].transaction] <
               position[history_.messages[b.message].transaction];
      };
      if (!std::is_sorted(seen.begin(), seen.end(), by_position)) return false;
    }
    return true;
  }

  const Evidence& evidence_;
  const History& history_;
  Breaches broken_;
};

// ---- what is broken in one world ----------------------------------------------------------------

class Trial {
 public:
  Trial(const Evidence& evidence, const World& world)
      : evidence_(evidence), history_(evidence.history), world_(world) {}

  [[nodiscard]] Breaches judge() {
    blame(Kind::phantom, 0, !history_.phantoms.empty());
    for (std::uint32_t index = 0; index < history_.transactions.size(); ++index) {
      judge_answers(index);
      judge_each_submission(index);
      if (!world_.committed[index]) continue;
      judge_commit(index);
      judge_time(index);
      judge_submission_of(index);
      judge_moment(index);
    }
    for (std::uint32_t index = 0; index < history_.messages.size(); ++index) {
      judge_deliveries(index);
      judge_consumption(index);
    }
    judge_conservation();
    return broken_;
  }

 private:
  struct Call {
    std::uint32_t transaction;
    std::uint32_t place;
    std::uint64_t submission;
  };

  // Of a transaction or a message.
  void blame(Kind kind, std::uint32_t subject, bool is_broken) {
    if (is_broken) broken_.insert({kind, subject, 0, 0});
  }

  void blame(Kind kind, const Call& call, bool is_broken) {
    if (is_broken) broken_.insert({kind, call.transaction, call.place, call.submission});
  }

  // ---- transactions ------------------------------------------------------------------------

  void judge_answers(std::uint32_t index) {
    if (history_.transactions[index].may_stay_open) return;
    const bool is_told = evidence_.any_event([&](const HistoryEvent& event) {
      return event.transaction == index &&
             (event.what == Happened::told_committed || event.what == Happened::told_rolled_back ||
              event.what == Happened::told_unknown || event.what == Happened::told_denied);
    });
    blame(Kind::no_outcome, index, history_.drained && !is_told);
    blame(Kind::unknown_outcome, index, evidence_.has(index, Happened::told_unknown));
  }

  void judge_commit(std::uint32_t index) {
    const bool is_rolled_back = evidence_.said_rolled_back(index);
    blame(Kind::outcome_changed, index, is_rolled_back && evidence_.said_committed(index));
    blame(Kind::rolled_back_visible, index, is_rolled_back && evidence_.was_seen(index));
    blame(Kind::denied_visible, index, evidence_.has(index, Happened::told_denied));
    blame(Kind::impossible_commit, index, history_.transactions[index].must_fail);
  }

  // The commit time is the one that was told first; where none was told, the place in `mesh`
  // queues, which is the same everywhere.
  void judge_time(std::uint32_t index) {
    std::vector<std::uint64_t> told;
    std::vector<std::uint64_t> places;
    for (std::size_t at = 0; at < history_.events.size(); ++at) {
      const HistoryEvent& event = history_.events[at];
      if (event.what == Happened::told_committed && event.transaction == index) {
        told.push_back(event.at);
      } else if (evidence_.is_first(at) && history_.queues[event.queue].order == QueueOrder::mesh &&
                 history_.messages[event.message].transaction == index) {
        places.push_back(event.at);
      }
    }
    const std::vector<std::uint64_t>& first = told.empty() ? places : told;
    if (first.empty()) return;
    const std::uint64_t time = first.front();
    const auto differs = [time](std::uint64_t other) { return other != time; };
    blame(Kind::outcome_changed, index, std::any_of(told.begin(), told.end(), differs));
    blame(Kind::mesh_time, index, std::any_of(places.begin(), places.end(), differs));
    const HistoryTransaction& transaction = history_.transactions[index];
    blame(Kind::causality, index, !transaction.produced.empty() && time <= transaction.after);
  }

  // There is a moment after the last delivery of all that it consumes and before the first sign of
  // its commit.
  void judge_moment(std::uint32_t index) {
    for (std::size_t moment = 0; moment <= history_.events.size(); ++moment) {
      if (may_commit_at(index, moment)) return;
    }
    blame(Kind::delivered_after_gone, history_.transactions[index].consumed.front(), true);
  }

  [[nodiscard]] bool may_commit_at(std::uint32_t index, std::size_t moment) const {
    const auto& consumed = history_.transactions[index].consumed;
    for (std::size_t at = 0; at < history_.events.size(); ++at) {
      const HistoryEvent& event = history_.events[at];
      const bool is_sign =
          evidence_.is_commit_said(event, index) || evidence_.is_effect(event, index);
      if (is_sign && at < moment) return false;
      const bool is_taken = std::any_of(
          consumed.begin(), consumed.end(),
          [&](std::uint32_t message) { return evidence_.is_handed_out(event, message); });
      if (is_taken && at >= moment) return false;
    }
    return true;
  }

  // ---- services ----------------------------------------------------------------------------

  [[nodiscard]] std::size_t count(const Call& call, Happened what) const {
    return evidence_.count_events([&](const HistoryEvent& event) {
      return event.what == what && event.transaction == call.transaction &&
             event.place == call.place && event.submission == call.submission &&
             evidence_.is_sane(event.node);
    });
  }

  [[nodiscard]] static bool is_of_service(const HistoryEvent& event) {
    return event.what >= Happened::service_yes;
  }

  [[nodiscard]] bool is_judged_at_end(const Call& call) const {
    return history_.drained && history_.transactions[call.transaction].calls[call.place].observable;
  }

  // Whichever it is that takes effect.
  void judge_each_submission(std::uint32_t index) {
    for (const HistoryEvent& event : history_.events) {
      if (!is_of_service(event) || event.transaction != index) continue;
      const Call call{index, event.place, event.submission};
      const std::size_t committed = count(call, Happened::service_committed);
      const std::size_t rolled_back = count(call, Happened::service_rolled_back);
      const bool yes = count(call, Happened::service_yes) != 0;
      blame(Kind::service_both, call, committed != 0 && rolled_back != 0);
      blame(Kind::service_unasked, call, committed != 0 && !yes);
      blame(Kind::service_twice, call, committed > 1 || rolled_back > 1);
      blame(Kind::service_in_doubt, call,
            yes && committed + rolled_back == 0 && is_judged_at_end(call));
      const Call whole{index, event.place, 0};  // About two submissions, not about this one.
      blame(Kind::service_twice, whole,
            committed != 0 && world_.submission[index] != event.submission);
    }
  }

  // The one that takes effect has the consent of all its services, and all carry it out.
  void judge_submission_of(std::uint32_t index) {
    const auto& calls = history_.transactions[index].calls;
    for (std::uint32_t place = 0; place < calls.size(); ++place) {
      if (!is_known(index, place)) continue;
      const Call call{index, place, world_.submission[index].value_or(0)};
      const Call whole{index, place, 0};  // Whichever submission it was.
      const bool yes = count(call, Happened::service_yes) != 0;
      const bool agreed = yes || count(call, Happened::service_read_only) != 0;
      blame(Kind::service_ignored, whole, !agreed);
      if (count(call, Happened::service_committed) != 0) continue;
      blame(Kind::service_rolled_back, whole, count(call, Happened::service_rolled_back) != 0);
      blame(Kind::service_torn, whole, yes && is_judged_at_end(call));
    }
  }

  // Which node a call goes to shows only when its service says something.
  [[nodiscard]] bool is_known(std::uint32_t index, std::uint32_t place) const {
    if (history_.doubtful_nodes.empty()) return true;
    return evidence_.any_event([&](const HistoryEvent& event) {
      return is_of_service(event) && event.transaction == index && event.place == place &&
             evidence_.is_sane(event.node);
    });
  }

  // ---- messages ----------------------------------------------------------------------------

  void judge_deliveries(std::uint32_t message) {
    std::optional<std::uint64_t> place;
    bool is_gone = false;
    for (const HistoryEvent& event : history_.events) {
      if (event.message != message) continue;
      is_gone = is_gone || event.what == Happened::acked;
      if (event.what != Happened::delivered || history_.queues[event.queue].doubtful) continue;
      if (!evidence_.is_handed_out(event, message)) {
        blame(Kind::wrong_queue, message, true);
        continue;
      }
      blame(Kind::delivered_after_gone, message, is_gone);
      if (!evidence_.is_handed_out_at_home(event)) continue;
      blame(Kind::place_changed, message, place && *place != event.at);
      if (!place) place = event.at;
    }
  }

  [[nodiscard]] std::size_t count_committed_consumers(std::uint32_t message) const {
    std::size_t number = 0;
    for (std::uint32_t index = 0; index < history_.transactions.size(); ++index) {
      const auto& consumed = history_.transactions[index].consumed;
      if (!world_.committed[index]) continue;
      number += static_cast<std::size_t>(std::count(consumed.begin(), consumed.end(), message));
    }
    return number;
  }

  [[nodiscard]] std::size_t count_acks(std::uint32_t message) const {
    std::size_t number = 0;
    for (std::size_t index = 0; index < history_.events.size(); ++index) {
      const HistoryEvent& event = history_.events[index];
      const bool is_ack = event.what == Happened::acked || world_.ack_counts[index];
      if (is_ack && event.message == message) ++number;
    }
    return number;
  }

  // Each time too many is one more thing that is broken.
  void judge_number(std::uint32_t message, std::size_t number) {
    for (std::size_t time = 1; time < number; ++time)
      broken_.insert({Kind::consumed_twice, message, 0, time});
  }

  void judge_consumption(std::uint32_t message) {
    const HistoryMessage& one = history_.messages[message];
    const std::size_t number = count_acks(message) + count_committed_consumers(message);
    if (!history_.queues[one.queue].doubtful) judge_number(message, number);
    if (!evidence_.is_judged_at_end(one.queue)) return;
    const bool is_seen = evidence_.any_event(
        [&](const HistoryEvent& event) { return evidence_.is_handed_out(event, message); });
    blame(Kind::never_consumed, message, is_seen && number == 0);
    if (!world_.committed[one.transaction] || is_seen) return;
    const bool is_said = evidence_.said_committed(one.transaction);
    blame(is_said ? Kind::lost : Kind::torn, message, true);
  }

  // What committed transactions bring in and do not take out again, consumers have acknowledged.
  void judge_conservation() {
    for (std::uint32_t queue = 0; queue < history_.queues.size(); ++queue) {
      if (!evidence_.is_judged_at_end(queue)) return;
    }
    std::int64_t left = 0;
    for (std::uint32_t message = 0; message < history_.messages.size(); ++message) {
      const HistoryMessage& one = history_.messages[message];
      const auto taken = static_cast<std::int64_t>(count_committed_consumers(message));
      if (world_.committed[one.transaction]) left += one.amount;
      left -= one.amount * taken;
      if (count_acks(message) != 0) left -= one.amount;
    }
    blame(Kind::conservation, 0, left != 0);
  }

  const Evidence& evidence_;
  const History& history_;
  const World& world_;
  Breaches broken_;
};

// ---- every world --------------------------------------------------------------------------------

class Search {
 public:
  Search(const History& history, const BruteRules& rules)
      : history_(history), rules_(rules), evidence_(history) {
    world_.committed.resize(history.transactions.size());
    world_.submission.resize(history.transactions.size());
    world_.ack_counts.resize(history.events.size());
  }

  [[nodiscard]] BruteVerdict run() {
    always_broken_ = Orders{evidence_}.judge();
    try_outcomes(0);
    BruteVerdict verdict;
    for (const Breaches& one : found_) {
      if (breaks_least(one)) verdict.worlds.push_back(kinds_of(one));
    }
    return verdict;
  }

 private:
  // No other world breaks a part of it only.
  [[nodiscard]] bool breaks_least(const Breaches& one) const {
    return std::none_of(found_.begin(), found_.end(), [&](const Breaches& other) {
      return other != one && std::includes(one.begin(), one.end(), other.begin(), other.end());
    });
  }

  void try_outcomes(std::uint32_t index) {
    if (index == history_.transactions.size()) {
      try_acks(0);
      return;
    }
    const bool shows = evidence_.said_committed(index) || evidence_.was_seen(index);
    const bool fails =
        evidence_.said_rolled_back(index) || evidence_.has(index, Happened::told_denied);
    if (!shows) {
      world_.committed[index] = false;
      world_.submission[index].reset();
      try_outcomes(index + 1);
    }
    if (shows || (!fails && rules_.unheard_may_be_committed)) {
      world_.committed[index] = true;
      try_submissions(index);
    }
  }

  void try_submissions(std::uint32_t index) {
    std::set<std::uint64_t> submissions;
    for (const HistoryEvent& event : history_.events) {
      const bool is_of_service = event.what >= Happened::service_yes;
      if (!is_of_service || event.transaction != index) continue;
      if (evidence_.is_sane(event.node)) submissions.insert(event.submission);
    }
    world_.submission[index].reset();
    if (submissions.empty()) try_outcomes(index + 1);
    for (const std::uint64_t submission : submissions) {
      world_.submission[index] = submission;
      try_outcomes(index + 1);
    }
  }

  void try_acks(std::size_t index) {
    if (index == history_.events.size()) {
      Breaches broken = Trial{evidence_, world_}.judge();
      broken.insert(always_broken_.begin(), always_broken_.end());
      std::erase_if(broken, [this](const Breach& breach) {
        return rules_.ignored.test(static_cast<std::size_t>(std::get<Kind>(breach)));
      });
      found_.insert(std::move(broken));
      return;
    }
    world_.ack_counts[index] = false;
    try_acks(index + 1);
    if (history_.events[index].what != Happened::maybe_acked) return;
    if (!rules_.open_acks_may_count) return;
    world_.ack_counts[index] = true;
    try_acks(index + 1);
    world_.ack_counts[index] = false;
  }

  const History& history_;
  const BruteRules& rules_;
  Evidence evidence_;
  World world_;
  Breaches always_broken_;
  std::set<Breaches> found_;
};

}  // namespace

std::string name_of(Kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::string text_of(const Kinds& kinds) {
  std::string text;
  for (std::size_t index = 0; index < kind_count; ++index) {
    if (kinds.test(index)) text += std::string{text.empty() ? "" : " "} + kind_names[index];
  }
  return text.empty() ? "nothing" : text;
}

Kinds BruteVerdict::possible() const {
  return std::accumulate(worlds.begin(), worlds.end(), Kinds{}, std::bit_or<>{});
}

BruteVerdict judge_by_force(const History& history, const BruteRules& rules) {
  return Search{history, rules}.run();
}

}  // namespace nemcon::sim
