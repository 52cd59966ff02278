// Goal: whatever the checker is told not to judge is counted.
// Method: a history of two transactions, and one excuse after the other.
#include "tests/sim/excuses.hpp"

#include <gtest/gtest.h>

namespace nemcon::sim {
namespace {

struct ExcusesOf : testing::Test {
  History history;

  void SetUp() override {
    history.queues.resize(2);
    history.queues[1].base = 1;
    history.transactions.resize(2);
    history.messages.resize(2);
    for (std::uint32_t index = 0; index < 2; ++index) {
      history.messages[index].transaction = index;
      history.messages[index].queue = index;
      history.transactions[index].produced = {index};
      history.transactions[index].calls.resize(1);
    }
  }

  void tell(Happened what, std::uint32_t transaction) {
    HistoryEvent event;
    event.what = what;
    event.transaction = transaction;
    history.events.push_back(event);
  }
};

TEST_F(ExcusesOf, AHistoryWithoutThemAreNone) {
  const Excuses excuses = count_excuses(history);

  EXPECT_EQ(excuses.outcome_count, 0U);
  EXPECT_EQ(excuses.message_count, 0U);
  EXPECT_EQ(excuses.call_count, 0U);
  EXPECT_EQ(count_calls(history), 2U);
}

TEST_F(ExcusesOf, AnOutcomeCountWhereNobodyHeardIt) {
  for (HistoryTransaction& transaction : history.transactions)
    transaction.may_stay_open = true;
  tell(Happened::told_unknown, 0);
  tell(Happened::node_committed, 0);
  tell(Happened::told_denied, 1);

  EXPECT_EQ(count_excuses(history).outcome_count, 1U);
}

TEST_F(ExcusesOf, AMessageCountWhereItsQueueIsNotSeenOrNotBelieved) {
  history.queues[0].observable = false;
  EXPECT_EQ(count_excuses(history).message_count, 1U);

  history.queues[1].doubtful = true;
  EXPECT_EQ(count_excuses(history).message_count, 2U);
}

TEST_F(ExcusesOf, ACallCountWhereItsServiceIsNotSeen) {
  history.transactions[1].calls[0].observable = false;

  EXPECT_EQ(count_excuses(history).call_count, 1U);
}

}  // namespace
}  // namespace nemcon::sim
