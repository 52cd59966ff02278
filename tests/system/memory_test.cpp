// Goal: memory does not grow with the backlog. Method: a daemon, a million messages that nobody
// takes, and what the kernel says of its memory; pages of the store's map are not counted, since
// the kernel takes them back when it needs them.
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nemcon/client.hpp>

#include "tests/system/daemon.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t message_count = 1'000'000;
constexpr std::uint64_t growth_kib_max = 64 << 10;

// Resident memory that is not backed by a file.
std::uint64_t anonymous_kib(const Daemon& daemon) {
  std::ifstream status("/proc/" + std::to_string(daemon.process()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) return std::stoull(line.substr(8));
  }
  ADD_FAILURE() << "no RssAnon";
  return 0;
}

// Sends, keeping `window` on the way; false when one was not committed.
bool send_many(Client& client, std::uint64_t count) {
  constexpr std::uint64_t window = 2000;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t ended = 0;
  bool all_committed = true;
  const std::string body(100, 'x');
  for (std::uint64_t sent = 0; sent < count; ++sent) {
    {
      std::unique_lock lock{mutex};
      changed.wait(lock, [&] { return sent - ended < window; });
    }
    client.send_async("inbox", Message(body), [&](const Outcome& outcome) {
      const std::lock_guard lock{mutex};
      ++ended;
      all_committed = all_committed && outcome.committed();
      changed.notify_one();
    });
  }
  std::unique_lock lock{mutex};
  changed.wait(lock, [&] { return ended == count; });
  return all_committed;
}

TEST(Memory, AMillionMessagesThatWaitCostLessThan64MiB) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Client client({.nodes = {mesh.endpoint("shop")}, .deadline = 60s});
  ASSERT_TRUE(send_many(client, 1000));  // Buffers have their size then.
  const std::uint64_t before = anonymous_kib(mesh.daemon("shop"));

  ASSERT_TRUE(send_many(client, message_count)) << mesh.diagnostics();

  // What the last checkpoint has not taken over yet goes with it.
  const auto end = std::chrono::steady_clock::now() + patience;
  while (anonymous_kib(mesh.daemon("shop")) > before + growth_kib_max &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(50ms);
  }
  const std::uint64_t after = anonymous_kib(mesh.daemon("shop"));
  std::cout << "resident without the map: " << before << " KiB before, " << after << " KiB after\n";
  EXPECT_LT(after, before + growth_kib_max);
}

}  // namespace
}  // namespace nemcon::tests
