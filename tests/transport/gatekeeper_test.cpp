// Goal: a node never listens with keys while nobody decides whom they let in. Method: ZeroMQ as it
// is, with and without our settings, and the test that a node makes at its start.
#include "transport/gatekeeper.hpp"

#include <string>

#include <gtest/gtest.h>
#include <zmq.h>

#include "transport/authenticator.hpp"
#include "transport/links.hpp"
#include "transport/poller.hpp"
#include "transport/socket.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;

SocketTuning tuning_of(const KeyPair& keys) {
  return {.heartbeat_interval = 1s,
          .heartbeat_timeout = 3s,
          .handshake_patience = 2s,
          .frame_bytes_max = 4096,
          .own_keys = &keys,
          .domain = "gatekeeper_test"};
}

// In this order, in one process: nothing can stop the gatekeeper once it is there.
class Gate : public testing::Test {
 protected:
  KeyPair keys_ = make_key_pair();
  Poller poller_;
};

TEST_F(Gate, OfZeroMqAloneIsOpenAndTheStartSeesIt) {
  // As everybody sets it up who reads the manual: keys and a domain, and no handler.
  void* const server = zmq_socket(process_context().handle(), ZMQ_ROUTER);
  const int yes = 1;
  const int linger = 0;
  zmq_setsockopt(server, ZMQ_LINGER, &linger, sizeof linger);
  zmq_setsockopt(server, ZMQ_ZAP_DOMAIN, "x", 1);
  zmq_setsockopt(server, ZMQ_CURVE_SERVER, &yes, sizeof yes);
  zmq_setsockopt(server, ZMQ_CURVE_SECRETKEY, keys_.secret.bytes().data(), key_bytes);
  ASSERT_EQ(zmq_bind(server, "tcp://127.0.0.1:*"), 0);
  char endpoint[64];
  std::size_t size = sizeof endpoint;
  ASSERT_EQ(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);

  const core::Status proved = prove_refusal(process_context(), endpoint, keys_.public_key);

  ASSERT_FALSE(proved.has_value());
  EXPECT_NE(proved.error().detail.find("it was not refused"), std::string::npos)
      << proved.error().detail;
  zmq_close(server);
}

TEST_F(Gate, WithoutAKeeperIsShutAndTheStartSeesThat) {
  RouterSocket router(process_context(), poller_, tuning_of(keys_));
  const auto endpoint = router.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(endpoint.has_value());

  const core::Status proved = prove_refusal(process_context(), *endpoint, keys_.public_key);

  EXPECT_FALSE(proved.has_value());
}

TEST_F(Gate, ThatSomebodyElseKeepsIsNotTaken) {
  void* const other = zmq_socket(process_context().handle(), ZMQ_REP);
  ASSERT_EQ(zmq_bind(other, "inproc://zeromq.zap.01"), 0);
  TrustedNames nobody({});
  NodeSocketsOptions options{.name = "shop", .listen = {"tcp://127.0.0.1:*"}};
  options.keys = NodeKeys{.own = std::make_shared<const KeyPair>(make_key_pair())};

  const auto opened = NodeSockets::open(process_context(), nobody, options);

  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, core::Errc::local_refused);
  zmq_close(other);
}

TEST_F(Gate, WithItsKeeperRefusesWhomNobodyKnows) {
  // The one before may need a moment to leave.
  core::Result<Gatekeeper*> keeper = Gatekeeper::of_process();
  for (int i = 0; i < 1000 && !keeper; ++i)
    keeper = Gatekeeper::of_process();
  ASSERT_TRUE(keeper.has_value());
  RouterSocket router(process_context(), poller_, tuning_of(keys_));
  const auto endpoint = router.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(endpoint.has_value());

  // Nobody has said anything about this domain yet.
  EXPECT_TRUE(prove_refusal(process_context(), *endpoint, keys_.public_key).has_value());
  (*keeper)->admit("gatekeeper_test", {make_key_pair().public_key});
  EXPECT_TRUE(prove_refusal(process_context(), *endpoint, keys_.public_key).has_value());

  EXPECT_EQ((*keeper)->take_refusals("gatekeeper_test").count, 1u);
}

TEST_F(Gate, TestAtTheStartNeedsTheRightAnswer) {
  // Refused as well, but not for what it is: it spoke with somebody else.
  RouterSocket router(process_context(), poller_, tuning_of(keys_));
  const auto endpoint = router.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(endpoint.has_value());

  EXPECT_FALSE(prove_refusal(process_context(), *endpoint, make_key_pair().public_key).has_value());
}

}  // namespace
}  // namespace nemcon::transport
