// Goal: what a stranger or a careless client sends is refused, named, and hurts nobody else.
// Method: daemons on loopback, raw bytes into their ports, requests beyond every limit.
#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <variant>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.hpp"
#include "tests/system/caller.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::tests {
namespace {

using Bodies = std::vector<std::string>;

// A plain TCP connection to "tcp://127.0.0.1:PORT".
class Stranger {
 public:
  explicit Stranger(const std::string& endpoint) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    NEMCON_CHECK(socket_ >= 0);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the interface of sockets.
    const auto* const plain = reinterpret_cast<const sockaddr*>(&address);
    NEMCON_CHECK(connect(socket_, plain, sizeof(address)) == 0, endpoint);
  }

  ~Stranger() { close(socket_); }

  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void say(const std::string& bytes) const {
    // The node may have hung up already.
    (void)send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // Waits until the node has said something.
  void hear() const {
    std::array<char, 1024> bytes{};
    NEMCON_CHECK(recv(socket_, bytes.data(), bytes.size(), 0) > 0);
  }

 private:
  int socket_;
};

// The greeting of ZMTP 3.0 with the NULL mechanism.
std::string zmtp_greeting() {
  std::string greeting("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16);
  greeting.resize(64, '\0');
  return greeting;
}

// What a ZeroMQ socket of another program would say: its handshake, then one message.
void say_as_zmq(const Stranger& stranger, const std::string& body) {
  constexpr std::size_t signature_bytes = 10;
  const std::string ready(
      "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
      "DEALER",
      30);
  stranger.say(zmtp_greeting().substr(0, signature_bytes));
  stranger.hear();
  stranger.say(zmtp_greeting().substr(signature_bytes));
  stranger.hear();
  stranger.say(ready);
  stranger.say(std::string(1, '\0') + static_cast<char>(body.size()) + body);
}

std::uint64_t count_of(const core::Report& report, const std::string& name) {
  for (const core::CountReport& count : report.counts)
    if (count.name == name) return count.value;
  ADD_FAILURE() << "no count " << name;
  return 0;
}

// A thread of ZeroMQ reads what strangers say: a request of ours may come first.
core::Report wait_for_count(Caller& caller, const std::string& name) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  core::Report report = caller.inspect(core::Topic::status);
  while (count_of(report, name) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    report = caller.inspect(core::Topic::status);
  }
  return report;
}

TEST(BadInput, WhatAStrangerTriedIsCounted) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");
  const Stranger stranger(mesh.endpoint("shop"));

  say_as_zmq(stranger, "how do you do");

  const core::Report report = wait_for_count(caller, "frames_malformed");
  EXPECT_EQ(count_of(report, "frames_malformed"), 1U);
  EXPECT_EQ(count_of(report, "links_muted"), 1U);
}

TEST(BadInput, WhoDoesNotSpeakZeroMqIsCountedAndReportedOnce) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");

  for (int i = 0; i < 3; ++i) {
    const Stranger stranger(mesh.endpoint("shop"));
    stranger.say(zmtp_greeting() + std::string(200, 'x'));
  }

  EXPECT_GE(count_of(wait_for_count(caller, "links_failed"), "links_failed"), 1U);
  EXPECT_EQ(mesh.daemon("shop").stop(), (Exit{.code = 0, .signal = 0}));
  const std::string diagnostics = mesh.diagnostics();
  const std::string report = "does not speak ZeroMQ's protocol";
  const std::size_t first = diagnostics.find(report);
  ASSERT_NE(first, std::string::npos) << diagnostics;
  EXPECT_EQ(diagnostics.find(report, first + 1), std::string::npos) << diagnostics;
}

TEST(BadInput, GarbageOnThePortHurtsNobodyElse) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");
  std::string noise(10'000, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i)
    noise[i] = static_cast<char>((i * 2'654'435'761U) >> 13U);

  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: shop\r\n\r\n"), noise, zmtp_greeting() + noise,
        // A READY command that says it is longer than any.
        zmtp_greeting() + std::string("\x06\xff\xff\xff\xff\xff\xff\xff\xff", 9)}) {
    const Stranger stranger(mesh.endpoint("shop"));
    stranger.say(bytes);
    ASSERT_TRUE(caller.commit({deliver("inbox", "order")})) << mesh.diagnostics();
  }

  EXPECT_EQ(caller.receive("inbox", 4), Bodies(4, "order"));
  EXPECT_EQ(mesh.daemon("shop").stop(), (Exit{.code = 0, .signal = 0}));
}

// Silent connections, as a port scanner makes them.
TEST(BadInput, ConnectionsThatSayNothingAreNotWaitedFor) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  std::vector<std::unique_ptr<Stranger>> strangers;
  // Fewer than one address may make at once (max_connects_per_second).
  for (int i = 0; i < 20; ++i)
    strangers.push_back(std::make_unique<Stranger>(mesh.endpoint("shop")));

  Caller caller(mesh.endpoint("shop"), "");

  EXPECT_TRUE(caller.commit({deliver("inbox", "order")}));
}

TEST(BadInput, AMessageOverTheLimitIsRefusedBeforeAnythingIsWritten) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");

  const auto reply = caller.submit(caller.transaction(
      {deliver("inbox@shop", "small"), deliver("inbox@billing", std::string(65 << 10, 'x'))}));

  ASSERT_TRUE(reply && std::holds_alternative<core::Denied>(*reply)) << mesh.diagnostics();
  EXPECT_EQ(std::get<core::Denied>(*reply).reason, core::Reason::too_large);
  EXPECT_FALSE(std::get<core::Denied>(*reply).retryable);
  EXPECT_NE(std::get<core::Denied>(*reply).text.find("65536"), std::string::npos)
      << std::get<core::Denied>(*reply).text;
  EXPECT_EQ(caller.message_count("inbox"), 0U);
}

TEST(BadInput, TooManyBranchesAreRefusedBeforeAnythingIsWritten) {
  Mesh mesh({"shop", "billing"}, "", "max_transaction_branches = 1");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");

  const auto reply = caller.submit(
      caller.transaction({deliver("inbox@shop", "a"), deliver("inbox@billing", "b")}));

  ASSERT_TRUE(reply && std::holds_alternative<core::Denied>(*reply)) << mesh.diagnostics();
  EXPECT_EQ(std::get<core::Denied>(*reply).reason, core::Reason::too_many_branches);
  EXPECT_EQ(caller.message_count("inbox"), 0U);
  EXPECT_TRUE(caller.commit({deliver("inbox@shop", "a")}));
}

// The transaction has the reason of the missing service, not of a clock.
TEST(BadInput, AnUnknownServiceRollsBackWithThatReason) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");
  core::Part call;
  call.kind = core::OperationKind::call;
  call.target = "charge@billing";

  const auto reply = caller.submit(caller.transaction({deliver("inbox@shop", "order"), call}));

  ASSERT_TRUE(reply && std::holds_alternative<core::Concluded>(*reply)) << mesh.diagnostics();
  EXPECT_EQ(std::get<core::Concluded>(*reply).verdict, core::Verdict::rolled_back);
  EXPECT_EQ(std::get<core::Concluded>(*reply).reason, core::Reason::unknown_service);
  EXPECT_EQ(caller.message_count("inbox"), 0U);
}

TEST(BadInput, AClientThatVanishesGivesBackWhatItHeld) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller stays(mesh.endpoint("shop"), "");
  ASSERT_TRUE(stays.commit({deliver("inbox", "order")}));
  {
    Caller vanishes(mesh.endpoint("shop"), "");
    ASSERT_EQ(vanishes.receive("inbox", 1), Bodies{"order"});
  }

  // Long before the lease would end (30 s): receive() waits for less than that.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(stays.receive("inbox", 1), Bodies{"order"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{15});
}

}  // namespace
}  // namespace nemcon::tests
