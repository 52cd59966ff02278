// Goal: what the client library and the command line promise, with real daemons that are killed.
// Method: daemons on loopback; the public library in this process, the programs as processes.
#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/process.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
using Bodies = std::vector<std::string>;

// Takes what is in a queue, until nothing has come for a while; acked.
Bodies drain_queue(const std::string& endpoint, const std::string& queue, std::size_t expected) {
  Client client({.nodes = {endpoint}});
  Consumer consumer = client.consume(queue, {.credit = 256});
  Bodies bodies;
  while (bodies.size() < expected) {
    std::optional<Delivery> delivery = consumer.receive(patience);
    if (!delivery) break;
    bodies.push_back(delivery->body());
    EXPECT_TRUE(delivery->ack());
  }
  // Nothing is left that was not expected.
  if (const auto extra = consumer.receive(200ms)) bodies.push_back("extra: " + extra->body());
  return bodies;
}

TEST(ClientSystem, TransactsOverThreeNodesAndConsumesAtEach) {
  for (const char* const mode : {"witnesses = 1", "witnesses = 3", "coordinator = 'billing'"}) {
    Mesh mesh({"shop", "warehouse", "billing"}, mode);
    ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
    Client client({.nodes = {mesh.endpoint("shop")}, .name = "checkout"});

    const Outcome committed = client.begin()
                                  .send("inbox@shop", {"order", {{"kind", "test"}}})
                                  .send("inbox@warehouse", "pick")
                                  .send("inbox@billing", "bill")
                                  .commit();
    const Outcome refused =
        client.begin().send("inbox@shop", "order").send("nowhere@billing", "bill").commit();

    EXPECT_TRUE(committed.committed()) << mode << committed.summary();
    EXPECT_EQ(refused.state, State::rolled_back) << mode;
    EXPECT_EQ(refused.reason, Reason::unknown_queue) << refused.summary();
    EXPECT_TRUE(client.outcome(committed.id).state != State::rolled_back);
    EXPECT_EQ(drain_queue(mesh.endpoint("shop"), "inbox", 1), Bodies{"order"}) << mode;
    EXPECT_EQ(drain_queue(mesh.endpoint("warehouse"), "inbox", 1), Bodies{"pick"}) << mode;
    EXPECT_EQ(drain_queue(mesh.endpoint("billing"), "inbox", 1), Bodies{"bill"}) << mode;
  }
}

TEST(ClientSystem, EveryMessageIsThereOnceAndInOrderWhenTheNodeIsKilledAndComesBack) {
  constexpr int count = 400;
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client client({.nodes = {mesh.endpoint("shop")}, .name = "feeder", .deadline = 60s});
  std::vector<std::future<Outcome>> futures;
  Bodies sent;
  for (int i = 0; i < count; ++i) {
    sent.push_back(std::to_string(i));
    futures.push_back(client.send_async("inbox@shop", sent.back()));
    if (i % 100 != 50) continue;
    futures[static_cast<std::size_t>(i) / 2].wait();  // Some are through, some under way.
    mesh.daemon("shop").kill();
    ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  }

  for (auto& future : futures) {
    const Outcome outcome = future.get();
    EXPECT_TRUE(outcome.committed()) << outcome.summary();
  }
  EXPECT_EQ(drain_queue(mesh.endpoint("shop"), "inbox", count), sent);
}

TEST(ClientSystem, GoesOnAtAnotherNodeWhenItsOwnIsKilledForGood) {
  constexpr int count = 300;
  Mesh mesh({"shop", "warehouse", "billing"}, "witnesses = 3");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client client({.nodes = {mesh.endpoint("shop"), mesh.endpoint("billing")},
                 .name = "feeder",
                 .deadline = 60s});
  std::vector<std::future<Outcome>> futures;
  for (int i = 0; i < count; ++i) {
    Transaction transaction = client.begin();
    transaction.send("inbox@warehouse", std::to_string(i));
    transaction.send("inbox@billing", std::to_string(i));
    futures.push_back(transaction.commit_async());
    if (i != count / 2) continue;
    futures[10].wait();
    mesh.daemon("shop").kill();
  }

  Bodies committed;
  for (int i = 0; i < count; ++i) {
    const Outcome outcome = futures[static_cast<std::size_t>(i)].get();
    EXPECT_NE(outcome.state, State::unknown) << outcome.summary() << mesh.diagnostics();
    if (outcome.committed()) committed.push_back(std::to_string(i));
  }

  // What was under way at the death may have been rolled back; everything else is there,
  // everywhere, once, and in order.
  EXPECT_GT(committed.size(), count / 4U);
  EXPECT_EQ(drain_queue(mesh.endpoint("warehouse"), "inbox", committed.size()), committed);
  EXPECT_EQ(drain_queue(mesh.endpoint("billing"), "inbox", committed.size()), committed);
}

// What a service has prepared and committed, as a database would keep it.
class Ledger {
 public:
  Service service() {
    Service service;
    service.prepare = [this](const Branch& branch) {
      const std::lock_guard lock{mutex_};
      if (branch.request.body == "refuse") return Vote::no("sold out");
      held_[branch.id.text()] = branch.request.body;
      return Vote::yes("held " + branch.request.body);
    };
    service.commit = [this](const Branch& branch) {
      const std::lock_guard lock{mutex_};
      const auto found = held_.find(branch.id.text());
      if (found == held_.end()) return;  // Done before.
      taken_.push_back(found->second);
      held_.erase(found);
    };
    service.roll_back = [this](const Branch& branch) {
      const std::lock_guard lock{mutex_};
      held_.erase(branch.id.text());
    };
    service.in_doubt = [this] {
      const std::lock_guard lock{mutex_};
      std::vector<CallId> ids;
      for (const auto& [id, body] : held_)
        ids.push_back(*CallId::parse(id));
      return ids;
    };
    return service;
  }

  Bodies taken() {
    const std::lock_guard lock{mutex_};
    Bodies taken = taken_;
    std::sort(taken.begin(), taken.end());
    return taken;
  }

  bool is_settled() {
    const std::lock_guard lock{mutex_};
    return held_.empty();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> held_;
  Bodies taken_;
};

TEST(ClientSystem, AServiceEndsWithWhatTheCallersWereTold) {
  Mesh mesh({"shop", "warehouse"}, "witnesses = 1");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Ledger ledger;
  Client stock({.nodes = {mesh.endpoint("warehouse")}, .name = "stock-app"});
  EXPECT_TRUE(stock.serve("reserve", ledger.service()));
  Client shop({.nodes = {mesh.endpoint("shop")}, .name = "checkout", .deadline = 60s});

  const Outcome refused =
      shop.begin().send("inbox@shop", "order").call("reserve@warehouse", "refuse").commit();
  EXPECT_EQ(refused.reason, Reason::service_refused) << refused.summary();
  EXPECT_EQ(refused.text, "sold out");
  EXPECT_EQ(refused.by, "warehouse");

  Bodies committed;
  for (int i = 0; i < 60; ++i) {
    Transaction transaction = shop.begin({.deadline = 30s});
    transaction.send("inbox@shop", std::to_string(100 + i));
    transaction.call("reserve@warehouse", std::to_string(100 + i));
    auto future = transaction.commit_async();
    if (i % 20 == 10) {
      mesh.daemon("warehouse").kill();
      ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
    }
    Outcome outcome = future.get();
    while (outcome.state == State::unknown)
      outcome = shop.outcome(outcome.id);
    if (!outcome.committed()) continue;
    committed.push_back(std::to_string(100 + i));
    ASSERT_EQ(outcome.replies.size(), 1U);
    EXPECT_EQ(outcome.replies[0].body, "held " + committed.back());
  }

  EXPECT_GT(committed.size(), 30U);
  const auto until = std::chrono::steady_clock::now() + patience;
  while ((!ledger.is_settled() || ledger.taken() != committed) &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(ledger.taken(), committed) << mesh.diagnostics();
  EXPECT_TRUE(ledger.is_settled());
  EXPECT_EQ(drain_queue(mesh.endpoint("shop"), "inbox", committed.size()), committed);
}

TEST(ClientSystem, AConsumersAckAndItsAnswerHappenTogether) {
  constexpr int count = 50;
  Mesh mesh({"shop", "warehouse"}, "witnesses = 1");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client client({.nodes = {mesh.endpoint("shop")}, .name = "shipping", .deadline = 60s});
  Bodies orders;
  for (int i = 0; i < count; ++i) {
    orders.push_back(std::to_string(100 + i));
    client.send("inbox@shop", orders.back());
  }

  Consumer consumer = client.consume("inbox@shop", {.credit = 8});
  Bodies answered;
  bool was_killed = false;
  while (answered.size() < count) {
    std::optional<Delivery> delivery = consumer.receive(patience);
    ASSERT_TRUE(delivery) << mesh.diagnostics();
    if (answered.size() == 20 && !was_killed) {
      was_killed = true;
      mesh.daemon("shop").kill();
      ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
    }
    Outcome outcome =
        client.begin().ack(*delivery).send("inbox@warehouse", delivery->body()).commit();
    while (outcome.state == State::unknown)
      outcome = client.outcome(outcome.id);
    if (outcome.committed()) answered.push_back(delivery->body());
  }

  Bodies sorted = answered;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, orders);
  EXPECT_EQ(drain_queue(mesh.endpoint("warehouse"), "inbox", count), answered);
  EXPECT_FALSE(consumer.receive(200ms).has_value());
}

TEST(ClientSystem, ANewerClientOfTheSameNameFencesTheOlderOneOff) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  std::promise<std::string> fenced;
  Client older({.nodes = {mesh.endpoint("shop")},
                .name = "checkout",
                .on_notice = [&](const Notice& notice) {
                  if (notice.kind == Notice::Kind::fenced) fenced.set_value(notice.text);
                }});
  older.send("inbox@shop", "1");

  Client newer({.nodes = {mesh.endpoint("shop")}, .name = "checkout"});
  newer.send("inbox@shop", "2");

  try {
    older.send("inbox@shop", "3");
    ADD_FAILURE() << "it must be fenced off";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::fenced) << error.what();
    EXPECT_EQ(error.error_class(), ErrorClass::rolled_back);
  }
  EXPECT_EQ(fenced.get_future().wait_for(patience), std::future_status::ready);
  EXPECT_EQ(drain_queue(mesh.endpoint("shop"), "inbox", 2), (Bodies{"1", "2"}));
}

TEST(ClientSystem, RejectedMessagesAreInTheDeadLetterQueue) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client client({.nodes = {mesh.endpoint("shop")}});
  client.send("inbox", "bad");
  client.send("inbox", "late");
  Consumer consumer = client.consume("inbox");

  std::optional<Delivery> bad = consumer.receive(patience);
  ASSERT_TRUE(bad);
  EXPECT_TRUE(bad->reject("no such article"));
  std::optional<Delivery> late = consumer.receive(patience);
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->nack(10ms));
  std::optional<Delivery> again = consumer.receive(patience);

  ASSERT_TRUE(again);
  EXPECT_EQ(again->body(), "late");
  EXPECT_EQ(again->delivery_count(), 2U);
  EXPECT_EQ(again->message_id(), late->message_id());
  EXPECT_FALSE(late->ack()) << "it was given back";
  EXPECT_TRUE(again->ack());
  Consumer dead = client.consume("inbox.dead");
  std::optional<Delivery> found = dead.receive(patience);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->body(), "bad");
}

TEST(ClientSystem, TheCommandLineWorksOnARealMesh) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  const auto nemcon = [&](std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), {NEMCON_CLI, "--node", mesh.endpoint("shop")});
    return run(words, input);
  };

  EXPECT_EQ(nemcon({"send", "inbox@shop", "--lines"}, "one\ntwo\nthree\n").out,
            "sent 3 of 3 lines\n");
  const Ran transact =
      nemcon({"transact", "--send", "inbox@shop=four", "--send", "inbox@billing=bill"});
  EXPECT_EQ(transact.exit_code, 0) << transact.err;
  EXPECT_EQ(nemcon({"send", "nowhere@shop", "x"}).exit_code, 1);
  const Ran queues = nemcon({"queues"});
  EXPECT_NE(queues.out.find("inbox@shop"), std::string::npos) << queues.out;
  const Ran status = nemcon({"--json", "status"});
  EXPECT_NE(status.out.find("\"name\":\"billing\""), std::string::npos) << status.out;
  const Ran received = nemcon({"receive", "inbox", "--count", "4"});
  EXPECT_EQ(received.exit_code, 0) << received.err;
  EXPECT_EQ(received.out, "one\ntwo\nthree\nfour\n");
  EXPECT_EQ(nemcon({"--timeout", "300ms", "receive", "inbox"}).exit_code, 1);
}

TEST(ClientSystem, TheExamplesOfTheDocumentationWork) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  const std::string examples = NEMCON_EXAMPLES;
  const std::string shop = mesh.endpoint("shop");

  EXPECT_EQ(run({examples + "/example_send", shop, "inbox@shop"}).out, "sent\n");
  const Ran pipeline = run({examples + "/example_pipeline", shop, "inbox@shop", "500"});
  EXPECT_EQ(pipeline.out, "500 sent, 0 failed\n") << pipeline.err;
  const Ran consume =
      run({examples + "/example_consume", shop, "inbox@shop", "inbox@billing", "501"});
  EXPECT_EQ(consume.exit_code, 0) << consume.err;
  const Bodies shipped = drain_queue(mesh.endpoint("billing"), "inbox", 501);
  EXPECT_EQ(shipped.size(), 501U);
  // Both programs sent an "order 17".
  EXPECT_EQ(std::set<std::string>(shipped.begin(), shipped.end()).size(), 500U);
}

}  // namespace
}  // namespace nemcon::tests
