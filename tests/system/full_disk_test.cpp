// Goal: on a full disk a node refuses new work with a clear reason, goes on with what takes
// messages away, loses nothing, and goes on by itself when there is room. Method: a daemon whose
// data directory is a small file system in memory that only it has, and a file that fills it.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <variant>

#include <gtest/gtest.h>

#include "tests/system/caller.hpp"
#include "tests/system/daemon.hpp"

namespace nemcon::tests {
namespace {

bool can_mount() {
  return std::system("unshare -rm true >/dev/null 2>&1") == 0;
}

// What became of one message of `body_bytes`.
enum class Told { committed, disk_full, something_else };

Told send(Caller& caller, std::size_t body_bytes) {
  const auto reply =
      caller.submit(caller.transaction({deliver("inbox", std::string(body_bytes, 'x'))}));
  if (!reply) return Told::something_else;
  if (const auto* const denied = std::get_if<core::Denied>(&*reply)) {
    return denied->reason == core::Reason::disk_full && denied->retryable ? Told::disk_full
                                                                          : Told::something_else;
  }
  const auto* const concluded = std::get_if<core::Concluded>(&*reply);
  if (concluded == nullptr) return Told::something_else;
  if (concluded->verdict == core::Verdict::committed) return Told::committed;
  return concluded->reason == core::Reason::disk_full ? Told::disk_full : Told::something_else;
}

TEST(FullDisk, RefusesNewWorkGoesOnWithTheOldAndRecoversByItself) {
  if (!can_mount()) GTEST_SKIP() << "no name space of mounts to be had";
  const Workspace workspace;
  const std::string disk = workspace.path("disk");
  std::filesystem::create_directory(disk);
  const std::string file = workspace.write(
      "a.toml", "[node]\nname = 'a'\ndata = '" + disk +
                    "/data'\nlisten = ['tcp://127.0.0.1:*']\n[[queue]]\nname = 'inbox'\n[limits]\n"
                    "max_message_bytes = '64KiB'\nmax_transaction_bytes = '256KiB'\n");
  // Room for journal (26 MiB), ballast (16 MiB) and a little more.
  const std::string mount = "mount -t tmpfs -o size=80m tmpfs '" + disk + "' && exec \"$0\" \"$@\"";
  Daemon daemon(workspace, {.name = "a",
                            .arguments = {"--config", file},
                            .wrapper = {"unshare", "-rm", "sh", "-c", mount},
                            .directory = {}});
  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  Caller caller(daemon.endpoint(), "");
  ASSERT_EQ(send(caller, 1000), Told::committed);

  const std::string filler =
      "/proc/" + std::to_string(daemon.process()) + "/root" + disk + "/filler";
  {
    std::ofstream file_of_zeros(filler, std::ios::binary);
    const std::string zeros(1 << 20, '\0');
    while (file_of_zeros.write(zeros.data(), static_cast<std::streamsize>(zeros.size())).flush()) {
    }
  }
  std::uint64_t committed = 1;
  Told told = Told::committed;
  while (told == Told::committed && committed < 1000) {
    told = send(caller, 60'000);
    if (told == Told::committed) ++committed;
  }
  ASSERT_EQ(told, Told::disk_full) << committed << daemon.diagnostics();
  EXPECT_TRUE(daemon.wait_for("disk full, refusing new work"));
  EXPECT_EQ(caller.message_count("inbox"), committed);
  EXPECT_TRUE(caller.consume("inbox", 1)) << daemon.diagnostics();
  EXPECT_EQ(caller.message_count("inbox"), committed - 1);

  std::filesystem::remove(filler);
  EXPECT_TRUE(daemon.wait_for("disk has room again")) << daemon.diagnostics();
  EXPECT_EQ(send(caller, 60'000), Told::committed) << daemon.diagnostics();
  EXPECT_EQ(caller.message_count("inbox"), committed);
  EXPECT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0})) << daemon.diagnostics();
}

}  // namespace
}  // namespace nemcon::tests
