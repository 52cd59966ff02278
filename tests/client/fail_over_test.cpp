// Goal: what a client promises when nodes go away: nothing is done twice, nothing is forgotten,
// order is kept, and every call says in time what is known.
// Method: scripted nodes on real sockets that die and come back.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/answers.hpp"
#include "tests/client/fake_node.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;

// An address where nobody listens: the port was free a moment ago, and is kept out of the way of
// others by the node that died there.
std::string dead_address() {
  FakeNode node;
  return node.endpoint();
}

// Returns when the client has worked on all that the node has said so far.
void settle_replies(Client& client, FakeNode& node) {
  const std::size_t count = node.seen<core::Inspect>().size();
  std::thread answer([&] {
    node.reply(core::Report{.request = node.wait_for_nth<core::Inspect>(count + 1).request});
  });
  (void)client.queues();
  answer.join();
}

TEST(ClientFailOver, ResubmitsUnderTheSameIdAfterTheNodeCameBack) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout", .deadline = 30s});
  auto future = client.send_async("orders@shop", "x");
  const auto first = node.wait_for_nth<core::Submit>(1);

  node.die();
  node.revive();

  const auto second = node.wait_for_nth<core::Submit>(2);
  EXPECT_EQ(second.id, first.id);
  EXPECT_TRUE(second.retry);
  EXPECT_FALSE(first.retry);
  EXPECT_EQ(second.expires, first.expires);
  EXPECT_EQ(second.parts[0].previous, first.parts[0].previous);
  node.reply(committed(second));
  EXPECT_TRUE(future.get().committed());
}

TEST(ClientFailOver, MovesOnToTheNextNodeAndKeepsTheInitiatorInTheId) {
  FakeNode shop({.name = "shop", .node = {1, 1}});
  FakeNode billing({.name = "billing", .node = {2, 2}});
  Client client(
      {.nodes = {shop.endpoint(), billing.endpoint()}, .name = "checkout", .deadline = 30s});
  auto future = client.send_async("orders@warehouse", "x");
  const auto first = shop.wait_for_nth<core::Submit>(1);

  shop.die();

  const auto second = billing.wait_for_nth<core::Submit>(1);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.id.initiator, (core::NodeId{1, 1}));
  EXPECT_TRUE(second.retry);
  billing.reply(committed(second));
  EXPECT_TRUE(future.get().committed());

  // What begins now begins there.
  auto later = client.send_async("orders@warehouse", "y");
  EXPECT_EQ(billing.wait_for_nth<core::Submit>(2).id.initiator, (core::NodeId{2, 2}));
}

TEST(ClientFailOver, GoesOnWithTheSameSession) {
  FakeNode shop({.name = "shop", .epoch = core::Epoch{41}});
  FakeNode billing({.name = "billing", .epoch = core::Epoch{90}});
  Client client({.nodes = {shop.endpoint(), billing.endpoint()}, .name = "checkout"});
  EXPECT_EQ(shop.wait_for_nth<core::Open>(1).epoch, core::Epoch{});
  (void)client.begin().id();

  shop.die();

  const auto open = billing.wait_for_nth<core::Open>(1);
  EXPECT_EQ(open.epoch, core::Epoch{41});
  EXPECT_EQ(open.name, "checkout");
}

TEST(ClientFailOver, AnAnonymousClientKeepsItsIdForLife) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  const auto first = node.wait_for_nth<core::Open>(1);
  EXPECT_FALSE(first.client.is_zero());

  node.die();
  node.revive();

  EXPECT_EQ(node.wait_for_nth<core::Open>(2).client, first.client);
}

TEST(ClientFailOver, ResubmitsInSequenceOrderBeforeAnythingNew) {
  FakeNode node;
  std::promise<void> noticed;
  Client client({.nodes = {node.endpoint()},
                 .name = "checkout",
                 .deadline = 30s,
                 .on_notice = [&](const Notice& notice) {
                   if (notice.kind == Notice::Kind::disconnected) noticed.set_value();
                 }});
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < 20; ++i) {
    futures.push_back(client.send_async("orders@shop", std::to_string(i)));
  }
  (void)node.wait_for<core::Submit>(20);
  // The second is finished, and must not come again.
  node.reply(committed(node.wait_for_nth<core::Submit>(2)));
  futures[1].wait();

  node.die();
  noticed.get_future().wait();
  futures.push_back(client.send_async("orders@shop", "new"));
  node.revive();

  const auto submits = node.wait_for<core::Submit>(20 + 20);
  const std::vector<core::Submit> again{submits.begin() + 20, submits.end()};
  std::vector<std::string> bodies;
  for (const auto& submit : again)
    bodies.push_back(body_of(submit));
  std::vector<std::string> expected{"0"};
  for (int i = 2; i < 20; ++i)
    expected.push_back(std::to_string(i));
  expected.emplace_back("new");
  EXPECT_EQ(bodies, expected);
  EXPECT_FALSE(again.back().retry);
  EXPECT_EQ(again.back().parts[0].previous, core::Sequence{20});
}

TEST(ClientFailOver, WhatWasNeverSentIsBegunAtTheNodeThatAnswers) {
  FakeNode shop({.name = "shop", .node = {1, 1}});
  FakeNode billing({.name = "billing", .node = {2, 2}});
  Client client(
      {.nodes = {shop.endpoint(), billing.endpoint()}, .name = "checkout", .deadline = 30s});
  auto future = client.send_async("orders@shop", "x");
  const auto first = shop.wait_for_nth<core::Submit>(1);

  // Turned away before anything was written, and then the node goes.
  shop.reply(denied(first.request, core::Reason::stopping, true));
  settle_replies(client, shop);
  shop.die();

  const auto submit = billing.wait_for_nth<core::Submit>(1);
  EXPECT_EQ(submit.id.sequence, first.id.sequence);
  EXPECT_EQ(submit.id.initiator, (core::NodeId{2, 2}));
  EXPECT_FALSE(submit.retry);
}

TEST(ClientFailOver, SubmitsAgainWhenALiveNodeDoesNotAnswer) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .deadline = 30s});
  auto future = client.send_async("orders@shop", "x");

  // The first is lost in the node: nothing is said, the link stays.
  const auto first = node.wait_for_nth<core::Submit>(1);
  const auto second = node.wait_for_nth<core::Submit>(2);

  EXPECT_EQ(second.id, first.id);
  EXPECT_TRUE(second.retry);
  EXPECT_EQ(node.seen<core::Open>().size(), 1U);
  node.reply(committed(second));
  EXPECT_TRUE(future.get().committed());
}

// ---- deadlines --------------------------------------------------------------------------------

TEST(ClientFailOver, WithNoNodeItSaysSoWithinTheDeadline) {
  Client client({.nodes = {dead_address()}});
  const auto begin = std::chrono::steady_clock::now();

  try {
    client.send("orders@shop", "x", {.deadline = 300ms});
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::retryable);
    EXPECT_EQ(error.reason(), Reason::unavailable);
    EXPECT_NE(std::string{error.what()}.find("tcp://127.0.0.1"), std::string::npos) << error.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST(ClientFailOver, EveryCallEndsWithoutANode) {
  Client client({.nodes = {dead_address()}, .deadline = 200ms});
  const TransactionId id = *TransactionId::parse(
      "00000000000000000000000000000009-00000000000000000000000000000009-1-1");
  const Service service{.prepare = [](const Branch&) { return Vote::yes(); }};

  EXPECT_THROW((void)client.outcome(id), Error);
  EXPECT_THROW((void)client.status(), Error);
  EXPECT_THROW((void)client.queues(), Error);
  EXPECT_THROW((void)client.begin().id(), Error);
  EXPECT_THROW((void)client.serve("reserve", service), Error);
  EXPECT_FALSE(client.consume("orders@shop").receive(100ms).has_value());
}

TEST(ClientFailOver, WhatMayHaveHappenedIsUnknownAtTheDeadline) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  Transaction transaction = client.begin({.deadline = 500ms});
  transaction.send("orders@shop", "x");
  auto future = transaction.commit_async();
  const auto submit = node.wait_for_nth<core::Submit>(1);

  node.die();

  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.state, State::unknown);
  EXPECT_EQ(outcome.reason, Reason::unavailable);
  EXPECT_EQ(outcome.id.text(), core::to_text(submit.id));
}

TEST(ClientFailOver, AnUnknownOneIsStillFinishedAndIsNotAcknowledged) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout"});
  auto future = client.send_async("orders@shop", "x", {.deadline = 300ms});
  (void)node.wait_for_nth<core::Submit>(1);
  node.die();
  ASSERT_EQ(future.get().state, State::unknown);

  node.revive();
  const auto again = node.wait_for_nth<core::Submit>(2);
  node.reply(committed(again));
  auto next = client.send_async("orders@shop", "y");

  // Nobody has asked for the first outcome yet.
  EXPECT_EQ(node.wait_for_nth<core::Submit>(3).ack_upto, core::Sequence{1});
}

TEST(ClientFailOver, CallbacksGetTheRetryableErrorAsAnOutcome) {
  Client client({.nodes = {dead_address()}});
  std::promise<Outcome> told;

  client.send_async("orders@shop", "x", [&](const Outcome& outcome) { told.set_value(outcome); },
                    {.deadline = 200ms});

  const Outcome outcome = told.get_future().get();
  EXPECT_EQ(outcome.state, State::rolled_back);
  EXPECT_TRUE(outcome.retryable);
  EXPECT_EQ(outcome.reason, Reason::unavailable);
}

TEST(ClientFailOver, ClosingTellsEverybody) {
  FakeNode node;
  std::future<Outcome> sent;
  std::promise<Outcome> called;
  {
    Client client({.nodes = {node.endpoint()}, .name = "checkout", .deadline = 30s});
    sent = client.send_async("orders@shop", "x");
    client.send_async("orders@shop", "y",
                      [&](const Outcome& outcome) { called.set_value(outcome); });
    (void)node.wait_for_nth<core::Submit>(2);
  }

  EXPECT_EQ(sent.get().state, State::unknown);
  EXPECT_EQ(called.get_future().get().state, State::unknown);
}

TEST(ClientFailOver, ClosingAcknowledgesWhatWasTaken) {
  FakeNode node({.commits = true});
  {
    Client client({.nodes = {node.endpoint()}, .name = "checkout"});
    client.send("orders@shop", "x");
  }

  EXPECT_EQ(node.wait_for_nth<core::Acknowledge>(1).ack_upto, core::Sequence{2});
}

// ---- newer sessions ---------------------------------------------------------------------------

TEST(ClientFailOver, AClientWhoseNameIsTakenOverIsFinished) {
  FakeNode node({.epoch = core::Epoch{5}});
  std::promise<Notice> fenced;
  Client client({.nodes = {node.endpoint()}, .name = "checkout", .on_notice = [&](const Notice& n) {
                   if (n.kind == Notice::Kind::fenced) fenced.set_value(n);
                 }});
  // It has committed something: its session was the newest then.
  auto first = client.send_async("orders@shop", "x");
  node.reply(committed(node.wait_for_nth<core::Submit>(1)));
  ASSERT_TRUE(first.get().committed());

  auto second = client.send_async("orders@shop", "y");
  core::Denied answer =
      denied(node.wait_for_nth<core::Submit>(2).request, core::Reason::fenced, false);
  answer.epoch = core::Epoch{6};
  node.reply(answer);

  EXPECT_EQ(second.get().reason, Reason::fenced);
  EXPECT_NE(fenced.get_future().get().text.find("checkout"), std::string::npos);
  const Outcome third = client.begin().send("orders@shop", "z").commit();
  EXPECT_EQ(third.state, State::rolled_back);
  EXPECT_EQ(third.reason, Reason::fenced);
  EXPECT_THROW((void)client.consume("orders@shop").receive(), Error);
}

TEST(ClientFailOver, AFreshClientThatGotAnOldEpochOpensANewerOne) {
  FakeNode node({.epoch = core::Epoch{3}});
  Client client({.nodes = {node.endpoint()}, .name = "checkout", .deadline = 30s});
  auto first = client.send_async("orders@shop", "x");
  auto second = client.send_async("orders@shop", "y");

  // The node had not heard of session 9 when it gave out 3.
  const auto submits = node.wait_for<core::Submit>(2);
  core::Denied answer = denied(submits[0].request, core::Reason::fenced, false);
  answer.epoch = core::Epoch{9};
  node.reply(answer);

  const auto open = node.wait_for_nth<core::Open>(2);
  EXPECT_EQ(open.epoch, core::Epoch{});
  EXPECT_EQ(open.above, core::Epoch{9});
  // The second may have been begun under the old session: it is settled first.
  const auto old = node.wait_for_nth<core::Submit>(3);
  EXPECT_EQ(old.id, submits[1].id);
  EXPECT_TRUE(old.retry);
  node.reply(rolled_back(old, core::Reason::fenced));
  // Both come again, in order, in the new session.
  const auto again = node.wait_for<core::Submit>(5);
  EXPECT_EQ(body_of(again[3]), "x");
  EXPECT_EQ(body_of(again[4]), "y");
  EXPECT_EQ(again[3].id.epoch, core::Epoch{10});
  EXPECT_EQ(again[3].parts[0].previous, core::Sequence{});
  EXPECT_EQ(again[4].parts[0].previous, again[3].id.sequence);
  node.reply(committed(again[3]));
  node.reply(committed(again[4]));
  EXPECT_TRUE(first.get().committed());
  EXPECT_TRUE(second.get().committed());
}

// ---- questions --------------------------------------------------------------------------------

TEST(ClientFailOver, AsksTheNextNodeForAnOutcome) {
  FakeNode shop({.name = "shop"});
  FakeNode billing({.name = "billing"});
  Client client({.nodes = {shop.endpoint(), billing.endpoint()}, .deadline = 30s});
  const std::string text = "00000000000000000000000000000009-00000000000000000000000000000009-1-1";
  auto future = client.outcome_async(*TransactionId::parse(text));
  (void)shop.wait_for_nth<core::Ask>(1);

  shop.die();

  const auto ask = billing.wait_for_nth<core::Ask>(1);
  EXPECT_EQ(core::to_text(ask.id), text);
  billing.reply(
      core::Concluded{.request = ask.request, .id = ask.id, .verdict = core::Verdict::committed});
  EXPECT_TRUE(future.get().committed());
}

TEST(ClientFailOver, WaitsWhileAnOutcomeIsInDoubt) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .deadline = 30s});
  auto future = client.outcome_async(*TransactionId::parse(
      "00000000000000000000000000000009-00000000000000000000000000000009-1-1"));

  const auto first = node.wait_for_nth<core::Ask>(1);
  node.reply(core::Concluded{
      .request = first.request, .id = first.id, .verdict = core::Verdict::in_doubt});
  const auto second = node.wait_for_nth<core::Ask>(2);
  node.reply(core::Concluded{
      .request = second.request, .id = second.id, .verdict = core::Verdict::rolled_back});

  EXPECT_EQ(future.get().state, State::rolled_back);
}

TEST(ClientFailOver, TooOldIsUnknownAndNeverRolledBack) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .name = "checkout", .deadline = 30s});
  auto future = client.send_async("orders@shop", "x");

  const auto submit = node.wait_for_nth<core::Submit>(1);
  node.reply(core::Concluded{.request = submit.request,
                             .id = submit.id,
                             .verdict = core::Verdict::unknown,
                             .reason = core::Reason::too_old});

  const Outcome outcome = future.get();
  EXPECT_EQ(outcome.state, State::unknown);
  EXPECT_EQ(outcome.reason, Reason::too_old);
}

TEST(ClientFailOver, WhatWasRefusedAfterItsDeadlineIsTheAnswerToWhoAsks) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}});
  auto late = client.send_async("orders@warehouse", "x", {.deadline = 50ms});
  const auto submit = node.wait_for_nth<core::Submit>(1);
  const Outcome unknown = late.get();
  ASSERT_EQ(unknown.state, State::unknown);
  auto asked = client.outcome_async(unknown.id, 30s);

  node.reply(core::Denied{
      .request = submit.request, .retryable = true, .reason = core::Reason::disk_full});

  const Outcome outcome = asked.get();
  EXPECT_EQ(outcome.state, State::rolled_back);
  EXPECT_EQ(outcome.reason, Reason::disk_full);
  EXPECT_TRUE(outcome.retryable);
}

TEST(ClientFailOver, TakesTheTimeAnewWhenItsExpiryIsWrong) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .deadline = 30s});
  auto future = client.send_async("orders@warehouse", "x");
  const auto first = node.wait_for_nth<core::Submit>(1);

  constexpr std::uint64_t right_ms = 5'000'000;
  node.set({.clock_ms = right_ms});
  node.reply(core::Denied{
      .request = first.request, .retryable = true, .reason = core::Reason::clock_drift});

  (void)node.wait_for_nth<core::Open>(2);
  const auto second = node.wait_for_nth<core::Submit>(2);
  EXPECT_EQ(second.id, first.id);
  EXPECT_FALSE(second.retry) << "nothing has begun";
  EXPECT_GT(second.expires.wall_ms(), right_ms);
  EXPECT_LT(first.expires.wall_ms(), right_ms);
  node.reply(committed(second));
  EXPECT_TRUE(future.get().committed());
}

// Remembered for longer than what came after it, it could come behind that.
TEST(ClientFailOver, TakesNoNewExpiryForWhatALaterOneHasOvertaken) {
  FakeNode node;
  Client client({.nodes = {node.endpoint()}, .deadline = 30s});
  auto first = client.send_async("orders@warehouse", "x");
  auto second = client.send_async("orders@warehouse", "y");
  node.reply(committed(node.wait_for_nth<core::Submit>(2)));
  EXPECT_TRUE(second.get().committed());

  node.reply(core::Denied{.request = node.wait_for_nth<core::Submit>(1).request,
                          .retryable = true,
                          .reason = core::Reason::clock_drift});

  try {
    (void)first.get();
    FAIL() << "it was sent again";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::retryable);
    EXPECT_EQ(error.reason(), Reason::clock_drift);
  }
}

}  // namespace
}  // namespace nemcon::tests
