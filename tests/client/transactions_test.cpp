// Goal: what a client promises about its transactions, seen from the wire: one id for good,
// order, numbering, acknowledgement, window.
// Method: a scripted node on a real socket; the public library as an application uses it.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/answers.hpp"
#include "tests/client/fake_node.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;

std::future_status look(const std::future<Outcome>& future) {
  return future.wait_for(0s);
}

TEST(ClientTransactions, CommitReturnsWhatTheMeshDecided) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin();
  transaction.send("orders@shop", "order 17").call("reserve@warehouse", "two pens");
  std::future<Outcome> future = transaction.commit_async();

  const auto submit = node.wait_for_nth<core::Submit>(1);
  core::Concluded answer = committed(submit);
  answer.replies = {{.headers = {}, .body = core::Bytes{"reserved"}}};
  node.reply(answer);

  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.state, State::committed);
  ASSERT_EQ(outcome.replies.size(), 1U);
  EXPECT_EQ(outcome.replies[0].body, "reserved");
  EXPECT_EQ(outcome.id.text(), core::to_text(submit.id));
  ASSERT_EQ(submit.parts.size(), 2U);
  EXPECT_EQ(submit.parts[0].kind, core::OperationKind::deliver);
  EXPECT_EQ(submit.parts[0].target, "orders@shop");
  EXPECT_EQ(submit.parts[1].kind, core::OperationKind::call);
  EXPECT_FALSE(submit.retry);
}

TEST(ClientTransactions, HeadersTravelWithTheBody) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}});

  client.send("orders@shop", {"order 17", {{"content-type", "text/plain"}}});

  const auto submit = node.wait_for_nth<core::Submit>(1);
  const auto headers = transport::decode_headers(submit.parts[0].content.headers.view());
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->at("content-type"), "text/plain");
  EXPECT_EQ(body_of(submit), "order 17");
}

TEST(ClientTransactions, RolledBackSaysWhoObjectedAndWhy) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto future = client.begin().call("reserve@warehouse", "pens").commit_async();

  const auto submit = node.wait_for_nth<core::Submit>(1);
  node.reply(rolled_back(submit, core::Reason::service_refused, "sold out"));

  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.state, State::rolled_back);
  EXPECT_EQ(outcome.summary(), "rolled back by warehouse: sold out (refused by service)");
  EXPECT_FALSE(outcome.retryable);
}

TEST(ClientTransactions, BlockingSendThrowsWhenItWasRolledBack) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  std::thread answer([&] {
    node.reply(rolled_back(node.wait_for_nth<core::Submit>(1), core::Reason::unknown_queue));
  });

  try {
    client.send("nowhere@shop", "x");
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::rolled_back);
    EXPECT_EQ(error.reason(), Reason::unknown_queue);
  }
  answer.join();
}

TEST(ClientTransactions, SequenceNumbersAreDenseFromOne) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});

  for (int i = 0; i < 5; ++i)
    client.send("orders@shop", "x");

  const auto submits = node.wait_for<core::Submit>(5);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(submits[i].id.sequence, core::Sequence{i + 1});
    EXPECT_EQ(submits[i].id.epoch, core::Epoch{7});
    EXPECT_EQ(submits[i].id.initiator, (core::NodeId{1, 1}));
  }
}

TEST(ClientTransactions, OutcomesOfNamedClientsNeverExpire) {
  FakeNode node({.commits = true});
  Client named({.nodes = {node.endpoint()}, .name = "checkout"});
  named.send("orders@shop", "x");
  EXPECT_EQ(node.wait_for_nth<core::Submit>(1).expires, core::Hlc::never());

  Client anonymous({.nodes = {node.endpoint()}});
  anonymous.send("orders@shop", "x");
  // The node's clock at the opening (1 s) and its retention (900 s), and what has passed since.
  EXPECT_GE(node.wait_for_nth<core::Submit>(2).expires.wall_ms(), 901'000U);
  EXPECT_LT(node.wait_for_nth<core::Submit>(2).expires.wall_ms(), 1'000'000U);
}

TEST(ClientTransactions, EachDeliveryNamesTheOneBeforeItAtItsQueue) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  std::vector<std::future<Outcome>> futures;
  const auto send = [&](const char* queue) {
    futures.push_back(client.send_async(queue, "x"));
    return node.wait_for<core::Submit>(futures.size()).back();
  };

  const auto first = send("orders@shop");
  const auto second = send("invoices@billing");
  const auto third = send("orders@shop");
  EXPECT_EQ(first.parts[0].previous, core::Sequence{});
  EXPECT_EQ(second.parts[0].previous, core::Sequence{});
  EXPECT_EQ(third.parts[0].previous, first.id.sequence);

  // One that is rolled back for good is nobody's predecessor any more.
  node.reply(rolled_back(third, core::Reason::queue_full));
  EXPECT_EQ(futures[2].get().state, State::rolled_back);
  const auto fourth = send("orders@shop");
  EXPECT_EQ(fourth.parts[0].previous, first.id.sequence);

  // One that is committed still is.
  node.reply(committed(fourth));
  futures[3].wait();
  const auto fifth = send("orders@shop");
  EXPECT_EQ(fifth.parts[0].previous, fourth.id.sequence);
}

TEST(ClientTransactions, AcknowledgesOnlyWhatTheCallbackHasReturnedFrom) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  std::promise<void> entered;
  std::promise<void> leave;
  client.send_async("orders@shop", "first", [&](const Outcome&) {
    entered.set_value();
    leave.get_future().wait();
  });
  node.reply(committed(node.wait_for_nth<core::Submit>(1)));
  entered.get_future().wait();

  // The application has not returned from handling the first outcome.
  auto second = client.send_async("orders@shop", "second");
  EXPECT_EQ(node.wait_for_nth<core::Submit>(2).ack_upto, core::Sequence{1});
  node.reply(committed(node.wait_for_nth<core::Submit>(2)));
  second.wait();
  auto third = client.send_async("orders@shop", "third");
  EXPECT_EQ(node.wait_for_nth<core::Submit>(3).ack_upto, core::Sequence{1});
  EXPECT_TRUE(node.seen<core::Acknowledge>().empty());

  leave.set_value();
  const auto acknowledged = node.wait_for_nth<core::Acknowledge>(1);
  EXPECT_EQ(acknowledged.epoch, core::Epoch{7});
  EXPECT_EQ(acknowledged.ack_upto, core::Sequence{3});
}

TEST(ClientTransactions, AcknowledgesWhenIdle) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});

  client.send("orders@shop", "x");

  EXPECT_EQ(node.wait_for_nth<core::Acknowledge>(1).ack_upto, core::Sequence{2});
}

TEST(ClientTransactions, SendsNoMoreThanTheWindowAllows) {
  FakeNode node({.window = 3});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < 5; ++i)
    futures.push_back(client.send_async("orders@shop", "x"));

  node.reply(committed(node.wait_for_nth<core::Submit>(3)));
  futures[2].wait();
  // The third is finished, but the first is not: there is still no room.
  auto probe = client.outcome_async(*TransactionId::parse(
      "00000000000000000000000000000009-00000000000000000000000000000009-1-1"));
  (void)node.wait_for_nth<core::Ask>(1);
  EXPECT_EQ(node.seen<core::Submit>().size(), 3U);

  node.reply(committed(node.wait_for_nth<core::Submit>(1)));
  EXPECT_EQ(node.wait_for_nth<core::Submit>(4).id.sequence, core::Sequence{4});
  EXPECT_EQ(node.seen<core::Submit>().size(), 4U);
  EXPECT_EQ(look(futures[4]), std::future_status::timeout);
}

TEST(ClientTransactions, WaitsInTheCallWhenTooMuchIsUnderWay) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .deadline = 200ms, .in_flight_max = 2});
  auto first = client.send_async("orders@shop", "x", {.deadline = 30s});
  auto second = client.send_async("orders@shop", "x", {.deadline = 30s});

  try {
    (void)client.send_async("orders@shop", "x");
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::retryable);
    EXPECT_EQ(error.reason(), Reason::window_full);
  }

  node.reply(committed(node.wait_for_nth<core::Submit>(1)));
  auto third = client.send_async("orders@shop", "x", {.deadline = 30s});
  EXPECT_EQ(node.wait_for<core::Submit>(3).size(), 3U);
}

TEST(ClientTransactions, HandsBackTheNewestCommitItKnowsOf) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto first = client.send_async("orders@shop", "x");
  core::Concluded answer = committed(node.wait_for_nth<core::Submit>(1));
  answer.at = core::Hlc::from_ms(4'711);
  node.reply(answer);
  first.wait();

  auto second = client.send_async("orders@shop", "x");

  EXPECT_EQ(node.wait_for_nth<core::Submit>(2).after, core::Hlc::from_ms(4'711));
}

TEST(ClientTransactions, TooLargeAMessageNeverLeaves) {
  FakeNode node({.message_bytes_max = 10, .commits = true});
  Client client({.nodes = {node.endpoint()}});

  const Outcome outcome = client.begin().send("orders@shop", "0123456789a").commit();

  EXPECT_EQ(outcome.state, State::rolled_back);
  EXPECT_EQ(outcome.reason, Reason::too_large);
  EXPECT_NE(outcome.text.find("at most 10"), std::string::npos) << outcome.text;
  EXPECT_TRUE(node.seen<core::Submit>().empty());
  EXPECT_NO_THROW(client.send("orders@shop", "0123456789"));
}

TEST(ClientTransactions, NotNowIsTriedAgainUntilItGoesThrough) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto future = client.send_async("orders@shop", "x");

  const auto first = node.wait_for_nth<core::Submit>(1);
  node.reply(denied(first.request, core::Reason::unavailable, true));
  const auto second = node.wait_for_nth<core::Submit>(2);
  node.reply(committed(second));

  EXPECT_TRUE(future.get().committed());
  EXPECT_EQ(second.id, first.id);
  EXPECT_FALSE(second.retry) << "nothing was begun by the first one";
}

TEST(ClientTransactions, NotNowUntilTheDeadlineIsRetryable) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto future = client.send_async("orders@shop", "x", {.deadline = 300ms});
  std::size_t answered = 0;
  while (look(future) != std::future_status::ready) {
    const auto submits = node.seen<core::Submit>();
    for (; answered < submits.size(); ++answered) {
      node.reply(denied(submits[answered].request, core::Reason::unavailable, true));
    }
    std::this_thread::yield();
  }

  try {
    (void)future.get();
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::retryable);
    EXPECT_EQ(error.reason(), Reason::unavailable);
  }
}

TEST(ClientTransactions, RefusedForGoodIsRolledBack) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto future = client.send_async("orders@shop", "x");

  node.reply(denied(node.wait_for_nth<core::Submit>(1).request, core::Reason::forbidden, false));

  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.state, State::rolled_back);
  EXPECT_EQ(outcome.reason, Reason::forbidden);
}

TEST(ClientTransactions, InDoubtIsUnknownAtTheDeadlineAndCanBeAskedAgain) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin({.deadline = 200ms});
  transaction.send("orders@shop", "x");

  const Outcome unknown = transaction.commit();
  EXPECT_EQ(unknown.state, State::unknown);
  const auto submit = node.wait_for_nth<core::Submit>(1);

  // The outcome that comes later is kept for whoever asks, and is not acknowledged before.
  node.reply(committed(submit));
  EXPECT_TRUE(client.outcome(unknown.id).committed());
  EXPECT_EQ(node.wait_for_nth<core::Acknowledge>(1).ack_upto, core::Sequence{2});
  EXPECT_TRUE(node.seen<core::Ask>().empty()) << "the client knew it itself";
}

// Its window must not stop for it, so that the nodes may forget it; the client does not.
TEST(ClientTransactions, WhatWasUnknownAndOvertakenByManyIsStillKnownToWhoAsks) {
  FakeNode node({.window = 4});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin({.deadline = 200ms});
  transaction.send("orders@shop", "x");
  const Outcome unknown = transaction.commit();
  ASSERT_EQ(unknown.state, State::unknown);
  const auto submit = node.wait_for_nth<core::Submit>(1);

  node.set({.window = 4, .commits = true});
  node.reply(committed(submit));
  for (int count = 0; count < 4; ++count)
    (void)client.send("orders@shop", "y");
  (void)node.wait_until<core::Acknowledge>(
      [&](const core::Acknowledge& one) { return one.ack_upto > submit.id.sequence; });

  EXPECT_TRUE(client.outcome(unknown.id).committed());
  EXPECT_TRUE(transaction.commit().committed());
  EXPECT_TRUE(node.seen<core::Ask>().empty()) << "the client knew it itself";
}

TEST(ClientTransactions, CommitAgainAfterUnknownGoesOnUnderTheSameId) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin({.deadline = 200ms});
  transaction.send("orders@shop", "x");
  ASSERT_EQ(transaction.commit().state, State::unknown);

  node.reply(committed(node.wait_for_nth<core::Submit>(1)));
  const Outcome outcome = transaction.commit();

  EXPECT_TRUE(outcome.committed());
  for (const auto& submit : node.seen<core::Submit>()) {
    EXPECT_EQ(core::to_text(submit.id), outcome.id.text());
  }
}

TEST(ClientTransactions, TheIdIsKnownBeforeAnythingIsSent) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin();
  transaction.send("orders@shop", "x");

  const TransactionId id = transaction.id();
  EXPECT_TRUE(node.seen<core::Submit>().empty());

  EXPECT_EQ(transaction.commit().id, id);
  EXPECT_EQ(core::to_text(node.wait_for_nth<core::Submit>(1).id), id.text());
}

TEST(ClientTransactions, ADroppedTransactionHoldsNothingUp) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  {
    Transaction dropped = client.begin();
    dropped.send("orders@shop", "never");
    (void)dropped.id();
  }

  client.send("orders@shop", "x");

  const auto submit = node.wait_for_nth<core::Submit>(1);
  EXPECT_EQ(submit.id.sequence, core::Sequence{2});
  EXPECT_EQ(submit.parts[0].previous, core::Sequence{});
  EXPECT_EQ(node.wait_for_nth<core::Acknowledge>(1).ack_upto, core::Sequence{3});
}

TEST(ClientTransactions, ThousandsAreUnderWayAtATime) {
  constexpr std::size_t count = 2'000;
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  std::vector<std::future<Outcome>> futures;
  for (std::size_t i = 0; i < count; ++i) {
    futures.push_back(client.send_async("orders@shop", std::to_string(i)));
  }

  // All are there before the first is answered.
  const auto submits = node.wait_for<core::Submit>(count);
  for (const auto& submit : submits)
    node.reply(committed(submit));

  for (auto& future : futures)
    EXPECT_TRUE(future.get().committed());
  for (std::size_t i = 0; i < count; ++i)
    EXPECT_EQ(body_of(submits[i]), std::to_string(i));
}

TEST(ClientTransactions, DrainWaitsForCallbacks) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  std::atomic<bool> called = false;
  client.send_async("orders@shop", "x", [&](const Outcome&) { called = true; });

  EXPECT_FALSE(client.drain(10ms));
  node.reply(committed(node.wait_for_nth<core::Submit>(1)));

  EXPECT_TRUE(client.drain(patience));
  EXPECT_TRUE(called);
}

TEST(ClientTransactions, WrongUseThrowsAndSendsNothing) {
  FakeNode node({.commits = true});
  Client client({.nodes = {node.endpoint()}});
  Transaction empty = client.begin();
  Transaction transaction = client.begin();

  EXPECT_THROW((void)empty.commit(), std::logic_error);
  EXPECT_THROW(transaction.send("", "x"), std::invalid_argument);
  EXPECT_THROW(Client({.nodes = {}}), std::invalid_argument);
  EXPECT_THROW(Client({.nodes = {"http://shop"}}), std::invalid_argument);
  // Plain text leaves this machine only when that is asked for.
  EXPECT_THROW(Client({.nodes = {"tcp://192.0.2.7:7411"}}), std::invalid_argument);
  EXPECT_THROW(Client({.nodes = {"tcp://localhost:7411", "tcp://shop.example:7411"}}),
               std::invalid_argument);
  EXPECT_NO_THROW(Client({.nodes = {"tcp://192.0.2.7:7411"}, .insecure = true}));
  transaction.send("orders@shop", "x");
  EXPECT_TRUE(transaction.commit().committed());
  EXPECT_THROW(transaction.send("orders@shop", "y"), std::logic_error);
  EXPECT_EQ(node.seen<core::Submit>().size(), 1U);
}

}  // namespace
}  // namespace nemcon::tests
