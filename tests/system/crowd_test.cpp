// Goal: strangers without a key cost a node little, and its friends nothing, whatever they do with
// their connections. Method: a real daemon, raw sockets that do it, an honest client beside them.
#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/footprint.hpp"
#include "tests/system/keyed_mesh.hpp"
#include "tests/system/stranger.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Crowd : public KeyedMesh {
 protected:
  [[nodiscard]] Footprint footprint() const { return footprint_of(daemons_.at("shop")->process()); }

  // From 127.0.0.`last`; honest clients have 1.
  std::vector<std::unique_ptr<Stranger>> strangers(std::size_t count, std::uint32_t last = 1) {
    std::vector<std::unique_ptr<Stranger>> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(std::make_unique<Stranger>(endpoints_.at("shop"), last));
    return all;
  }

  [[nodiscard]] std::uint64_t counted(const std::string& name) const {
    Client client(as_operator("shop"));
    return client.status().counts.at(name);
  }
};

TEST_F(Crowd, OfIdleConnectionsIsGoneAfterTheHandshakeTime) {
  make({"shop"});
  write("shop", config("shop") + "max_connects_per_second = 100000\n");
  start();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());
  const std::size_t before = footprint().resident_kib;

  const std::vector<std::unique_ptr<Stranger>> crowd = strangers(600);
  // Half of them begin as ZeroMQ does, and say no more.
  for (std::size_t i = 0; i < crowd.size(); i += 2)
    crowd[i]->send(zmtp_greeting("CURVE"));
  std::size_t most = before;
  Clock::duration slowest{};
  const Clock::time_point began = Clock::now();
  const auto all_gone = [&] {
    return std::ranges::all_of(crowd, [](const auto& one) { return one->is_closed(); });
  };
  while (!all_gone()) {
    ASSERT_LT(Clock::now() - began, 10s);
    const Clock::time_point sent_at = Clock::now();
    ASSERT_TRUE(honest.send("inbox", "during").committed());
    slowest = std::max(slowest, Clock::now() - sent_at);
    most = std::max(most, footprint().resident_kib);
    std::this_thread::sleep_for(10ms);
  }
  // The handshake time is two seconds.
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_LT(slowest, 1s);
  EXPECT_LT(most - before, 600u * 64);
  RecordProperty("kib_per_connection", static_cast<int>((most - before) / 600));
}

TEST_F(Crowd, HugeFrameBeforeAnyKeyIsCutAtItsHead) {
  make({"shop"});
  start();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());
  const std::size_t before = footprint().resident_kib;

  const std::vector<std::unique_ptr<Stranger>> crowd = strangers(20);
  const std::string some(1U << 20U, 'x');
  for (const auto& stranger : crowd)
    stranger->send(zmtp_greeting("CURVE") + command_head(std::uint64_t{1} << 30U) + some);
  const Clock::time_point began = Clock::now();
  while (!std::ranges::all_of(crowd, [](const auto& one) { return one->is_closed(); })) {
    ASSERT_LT(Clock::now() - began, 2s) << "that is as long as idle ones may stay";
    std::this_thread::sleep_for(5ms);
  }

  EXPECT_LT(footprint().resident_kib, before + (8u << 10u));
  EXPECT_TRUE(honest.send("inbox", "after").committed());
}

TEST_F(Crowd, ThatSendsAnyBytesAtAnyStageHurtsNobody) {
  make({"shop"});
  write("shop", config("shop") + "max_connects_per_second = 100000\n");
  start();
  Client honest(as_operator("shop"));
  std::mt19937_64 random(2026);
  for (int round = 0; round < 20; ++round) {
    const std::vector<std::unique_ptr<Stranger>> crowd = strangers(30);
    for (std::size_t i = 0; i < crowd.size(); ++i)
      crowd[i]->send(garbage(i, random));
    ASSERT_TRUE(honest.send("inbox", "during").committed()) << diagnostics();
  }
  EXPECT_TRUE(daemons_["shop"]->is_running()) << diagnostics();
  EXPECT_EQ(counted("frames_malformed"), 0u) << "a byte of a stranger was read as a frame";
  // Counted when the node looks, which is twice a second.
  const Clock::time_point give_up = Clock::now() + patience;
  while (counted("links_failed") < 100 && Clock::now() < give_up)
    std::this_thread::sleep_for(50ms);
  EXPECT_GE(counted("links_failed"), 100u);
}

TEST_F(Crowd, OfOneAddressIsHeldOffForAWhileAndOthersAreNot) {
  make({"shop"});
  write("shop", config("shop") + "max_connects_per_second = 20\n");
  start();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());

  const std::vector<std::unique_ptr<Stranger>> crowd = strangers(30, 2);
  ASSERT_TRUE(daemons_["shop"]->wait_for("127.0.0.2 makes more than 20 connections a second"))
      << diagnostics();
  const Clock::time_point give_up = Clock::now() + patience;
  const auto waits = [](const auto& stranger) { return !stranger->is_connected(); };
  std::vector<std::unique_ptr<Stranger>> late;
  do {
    ASSERT_LT(Clock::now(), give_up) << diagnostics();
    late = strangers(10, 2);
    std::this_thread::sleep_for(150ms);
  } while (!std::ranges::any_of(late, waits));
  // A client of another address comes in at once.
  EXPECT_GE(counted("addresses_held_off"), 1u);
  EXPECT_TRUE(honest.send("inbox", "after").committed());

  const auto last = std::ranges::find_if(late, waits);
  while (last != late.end() && waits(*last)) {
    ASSERT_LT(Clock::now(), give_up) << diagnostics();
    std::this_thread::sleep_for(50ms);
  }
}

TEST_F(Crowd, ThatWouldTakeAllDescriptorsIsHeldOff) {
  make({"shop"});
  // Far more than it has descriptors for while handshakes take their time. It may open 600.
  write("shop", config("shop") + "max_connects_per_second = 100000\n");
  ASSERT_TRUE(begin("shop", {"/usr/bin/prlimit", "--nofile=600:600"}).wait_until_ready())
      << diagnostics();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());

  // More than it could take, and each that is not there comes back.
  std::vector<std::unique_ptr<Stranger>> crowd = strangers(900);
  const auto crowd_again = [&] {
    for (auto& stranger : crowd) {
      if (stranger->is_connected() && !stranger->is_closed()) continue;
      stranger = std::make_unique<Stranger>(endpoints_.at("shop"));
    }
    ASSERT_TRUE(honest.send("inbox", "during").committed());
    std::this_thread::sleep_for(10ms);
  };
  const Clock::time_point give_up = Clock::now() + patience;
  while (daemons_["shop"]->diagnostics().find("no further ones are accepted") ==
         std::string::npos) {
    ASSERT_LT(Clock::now(), give_up) << diagnostics();
    ASSERT_NO_FATAL_FAILURE(crowd_again());
  }
  const double used_before = footprint().processor_time;
  const Clock::time_point began = Clock::now();
  while (Clock::now() - began < 5s)
    ASSERT_NO_FATAL_FAILURE(crowd_again());
  // Without descriptors libzmq's thread would try to accept all the time.
  EXPECT_LT(footprint().processor_time - used_before, 1.0);
  EXPECT_TRUE(daemons_["shop"]->is_running());
  crowd.clear();

  EXPECT_GE(counted("links_held_off"), 1u);
  EXPECT_TRUE(honest.send("inbox", "after").committed());
}

}  // namespace
}  // namespace nemcon::tests
