// Goal: nodes and clients that behave find each other, keep hearing each other, find each other
// again, and know when the other is gone. Method: real sockets on loopback, one thread.
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/transport/mesh_fixture.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;
using core::ClientGone;
using core::ClientRequested;
using core::FrameReceived;
using core::PeerDown;
using core::PeerUp;
using samples::describe;

class Links : public Mesh {
 protected:
  // Two nodes that are each other's peer 0, both up.
  void connect_two(const std::string& shop_endpoint, const std::string& warehouse_endpoint) {
    shop_options = {
        .name = "shop", .endpoint = shop_endpoint, .peers = {{"warehouse", warehouse_endpoint}}};
    warehouse_options = {
        .name = "warehouse", .endpoint = warehouse_endpoint, .peers = {{"shop", shop_endpoint}}};
    shop = &add_node(shop_options);
    warehouse = &add_node(warehouse_options);
    ASSERT_TRUE(run_until([&] { return shop->count<PeerUp>() && warehouse->count<PeerUp>(); }));
  }

  void connect_two() { connect_two(ipc_endpoint("shop"), ipc_endpoint("warehouse")); }

  void expect_exchange() {
    const core::Message prepare = samples::messages()[1].value;
    const core::Message vote = samples::messages()[2].value;
    shop->events.clear();
    warehouse->events.clear();

    EXPECT_EQ(shop->send(0, prepare), SendResult::sent);
    EXPECT_EQ(warehouse->send(0, vote), SendResult::sent);
    ASSERT_TRUE(run_until(
        [&] { return shop->count<FrameReceived>() && warehouse->count<FrameReceived>(); }));

    const FrameReceived at_warehouse = warehouse->all<FrameReceived>().at(0);
    EXPECT_EQ(at_warehouse.from, core::PeerIndex{0});
    EXPECT_EQ(at_warehouse.header, samples::frame_header());
    EXPECT_EQ(describe(at_warehouse.messages.at(0)), describe(prepare));
    EXPECT_EQ(describe(shop->all<FrameReceived>().at(0).messages.at(0)), describe(vote));
  }

  TestNode::Options shop_options;
  TestNode::Options warehouse_options;
  TestNode* shop = nullptr;
  TestNode* warehouse = nullptr;
};

// ---- nodes ----------------------------------------------------------------------------------

TEST_F(Links, NodesExchangeFramesOverTcp) {
  connect_two(free_tcp_endpoint(), free_tcp_endpoint());
  expect_exchange();
}

TEST_F(Links, NodesExchangeFramesOverIpc) {
  connect_two();
  expect_exchange();
}

TEST_F(Links, NodesExchangeFramesWithinAProcess) {
  connect_two("inproc://shop", "inproc://warehouse");
  expect_exchange();
}

TEST_F(Links, AnOrderedManyArriveInOrder) {
  connect_two();
  std::vector<core::Message> batch;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    batch.emplace_back(core::Accepted{.ballot = {.round = i, .leader = {}, .boot = {}}});
  }
  EXPECT_EQ(shop->sockets().send_to_peer(core::PeerIndex{0}, samples::frame_header(), batch),
            SendResult::sent);
  std::uint32_t next = 0;
  ASSERT_TRUE(run_until([&] {
    for (const FrameReceived& frame : warehouse->all<FrameReceived>()) {
      for (const core::Message& message : frame.messages) {
        EXPECT_EQ(std::get<core::Accepted>(message).ballot.round, next++);
      }
    }
    warehouse->events.clear();
    return next >= 5000 || HasFailure();
  }));
  EXPECT_EQ(next, 5000U);
}

TEST_F(Links, AWholeTransactionTravels) {
  connect_two();
  const core::Limits limits;
  const std::string body(limits.transaction_bytes_max, 'x');
  const core::Prepare prepare{.contents = {{.headers = {}, .body = core::Bytes{body}}}};

  EXPECT_EQ(shop->send(0, prepare), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return warehouse->count<FrameReceived>() == 1; }));

  const auto frame = warehouse->all<FrameReceived>().at(0);
  EXPECT_EQ(std::get<core::Prepare>(frame.messages.at(0)).contents.at(0).body.view(), body);
}

TEST_F(Links, NothingIsSentBeforeTheLinkIsUp) {
  TestNode& node = add_node({.name = "shop",
                             .endpoint = ipc_endpoint("shop"),
                             .peers = {{"warehouse", ipc_endpoint("nobody")}}});
  EXPECT_EQ(node.send(0, core::Forget{}), SendResult::down);
  run_for(100ms);
  EXPECT_EQ(node.send(0, core::Forget{}), SendResult::down);
  EXPECT_EQ(node.counters().sends_down, 2U);
  EXPECT_FALSE(node.sockets().is_up(core::PeerIndex{0}));
}

TEST_F(Links, ANodeThatReturnsIsFoundAgain) {
  for (const bool over_tcp : {true, false}) {
    nodes.clear();
    if (over_tcp) {
      connect_two(free_tcp_endpoint(), free_tcp_endpoint());
    } else {
      connect_two();
    }
    shop->events.clear();
    remove(*warehouse);
    ASSERT_TRUE(run_until([&] { return shop->count<PeerDown>() == 1; }));
    EXPECT_EQ(shop->send(0, core::Forget{}), SendResult::down);

    warehouse = &add_node(warehouse_options);
    ASSERT_TRUE(
        run_until([&] { return shop->count<PeerUp>() == 1 && warehouse->count<PeerUp>(); }));
    expect_exchange();
  }
}

TEST_F(Links, ANodeThatLivesButDoesNotWorkIsDown) {
  connect_two();
  const std::unique_ptr<TestNode> frozen = std::move(nodes.at(1));
  nodes.pop_back();

  ASSERT_TRUE(run_until([&] { return shop->count<PeerDown>() == 1; }));

  shop->events.clear();
  ASSERT_TRUE(run_until([&] {
    frozen->turn(clock_now());
    return shop->count<PeerUp>() == 1;
  }));
}

TEST_F(Links, APauseOfOurOwnMakesNobodyGone) {
  connect_two();
  TestClient& client = add_client("checkout");
  greet(client, *shop);
  shop->events.clear();

  // As after an hour in which the whole machine stood still.
  const core::Instant later = clock_now() + 1h;
  const core::Instant begin = clock_now();
  while (clock_now() < begin + 500ms) {
    const auto shift = clock_now() - begin;
    nodes[0]->turn(later + shift);
    nodes[1]->turn(clock_now());
    client.turn(clock_now());
  }

  EXPECT_EQ(shop->count<PeerDown>(), 0U);
  EXPECT_EQ(shop->count<ClientGone>(), 0U);
}

TEST_F(Links, ClientsThatDoNotReadHaveABoundTogetherAsWell) {
  TestNode& node = add_node({.name = "shop",
                             .endpoint = free_tcp_endpoint(),
                             .peers = {},
                             .unread_bytes_max = std::uint64_t{1} << 20U});
  std::vector<Stranger*> crowd;
  for (int i = 0; i < 6; ++i) {
    crowd.push_back(&add_stranger(node.endpoint()));
    crowd.back()->greet({.role = Role::client, .frame_bytes_max = 1U << 20U, .name = {}});
    crowd.back()->send(samples::frame_of(core::Request{core::Ask{.request = 5}}));
  }
  ASSERT_TRUE(run_until([&] { return node.count<core::ClientRequested>() == crowd.size(); }));
  const core::Delivered reply{
      .content = {.headers = {}, .body = core::Bytes{std::string(100'000, 'x')}}};
  for (const core::ClientRequested& request : node.all<core::ClientRequested>()) {
    for (int i = 0; i < 100 && node.reply(request.link, reply) == SendResult::sent; ++i) {
    }
  }
  // The first ones had what there is for all, and a sixteenth of a window is left to each other.
  EXPECT_LE(node.counters().bytes_out, (1U << 20U) + 6 * (link_window_bytes / 16 + 110'000));

  // Who reads gets more than that, whatever the others do.
  TestClient& reader = add_client("till");
  greet(reader, node);
  const core::LinkId link = node.all<core::ClientRequested>().back().link;
  int sent_count = 0;
  EXPECT_TRUE(run_until([&] {
    sent_count += node.reply(link, reply) == SendResult::sent ? 1 : 0;
    return sent_count == 50;
  }));
}

TEST_F(Links, APeerThatDoesNotKeepUpIsNotBufferedForEver) {
  connect_two();
  const std::unique_ptr<TestNode> slow = std::move(nodes.at(1));
  nodes.pop_back();
  const core::Prepare prepare{
      .contents = {{.headers = {}, .body = core::Bytes{std::string(100'000, 'x')}}}};

  int sent_count = 0;
  SendResult result = SendResult::sent;
  while (result == SendResult::sent && sent_count < 10'000) {
    result = shop->send(0, prepare);
    if (result == SendResult::sent) ++sent_count;
  }

  EXPECT_EQ(result, SendResult::full);
  EXPECT_EQ(shop->counters().sends_full, 1U);
  EXPECT_LE(shop->counters().bytes_out, link_window_bytes + 110'000);
  // When it has taken that, there is room again, and nothing was lost.
  ASSERT_TRUE(run_until([&] {
    slow->turn(clock_now());
    return slow->count<FrameReceived>() == static_cast<std::size_t>(sent_count) &&
           shop->send(0, prepare) == SendResult::sent;
  }));
}

TEST_F(Links, WhoReconnectsIsHeardOnTheNewConnection) {
  connect_two();
  Stranger& second = add_stranger(warehouse->endpoint());
  second.greet({.role = Role::peer, .name = "shop"});
  ASSERT_TRUE(run_until([&] { return second.welcome_count == 1; }));
  // The first is told, comes again, and takes its place back.
  ASSERT_TRUE(run_until([&] { return shop->count<PeerDown>() >= 1; }));
  ASSERT_TRUE(run_until([&] { return !second.refusals.empty() && shop->count<PeerUp>() >= 2; }));
  EXPECT_EQ(second.refusals.at(0), RefusalReason::replaced);
  expect_exchange();
}

// ---- clients --------------------------------------------------------------------------------

TEST_F(Links, AClientAndItsNodeTalk) {
  TestNode& node = add_node({.name = "shop", .endpoint = free_tcp_endpoint(), .peers = {}});
  TestClient& client = add_client("checkout");
  const core::LinkId link = greet(client, node);
  node.events.clear();

  for (const auto& sample : samples::requests()) {
    EXPECT_EQ(client.send(sample.value), SendResult::sent);
  }
  const auto request_count = samples::requests().size();
  ASSERT_TRUE(run_until([&] { return node.count<ClientRequested>() == request_count; }));
  for (const auto& sample : samples::replies()) {
    EXPECT_EQ(node.reply(link, sample.value), SendResult::sent);
  }
  const auto reply_count = samples::replies().size();
  ASSERT_TRUE(run_until([&] { return client.count<core::Reply>() == reply_count; }));

  EXPECT_EQ(client.all<LinkUp>().at(0).node_name, "shop");
  EXPECT_EQ(node.sockets().client_name(link), "checkout");
  for (std::size_t i = 0; i < request_count; ++i) {
    EXPECT_EQ(node.all<ClientRequested>()[i].link, link);
    EXPECT_EQ(describe(node.all<ClientRequested>()[i].request),
              describe(samples::requests()[i].value));
  }
  for (std::size_t i = 0; i < reply_count; ++i) {
    EXPECT_EQ(describe(client.all<core::Reply>()[i]), describe(samples::replies()[i].value));
  }
}

TEST_F(Links, AClientTalksWithANodeOfItsOwnProcess) {
  TestNode& node = add_node({.name = "shop", .endpoint = "inproc://embedded", .peers = {}});
  TestClient& client = add_client("");
  const core::LinkId link = greet(client, node);
  EXPECT_EQ(node.reply(link, core::Settled{.request = 9}), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return client.count<core::Reply>() == 1; }));
}

TEST_F(Links, ClientsAreToldApart) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& first = add_client("checkout");
  TestClient& second = add_client("checkout");
  const core::LinkId first_link = greet(first, node);
  const core::LinkId second_link = greet(second, node);
  ASSERT_NE(first_link, second_link);

  EXPECT_EQ(node.reply(second_link, core::Settled{.request = 2}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return second.count<core::Reply>() == 1; }));

  EXPECT_EQ(first.count<core::Reply>(), 0U);
  EXPECT_EQ(node.sockets().client_count(), 2U);
}

TEST_F(Links, AClientThatSaysByeIsGoneAtOnce) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  const core::LinkId link = greet(client, node);
  const core::Instant before = clock_now();

  client.socket().disconnect();
  ASSERT_TRUE(run_until([&] { return node.count<ClientGone>() == 1; }));

  EXPECT_LT(clock_now() - before, test_timing().gone_after);
  EXPECT_EQ(node.all<ClientGone>().at(0).link, link);
  EXPECT_EQ(node.reply(link, core::Settled{}), SendResult::down);
  EXPECT_EQ(node.sockets().client_count(), 0U);
  EXPECT_EQ(client.count<LinkDown>(), 0U);
}

TEST_F(Links, AClientWhoseConnectionEndsIsGone) {
  TestNode& node = add_node({.name = "shop", .endpoint = free_tcp_endpoint(), .peers = {}});
  Stranger& client = add_stranger(node.endpoint());
  client.greet({.role = Role::client, .frame_bytes_max = 1U << 20U, .name = "c"});
  ASSERT_TRUE(run_until([&] { return client.welcome_count == 1; }));
  EXPECT_EQ(node.sockets().client_count(), 1U);

  strangers.clear();

  EXPECT_TRUE(run_until([&] { return node.count<ClientGone>() == 1; }));
  EXPECT_EQ(node.counters().clients_gone, 1U);
}

TEST_F(Links, AClientThatIsSilentIsGoneAndItsConnectionEnds) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  Stranger& client = add_stranger(node.endpoint());
  client.greet({.role = Role::client, .frame_bytes_max = 1U << 20U, .name = "c"});
  ASSERT_TRUE(run_until([&] { return client.welcome_count == 1; }));
  ASSERT_TRUE(run_until([&] { return node.count<ClientGone>() == 1; }));

  EXPECT_TRUE(run_until([&] { return client.end.has_value(); }));
  EXPECT_EQ(node.counters().connections_muted, 0U);
  EXPECT_EQ(node.counters().connections_cut, 0U);
}

TEST_F(Links, AClientThatOnlyListensStays) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, node);
  run_for(test_timing().gone_after + 500ms);
  EXPECT_EQ(node.count<ClientGone>(), 0U);
  EXPECT_EQ(client.count<LinkDown>(), 0U);
}

TEST_F(Links, AClientLearnsThatItsNodeIsGone) {
  const TestNode& node = add_node({.name = "shop", .endpoint = free_tcp_endpoint(), .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, *nodes[0]);

  remove(node);
  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));

  EXPECT_FALSE(client.all<LinkDown>().at(0).refused.has_value());
  EXPECT_EQ(client.send(core::Ask{}), SendResult::down);
}

TEST_F(Links, AClientLearnsThatItsNodeHangs) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, node);
  const std::unique_ptr<TestNode> frozen = std::move(nodes.back());
  nodes.pop_back();
  EXPECT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
}

TEST_F(Links, AClientLearnsThatNobodyIsThere) {
  TestClient& client = add_client("checkout");
  client.connect(free_tcp_endpoint());
  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  EXPECT_EQ(client.count<LinkUp>(), 0U);

  TestNode& node = add_node({.name = "shop", .endpoint = free_tcp_endpoint(), .peers = {}});
  greet(client, node);
}

TEST_F(Links, RequestsAreHeldWhileTheNodeIsBusyAndKeepTheirOrder) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, node);
  node.events.clear();

  node.sockets().hold_clients();
  ASSERT_EQ(client.send(core::Ask{.request = 1}), SendResult::sent);
  ASSERT_EQ(client.send(core::Ask{.request = 2}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return client.count<LinkHeld>() == 1; }));
  run_for(50ms);
  EXPECT_EQ(node.count<ClientRequested>(), 0U);
  EXPECT_EQ(client.send(core::Ask{.request = 3}), SendResult::full);

  node.sockets().resume_clients();
  ASSERT_TRUE(run_until([&] { return client.count<LinkHeld>() == 2; }));
  EXPECT_EQ(client.send(core::Ask{.request = 4}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return node.count<ClientRequested>() == 3; }));

  std::vector<std::uint64_t> order;
  for (const ClientRequested& event : node.all<ClientRequested>()) {
    order.push_back(std::get<core::Ask>(event.request).request);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 4}));
}

TEST_F(Links, WhoDoesNotWaitWhenToldToIsDropped) {
  TestNode& node = add_node(
      {.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}, .held_bytes_max = 1000});
  Stranger& client = add_stranger(node.endpoint());
  client.greet({.role = Role::client, .frame_bytes_max = 1U << 20U, .name = "c"});
  ASSERT_TRUE(run_until([&] { return client.welcome_count == 1; }));
  node.sockets().hold_clients();

  const std::string frame = samples::frame_of(core::Request{core::Ask{}});
  for (int i = 0; i < 100; ++i)
    client.send(frame);
  ASSERT_TRUE(run_until([&] { return node.counters().frames_dropped > 0; }));
  ASSERT_TRUE(run_until([&] { return node.counters().frames_in >= 101; }));
  node.sockets().resume_clients();
  run_for(50ms);

  EXPECT_EQ(node.count<ClientRequested>(), 1000 / frame.size());
  EXPECT_EQ(node.counters().frames_dropped, 100 - 1000 / frame.size());
}

TEST_F(Links, ClientsAreLimited) {
  core::Limits limits;
  limits.clients_max = 1;
  TestNode& node =
      add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}, .limits = limits});
  TestClient& first = add_client("a");
  TestClient& second = add_client("b");
  greet(first, node);

  second.connect(node.endpoint());
  ASSERT_TRUE(run_until([&] { return second.count<LinkDown>() == 1; }));

  EXPECT_EQ(second.all<LinkDown>().at(0).refused, RefusalReason::full);
}

TEST_F(Links, TheLimitOfTheNodeHoldsForTheClient) {
  core::Limits limits;
  limits.transaction_bytes_max = 100'000;
  limits.operations_max = 1;
  TestNode& node =
      add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}, .limits = limits});
  TestClient& client = add_client("a");
  const core::LinkId link = greet(client, node);
  const core::Content content{.headers = {}, .body = core::Bytes{std::string(1U << 20U, 'x')}};

  EXPECT_EQ(client.send(core::Submit{.parts = {{.target = "q", .content = content}}}),
            SendResult::too_large);
  EXPECT_EQ(client.send(core::Ask{}), SendResult::sent);
  // The other way the client's own limit holds, which is larger.
  EXPECT_EQ(node.reply(link, core::Delivered{.content = content}), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return client.count<core::Reply>() == 1; }));
}

// ---- waiting --------------------------------------------------------------------------------

TEST_F(Links, AWaitingNodeIsWokenByAFrame) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, node);
  run_for(20ms);
  node.events.clear();

  ASSERT_EQ(client.send(core::Ask{}), SendResult::sent);
  const core::Instant begin = clock_now();
  while (node.count<ClientRequested>() == 0 && clock_now() < begin + 10s) {
    node.sockets().poll(clock_now(), 10s, {});
    node.sockets().receive(clock_now(), node.events);
  }

  // Far below the interval of pings, which would wake it as well.
  EXPECT_EQ(node.count<ClientRequested>(), 1U);
  EXPECT_LT(clock_now() - begin, 150ms);
}

TEST_F(Links, AMessageThatCameDuringASendIsNotSleptOver) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  TestClient& client = add_client("checkout");
  const core::LinkId link = greet(client, node);

  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(client.send(core::Ask{}), SendResult::sent);
    ASSERT_EQ(node.reply(link, core::Settled{}), SendResult::sent);
    const core::Instant begin = clock_now();
    node.events.clear();
    client.events.clear();
    while (node.count<ClientRequested>() == 0 || client.count<core::Reply>() == 0) {
      if (node.count<ClientRequested>() == 0) {
        node.sockets().poll(clock_now(), 5s, {});
        node.sockets().receive(clock_now(), node.events);
      } else {
        client.socket().poll(clock_now(), 5s, {});
        client.socket().receive(clock_now(), client.events);
      }
      ASSERT_LT(clock_now() - begin, 4s);
    }
  }
}

TEST_F(Links, AWaitingNodeIsWokenByAWatchedDescriptor) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});
  run_for(20ms);
  const int bell = ::eventfd(1, 0);
  const int silent = ::eventfd(0, 0);
  Watched watched[] = {{.descriptor = silent}, {.descriptor = bell}};
  const core::Instant begin = clock_now();

  node.sockets().poll(begin, 5s, watched);

  EXPECT_FALSE(watched[0].readable);
  EXPECT_TRUE(watched[1].readable);
  EXPECT_LT(clock_now() - begin, 2s);
  ::close(bell);
  ::close(silent);
}

TEST_F(Links, AWaitingClientIsWokenByAnotherThread) {
  TestClient& client = add_client("checkout");
  const core::Instant begin = clock_now();
  std::thread other([&client] { client.socket().wake(); });
  client.socket().poll(begin, 10s, {});
  other.join();
  EXPECT_LT(clock_now() - begin, 5s);

  // Once heard, it is over.
  const core::Instant again = clock_now();
  client.socket().poll(again, 20ms, {});
  EXPECT_GE(clock_now() - again, 20ms);
}

}  // namespace
}  // namespace nemcon::transport
