// Goal: a client that asks faster than a node will answer waits, loses nothing by it, and takes
// nothing from others; one that does not wait is cut. Method: real sockets on loopback, one
// thread.
#include "tests/transport/mesh_fixture.hpp"

namespace nemcon::transport {
namespace {

using core::ClientRequested;

// Which cost most for their size.
constexpr std::uint64_t openings_at_once = requests_per_second_max / requests_for_dear_one;

core::Request opening(std::uint64_t number) {
  return core::Open{.request = number, .name = {}, .client = {}, .epoch = {}, .above = {}};
}

class LinksPace : public Mesh {
 protected:
  TestNode& add_shop(std::uint64_t held_bytes_max) {
    return add_node({.name = "shop",
                     .endpoint = ipc_endpoint("shop"),
                     .peers = {},
                     .held_bytes_max = held_bytes_max});
  }

  // Asks without a pause until it is cut. How many bytes it got rid of.
  std::uint64_t flood(TestNode& node) {
    Stranger& client = add_stranger(node.endpoint());
    client.greet({.role = Role::client, .frame_bytes_max = 1U << 20U, .name = "c"});
    EXPECT_TRUE(run_until([&] { return client.welcome_count == 1; }));
    EXPECT_EQ(*encode_requests(frame, openings, decode_limits({})), openings.size());
    std::uint64_t sent_bytes = 0;
    EXPECT_TRUE(run_until([&] {
      for (int i = 0; i < 100 && client.try_send(frame.view()); ++i)
        sent_bytes += frame.byte_count();
      return client.end.has_value() || !client.refusals.empty();
    }));
    EXPECT_EQ(node.counters().frames_malformed, 1U);
    return sent_bytes;
  }

  std::vector<core::Request> openings = std::vector<core::Request>(100, opening(1));
  FrameBuffer frame;
};

TEST_F(LinksPace, WhoAsksTooFastIsToldToHoldAndThenToGoOn) {
  TestNode& node = add_shop(std::uint64_t{32} << 20U);
  TestClient& client = add_client("checkout");
  greet(client, node);
  node.events.clear();
  std::uint64_t sent_count = 0;
  ASSERT_TRUE(run_until([&] {
    for (int i = 0; i < 100 && client.send(opening(sent_count + 1)) == SendResult::sent; ++i)
      ++sent_count;
    return client.count<LinkHeld>() == 1;
  }));
  EXPECT_GT(sent_count, openings_at_once);
  EXPECT_TRUE(client.all<LinkHeld>().at(0).held);
  EXPECT_EQ(node.counters().clients_paced, 1U);

  // Another one has a pace of its own.
  TestClient& other = add_client("till");
  const std::size_t before = node.count<ClientRequested>();
  greet(other, node);
  EXPECT_GT(node.count<ClientRequested>(), before);
  EXPECT_EQ(other.count<LinkHeld>(), 0U);

  ASSERT_TRUE(run_until([&] { return client.count<LinkHeld>() == 2; }));
  EXPECT_FALSE(client.all<LinkHeld>().at(1).held);
  ASSERT_EQ(client.send(opening(++sent_count)), SendResult::sent);
  run_for(std::chrono::milliseconds{50});
  EXPECT_EQ(client.count<LinkHeld>(), 2U);
  // All that it has sent, what was under way as well; and what greeting the other one took.
  EXPECT_EQ(node.count<ClientRequested>(), sent_count + 1);
}

TEST_F(LinksPace, WhoGoesOnAllTheSameIsCut) {
  TestNode& node = add_shop(std::uint64_t{32} << 20U);
  EXPECT_GT(flood(node), link_window_bytes);
  // What was paid for at once is answered, and nothing of what waited.
  EXPECT_LE(node.count<ClientRequested>(), openings_at_once + 3 * openings.size());
}

TEST_F(LinksPace, WhatWaitsOfAllIsBoundedAsWell) {
  TestNode& node = add_shop(std::uint64_t{1} << 20U);
  TestClient& other = add_client("till");
  greet(other, node);
  flood(node);
  run_for(std::chrono::milliseconds{50});
  EXPECT_EQ(other.count<LinkDown>(), 0U);
}

}  // namespace
}  // namespace nemcon::transport
