// Goal: a node inside an application starts, works, stops and starts again like a process of its
// own. Method: real nodes of this process on ipc endpoints, asked by real clients.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "node/node.hpp"
#include "tests/system/caller.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::node {
namespace {

using tests::Caller;
using tests::deliver;
using Bodies = std::vector<std::string>;

class NodeLife : public testing::Test {
 protected:
  Config config(const std::string& name, const std::vector<std::string>& peers) {
    Config config;
    config.name = name;
    config.data = workspace_.path(name);
    config.listen = {"ipc://" + workspace_.path(name + ".sock")};
    for (const std::string& peer : peers) {
      config.peers.push_back({peer, "ipc://" + workspace_.path(peer + ".sock")});
    }
    core::QueueOptions inbox;
    inbox.name = "inbox";
    config.queues = {inbox};
    config.limits.message_bytes_max = 64 << 10;
    config.limits.transaction_bytes_max = 256 << 10;
    return config;
  }

  std::unique_ptr<Node> start(const Config& config) {
    auto started = Node::start(config, trace_, points_);
    if (!started) {
      ADD_FAILURE() << started.error().detail;
      return nullptr;
    }
    return std::move(started).value();
  }

  tests::Workspace workspace_;
  Trace trace_{Trace::Options{.level = TraceLevel::error, .format = TraceFormat::text}};
  FailPoints points_;
};

TEST_F(NodeLife, WorksStopsAndGoesOnWhereItWas) {
  const Config shop = config("shop", {});
  for (int life = 0; life < 3; ++life) {
    const std::unique_ptr<Node> node = start(shop);
    ASSERT_NE(node, nullptr);
    EXPECT_EQ(node->endpoints(), shop.listen);
    Caller caller(shop.listen[0], "");
    EXPECT_EQ(caller.message_count("inbox"), static_cast<std::uint64_t>(life));
    EXPECT_TRUE(caller.commit({deliver("inbox", "message")}));
    node->stop();
    node->wait();
  }
}

TEST_F(NodeLife, StopMayBeAskedForTwiceAndDestructionStops) {
  std::unique_ptr<Node> node = start(config("shop", {}));
  ASSERT_NE(node, nullptr);
  node->stop();
  node->stop();
  node->wait();
  node->stop();
  node->wait();
  node.reset();

  node = start(config("shop", {}));
  ASSERT_NE(node, nullptr);
  node.reset();
  EXPECT_NE(start(config("shop", {})), nullptr);
}

TEST_F(NodeLife, SecondNodeOnTheSameDataIsRefused) {
  const std::unique_ptr<Node> node = start(config("shop", {}));
  ASSERT_NE(node, nullptr);
  Config second = config("shop", {});
  second.listen = {"ipc://" + workspace_.path("other.sock")};

  const auto refused = Node::start(second, trace_, points_);

  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().detail.find("in use"), std::string::npos) << refused.error().detail;
}

TEST_F(NodeLife, EndpointThatCannotBeBoundIsRefusedAndTheDataIsFreeAgain) {
  Config broken = config("shop", {});
  broken.listen = {"ipc:///nowhere/at/all.sock"};

  const auto refused = Node::start(broken, trace_, points_);

  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().detail.find("/nowhere/at/all.sock"), std::string::npos)
      << refused.error().detail;
  EXPECT_NE(start(config("shop", {})), nullptr);
}

TEST_F(NodeLife, QueuesThatAreNotAsConfiguredAreWarnedOf) {
  Config changed = config("shop", {});
  changed.queues.push_back({.name = "old"});
  ASSERT_NE(start(changed), nullptr);
  changed.queues.pop_back();
  changed.queues[0].ordering = core::Ordering::mesh;

  testing::internal::CaptureStderr();
  const Trace trace(Trace::Options{.level = TraceLevel::warning, .format = TraceFormat::text});
  const bool started = Node::start(changed, trace, points_).has_value();
  const std::string lines = testing::internal::GetCapturedStderr();

  EXPECT_TRUE(started);
  EXPECT_NE(lines.find("warning \"queue keeps the ordering that it was made with\" queue=inbox "
                       "made=producer configured=mesh\n"),
            std::string::npos)
      << lines;
  const std::string closing =
      "warning \"queue is closing: it is not in the configuration any more\"";
  EXPECT_NE(lines.find(closing + " queue=old\n"), std::string::npos) << lines;
  EXPECT_EQ(lines.find(closing + " queue=inbox"), std::string::npos) << lines;
}

TEST_F(NodeLife, TwoNodesOfOneProcessCommitTogether) {
  const std::unique_ptr<Node> shop = start(config("shop", {"billing"}));
  const std::unique_ptr<Node> billing = start(config("billing", {"shop"}));
  ASSERT_TRUE(shop != nullptr && billing != nullptr);
  Caller caller(shop->endpoints()[0], "checkout");
  Caller other(billing->endpoints()[0], "");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!caller.sees("billing") || !other.sees("shop")) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }

  EXPECT_TRUE(caller.commit({deliver("inbox@shop", "order"), deliver("inbox@billing", "bill")}));

  EXPECT_EQ(caller.receive("inbox", 1), Bodies{"order"});
  EXPECT_EQ(other.receive("inbox", 1), Bodies{"bill"});
}

TEST_F(NodeLife, ManyClientsAtOnceAreAllServed) {
  const std::unique_ptr<Node> node = start(config("shop", {}));
  ASSERT_NE(node, nullptr);
  constexpr int client_count = 4;
  constexpr int message_count = 50;
  std::vector<std::thread> clients;
  for (int client = 0; client < client_count; ++client) {
    clients.emplace_back([&node] {
      Caller caller(node->endpoints()[0], "");
      for (int message = 0; message < message_count; ++message) {
        EXPECT_TRUE(caller.commit({deliver("inbox", "message")}));
      }
    });
  }
  for (std::thread& client : clients)
    client.join();

  Caller caller(node->endpoints()[0], "");
  EXPECT_EQ(caller.message_count("inbox"), std::uint64_t{client_count * message_count});
}

}  // namespace
}  // namespace nemcon::node
