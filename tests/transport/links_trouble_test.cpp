// Goal: whoever does not speak our protocol, or speaks it wrongly, hurts nobody but itself.
// Method: strangers that send what they like, listeners that are no node, beside honest ones.
#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/transport/mesh_fixture.hpp"
#include "tests/transport/raw_listener.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;
using core::ClientGone;
using core::ClientRequested;
using core::FrameReceived;
using core::PeerDown;
using core::PeerUp;

class LinksTrouble : public Mesh {
 protected:
  TestNode& add_shop() {
    return add_node({.name = "shop",
                     .endpoint = free_tcp_endpoint(),
                     .peers = {{"warehouse", ipc_endpoint("warehouse")}}});
  }

  // Sends one frame and waits for the refusal.
  RefusalReason refusal_of(Stranger& stranger, std::string_view frame) {
    const std::size_t before = stranger.refusals.size();
    stranger.send(frame);
    EXPECT_TRUE(run_until([&] { return stranger.refusals.size() > before; }));
    return stranger.refusals.at(before);
  }

  void welcome(Stranger& stranger, const Greeting& greeting) {
    stranger.greet(greeting);
    ASSERT_TRUE(run_until([&] { return stranger.welcome_count == 1; }));
  }

  static std::string encoded(const Greeting& greeting) {
    FrameBuffer out;
    encode(out, greeting);
    return std::string(out.view());
  }

  const Greeting client_greeting{
      .role = Role::client, .frame_bytes_max = 1U << 20U, .name = "checkout"};
  const Greeting peer_greeting{.role = Role::peer, .frame_bytes_max = 4096, .name = "warehouse"};
  const std::string ask = samples::frame_of(core::Request{core::Ask{.request = 5}});
};

// ---- strangers ------------------------------------------------------------------------------

// Strangers may have taken them all: a node that is slow to see it must not die of that.
TEST_F(LinksTrouble, WithoutDescriptorsAPeerIsTriedAgain) {
  const std::string warehouse_at = free_tcp_endpoint();
  TestNode& shop = add_node(
      {.name = "shop", .endpoint = free_tcp_endpoint(), .peers = {{"warehouse", warehouse_at}}});
  rlimit enough{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &enough), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = enough.rlim_max};

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  run_for(500ms);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &enough), 0);

  add_node({.name = "warehouse", .endpoint = warehouse_at, .peers = {{"shop", shop.endpoint()}}});
  EXPECT_TRUE(run_until([&] { return shop.sockets().is_up(core::PeerIndex{0}); }));
}

TEST_F(LinksTrouble, WhoSendsGarbageIsMutedAndTheHonestGoOn) {
  TestNode& node = add_shop();
  TestClient& honest = add_client("honest");
  const core::LinkId link = greet(honest, node);
  node.events.clear();
  Stranger& stranger = add_stranger(node.endpoint());

  EXPECT_EQ(refusal_of(stranger, "GET / HTTP/1.1\r\n\r\n"), RefusalReason::malformed);
  // Not even a proper greeting is heard on this connection any more.
  stranger.greet(client_greeting);
  stranger.send(ask);
  stranger.send("more garbage");
  ASSERT_TRUE(run_until([&] { return node.counters().frames_ignored == 3; }));

  EXPECT_EQ(stranger.welcome_count, 0);
  EXPECT_EQ(node.counters().connections_muted, 1U);
  EXPECT_EQ(node.counters().frames_malformed, 1U);
  EXPECT_EQ(node.count<LinkTrouble>(), 1U);
  EXPECT_EQ(honest.send(core::Ask{}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return node.count<ClientRequested>() == 1; }));
  EXPECT_EQ(node.reply(link, core::Settled{}), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return honest.count<core::Reply>() == 1; }));
  EXPECT_EQ(honest.count<LinkDown>(), 0U);
}

TEST_F(LinksTrouble, AnotherConnectionOfTheSameStrangerMayBehave) {
  TestNode& node = add_shop();
  EXPECT_EQ(refusal_of(add_stranger(node.endpoint()), "garbage"), RefusalReason::malformed);
  Stranger& second = add_stranger(node.endpoint());
  welcome(second, client_greeting);
  second.send(ask);
  EXPECT_TRUE(run_until([&] { return node.count<ClientRequested>() == 1; }));
}

TEST_F(LinksTrouble, TheSameTroubleIsReportedOnce) {
  TestNode& node = add_shop();
  for (int i = 0; i < 5; ++i)
    refusal_of(add_stranger(node.endpoint()), "garbage");
  EXPECT_EQ(node.count<LinkTrouble>(), 1U);
  EXPECT_EQ(node.counters().connections_muted, 5U);
}

TEST_F(LinksTrouble, AnotherVersionIsRefusedAtEachHandshakeAndReportedOnce) {
  TestNode& node = add_shop();
  Greeting newer = peer_greeting;
  newer.version_min = 2;
  newer.version_max = 3;

  for (int i = 0; i < 3; ++i) {
    Stranger& stranger = add_stranger(node.endpoint());
    EXPECT_EQ(refusal_of(stranger, encoded(newer)), RefusalReason::version);
    // Muted, as its later frames cannot be understood.
    const std::uint64_t ignored = node.counters().frames_ignored;
    stranger.send(samples::frame_of(core::Message{core::Forget{}}));
    ASSERT_TRUE(run_until([&] { return node.counters().frames_ignored > ignored; }));
  }

  EXPECT_EQ(node.counters().frames_of_other_version, 3U);
  ASSERT_EQ(node.count<LinkTrouble>(), 1U);
  const LinkTrouble trouble = node.all<LinkTrouble>().at(0);
  EXPECT_EQ(trouble.reason, RefusalReason::version);
  EXPECT_EQ(trouble.peer, core::PeerIndex{0});
  EXPECT_NE(trouble.what.find("warehouse"), std::string::npos);
  EXPECT_EQ(node.count<FrameReceived>(), 0U);
  // The same node after its repair.
  welcome(add_stranger(node.endpoint()), peer_greeting);
}

TEST_F(LinksTrouble, AVersionThatIncludesOursIsWelcome) {
  TestNode& node = add_shop();
  Greeting wide = client_greeting;
  wide.version_min = 0;
  wide.version_max = 200;
  welcome(add_stranger(node.endpoint()), wide);
}

TEST_F(LinksTrouble, AFrameOfAnotherVersionMutes) {
  TestNode& node = add_shop();
  Stranger& stranger = add_stranger(node.endpoint());
  welcome(stranger, client_greeting);
  std::string newer = ask;
  newer[4] = 2;
  EXPECT_EQ(refusal_of(stranger, newer), RefusalReason::version);
  EXPECT_EQ(node.counters().frames_of_other_version, 1U);
  EXPECT_EQ(node.count<ClientGone>(), 0U + 1U);
}

TEST_F(LinksTrouble, AFrameCutShortMutesItsClientForAWhile) {
  TestNode& node = add_shop();
  Stranger& stranger = add_stranger(node.endpoint());
  welcome(stranger, client_greeting);

  EXPECT_EQ(refusal_of(stranger, ask.substr(0, ask.size() - 1)), RefusalReason::malformed);
  ASSERT_TRUE(run_until([&] { return node.count<ClientGone>() == 1; }));
  const core::Instant muted_at = clock_now();
  EXPECT_EQ(refusal_of(add_stranger(node.endpoint()), encoded(client_greeting)),
            RefusalReason::fault);

  ASSERT_TRUE(run_until([&] {
    Stranger& again = add_stranger(node.endpoint());
    again.greet(client_greeting);
    return run_until([&] { return again.welcome_count > 0 || !again.refusals.empty(); }) &&
           again.welcome_count > 0;
  }));
  EXPECT_GE(clock_now() - muted_at, test_timing().penalty / 2);
}

TEST_F(LinksTrouble, AMessageOfSeveralPartsMutes) {
  TestNode& node = add_shop();
  void* context = zmq_ctx_new();
  void* socket = zmq_socket(context, ZMQ_DEALER);
  const int linger = 0;
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  ASSERT_EQ(zmq_connect(socket, node.endpoint().c_str()), 0);
  const std::string greeting = encoded(client_greeting);

  zmq_send(socket, greeting.data(), greeting.size(), ZMQ_SNDMORE);
  zmq_send(socket, "and more", 8, 0);

  EXPECT_TRUE(run_until([&] { return node.counters().connections_muted == 1; }));
  EXPECT_EQ(node.counters().handshakes_accepted, 0U);
  zmq_close(socket);
  zmq_ctx_term(context);
}

TEST_F(LinksTrouble, FramesOfTheWrongRoleMute) {
  TestNode& node = add_shop();
  Stranger& client = add_stranger(node.endpoint());
  welcome(client, client_greeting);
  EXPECT_EQ(refusal_of(client, samples::frame_of(core::Message{core::Forget{}})),
            RefusalReason::malformed);

  Stranger& peer = add_stranger(node.endpoint());
  welcome(peer, peer_greeting);
  EXPECT_EQ(refusal_of(peer, ask), RefusalReason::malformed);

  EXPECT_EQ(node.count<FrameReceived>(), 0U);
  EXPECT_EQ(node.count<ClientRequested>(), 0U);
}

TEST_F(LinksTrouble, AGreetingComesOnce) {
  TestNode& node = add_shop();
  Stranger& stranger = add_stranger(node.endpoint());
  welcome(stranger, client_greeting);
  EXPECT_EQ(refusal_of(stranger, encoded(client_greeting)), RefusalReason::malformed);
}

TEST_F(LinksTrouble, ANodeThatIsNotConfiguredIsRefused) {
  TestNode& node = add_shop();
  Greeting unknown = peer_greeting;
  unknown.name = "mallory";
  EXPECT_EQ(refusal_of(add_stranger(node.endpoint()), encoded(unknown)), RefusalReason::unknown);
  EXPECT_EQ(node.counters().handshakes_refused, 1U);
}

TEST_F(LinksTrouble, WhoDoesNotGreetIsNotHeard) {
  TestNode& node = add_shop();
  Stranger& stranger = add_stranger(node.endpoint());
  Stranger& other = add_stranger(node.endpoint());
  EXPECT_EQ(refusal_of(stranger, ask), RefusalReason::stranger);
  EXPECT_EQ(refusal_of(other, samples::frame_of(core::Message{core::Forget{}})),
            RefusalReason::stranger);
  EXPECT_EQ(node.count<ClientRequested>(), 0U);
  EXPECT_EQ(node.count<FrameReceived>(), 0U);
  // Nor what they say afterwards: they are to connect anew.
  stranger.greet(client_greeting);
  EXPECT_TRUE(run_until([&] { return stranger.end && other.end; }));
  EXPECT_EQ(stranger.welcome_count, 0);
}

TEST_F(LinksTrouble, TheSenderIsWhoGreetedWhateverTheFrameSays) {
  TestNode& node = add_node(
      {.name = "shop",
       .endpoint = free_tcp_endpoint(),
       .peers = {{"billing", ipc_endpoint("billing")}, {"warehouse", ipc_endpoint("warehouse")}}});
  Stranger& stranger = add_stranger(node.endpoint());
  welcome(stranger, peer_greeting);
  stranger.send(samples::frame_of(core::Message{core::Forget{}}));
  ASSERT_TRUE(run_until([&] { return node.count<FrameReceived>() == 1; }));
  EXPECT_EQ(node.all<FrameReceived>().at(0).from, core::PeerIndex{1});
}

TEST_F(LinksTrouble, MutedConnectionsAreForgottenWhenTheyEnd) {
  TestNode& node = add_shop();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(refusal_of(add_stranger(node.endpoint()), "garbage"), RefusalReason::malformed);
  }
  EXPECT_EQ(node.sockets().connection_count(), 20U);
  strangers.clear();
  EXPECT_TRUE(run_until([&] { return node.sockets().connection_count() == 0; }));
}

// ---- peers at fault -------------------------------------------------------------------------

TEST_F(LinksTrouble, APeerAtFaultIsMutedToldAndRefusedForAWhile) {
  const std::string shop_endpoint = ipc_endpoint("shop");
  const std::string warehouse_endpoint = ipc_endpoint("warehouse");
  TestNode& shop = add_node(
      {.name = "shop", .endpoint = shop_endpoint, .peers = {{"warehouse", warehouse_endpoint}}});
  TestNode& warehouse = add_node(
      {.name = "warehouse", .endpoint = warehouse_endpoint, .peers = {{"shop", shop_endpoint}}});
  ASSERT_TRUE(run_until([&] { return shop.count<PeerUp>() && warehouse.count<PeerUp>(); }));

  shop.sockets().mute_peer(clock_now(), core::PeerIndex{0}, "two different votes");
  ASSERT_TRUE(run_until([&] { return warehouse.count<PeerDown>() == 1; }));
  ASSERT_TRUE(run_until([&] { return warehouse.count<LinkTrouble>() >= 1; }));

  EXPECT_EQ(warehouse.all<LinkTrouble>().at(0).reason, RefusalReason::fault);
  EXPECT_EQ(shop.count<LinkTrouble>(), 1U);
  EXPECT_EQ(warehouse.send(0, core::Forget{}), SendResult::down);
  EXPECT_EQ(shop.send(0, core::Forget{}), SendResult::sent);  // The other way is another matter.
  EXPECT_TRUE(run_until([&] { return warehouse.count<PeerUp>() == 2; }));
  EXPECT_GE(shop.counters().handshakes_refused, 1U);
}

TEST_F(LinksTrouble, SomebodyElseAtAPeersAddressIsNotThatPeer) {
  const std::string endpoint = ipc_endpoint("warehouse");
  add_node({.name = "billing", .endpoint = endpoint, .peers = {{"shop", ipc_endpoint("x")}}});
  TestNode& shop = add_node(
      {.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {{"warehouse", endpoint}}});
  ASSERT_TRUE(run_until([&] { return shop.count<LinkTrouble>() == 1; }));
  run_for(300ms);
  EXPECT_EQ(shop.count<LinkTrouble>(), 1U);
  EXPECT_EQ(shop.count<PeerUp>(), 0U);
}

// ---- what is no node ------------------------------------------------------------------------

TEST_F(LinksTrouble, ANodeIsFoundAfterSomethingElseAnsweredAtItsAddress) {
  int round = 0;
  for (const std::string& answer :
       {bogus_greeting(), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(200, '\0'),
        std::string{}}) {
    nodes.clear();
    // Another one each time: ZeroMQ's thread closes the old one when it comes to it.
    const std::string own_endpoint = ipc_endpoint("shop" + std::to_string(++round));
    const std::string endpoint = free_tcp_endpoint();
    auto listener = std::make_unique<RawListener>(endpoint);
    listener->make_nonblocking();
    LinkTiming timing = test_timing();
    timing.handshake_patience = 500ms;
    TestNode& shop = add_node({.name = "shop",
                               .endpoint = own_endpoint,
                               .peers = {{"warehouse", endpoint}},
                               .timing = timing});
    ASSERT_TRUE(run_until([&] {
      listener->turn(answer);
      return listener->connection_count() >= 3;
    })) << "it gave up after "
        << listener->connection_count();
    EXPECT_EQ(shop.count<PeerUp>(), 0U);

    listener.reset();
    add_node({.name = "warehouse", .endpoint = endpoint, .peers = {{"shop", own_endpoint}}});
    EXPECT_TRUE(run_until([&] { return shop.count<PeerUp>() == 1; }));
  }
}

TEST_F(LinksTrouble, AClientLearnsThatSomethingElseAnswers) {
  const std::string endpoint = free_tcp_endpoint();
  RawListener listener(endpoint);
  listener.make_nonblocking();
  TestClient& client = add_client("checkout");
  client.connect(endpoint);
  ASSERT_TRUE(run_until([&] {
    listener.turn(bogus_greeting());
    return client.count<LinkDown>() == 1;
  }));
  EXPECT_FALSE(client.all<LinkDown>().at(0).refused.has_value());
}

// ---- host names -----------------------------------------------------------------------------

TEST_F(LinksTrouble, APeerIsFoundByTheNameOfItsHost) {
  const std::string endpoint = free_tcp_endpoint();
  const std::string port = endpoint.substr(endpoint.rfind(':'));
  TestNode& shop = add_node({.name = "shop",
                             .endpoint = ipc_endpoint("shop"),
                             .peers = {{"warehouse", "tcp://localhost" + port}}});
  add_node({.name = "warehouse", .endpoint = endpoint, .peers = {{"shop", ipc_endpoint("shop")}}});

  EXPECT_TRUE(run_until([&] { return shop.count<PeerUp>() == 1; }));
}

// A label of DNS has at most 63 letters: no name server is asked.
TEST_F(LinksTrouble, AHostThatDoesNotExistIsReportedOnceAndTriedAgain) {
  const std::string host(64, 'x');
  TestNode& shop = add_node({.name = "shop",
                             .endpoint = ipc_endpoint("shop"),
                             .peers = {{"warehouse", "tcp://" + host + ":7411"}}});

  ASSERT_TRUE(run_until([&] { return shop.counters().connects_failed >= 3; }));

  ASSERT_EQ(shop.count<LinkTrouble>(), 1U);
  const std::string what = shop.all<LinkTrouble>().at(0).what;
  EXPECT_NE(what.find("cannot find the host " + host), std::string::npos) << what;
}

TEST_F(LinksTrouble, AClientLearnsThatThereIsNoSuchHost) {
  const std::string host(64, 'x');
  TestClient& client = add_client("checkout");
  client.connect("tcp://" + host + ":7411");

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  const LinkDown down = client.all<LinkDown>().at(0);
  EXPECT_FALSE(down.refused.has_value());
  EXPECT_NE(down.why.find("cannot find the host"), std::string::npos) << down.why;
}

// ---- configuration --------------------------------------------------------------------------

std::string open_error(const NodeSocketsOptions& options) {
  TrustedNames authenticator({});
  const auto sockets = NodeSockets::open(process_context(), authenticator, options);
  if (sockets) return "";
  EXPECT_EQ(sockets.error().code, core::Errc::local_closed);
  return sockets.error().detail;
}

TEST_F(LinksTrouble, OnlySafeEndpointsAreAllowed) {
  for (const std::string endpoint : {"udp://127.0.0.1:9", "pgm://127.0.0.1;239.0.0.1:9", "ws://*:9",
                                     "tcp://", "127.0.0.1:9", ""}) {
    EXPECT_NE(open_error({.name = "n", .listen = {endpoint}, .peers = {}}), "");
    EXPECT_NE(open_error({.name = "n",
                          .listen = {"inproc://allowed"},
                          .peers = {{.peer = {}, .name = "p", .endpoint = endpoint}}}),
              "");
    ClientSocket client(process_context(), {.name = {}});
    EXPECT_FALSE(client.connect(clock_now(), endpoint).has_value());
  }
}

TEST_F(LinksTrouble, AnAddressInUseIsSaidToBe) {
  TestNode& node = add_shop();
  const std::string error = open_error({.name = "n", .listen = {node.endpoint()}, .peers = {}});
  EXPECT_NE(error.find(node.endpoint()), std::string::npos);
  EXPECT_NE(error.find("in use"), std::string::npos);
}

// ZeroMQ itself would take it over, and the first node would never hear of it.
TEST_F(LinksTrouble, APathOnWhichAnotherNodeListensIsNotTakenOver) {
  TestNode& node = add_node({.name = "shop", .endpoint = ipc_endpoint("shop"), .peers = {}});

  const std::string error = open_error({.name = "n", .listen = {node.endpoint()}, .peers = {}});

  EXPECT_NE(error.find(node.endpoint()), std::string::npos);
  EXPECT_NE(error.find("another process listens there"), std::string::npos);
  TestClient& client = add_client("checkout");
  greet(client, node);
}

TEST_F(LinksTrouble, APathThatADeadProcessLeftBehindIsUsed) {
  const std::string endpoint = ipc_endpoint("left-behind");
  {
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    endpoint.copy(address.sun_path, sizeof address.sun_path - 1, std::string("ipc://").size());
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(left);
  }

  EXPECT_EQ(open_error({.name = "n", .listen = {endpoint}, .peers = {}}), "");
}

TEST_F(LinksTrouble, AFreePortIsFoundAndTold) {
  TestNode& node = add_node({.name = "shop", .endpoint = "tcp://127.0.0.1:*", .peers = {}});
  TestClient& client = add_client("checkout");
  greet(client, node);
}

}  // namespace
}  // namespace nemcon::transport
