// Goal: the checker sees each kind of violation, and nothing else.
//
// Method: a random history of a mesh that keeps its promises is made (it must pass), then one
// thing in it is made wrong, and the checker must name exactly that kind. 200 histories a kind.
#include "tests/sim/checker.hpp"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "tests/sim/random.hpp"

namespace nemcon::sim {
namespace {

// Builds a correct history: every transaction happens at one moment, in a total order.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {
    add_queue("p1", QueueOrder::producer);
    add_queue("p2", QueueOrder::producer);
    add_queue("m1", QueueOrder::mesh);
    add_queue("m2", QueueOrder::mesh);
    add_queue("n1", QueueOrder::none);
    const std::uint32_t count = 10 + static_cast<std::uint32_t>(random_.below(20));
    for (std::uint32_t index = 0; index < count; ++index)
      add_transaction(index);
    drain();
    history.drained = true;
  }

  History history;

 private:
  void add_queue(const std::string& name, QueueOrder order) {
    HistoryQueue queue;
    queue.name = name;
    queue.order = order;
    queue.base = static_cast<std::uint32_t>(history.queues.size());
    history.queues.push_back(queue);
  }

  void add(Happened what, std::uint32_t transaction, std::uint64_t at = 0) {
    HistoryEvent event;
    event.what = what;
    event.transaction = transaction;
    event.at = at;
    history.events.push_back(event);
  }

  void add_message_event(Happened what, std::uint32_t message, std::uint64_t at = 0) {
    HistoryEvent event;
    event.what = what;
    event.message = message;
    event.queue = history.messages[message].queue;
    event.at = at;
    history.events.push_back(event);
  }

  void add_transaction(std::uint32_t index) {
    HistoryTransaction transaction;
    transaction.name = "t" + std::to_string(index);
    transaction.producer = index % 3;
    transaction.session = 1;
    transaction.sequence = index / 3 + 1;
    transaction.after = clock_;
    transaction.may_stay_open = index % 7 == 6;
    if (index % 4 == 3) transaction.calls.push_back({});
    if (index % 4 == 1 && !waiting_.empty()) {
      transaction.consumed.push_back(waiting_.front());
      add_message_event(Happened::delivered, waiting_.front(), place_[waiting_.front()]);
      waiting_.erase(waiting_.begin());
    }
    history.transactions.push_back(transaction);
    const bool commits = index % 5 != 4;
    const std::size_t part_count = 2 + random_.below(3);
    for (std::size_t part = 0; part < part_count; ++part) {
      HistoryMessage message;
      message.body = "body " + std::to_string(history.messages.size());
      message.transaction = index;
      message.part = static_cast<std::uint32_t>(part);
      message.queue = static_cast<std::uint32_t>(random_.below(history.queues.size()));
      message.amount = static_cast<std::int64_t>(random_.below(100)) + 1;
      history.transactions[index].produced.push_back(
          static_cast<std::uint32_t>(history.messages.size()));
      history.messages.push_back(message);
      place_.push_back(0);
    }
    conclude(index, commits);
  }

  void conclude(std::uint32_t index, bool commits) {
    clock_ += 1 + random_.below(5);
    const HistoryTransaction& transaction = history.transactions[index];
    if (!transaction.calls.empty()) add(Happened::service_yes, index);
    if (commits && !transaction.may_stay_open) add(Happened::told_committed, index, clock_);
    if (!commits) add(Happened::told_rolled_back, index);
    if (!commits) add(Happened::node_rolled_back, index);
    if (!transaction.calls.empty()) {
      add(commits ? Happened::service_committed : Happened::service_rolled_back, index);
    }
    for (const std::uint32_t message : transaction.produced) {
      if (!commits) continue;
      place_[message] = clock_;
      waiting_.push_back(message);
    }
    if (!commits) {
      // Given back to the front of what waits.
      for (const std::uint32_t message : transaction.consumed) {
        waiting_.insert(waiting_.begin(), message);
      }
    }
  }

  void drain() {
    for (const std::uint32_t message : waiting_) {
      add_message_event(Happened::delivered, message, place_[message]);
      const bool answered = random_.chance(800'000);
      add_message_event(answered ? Happened::acked : Happened::maybe_acked, message);
    }
  }

  Random random_;
  std::uint64_t clock_ = 10;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint64_t> place_;  // By message.
};

using Break = std::function<bool(History&, Random&)>;

// Indices of the events that fit.
template <class Fits>
std::vector<std::size_t> events_where(const History& history, Fits fits) {
  std::vector<std::size_t> found;
  for (std::size_t index = 0; index < history.events.size(); ++index) {
    if (fits(history.events[index])) found.push_back(index);
  }
  return found;
}

std::vector<std::size_t> events_of(const History& history, Happened what) {
  return events_where(history, [what](const HistoryEvent& event) { return event.what == what; });
}

void erase_event(History& history, std::size_t index) {
  history.events.erase(history.events.begin() + static_cast<std::ptrdiff_t>(index));
}

// Breaks 200 histories; each must be blamed for `kind`.
void expect_caught(const std::string& kind, const Break& break_it) {
  int broken_count = 0;
  for (std::uint64_t seed = 1; broken_count < 200; ++seed) {
    ASSERT_LT(seed, 20'000U) << "cannot break enough histories for " << kind;
    Maker maker(seed);
    Random random(seed * 31);
    if (!break_it(maker.history, random)) continue;
    ++broken_count;

    const std::vector<std::string> violations = check(maker.history);

    const bool caught = std::any_of(violations.begin(), violations.end(), [&](const auto& line) {
      return line.rfind(kind + ": ", 0) == 0;
    });
    ASSERT_TRUE(caught) << kind << " missed, seed " << seed << ", found "
                        << (violations.empty() ? "nothing" : violations.front());
  }
}

bool drop_one(History& history, Random& random, const std::vector<std::size_t>& candidates) {
  if (candidates.empty()) return false;
  erase_event(history, random.pick(candidates));
  return true;
}

TEST(Checker, PassesCorrectHistories) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Maker maker(seed);
    const std::vector<std::string> violations = check(maker.history);
    ASSERT_TRUE(violations.empty()) << "seed " << seed << ": " << violations.front();
  }
}

// A node came back with a disk that is older than a commit which nobody had heard of.
TEST(Checker, BelievesNoDiskThatAnOlderOneReplaced) {
  Maker maker(1);
  const auto told = events_of(maker.history, Happened::told_rolled_back);
  HistoryEvent erased = maker.history.events[told.front()];
  erased.what = Happened::node_committed;
  erased.place = 7;
  maker.history.events.insert(maker.history.events.begin(), erased);
  EXPECT_FALSE(check(maker.history).empty());

  maker.history.doubtful_nodes.insert(7);

  EXPECT_TRUE(check(maker.history).empty());
}

TEST(Checker, CatchesALostMessageOfACommittedTransaction) {
  expect_caught("lost", [](History& history, Random& random) {
    std::vector<std::uint32_t> messages;
    for (std::uint32_t index = 0; index < history.messages.size(); ++index) {
      const std::uint32_t transaction = history.messages[index].transaction;
      const auto told = events_where(history, [&](const HistoryEvent& event) {
        return event.what == Happened::told_committed && event.transaction == transaction;
      });
      if (!told.empty()) messages.push_back(index);
    }
    if (messages.empty()) return false;
    const std::uint32_t lost = random.pick(messages);
    auto& events = history.events;
    events.erase(std::remove_if(events.begin(), events.end(),
                                [&](const HistoryEvent& event) {
                                  return event.what == Happened::delivered && event.message == lost;
                                }),
                 events.end());
    return true;
  });
}

TEST(Checker, CatchesATornTransactionWhoseClientKnowsNothing) {
  expect_caught("torn", [](History& history, Random&) {
    for (std::uint32_t index = 0; index < history.transactions.size(); ++index) {
      if (!history.transactions[index].may_stay_open || index % 5 == 4) continue;
      const std::uint32_t lost = history.transactions[index].produced.front();
      auto& events = history.events;
      events.erase(std::remove_if(events.begin(), events.end(),
                                  [&](const HistoryEvent& event) {
                                    return event.what == Happened::delivered &&
                                           event.message == lost;
                                  }),
                   events.end());
      return true;
    }
    return false;
  });
}

TEST(Checker, CatchesAMessageThatIsConsumedTwice) {
  expect_caught("consumed-twice", [](History& history, Random& random) {
    const auto acks = events_of(history, Happened::acked);
    if (acks.empty()) return false;
    history.events.push_back(history.events[random.pick(acks)]);
    return true;
  });
}

TEST(Checker, CatchesADeliveryAfterTheAck) {
  expect_caught("delivered-after-gone", [](History& history, Random& random) {
    const auto acks = events_of(history, Happened::acked);
    if (acks.empty()) return false;
    HistoryEvent again = history.events[random.pick(acks)];
    again.what = Happened::delivered;
    history.events.push_back(again);
    return true;
  });
}

TEST(Checker, CatchesAMessageThatVanishesAfterItsDelivery) {
  expect_caught("never-consumed", [](History& history, Random& random) {
    return drop_one(history, random, events_of(history, Happened::acked));
  });
}

TEST(Checker, CatchesARolledBackTransactionThatIsSeen) {
  expect_caught("rolled-back-visible", [](History& history, Random& random) {
    const auto rolled_back = events_of(history, Happened::told_rolled_back);
    if (rolled_back.empty()) return false;
    const std::uint32_t transaction = history.events[random.pick(rolled_back)].transaction;
    HistoryEvent event;
    event.message = history.transactions[transaction].produced.front();
    event.queue = history.messages[event.message].queue;
    history.events.push_back(event);
    return true;
  });
}

TEST(Checker, CatchesAnOutcomeThatChanges) {
  expect_caught("outcome-changed", [](History& history, Random& random) {
    const auto told = events_of(history, Happened::told_committed);
    HistoryEvent event = history.events[random.pick(told)];
    event.what = random.chance(500'000) ? Happened::node_rolled_back : Happened::told_rolled_back;
    history.events.push_back(event);
    return true;
  });
}

TEST(Checker, CatchesAPhantom) {
  expect_caught("phantom", [](History& history, Random&) {
    history.phantoms.emplace_back("nobody sent this");
    return true;
  });
}

TEST(Checker, CatchesAMessageInAnotherQueue) {
  expect_caught("wrong-queue", [](History& history, Random& random) {
    HistoryEvent& event = history.events[random.pick(events_of(history, Happened::delivered))];
    event.queue = (event.queue + 1) % 5;
    return true;
  });
}

TEST(Checker, CatchesAnOvertakenProducer) {
  expect_caught("producer-order", [](History& history, Random&) {
    const auto deliveries = events_where(history, [&](const HistoryEvent& event) {
      return event.what == Happened::delivered &&
             history.queues[event.queue].order == QueueOrder::producer;
    });
    for (const std::size_t first : deliveries) {
      for (const std::size_t second : deliveries) {
        const HistoryMessage& a = history.messages[history.events[first].message];
        const HistoryMessage& b = history.messages[history.events[second].message];
        const bool same = a.queue == b.queue && history.transactions[a.transaction].producer ==
                                                    history.transactions[b.transaction].producer;
        if (second <= first || !same || a.transaction == b.transaction) continue;
        std::swap(history.events[first], history.events[second]);
        return true;
      }
    }
    return false;
  });
}

// Two messages of one producer; the first was handed out to somebody who did not live to see it.
TEST(Checker, DoesNotJudgeTheOrderByARepetition) {
  History history;
  history.queues.push_back({.name = "p"});
  for (std::uint32_t index = 0; index < 2; ++index) {
    history.transactions.push_back({.name = "t", .sequence = index + 1, .produced = {index}});
    history.messages.push_back({.body = "m", .transaction = index});
  }
  history.events.push_back({.what = Happened::delivered, .message = 1});
  history.events.push_back({.what = Happened::delivered, .message = 0});
  EXPECT_EQ(check(history).size(), 1U);

  history.events[1].is_repeated = true;

  EXPECT_TRUE(check(history).empty());
}

// The two mesh queues show two transactions in different orders; each queue alone looks right
// when the places are left out of it.
TEST(Checker, CatchesACycleBetweenTwoQueues) {
  expect_caught("mesh-cycle", [](History& history, Random&) {
    std::map<std::uint32_t, std::map<std::uint32_t, std::size_t>> seen;  // queue, transaction
    for (std::size_t index = 0; index < history.events.size(); ++index) {
      const HistoryEvent& event = history.events[index];
      if (event.what != Happened::delivered) continue;
      if (history.queues[event.queue].order != QueueOrder::mesh) continue;
      seen[event.queue].emplace(history.messages[event.message].transaction, index);
    }
    std::vector<std::uint32_t> both;
    for (const auto& [transaction, index] : seen[2]) {
      if (seen[3].contains(transaction)) both.push_back(transaction);
    }
    if (both.size() < 2) return false;
    HistoryEvent& first = history.events[seen[3][both[0]]];
    HistoryEvent& second = history.events[seen[3][both[1]]];
    std::swap(first.message, second.message);
    return true;
  });
}

TEST(Checker, CatchesAMeshQueueOutOfOrder) {
  expect_caught("mesh-order", [](History& history, Random&) {
    const auto deliveries = events_where(history, [&](const HistoryEvent& event) {
      return event.what == Happened::delivered && event.queue == 2;
    });
    if (deliveries.size() < 2) return false;
    HistoryEvent& first = history.events[deliveries.front()];
    HistoryEvent& last = history.events[deliveries.back()];
    if (first.at == last.at) return false;
    std::swap(first, last);
    return true;
  });
}

TEST(Checker, CatchesAMeshMessageAwayFromItsCommitTime) {
  expect_caught("mesh-time", [](History& history, Random& random) {
    const auto deliveries = events_where(history, [&](const HistoryEvent& event) {
      const std::uint32_t transaction = history.messages[event.message].transaction;
      return event.what == Happened::delivered && event.queue == 2 &&
             !history.transactions[transaction].may_stay_open;
    });
    if (deliveries.empty()) return false;
    const std::uint32_t moved = history.events[random.pick(deliveries)].message;
    for (HistoryEvent& event : history.events) {
      if (event.what == Happened::delivered && event.message == moved) ++event.at;
    }
    return true;
  });
}

TEST(Checker, CatchesARedeliveryAtAnotherPlace) {
  expect_caught("place-changed", [](History& history, Random& random) {
    const std::size_t index = random.pick(events_of(history, Happened::delivered));
    HistoryEvent again = history.events[index];
    ++again.at;
    history.events.insert(history.events.begin() + static_cast<std::ptrdiff_t>(index) + 1, again);
    return true;
  });
}

TEST(Checker, CatchesACommitBeforeWhatItsClientKnew) {
  expect_caught("causality", [](History& history, Random& random) {
    const auto told = events_of(history, Happened::told_committed);
    const HistoryEvent& event = history.events[random.pick(told)];
    history.transactions[event.transaction].after = event.at;
    return true;
  });
}

TEST(Checker, CatchesAMissingAnswer) {
  expect_caught("no-outcome", [](History& history, Random& random) {
    return drop_one(history, random, events_of(history, Happened::told_committed));
  });
}

TEST(Checker, CatchesAnUnfoundedUnknown) {
  expect_caught("unknown-outcome", [](History& history, Random& random) {
    const auto told = events_of(history, Happened::told_committed);
    history.events[random.pick(told)].what = Happened::told_unknown;
    return true;
  });
}

TEST(Checker, CatchesADeniedTransactionThatHappens) {
  expect_caught("denied-visible", [](History& history, Random& random) {
    const auto told = events_of(history, Happened::told_committed);
    history.events[random.pick(told)].what = Happened::told_denied;
    return true;
  });
}

TEST(Checker, CatchesACommitOfTheImpossible) {
  expect_caught("impossible-commit", [](History& history, Random& random) {
    const auto told = events_of(history, Happened::told_committed);
    history.transactions[history.events[random.pick(told)].transaction].must_fail = true;
    return true;
  });
}

TEST(Checker, CatchesWhatServicesAreToldWrong) {
  const auto turn = [](Happened from, Happened to) {
    return [from, to](History& history, Random& random) {
      const auto events = events_of(history, from);
      if (events.empty()) return false;
      history.events[random.pick(events)].what = to;
      return true;
    };
  };
  expect_caught("service-rolled-back",
                turn(Happened::service_committed, Happened::service_rolled_back));
  expect_caught("rolled-back-visible",
                turn(Happened::service_rolled_back, Happened::service_committed));
  expect_caught("service-unasked", [](History& history, Random& random) {
    const auto committed = events_of(history, Happened::service_committed);
    if (committed.empty()) return false;
    const std::uint32_t transaction = history.events[random.pick(committed)].transaction;
    for (HistoryEvent& event : history.events) {
      const bool is_vote = event.what == Happened::service_yes;
      if (is_vote && event.transaction == transaction) event.what = Happened::service_no;
    }
    return true;
  });
  expect_caught("service-ignored", [](History& history, Random& random) {
    const auto committed = events_of(history, Happened::service_committed);
    if (committed.empty()) return false;
    const std::uint32_t transaction = history.events[random.pick(committed)].transaction;
    const auto votes = events_where(history, [&](const HistoryEvent& event) {
      return event.what == Happened::service_yes && event.transaction == transaction;
    });
    return drop_one(history, random, votes);
  });
}

TEST(Checker, CatchesServicesThatAreForgottenOrToldTwice) {
  expect_caught("service-in-doubt", [](History& history, Random& random) {
    return drop_one(history, random, events_of(history, Happened::service_rolled_back));
  });
  expect_caught("service-torn", [](History& history, Random& random) {
    const auto committed = events_where(history, [&](const HistoryEvent& event) {
      return event.what == Happened::service_committed &&
             !history.transactions[event.transaction].may_stay_open;
    });
    return drop_one(history, random, committed);
  });
  const auto repeat = [](Happened what) {
    return [what](History& history, Random& random) {
      const auto events = events_of(history, what);
      if (events.empty()) return false;
      history.events.push_back(history.events[random.pick(events)]);
      return true;
    };
  };
  expect_caught("service-twice", repeat(Happened::service_committed));
  expect_caught("service-both", [](History& history, Random& random) {
    const auto committed = events_of(history, Happened::service_committed);
    if (committed.empty()) return false;
    HistoryEvent event = history.events[random.pick(committed)];
    event.what = Happened::service_rolled_back;
    history.events.push_back(event);
    return true;
  });
}

TEST(Checker, CatchesMoneyThatAppears) {
  expect_caught("conservation", [](History& history, Random& random) {
    const auto acks = events_of(history, Happened::acked);
    return drop_one(history, random, acks);
  });
}

}  // namespace
}  // namespace nemcon::sim
