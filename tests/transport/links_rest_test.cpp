// Goal: of the links that have nothing to send only a few stay connected, and nobody above notices.
// Method: one node with three peers, on real sockets, in one thread; idle after 200 ms.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "tests/transport/mesh_fixture.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;
using core::FrameReceived;
using core::PeerDown;
using core::PeerUp;

class RestingLinks : public Mesh {
 protected:
  // The hub is connected with three others, one of which it may keep when idle.
  void connect_all(core::Duration rest_max) {
    hub_options_ = {.name = "hub", .endpoint = ipc_endpoint("hub")};
    hub_options_.timing.idle_after = 200ms;
    hub_options_.timing.rest_max = rest_max;
    hub_options_.idle_links_max = 1;
    for (const char* const name : {"a", "b", "c"})
      hub_options_.peers.emplace_back(name, ipc_endpoint(name));
    hub_ = &add_node(hub_options_);
    for (const auto& [name, endpoint] : hub_options_.peers) {
      others_.push_back(
          {.name = name, .endpoint = endpoint, .peers = {{"hub", ipc_endpoint("hub")}}});
      add_node(others_.back());
    }
    ASSERT_TRUE(run_until([&] { return hub_->count<PeerUp>() == 3; }));
  }

  // Two of them, the last one stays.
  void let_rest() {
    ASSERT_EQ(hub_->send(2, core::Forget{}), SendResult::sent);
    ASSERT_TRUE(run_until([&] { return hub_->counters().links_rested >= 2; }));
    ASSERT_TRUE(run_until([&] { return other(0).sockets().connection_count() == 0; }));
    ASSERT_EQ(other(2).sockets().connection_count(), 1u);
  }

  // ZeroMQ frees the path a moment after the last node there is gone.
  TestNode& add_again(const TestNode::Options& options) {
    TestNode* added = nullptr;
    EXPECT_TRUE(run_until([&] {
      try {
        added = &add_node(options);
      } catch (const std::runtime_error&) {
      }
      return added != nullptr;
    }));
    return *added;
  }

  TestNode& other(std::size_t index) { return *nodes.at(1 + index); }

  TestNode* hub_ = nullptr;
  TestNode::Options hub_options_;
  std::vector<TestNode::Options> others_;
};

core::Message numbered(std::uint32_t number) {
  return core::Accepted{.ballot = {.round = number, .leader = {}, .boot = {}}};
}

TEST_F(RestingLinks, AreUpAndTakeWhatIsSentInOrder) {
  connect_all(1h);
  let_rest();
  for (std::uint32_t i = 0; i < 100; ++i)
    ASSERT_EQ(hub_->send(0, numbered(i)), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return other(0).count<FrameReceived>() == 100; }));
  std::uint32_t next = 0;
  for (const FrameReceived& frame : other(0).all<FrameReceived>())
    EXPECT_EQ(std::get<core::Accepted>(frame.messages.at(0)).ballot.round, next++);
  EXPECT_TRUE(hub_->sockets().is_up(core::PeerIndex{1}));
  EXPECT_EQ(hub_->count<PeerUp>(), 3u);
  EXPECT_EQ(hub_->count<PeerDown>(), 0u);
  EXPECT_EQ(hub_->counters().links_lost, 0u);
  // It was used last now, so another one rests.
  ASSERT_TRUE(run_until([&] { return hub_->counters().links_rested >= 3; }));
  run_for(300ms);
  EXPECT_EQ(other(0).sockets().connection_count(), 1u);
  EXPECT_EQ(other(2).sockets().connection_count(), 0u);
}

// Or the node that starts last would have a connection from everybody.
TEST_F(RestingLinks, ThatNeverWorkedAreNotKeptToTheSameNode) {
  constexpr std::size_t count = 10;
  const auto name = [](std::size_t index) { return "n" + std::to_string(index); };
  for (std::size_t index = 0; index < count; ++index) {
    TestNode::Options options{.name = name(index), .endpoint = ipc_endpoint(name(index))};
    options.timing.idle_after = 200ms;
    options.idle_links_max = 1;
    for (std::size_t peer = 0; peer < count; ++peer) {
      if (peer != index) options.peers.emplace_back(name(peer), ipc_endpoint(name(peer)));
    }
    add_node(options);
  }
  const auto all_rest = [&] {
    return std::ranges::all_of(
        nodes, [](const auto& node) { return node->counters().links_rested >= count - 2; });
  };
  ASSERT_TRUE(run_until(all_rest));
  run_for(300ms);
  std::size_t most = 0;
  for (const auto& node : nodes)
    most = std::max(most, node->sockets().connection_count());
  // That eight of nine happen to keep the same is one in ten million.
  EXPECT_LT(most, count - 2);
}

TEST_F(RestingLinks, HoldABoundedNumberOfBytes) {
  connect_all(1h);
  let_rest();
  const core::Message prepare =
      core::Prepare{.contents = {{.headers = {}, .body = core::Bytes{std::string(100'000, 'x')}}}};
  std::size_t sent_count = 0;
  while (hub_->send(0, prepare) == SendResult::sent)
    ++sent_count;
  EXPECT_GE(sent_count, link_window_bytes / 110'000);
  EXPECT_LE(sent_count, link_window_bytes / 100'000 + 1);
  ASSERT_TRUE(run_until([&] { return other(0).count<FrameReceived>() == sent_count; }));
  // As soon as the hub knows that they were taken.
  EXPECT_TRUE(run_until([&] { return hub_->send(0, prepare) == SendResult::sent; }));
}

TEST_F(RestingLinks, TellOfAPeerThatIsGoneWhenSomethingIsSentToIt) {
  connect_all(1h);
  let_rest();
  remove(other(0));
  run_for(300ms);
  EXPECT_EQ(hub_->count<PeerDown>(), 0u);
  EXPECT_EQ(hub_->send(0, core::Forget{}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return hub_->count<PeerDown>() == 1; }));
  EXPECT_EQ(hub_->send(0, core::Forget{}), SendResult::down);

  add_again(others_[0]);
  ASSERT_TRUE(run_until([&] { return hub_->count<PeerUp>() == 4; }));
}

TEST_F(RestingLinks, TellOfAPeerThatIsGoneAfterAWhile) {
  connect_all(500ms);
  let_rest();
  remove(other(0));
  ASSERT_TRUE(run_until([&] { return hub_->count<PeerDown>() == 1; }));
  EXPECT_FALSE(hub_->sockets().is_up(core::PeerIndex{0}));
}

TEST_F(RestingLinks, ReachAPeerThatWasStartedAnewMeanwhile) {
  connect_all(1h);
  let_rest();
  remove(other(1));
  TestNode& anew = add_again(others_[1]);
  ASSERT_TRUE(run_until([&] { return anew.count<PeerUp>() == 1; }));
  EXPECT_EQ(hub_->send(1, core::Forget{}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return anew.count<FrameReceived>() == 1; }));
  EXPECT_EQ(hub_->count<PeerDown>(), 0u);
}

TEST_F(RestingLinks, ComeBackNowAndThenAndRestAgain) {
  connect_all(300ms);
  let_rest();
  ASSERT_TRUE(run_until([&] { return hub_->counters().links_rested >= 10; }));
  EXPECT_EQ(hub_->count<PeerDown>(), 0u);
  EXPECT_EQ(hub_->count<PeerUp>(), 3u);
}

}  // namespace
}  // namespace nemcon::transport
