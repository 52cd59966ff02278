// Goal: the checker sees what only shows when several things are put together, and blames a mesh
// for nothing that it may do.
//
// Method: the smallest history of each case, written down event by event. Most of them were found
// by comparing the checker with the one that tries everything (brute_checker_test.cpp).
#include <set>

#include <gtest/gtest.h>

#include "tests/sim/checker.hpp"

namespace nemcon::sim {
namespace {

class CheckerCase : public testing::Test {
 protected:
  std::uint32_t queue(QueueOrder order = QueueOrder::producer) {
    HistoryQueue one;
    one.name = "q" + std::to_string(history_.queues.size());
    one.order = order;
    one.base = static_cast<std::uint32_t>(history_.queues.size());
    history_.queues.push_back(one);
    return one.base;
  }

  std::uint32_t transaction() {
    HistoryTransaction one;
    one.name = "t" + std::to_string(history_.transactions.size());
    one.sequence = history_.transactions.size() + 1;
    one.may_stay_open = true;
    history_.transactions.push_back(one);
    return static_cast<std::uint32_t>(history_.transactions.size() - 1);
  }

  std::uint32_t message(std::uint32_t transaction, std::uint32_t queue) {
    HistoryMessage one;
    one.body = "m" + std::to_string(history_.messages.size());
    one.transaction = transaction;
    one.queue = queue;
    one.part = static_cast<std::uint32_t>(history_.messages.size());
    one.amount = 1;
    history_.messages.push_back(one);
    const auto index = static_cast<std::uint32_t>(history_.messages.size() - 1);
    history_.transactions[transaction].produced.push_back(index);
    return index;
  }

  // What a transaction comes to.
  void say(Happened what, std::uint32_t transaction, std::uint64_t at = 0) {
    HistoryEvent event;
    event.what = what;
    event.transaction = transaction;
    event.at = at;
    history_.events.push_back(event);
  }

  void deliver(std::uint32_t message, std::uint64_t at) {
    deliver_from(history_.messages[message].queue, message, at);
  }

  void deliver_from(std::uint32_t queue, std::uint32_t message, std::uint64_t at) {
    HistoryEvent event;
    event.message = message;
    event.queue = queue;
    event.at = at;
    history_.events.push_back(event);
  }

  void ack(std::uint32_t message) {
    HistoryEvent event;
    event.what = Happened::acked;
    event.message = message;
    history_.events.push_back(event);
  }

  struct Call {
    std::uint32_t transaction;
    std::uint32_t place;
    std::uint64_t submission;
  };

  void serve(Happened what, const Call& call) {
    HistoryEvent event;
    event.what = what;
    event.transaction = call.transaction;
    event.place = call.place;
    event.submission = call.submission;
    history_.events.push_back(event);
  }

  // Each kind once, in order, with a space between.
  [[nodiscard]] std::string kinds() const {
    std::set<std::string> found;
    for (const std::string& line : check(history_))
      found.insert(line.substr(0, line.find(':')));
    std::string text;
    for (const std::string& kind : found)
      text += (text.empty() ? "" : " ") + kind;
    return text;
  }

  History history_;
};

// ---- a commit that shows in several places
// -------------------------------------------------------

TEST_F(CheckerCase, SeesAMessageAgainAfterANodeCommittedItsConsumption) {
  const std::uint32_t taken = message(transaction(), queue());
  const std::uint32_t consumer = transaction();
  history_.transactions[consumer].consumed = {taken};
  deliver(taken, 11);
  say(Happened::node_committed, consumer);

  deliver(taken, 11);

  EXPECT_EQ(kinds(), "delivered-after-gone");
}

TEST_F(CheckerCase, SeesAMessageAgainAfterItsConsumerShowed) {
  const std::uint32_t shop = queue();
  const std::uint32_t taken = message(transaction(), shop);
  const std::uint32_t consumer = transaction();
  const std::uint32_t sent_on = message(consumer, shop);
  history_.transactions[consumer].consumed = {taken};
  deliver(taken, 11);
  deliver(sent_on, 12);

  deliver(taken, 11);

  EXPECT_EQ(kinds(), "delivered-after-gone");
}

TEST_F(CheckerCase, SeesTwoPlacesOfATransactionThatNobodyWasToldOf) {
  const std::uint32_t origin = transaction();
  const std::uint32_t first = message(origin, queue(QueueOrder::mesh));
  const std::uint32_t second = message(origin, queue(QueueOrder::mesh));
  deliver(first, 11);

  deliver(second, 12);

  EXPECT_EQ(kinds(), "mesh-time");
}

TEST_F(CheckerCase, SeesAPlaceBeforeWhatTheClientKnew) {
  const std::uint32_t origin = transaction();
  history_.transactions[origin].after = 11;

  deliver(message(origin, queue(QueueOrder::mesh)), 11);

  EXPECT_EQ(kinds(), "causality");
}

// Its other message says that it did not commit; then nobody consumed the first one.
TEST_F(CheckerCase, SeesThatNoConsumerCanHaveTakenAMessage) {
  const std::uint32_t shop = queue();
  const std::uint32_t lost = queue();
  history_.queues[lost].observable = false;
  const std::uint32_t taken = message(transaction(), shop);
  const std::uint32_t consumer = transaction();
  message(consumer, shop);
  history_.transactions[consumer].consumed = {taken};
  deliver(taken, 11);
  history_.drained = true;

  EXPECT_EQ(kinds(), "never-consumed");
}

TEST_F(CheckerCase, AllowsAConsumptionThatNobodyHeardOf) {
  const std::uint32_t taken = message(transaction(), queue());
  history_.transactions[transaction()].consumed = {taken};
  deliver(taken, 11);
  history_.drained = true;

  EXPECT_EQ(kinds(), "");
}

TEST_F(CheckerCase, ComparesPlacesWithTheTimeThatWasToldFirst) {
  const std::uint32_t origin = transaction();
  const std::uint32_t sent = message(origin, queue(QueueOrder::mesh));
  say(Happened::told_committed, origin, 11);
  say(Happened::told_committed, origin, 12);

  deliver(sent, 11);

  EXPECT_EQ(kinds(), "outcome-changed");
}

// ---- queues
// --------------------------------------------------------------------------------------

TEST_F(CheckerCase, AllowsAMessageThatOnlyTheDeadLetterQueueHandsOut) {
  const std::uint32_t shop = queue();
  const std::uint32_t dead = queue(QueueOrder::none);
  history_.queues[dead].base = shop;
  const std::uint32_t origin = transaction();
  const std::uint32_t sent = message(origin, shop);
  say(Happened::told_committed, origin, 11);

  deliver_from(dead, sent, 11);
  ack(sent);
  history_.drained = true;

  EXPECT_EQ(kinds(), "");
}

TEST_F(CheckerCase, SeesAMessageOfADoubtfulQueueInAnotherOne) {
  const std::uint32_t doubtful = queue();
  history_.queues[doubtful].observable = false;
  history_.queues[doubtful].doubtful = true;
  const std::uint32_t sent = message(transaction(), doubtful);

  deliver_from(queue(), sent, 11);

  EXPECT_EQ(kinds(), "wrong-queue");
}

TEST_F(CheckerCase, BelievesNoDoubtfulQueue) {
  const std::uint32_t sent = message(transaction(), queue());
  const std::uint32_t doubtful = queue();
  history_.queues[doubtful].observable = false;
  history_.queues[doubtful].doubtful = true;

  deliver_from(doubtful, sent, 11);

  EXPECT_EQ(kinds(), "");
}

// Where it does not belong it has no place.
TEST_F(CheckerCase, BlamesAWrongQueueForNothingElse) {
  const std::uint32_t right = queue(QueueOrder::mesh);
  const std::uint32_t wrong = queue(QueueOrder::mesh);
  const std::uint32_t sent = message(transaction(), right);

  deliver_from(wrong, sent, 12);
  deliver(sent, 11);

  EXPECT_EQ(kinds(), "wrong-queue");
}

// ---- services
// ------------------------------------------------------------------------------------

TEST_F(CheckerCase, SeesThatNoSubmissionHadTheConsentOfAll) {
  const std::uint32_t both = transaction();
  history_.transactions[both].calls.resize(2);
  serve(Happened::service_yes, {both, 0, 1});
  serve(Happened::service_no, {both, 1, 1});
  serve(Happened::service_no, {both, 0, 2});
  serve(Happened::service_yes, {both, 1, 2});

  say(Happened::node_committed, both);

  EXPECT_EQ(kinds(), "service-ignored");
}

TEST_F(CheckerCase, SeesTwoSubmissionsThatCommitAtDifferentServices) {
  const std::uint32_t both = transaction();
  history_.transactions[both].calls.resize(2);
  for (const std::uint32_t place : {0U, 1U}) {
    for (const std::uint64_t submission : {1U, 2U})
      serve(Happened::service_yes, {both, place, submission});
  }

  serve(Happened::service_committed, {both, 0, 1});
  serve(Happened::service_committed, {both, 1, 2});

  EXPECT_EQ(kinds(), "service-twice");
}

// The second has nothing to be told.
TEST_F(CheckerCase, AllowsARollBackOfTheSubmissionThatDidNotTakeEffect) {
  const std::uint32_t both = transaction();
  history_.transactions[both].calls.resize(1);
  serve(Happened::service_yes, {both, 0, 1});
  serve(Happened::service_rolled_back, {both, 0, 1});
  serve(Happened::service_read_only, {both, 0, 2});

  say(Happened::told_committed, both, 11);
  history_.drained = true;

  EXPECT_EQ(kinds(), "");
}

}  // namespace
}  // namespace nemcon::sim
