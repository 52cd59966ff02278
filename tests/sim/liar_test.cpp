// Goal: what is left of a history without the transactions of a liar is all that it has no part in,
// and is judged as it would be alone. Method: a small history by hand, and the judge.
#include "tests/sim/liar.hpp"

#include <gtest/gtest.h>

#include "tests/sim/checker.hpp"

namespace nemcon::sim {
namespace {

// Three transactions, each with one message for one queue; the third consumes that of the first.
History three() {
  History history;
  HistoryQueue queue;
  queue.name = "qa@shop";
  history.queues = {queue};
  for (std::uint32_t index = 0; index < 3; ++index) {
    HistoryMessage message;
    message.body = std::to_string(index) + "|";
    message.transaction = index;
    message.amount = 1;
    history.messages.push_back(message);
    HistoryTransaction transaction;
    transaction.name = "p#" + std::to_string(index);
    transaction.session = 1;
    transaction.sequence = index + 1;
    transaction.produced = {index};
    transaction.may_stay_open = true;
    history.transactions.push_back(transaction);
  }
  history.transactions[2].consumed = {0};
  history.drained = true;
  return history;
}

void add(History& history, Happened what, std::uint32_t index) {
  HistoryEvent event;
  event.what = what;
  (what == Happened::told_committed ? event.transaction : event.message) = index;
  event.at = 100 + index;
  history.events.push_back(event);
}

TEST(WithoutALiar, WhatItHasNoPartInIsLeft) {
  History history = three();
  add(history, Happened::told_committed, 0);
  add(history, Happened::told_committed, 1);
  add(history, Happened::delivered, 1);
  add(history, Happened::acked, 1);

  const History rest = without(history, {2});

  ASSERT_EQ(rest.transactions.size(), 2U);
  EXPECT_TRUE(rest.transactions[0].produced.empty()) << "the liar may have consumed that";
  EXPECT_EQ(rest.transactions[1].produced, std::vector<std::uint32_t>{0});
  ASSERT_EQ(rest.messages.size(), 1U);
  EXPECT_EQ(rest.messages[0].body, "1|");
  EXPECT_EQ(rest.messages[0].transaction, 1U);
  EXPECT_EQ(rest.events.size(), 4U);
  EXPECT_TRUE(check(rest).empty()) << check(rest).front();
}

// What it has no part in must still be seen to be lost, and to be doubled.
TEST(WithoutALiar, TheRestIsJudgedAsEver) {
  History lost = three();
  add(lost, Happened::told_committed, 1);
  History doubled = three();
  add(doubled, Happened::told_committed, 1);
  add(doubled, Happened::delivered, 1);
  add(doubled, Happened::acked, 1);
  add(doubled, Happened::acked, 1);

  EXPECT_FALSE(check(without(lost, {0, 2})).empty());
  EXPECT_FALSE(check(without(doubled, {0, 2})).empty());
}

TEST(WithoutALiar, NothingIsLeftWhereItHasPartInAll) {
  History history = three();
  add(history, Happened::told_committed, 0);
  add(history, Happened::delivered, 0);

  const History rest = without(history, {0, 1, 2});

  EXPECT_TRUE(rest.transactions.empty() && rest.messages.empty() && rest.events.empty());
}

}  // namespace
}  // namespace nemcon::sim
