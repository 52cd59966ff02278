// Goal: a delivery is leased to one consumer, and comes back unless it is acknowledged. Method: one
// engine (two where a transaction consumes), clients that answer, fail, leave or keep silent.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Consumer : testing::Test {
  Mesh mesh{{.node_count = 2,
             .queues = {{.name = "orders", .lease = seconds{5}, .max_deliveries = 3},
                        {.name = "logs", .ordering = Ordering::none}}}};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};

  void send(const std::string& body) { alice.submit({deliver("orders@a", body)}); }

  [[nodiscard]] std::uint64_t count(const std::string& queue) {
    return mesh[0].queue(queue).message_count;
  }

  [[nodiscard]] LeaseToken token() const { return bob.last<Delivered>()->token; }

  using Bodies = std::vector<std::string>;
};

// ---- credit -----------------------------------------------------------------------------------

TEST_F(Consumer, GetsAsMuchAsItHasCreditFor) {
  for (const char* body : {"1", "2", "3"})
    send(body);

  bob.subscribe("orders", 2);
  EXPECT_EQ(bob.delivered(), (Bodies{"1", "2"}));

  bob.request(AddCredit{.subscription = 1, .credit = 1});
  EXPECT_EQ(bob.delivered(), (Bodies{"1", "2", "3"}));
}

TEST_F(Consumer, HasABoundedNumberOfSubscriptions) {
  const std::uint32_t count_max = Limits{}.subscriptions_max;
  const auto subscribe = [&](std::uint64_t number) {
    bob.request(Subscribe{.subscription = number, .queue = "orders", .credit = 1});
  };
  for (std::uint64_t number = 1; number <= count_max; ++number)
    subscribe(number);
  subscribe(7);  // In place of the one before.
  EXPECT_TRUE(bob.all<SubscriptionEnded>().empty());

  subscribe(count_max + 1);
  ASSERT_TRUE(bob.last<SubscriptionEnded>());
  EXPECT_EQ(bob.last<SubscriptionEnded>()->subscription, count_max + 1);
  EXPECT_EQ(bob.last<SubscriptionEnded>()->reason, Reason::forbidden);

  bob.request(Unsubscribe{.subscription = 1});
  subscribe(count_max + 1);
  EXPECT_EQ(bob.all<SubscriptionEnded>().size(), 1U);
}

TEST_F(Consumer, GetsWhatComesLater) {
  bob.subscribe("orders", 5);
  send("1");

  EXPECT_EQ(bob.delivered(), Bodies{"1"});
  EXPECT_EQ(bob.last<Delivered>()->producer, "alice");
  EXPECT_EQ(bob.last<Delivered>()->delivery_count, 1U);
}

// Rule P-8: a delivery leaves once the record that made the message visible is durable.
TEST_F(Consumer, GetsAMessageOnceItIsDurable) {
  bob.subscribe("orders", 5);
  mesh[0].hold_writes = true;
  send("1");
  EXPECT_TRUE(bob.delivered().empty());

  mesh[0].flush();
  EXPECT_EQ(bob.delivered(), Bodies{"1"});
}

TEST_F(Consumer, SharesWithOthersInTurn) {
  Caller carol{mesh[0], "carol"};
  bob.subscribe("orders", 9);
  carol.subscribe("orders", 9);
  for (const char* body : {"1", "2", "3", "4"})
    send(body);

  EXPECT_EQ(bob.delivered().size(), 2U);
  EXPECT_EQ(carol.delivered().size(), 2U);
}

TEST_F(Consumer, OfAnUnknownQueueIsToldSo) {
  bob.subscribe("nowhere", 1);

  ASSERT_TRUE(bob.last<SubscriptionEnded>().has_value());
  EXPECT_EQ(bob.last<SubscriptionEnded>()->reason, Reason::unknown_queue);
}

TEST_F(Consumer, GetsNothingAfterUnsubscribing) {
  bob.subscribe("orders", 9);
  bob.request(Unsubscribe{.subscription = 1});
  send("1");

  EXPECT_TRUE(bob.delivered().empty());
}

// A number that is used again stands for the new subscription alone.
TEST_F(Consumer, ASubscriptionNumberUsedAgainMovesToTheNewQueue) {
  bob.subscribe("orders", 9);
  bob.subscribe("logs", 9);
  send("1");
  EXPECT_TRUE(bob.delivered().empty());

  bob.leave();
  send("2");
  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 9);
  EXPECT_EQ(carol.delivered(), (Bodies{"1", "2"}));
}

// ---- leases -----------------------------------------------------------------------------------

TEST_F(Consumer, AnAcknowledgedMessageIsGone) {
  send("1");
  bob.subscribe("orders", 1);

  bob.settle(Settlement::ack, {token()});

  EXPECT_EQ(count("orders"), 0U);
  mesh.crash_and_recover(0);
  EXPECT_EQ(count("orders"), 0U);
}

// Rule P-8: so is the answer.
TEST_F(Consumer, AnAcknowledgementIsAnsweredOnceItIsDurable) {
  send("1");
  bob.subscribe("orders", 1);
  mesh[0].hold_writes = true;

  EXPECT_TRUE(replied<Settled>(bob.settle(Settlement::ack, {token()})).empty());
  EXPECT_EQ(replied<Settled>(mesh[0].flush()).size(), 1U);
}

TEST_F(Consumer, ALeaseThatEndsGivesTheMessageBack) {
  send("1");
  bob.subscribe("orders", 1);
  const LeaseToken first = token();
  mesh.run_for(milliseconds{4900});
  EXPECT_EQ(bob.delivered().size(), 1U);
  bob.request(AddCredit{.subscription = 1, .credit = 1});

  mesh.run_for(milliseconds{200});

  ASSERT_EQ(bob.delivered(), (Bodies{"1", "1"}));
  EXPECT_EQ(bob.last<Delivered>()->delivery_count, 2U);
  EXPECT_NE(token(), first);
  EXPECT_EQ(replied<Settled>(bob.settle(Settlement::ack, {first})).at(0).lost,
            std::vector<LeaseToken>{first});
  EXPECT_EQ(count("orders"), 1U);
}

TEST_F(Consumer, ALeaseCanBeExtended) {
  send("1");
  bob.subscribe("orders", 1);
  mesh.run_for(seconds{4});
  bob.request(
      Settle{.request = 1, .how = Settlement::extend, .tokens = {token()}, .delay_ms = 20'000});
  mesh.run_for(seconds{19});

  EXPECT_TRUE(replied<Settled>(bob.settle(Settlement::ack, {token()})).at(0).lost.empty());
}

TEST_F(Consumer, WhoLeavesGivesEverythingBack) {
  send("1");
  send("2");
  bob.subscribe("orders", 2);
  bob.leave();

  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 9);

  EXPECT_EQ(carol.delivered(), (Bodies{"1", "2"}));
  EXPECT_EQ(carol.last<Delivered>()->delivery_count, 2U);
}

TEST_F(Consumer, CannotSettleWhatIsLeasedToAnother) {
  send("1");
  bob.subscribe("orders", 1);
  Caller carol{mesh[0], "carol"};

  const Effects effects = carol.settle(Settlement::ack, {token()});

  EXPECT_EQ(replied<Settled>(effects).at(0).lost.size(), 1U);
  EXPECT_EQ(count("orders"), 1U);
}

TEST_F(Consumer, ANackGivesTheMessageBackAtItsPlace) {
  send("1");
  send("2");
  bob.subscribe("orders", 1);

  bob.settle(Settlement::nack, {token()});
  bob.request(AddCredit{.subscription = 1, .credit = 2});

  EXPECT_EQ(bob.delivered(), (Bodies{"1", "1", "2"}));
}

TEST_F(Consumer, ANackWithADelayWaits) {
  send("1");
  bob.subscribe("orders", 1);
  bob.request(
      Settle{.request = 1, .how = Settlement::nack, .tokens = {token()}, .delay_ms = 3'000});
  bob.request(AddCredit{.subscription = 1, .credit = 1});
  mesh.run_for(milliseconds{2900});
  EXPECT_EQ(bob.delivered().size(), 1U);

  mesh.run_for(milliseconds{200});
  EXPECT_EQ(bob.delivered().size(), 2U);
}

// A node that starts with a wrong clock must not keep a message back until that clock is there.
TEST_F(Consumer, ADelayFollowsAClockThatIsSetRight) {
  send("1");
  bob.subscribe("orders", 1);
  bob.request(
      Settle{.request = 1, .how = Settlement::nack, .tokens = {token()}, .delay_ms = 3'000});
  mesh.crash(0);
  mesh[0].skew_ms = -3'600'000;
  mesh.recover(0);
  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 1);
  mesh.run_for(seconds{5});
  EXPECT_TRUE(carol.delivered().empty());

  mesh[0].skew_ms = 0;
  mesh.run_for(seconds{20});

  EXPECT_EQ(carol.delivered(), Bodies{"1"});
}

// Nor does one that was counted from a clock far ahead of all others.
TEST_F(Consumer, ADelayByAClockThatIsAheadIsNoLonger) {
  send("1");
  mesh.crash(0);
  mesh[0].skew_ms = 3'600'000;
  mesh.recover(0);
  mesh.run_for(seconds{1});
  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 1);
  ASSERT_EQ(carol.delivered(), Bodies{"1"});
  carol.request(Settle{.request = 1,
                       .how = Settlement::nack,
                       .tokens = {carol.last<Delivered>()->token},
                       .delay_ms = 3'000});
  mesh.crash(0);
  mesh[0].skew_ms = 0;
  mesh.recover(0);

  Caller dave{mesh[0], "dave"};
  dave.subscribe("orders", 1);
  mesh.run_for(seconds{30});

  EXPECT_EQ(dave.delivered(), Bodies{"1"});
}

TEST_F(Consumer, ADelayOutlivesARestart) {
  send("1");
  bob.subscribe("orders", 1);
  bob.request(
      Settle{.request = 1, .how = Settlement::nack, .tokens = {token()}, .delay_ms = 3'000});
  mesh.run_for(seconds{1});
  mesh.crash_and_recover(0);
  mesh.run();

  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 1);
  mesh.run_for(milliseconds{1500});
  EXPECT_TRUE(carol.delivered().empty());
  mesh.run_for(seconds{1});
  EXPECT_EQ(carol.delivered(), Bodies{"1"});
  EXPECT_EQ(carol.last<Delivered>()->delivery_count, 2U);
}

TEST_F(Consumer, ARejectedMessageGoesToTheDeadLetterQueue) {
  send("1");
  bob.subscribe("orders", 1);

  bob.request(
      Settle{.request = 1, .how = Settlement::reject, .tokens = {token()}, .text = "no good"});

  EXPECT_EQ(count("orders"), 0U);
  EXPECT_EQ(mesh[0].bodies("orders.dead"), Bodies{"1"});
  EXPECT_EQ(mesh[0].note_count("dead-lettered"), 1U);
}

TEST_F(Consumer, AMessageThatIsDeliveredTooOftenGoesToTheDeadLetterQueue) {
  send("1");
  bob.subscribe("orders", 9);
  for (int time = 0; time < 3; ++time)
    bob.settle(Settlement::nack, {token()});

  EXPECT_EQ(bob.delivered().size(), 3U);
  EXPECT_EQ(count("orders"), 0U);
  EXPECT_EQ(count("orders.dead"), 1U);
  mesh.crash_and_recover(0);
  EXPECT_EQ(count("orders.dead"), 1U);
}

// A dead-letter queue has none of its own: the message stays there.
TEST_F(Consumer, ADeadLetterIsNeverLost) {
  send("1");
  bob.subscribe("orders", 1);
  bob.settle(Settlement::reject, {token()});
  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders.dead", 99);
  for (int time = 0; time < 25; ++time) {
    carol.settle(Settlement::reject, {carol.last<Delivered>()->token});
  }

  EXPECT_EQ(count("orders.dead"), 1U);
}

// ---- consuming in a transaction ---------------------------------------------------------------

struct Claim : Consumer {
  TransactionId move() {
    return bob.submit({consume("orders@a", token()), deliver("logs@b", "moved")});
  }

  void lease_one() {
    send("1");
    bob.subscribe("orders", 1);
  }
};

// Rule P-34: a yes turns the lease into a claim; nothing else ends it.
TEST_F(Claim, NothingButTheOutcomeEndsIt) {
  lease_one();
  mesh.hold({.from = 1, .kind = "vote"});
  move();
  mesh.run();

  EXPECT_EQ(replied<Settled>(bob.settle(Settlement::nack, {token()})).at(0).lost.size(), 1U);
  EXPECT_EQ(replied<Settled>(bob.settle(Settlement::ack, {token()})).at(0).lost.size(), 1U);
  bob.leave();
  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 9);
  mesh.run_for(seconds{1});

  EXPECT_TRUE(carol.delivered().empty());
  EXPECT_EQ(count("orders"), 1U);
}

// Rule P-34: commit deletes the message.
TEST_F(Claim, ACommitDeletesTheMessage) {
  lease_one();

  const TransactionId id = move();
  mesh.run_for(seconds{1});

  EXPECT_TRUE(bob.is_committed(id));
  EXPECT_EQ(count("orders"), 0U);
  EXPECT_EQ(mesh[1].bodies("logs"), Bodies{"moved"});
}

// Rule P-34: roll back returns it to its place; the delivery stays counted.
TEST_F(Claim, ARollBackReturnsTheMessage) {
  lease_one();
  send("2");
  mesh.hold({.to = 1, .kind = "prepare"});
  const TransactionId id = move();
  mesh.run_for(seconds{10});
  EXPECT_TRUE(bob.is_rolled_back(id));

  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 9);
  EXPECT_EQ(carol.delivered(), (Bodies{"1", "2"}));
  EXPECT_EQ(carol.all<Delivered>()[0].delivery_count, 2U);
}

// Rule P-34: a claim is durable.
TEST_F(Claim, HoldsAcrossARestart) {
  lease_one();
  mesh.hold({.from = 1});
  move();
  mesh.run_for(milliseconds{300});
  mesh.crash_and_recover(0);
  mesh.run_for(milliseconds{100});

  Caller carol{mesh[0], "carol"};
  carol.subscribe("orders", 9);
  EXPECT_TRUE(carol.delivered().empty());

  mesh.release();
  mesh.run_for(seconds{20});
  EXPECT_EQ(count("orders") + mesh[1].queue("logs").message_count, 1U) << "in one place exactly";
}

// Rule P-34: a token is unique across restarts.
TEST_F(Claim, ATokenOfAnEarlierLifeIsWorthNothing) {
  lease_one();
  const LeaseToken old = token();
  mesh.crash_and_recover(0);
  mesh.run();
  bob.move_to(mesh[0]);
  bob.subscribe("orders", 1);
  EXPECT_NE(token(), old);

  const TransactionId id = bob.submit({consume("orders@a", old), deliver("logs@b", "x")});
  mesh.run();
  EXPECT_EQ(bob.answer(id)->reason, Reason::lease_lost);
}

// Rule P-34: a lease is one client's alone.
TEST_F(Claim, AnotherClientCannotConsumeIt) {
  lease_one();

  const TransactionId id = alice.submit({consume("orders@a", token()), deliver("logs@b", "x")});
  mesh.run();

  EXPECT_EQ(alice.answer(id)->reason, Reason::lease_lost);
}

TEST_F(Claim, ADeliveryCanBeClaimedOnce) {
  lease_one();
  mesh.hold({.from = 1, .kind = "vote"});
  move();
  mesh.run();

  const TransactionId second = move();
  mesh.run();

  EXPECT_EQ(bob.answer(second)->reason, Reason::lease_lost);
}

// Rule P-24: consume and deliver at one node are one record.
TEST_F(Claim, MovingWithinANodeIsOneRecord) {
  lease_one();
  const Lsn before = mesh[0].disk().written();

  const TransactionId id = bob.submit({consume("orders@a", token()), deliver("logs@a", "x")});

  EXPECT_TRUE(bob.is_committed(id));
  EXPECT_EQ(mesh[0].disk().written().value(), before.value() + 1);
  EXPECT_EQ(count("orders"), 0U);
  EXPECT_EQ(count("logs"), 1U);
}

}  // namespace
}  // namespace nemcon::core::tests
