// Goal: whoever sends faster than a node takes it, and then ends its connection by a reset, ends
// nothing else. Method: a daemon without keys, and raw bytes with frames and ZeroMQ's own PINGs.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/system/mesh.hpp"
#include "tests/system/stranger.hpp"
#include "transport/codec.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned char is_long = 2;
constexpr unsigned char is_command = 4;

// As RFC 23 has it.
std::string zmtp_frame(unsigned char flags, std::string_view body) {
  std::string frame;
  if (body.size() < 256) {
    frame += static_cast<char>(flags);
    frame += static_cast<char>(body.size());
  } else {
    frame += static_cast<char>(flags | is_long);
    for (unsigned shift = 64; shift > 0;) {
      shift -= 8;
      frame += static_cast<char>(body.size() >> shift & 0xffU);
    }
  }
  return frame.append(body);
}

// Of ZeroMQ, after the 64 bytes, and then of a client.
std::string handshake() {
  using std::string_literals::operator""s;
  const std::string ready =
      "\x05READY\x0bSocket-Type\0\0\0\x06"
      "DEALER"s;
  transport::FrameBuffer greeting;
  encode(greeting,
         transport::Greeting{
             .role = transport::Role::client, .frame_bytes_max = 1U << 20U, .name = "flood"});
  return zmtp_frame(is_command, ready) + zmtp_frame(0, greeting.view());
}

// Some questions, each with an answer that is longer.
std::string questions() {
  std::vector<core::Request> requests;
  for (std::uint64_t i = 1; i <= 20; ++i)
    requests.emplace_back(core::Inspect{.request = i, .topic = core::Topic::queues, .id = {}});
  transport::FrameBuffer out;
  (void)encode_requests(out, requests, transport::decode_limits(core::Limits{}));
  return zmtp_frame(0, out.view());
}

// "Answer within ten seconds."
std::string zmtp_ping() {
  using std::string_literals::operator""s;
  return zmtp_frame(is_command, "\x04PING\0\x64"s);
}

// Who is not let in yet is cut before it has sent much.
void be_let_in(const Stranger& stranger) {
  stranger.send(zmtp_greeting("NULL"));
  // Its own one and the begin of its READY: before it has said that, ZeroMQ takes nothing but a
  // handshake.
  ASSERT_TRUE(stranger.hear(65));
  stranger.send(handshake());
  // The rest of READY, and the head of our welcome.
  ASSERT_TRUE(stranger.hear(42 + 2 + transport::frame_header_bytes));
}

// 1. A queue in ZeroMQ is full: it stops in the middle of what it has received, with a PING next.
// 2. The connection is reset. 3. The node takes from the queue, and ZeroMQ goes on with the PING.
TEST(Flood, WithPingsInItThatEndsWithAResetDoesNotEndTheNode) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client honest({.nodes = {mesh.endpoint("shop")}, .deadline = patience});
  std::string flood;
  while (flood.size() < std::size_t{1} << 20U)
    flood += questions() + zmtp_ping();

  std::size_t most = 0;
  for (int round = 0; round < 5; ++round) {
    const Stranger stranger(mesh.endpoint("shop"));
    ASSERT_NO_FATAL_FAILURE(be_let_in(stranger)) << mesh.diagnostics();
    const Clock::time_point give_up = Clock::now() + 600ms;
    std::size_t sent = 0;
    while (sent < std::size_t{50} << 20U && Clock::now() < give_up) {
      const std::size_t taken =
          stranger.try_send(std::string_view{flood}.substr(sent % flood.size()));
      if (taken == 0) std::this_thread::sleep_for(100us);
      sent += taken;
    }
    most = std::max(most, sent);
    stranger.reset_when_closed();
  }

  // More than a queue of ZeroMQ's took when it had an end.
  EXPECT_GT(most, std::size_t{4} << 20U);
  // While what they left behind is taken.
  const Clock::time_point end = Clock::now() + 1s;
  while (Clock::now() < end) {
    ASSERT_TRUE(mesh.daemon("shop").is_running()) << mesh.diagnostics();
    ASSERT_TRUE(honest.send("inbox", "order").committed()) << mesh.diagnostics();
  }
}

}  // namespace
}  // namespace nemcon::tests
