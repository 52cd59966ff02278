// Goal: what is put arrives once and in order, whatever the threads do; waiting ends for a put, a
// close or a deadline and for nothing else. Method: single-threaded cases first, then two
// threads that run against each other (the thread sanitizer looks on).
#include "node/mailbox.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nemcon::node {
namespace {

using namespace std::chrono_literals;
using Clock = Mailbox<int>::Clock;

TEST(Mailbox, GivesWhatWasPutInOrder) {
  Mailbox<int> mailbox(4);
  EXPECT_TRUE(mailbox.put(1));
  EXPECT_TRUE(mailbox.put(2));

  std::vector<int> taken;
  mailbox.take(taken);
  EXPECT_EQ(taken, (std::vector<int>{1, 2}));

  EXPECT_TRUE(mailbox.put(3));
  mailbox.take(taken);
  EXPECT_EQ(taken, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(mailbox.count(), 0u);
}

TEST(Mailbox, HoldsItemsThatCannotBeCopied) {
  Mailbox<std::unique_ptr<int>> mailbox(1);
  EXPECT_TRUE(mailbox.put(std::make_unique<int>(7)));

  std::vector<std::unique_ptr<int>> taken;
  ASSERT_TRUE(mailbox.wait_and_take(taken, std::nullopt));
  EXPECT_EQ(*taken.at(0), 7);
}

TEST(Mailbox, IsFullAtItsCapacityAndTakesWhatIsUnderWayAllTheSame) {
  Mailbox<int> mailbox(2);
  EXPECT_TRUE(mailbox.put(1));
  EXPECT_FALSE(mailbox.is_full());
  EXPECT_TRUE(mailbox.put(2));
  EXPECT_TRUE(mailbox.is_full());
  EXPECT_TRUE(mailbox.put(3));
  EXPECT_EQ(mailbox.count(), 3u);
}

TEST(MailboxDeathTest, SenderThatNeverLooksIsABug) {
  Mailbox<int> mailbox(1);
  for (int item = 0; item < 10; ++item)
    EXPECT_TRUE(mailbox.put(item));
  EXPECT_DEATH((void)mailbox.put(10), "items_.size\\(\\) < 10");
}

TEST(Mailbox, DeadlineEndsTheWaitWithNothing) {
  Mailbox<int> mailbox(1);
  const auto deadline = Clock::now() + 5ms;

  std::vector<int> taken;
  EXPECT_TRUE(mailbox.wait_and_take(taken, deadline));
  EXPECT_GE(Clock::now(), deadline);
  EXPECT_TRUE(taken.empty());
}

TEST(Mailbox, DeadlineInThePastOnlyLooks) {
  Mailbox<int> mailbox(1);
  EXPECT_TRUE(mailbox.put(1));

  std::vector<int> taken;
  EXPECT_TRUE(mailbox.wait_and_take(taken, Clock::time_point{}));
  EXPECT_EQ(taken, std::vector<int>{1});
}

TEST(Mailbox, ClosedOneGivesWhatIsLeftAndThenSaysSo) {
  Mailbox<int> mailbox(4);
  EXPECT_TRUE(mailbox.put(1));
  mailbox.close();
  EXPECT_FALSE(mailbox.put(2));

  std::vector<int> taken;
  EXPECT_TRUE(mailbox.wait_and_take(taken, std::nullopt));
  EXPECT_EQ(taken, std::vector<int>{1});
  EXPECT_FALSE(mailbox.wait_and_take(taken, std::nullopt));
  EXPECT_EQ(taken, std::vector<int>{1});
}

TEST(Mailbox, CloseWakesTheReceiver) {
  Mailbox<int> mailbox(4);
  bool is_open = true;
  std::thread receiver([&] {
    std::vector<int> taken;
    while (is_open)
      is_open = mailbox.wait_and_take(taken, std::nullopt);
  });
  mailbox.close();
  receiver.join();
  EXPECT_FALSE(is_open);
}

TEST(Mailbox, EachSendersItemsArriveOnceAndInOrder) {
  constexpr int sender_count = 2;
  constexpr int item_count = 20'000;

  struct Item {
    int sender;
    int number;
  };

  Mailbox<Item> mailbox(100'000);
  std::vector<std::thread> senders;
  for (int sender = 0; sender < sender_count; ++sender) {
    senders.emplace_back([&mailbox, sender] {
      for (int number = 0; number < item_count; ++number) {
        EXPECT_TRUE(mailbox.put({sender, number}));
      }
    });
  }

  int next[sender_count] = {};
  std::vector<Item> taken;
  while (next[0] < item_count || next[1] < item_count) {
    ASSERT_TRUE(mailbox.wait_and_take(taken, std::nullopt));
    for (const Item& item : taken) {
      ASSERT_EQ(item.number, next[item.sender]);
      ++next[item.sender];
    }
    taken.clear();
  }
  for (std::thread& sender : senders)
    sender.join();
  EXPECT_EQ(mailbox.count(), 0u);
}

}  // namespace
}  // namespace nemcon::node
