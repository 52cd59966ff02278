// Goal: what a consumer promises: credit, leases, settling, the end of a loop, a new link.
// Method: a scripted node on a real socket that delivers what the test says.
#include <thread>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/answers.hpp"
#include "tests/client/fake_node.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;

core::Delivered delivered(const core::Subscribe& subscribe, std::uint64_t token,
                          std::string body = "order", std::uint32_t lease_ms = 30'000) {
  return {.subscription = subscribe.subscription,
          .token = core::LeaseToken{token},
          .message = {.transaction = {.sequence = core::Sequence{token}}, .part = 2},
          .delivery_count = 1,
          .lease_ms = lease_ms,
          .at = core::Hlc::from_ms(5'000),
          .producer = "shop-app",
          .content = {.headers = {}, .body = core::Bytes{body}}};
}

class ClientConsumer : public ::testing::Test {
 protected:
  FakeNode node_;
  Client client_{{.nodes = {node_.endpoint()}, .deadline = 5s}};
};

TEST_F(ClientConsumer, GetsWhatTheQueueHolds) {
  Consumer consumer = client_.consume("orders@shop", {.credit = 7, .lease = 9s});
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  node_.reply(delivered(subscribe, 11, "order 17"));

  const std::optional<Delivery> delivery = consumer.receive(patience);

  EXPECT_EQ(subscribe.queue, "orders");
  EXPECT_EQ(subscribe.credit, 7U);
  EXPECT_EQ(subscribe.lease_ms, 9'000U);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->body(), "order 17");
  EXPECT_EQ(delivery->queue(), "orders@shop");
  EXPECT_EQ(delivery->producer(), "shop-app");
  EXPECT_EQ(delivery->delivery_count(), 1U);
  EXPECT_EQ(delivery->at().value, core::Hlc::from_ms(5'000).value());
}

TEST_F(ClientConsumer, AckIsTrueOnceTheNodeHasIt) {
  Consumer consumer = client_.consume("orders");
  node_.reply(delivered(node_.wait_for_nth<core::Subscribe>(1), 11));
  std::optional<Delivery> delivery = consumer.receive(patience);
  ASSERT_TRUE(delivery);

  std::future<bool> acked = delivery->ack_async();
  const auto settle = node_.wait_for_nth<core::Settle>(1);
  EXPECT_EQ(acked.wait_for(0s), std::future_status::timeout);
  node_.reply(core::Settled{.request = settle.request, .lost = {}});

  EXPECT_TRUE(acked.get());
  EXPECT_EQ(settle.how, core::Settlement::ack);
  EXPECT_EQ(settle.tokens, std::vector{core::LeaseToken{11}});
}

TEST_F(ClientConsumer, AckIsFalseWhenTheLeaseHadEnded) {
  Consumer consumer = client_.consume("orders");
  node_.reply(delivered(node_.wait_for_nth<core::Subscribe>(1), 11));
  std::optional<Delivery> delivery = consumer.receive(patience);
  ASSERT_TRUE(delivery);

  std::future<bool> acked = delivery->ack_async();
  const auto settle = node_.wait_for_nth<core::Settle>(1);
  node_.reply(core::Settled{.request = settle.request, .lost = {core::LeaseToken{11}}});

  EXPECT_FALSE(acked.get());
}

TEST_F(ClientConsumer, NackRejectAndExtendSayWhatTheyWant) {
  Consumer consumer = client_.consume("orders");
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  for (std::uint64_t token = 1; token <= 3; ++token)
    node_.reply(delivered(subscribe, token));
  std::optional<Delivery> a = consumer.receive(patience);
  std::optional<Delivery> b = consumer.receive(patience);
  std::optional<Delivery> c = consumer.receive(patience);
  ASSERT_TRUE(a && b && c);

  (void)a->nack_async(2s);
  (void)b->reject_async("no such article");
  (void)c->extend_async(60s);

  const auto nack = node_.wait_until<core::Settle>(
      [](const core::Settle& s) { return s.how == core::Settlement::nack; });
  EXPECT_EQ(nack.delay_ms, 2'000U);
  EXPECT_EQ(nack.tokens, std::vector{core::LeaseToken{1}});
  const auto reject = node_.wait_until<core::Settle>(
      [](const core::Settle& s) { return s.how == core::Settlement::reject; });
  EXPECT_EQ(reject.text, "no such article");
  const auto extend = node_.wait_until<core::Settle>(
      [](const core::Settle& s) { return s.how == core::Settlement::extend; });
  EXPECT_EQ(extend.delay_ms, 60'000U);
  EXPECT_GT(c->lease_end(), std::chrono::steady_clock::now() + 50s);
}

TEST_F(ClientConsumer, GivesCreditBackAsDeliveriesAreSettled) {
  Consumer consumer = client_.consume("orders", {.credit = 8});
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  for (std::uint64_t token = 1; token <= 8; ++token)
    node_.reply(delivered(subscribe, token));
  std::vector<Delivery> held;
  for (int i = 0; i < 8; ++i)
    held.push_back(std::move(*consumer.receive(patience)));
  // All of the credit is in the application's hands: the node gets none.
  EXPECT_FALSE(consumer.receive(50ms).has_value());
  EXPECT_TRUE(node_.seen<core::AddCredit>().empty());

  (void)held[0].ack_async();
  (void)held[1].ack_async();
  const auto first = node_.wait_for_nth<core::AddCredit>(1);
  EXPECT_EQ(first.subscription, subscribe.subscription);
  EXPECT_EQ(first.credit, 2U);

  held.clear();
  std::uint32_t total = 0;
  for (const auto& add : node_.wait_for<core::AddCredit>(4))
    total += add.credit;
  EXPECT_EQ(total, 8U);
}

TEST_F(ClientConsumer, AsksForNoMoreThanIsWanted) {
  Consumer consumer = client_.consume("orders", {.credit = 8, .count_max = 9});
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  EXPECT_EQ(subscribe.credit, 8U);
  for (std::uint64_t token = 1; token <= 8; ++token)
    node_.reply(delivered(subscribe, token));

  for (int i = 0; i < 8; ++i)
    (void)consumer.receive(patience)->ack_async();
  EXPECT_EQ(node_.wait_for_nth<core::AddCredit>(1).credit, 1U);
  node_.reply(delivered(subscribe, 9));
  (void)consumer.receive(patience)->ack_async();

  EXPECT_FALSE(consumer.receive(50ms).has_value());
  EXPECT_EQ(node_.seen<core::AddCredit>().size(), 1U);
}

TEST_F(ClientConsumer, AckTakesPartInATransaction) {
  Consumer consumer = client_.consume("orders");
  node_.reply(delivered(node_.wait_for_nth<core::Subscribe>(1), 11));
  std::optional<Delivery> delivery = consumer.receive(patience);
  ASSERT_TRUE(delivery);

  Transaction step = client_.begin();
  step.ack(*delivery).send("shipments@warehouse", delivery->body());
  std::future<Outcome> outcome = step.commit_async();

  const auto submit = node_.wait_for_nth<core::Submit>(1);
  ASSERT_EQ(submit.parts.size(), 2U);
  EXPECT_EQ(submit.parts[0].kind, core::OperationKind::consume);
  EXPECT_EQ(submit.parts[0].target, "orders@shop");
  EXPECT_EQ(submit.parts[0].token, core::LeaseToken{11});
  // The delivery may be the newest thing that this client knows of.
  EXPECT_EQ(submit.after, core::Hlc::from_ms(5'000));
  node_.reply(committed(submit));
  EXPECT_TRUE(outcome.get().committed());
}

TEST_F(ClientConsumer, StopEndsALoop) {
  Consumer consumer = client_.consume("orders");
  node_.reply(delivered(node_.wait_for_nth<core::Subscribe>(1), 11));
  int count = 0;
  std::promise<void> seen;
  std::thread stopper([&] {
    seen.get_future().wait();
    consumer.stop();
  });

  for (Delivery& delivery : consumer) {
    EXPECT_EQ(delivery.body(), "order");
    ++count;
    seen.set_value();
  }

  stopper.join();
  EXPECT_EQ(count, 1);
}

TEST_F(ClientConsumer, ClosingTheClientEndsALoop) {
  auto client = std::make_unique<Client>(ClientOptions{.nodes = {node_.endpoint()}});
  Consumer consumer = client->consume("orders");
  (void)node_.wait_for_nth<core::Subscribe>(1);
  std::thread closer([&] { client.reset(); });

  EXPECT_FALSE(consumer.receive().has_value());

  closer.join();
}

TEST_F(ClientConsumer, TheEndGivesBackWhatWasNotHandedOut) {
  {
    Consumer consumer = client_.consume("orders");
    const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
    node_.reply(delivered(subscribe, 11));
    node_.reply(delivered(subscribe, 12));
    ASSERT_TRUE(consumer.receive(patience));
    // The second has arrived too when a question sent after it is answered.
    std::thread answer([&] {
      node_.reply(core::Report{.request = node_.wait_for_nth<core::Inspect>(1).request});
    });
    (void)client_.queues();
    answer.join();
  }

  (void)node_.wait_for_nth<core::Unsubscribe>(1);
  const auto nack = node_.wait_for_nth<core::Settle>(1);
  EXPECT_EQ(nack.how, core::Settlement::nack);
  EXPECT_EQ(nack.tokens, std::vector{core::LeaseToken{12}});
}

TEST_F(ClientConsumer, SubscribesAgainAndForgetsOldLeasesAfterALoss) {
  Consumer consumer = client_.consume("orders", {.credit = 4});
  const auto first = node_.wait_for_nth<core::Subscribe>(1);
  node_.reply(delivered(first, 11, "held"));
  std::optional<Delivery> held = consumer.receive(patience);
  ASSERT_TRUE(held);

  node_.die();
  node_.revive();

  const auto second = node_.wait_for_nth<core::Subscribe>(2);
  EXPECT_NE(second.subscription, first.subscription);
  EXPECT_EQ(second.credit, 4U);
  EXPECT_FALSE(held->ack()) << "its lease ended with the link";
  EXPECT_TRUE(node_.seen<core::Settle>().empty());
  node_.reply(delivered(first, 12, "of the old subscription"));
  node_.reply(delivered(second, 13, "anew"));
  const std::optional<Delivery> next = consumer.receive(patience);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->body(), "anew");
}

TEST_F(ClientConsumer, NeverHandsOutALeaseThatHasEnded) {
  Consumer consumer = client_.consume("orders", {.credit = 1});
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  node_.reply(delivered(subscribe, 11, "late", 0));
  node_.reply(delivered(subscribe, 12, "in time"));

  const std::optional<Delivery> delivery = consumer.receive(patience);

  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->body(), "in time");
  // The credit of the one that was dropped went back.
  EXPECT_EQ(node_.wait_for_nth<core::AddCredit>(1).credit, 1U);
}

TEST_F(ClientConsumer, AQueueThatIsNotThereIsAnErrorThatNamesIt) {
  Consumer consumer = client_.consume("nowhere");
  const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
  node_.reply(core::SubscriptionEnded{.subscription = subscribe.subscription,
                                      .reason = core::Reason::unknown_queue});

  try {
    (void)consumer.receive(patience);
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::unknown_queue);
    EXPECT_NE(std::string{error.what()}.find("nowhere"), std::string::npos) << error.what();
  }
}

TEST_F(ClientConsumer, AQueueOfAnotherNodeIsAnErrorThatSaysWhatToDo) {
  Consumer consumer = client_.consume("stock@warehouse");

  try {
    (void)consumer.receive(patience);
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string{error.what()}.find("only the addresses of warehouse"), std::string::npos)
        << error.what();
  }
  EXPECT_TRUE(node_.seen<core::Subscribe>().empty());
}

}  // namespace
}  // namespace nemcon::tests
