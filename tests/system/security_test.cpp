// Goal: what an operator is promised of keys: a mesh made by `nemcon mesh init` runs as it is, who
// has no valid key gets nothing, a revoked key is worth nothing within a second, and a key is
// replaced without a failed transaction. Method: real daemons, the real command line, the public
// library.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>
#include <sys/stat.h>

#include "tests/system/keyed_mesh.hpp"
#include "tests/system/load.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_F(KeyedMesh, RunsAsMeshInitWroteItAndItsClientIsOneOption) {
  make({"shop", "warehouse", "billing"});
  start();
  const std::string file = workspace_.path("operator.toml");

  EXPECT_EQ(nemcon({"--config", file, "send", "inbox@shop", "hello"}).exit_code, 0);
  const Ran transacted = nemcon({"--config", file, "transact", "--send", "inbox@shop=order",
                                 "--send", "inbox@billing=invoice"});
  EXPECT_EQ(transacted.exit_code, 0) << transacted.err;
  EXPECT_EQ(nemcon({"--config", file, "receive", "inbox", "--count", "2"}).out, "hello\norder\n");
  EXPECT_EQ(nemcon({"--config", file, "--node", "billing", "receive", "inbox"}).out, "invoice\n");
  // By file and key alone, without a client file.
  const Ran plain = nemcon({"--node", endpoints_["shop"], "--key", key_file("operator"),
                            "--node-key", keys_["shop"], "--json", "status"});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
}

TEST_F(KeyedMesh, WhoHasNoValidKeyGetsNothing) {
  make({"shop"});
  start();
  ASSERT_EQ(nemcon({"keygen", key_file("stranger")}).exit_code, 0);

  const Ran unknown =
      nemcon({"--node", endpoints_["shop"], "--key", key_file("stranger"), "--node-key",
              keys_["shop"], "--timeout", "1s", "send", "inbox", "x"});
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_NE(unknown.err.find("it does not know our key"), std::string::npos) << unknown.err;
  const Ran none = nemcon({"--node", endpoints_["shop"], "--timeout", "1s", "send", "inbox", "x"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(daemons_["shop"]->wait_for(
      nemcon({"keygen", "--show", key_file("stranger")}).out.substr(0, 40)))
      << diagnostics();
  const Ran status = nemcon({"--config", workspace_.path("operator.toml"), "--json", "status"});
  EXPECT_EQ(status.out.find("\"keys_refused\":0"), std::string::npos) << status.out;
  EXPECT_EQ(nemcon({"--config", workspace_.path("operator.toml"), "--json", "queues"})
                .out.find("\"messages\":1"),
            std::string::npos);
}

TEST_F(KeyedMesh, KeyThatOthersMayReadOrThatEverybodyKnowsStartsNoNode) {
  make({"shop"});
  ASSERT_EQ(::chmod(key_file("shop").c_str(), 0640), 0);
  Daemon& readable = begin("shop");
  EXPECT_EQ(readable.wait(), (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(readable.diagnostics().find("chmod 600"), std::string::npos) << readable.diagnostics();

  ASSERT_EQ(::chmod(key_file("shop").c_str(), 0600), 0);
  // zmq_curve(7).
  std::ofstream(key_file("shop")) << "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n";
  Daemon& published = begin("shop");
  EXPECT_EQ(published.wait(), (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(published.diagnostics().find("manual of ZeroMQ"), std::string::npos)
      << published.diagnostics();
  EXPECT_EQ(published.diagnostics().find("JTKVSB"), std::string::npos);
}

TEST_F(KeyedMesh, SecretsAreInNoOutput) {
  make({"shop"});
  start();
  const std::string file = workspace_.read("shop.key");
  const std::string secret = file.substr(file.size() - 41, 40);

  const Finished checked =
      run_daemon(workspace_, {"--config", workspace_.path("shop.toml"), "--check"});
  EXPECT_EQ(checked.exit, (Exit{.code = 0, .signal = 0})) << checked.diagnostics;
  ASSERT_EQ(daemons_["shop"]->stop(), (Exit{.code = 0, .signal = 0}));

  const std::string all = checked.output + checked.diagnostics + diagnostics() +
                          daemons_["shop"]->output() + config("shop");
  EXPECT_EQ(all.find(secret), std::string::npos);
}

TEST_F(KeyedMesh, ProcessWithAKeyLeavesNoCore) {
  make({"shop"});
  start();

  std::ifstream limits("/proc/" + std::to_string(daemons_["shop"]->process()) + "/limits");
  const std::string text{std::istreambuf_iterator<char>(limits), {}};

  EXPECT_NE(text.find("Max core file size        0                    0"), std::string::npos)
      << text;
}

TEST_F(KeyedMesh, RevokedClientIsCutWithinASecondAndComesBackWhenItIsAllowed) {
  make({"shop"});
  const std::string without = config("shop");
  ClientOptions options = add_client("shop", "app");
  const std::string with = config("shop");
  std::atomic<std::int64_t> cut_at_ms = 0;
  const auto now_ms = [] { return Clock::now().time_since_epoch() / 1ms; };
  options.on_notice = [&](const Notice& notice) {
    if (notice.kind == Notice::Kind::disconnected) cut_at_ms = now_ms();
  };
  start();
  Client client(options);
  ASSERT_TRUE(client.send("inbox", "before").committed());

  write("shop", without);
  const std::int64_t asked_at_ms = now_ms();
  const Ran ran = reload("shop");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("changed: client app: is gone"), std::string::npos) << ran.out;

  const Clock::time_point give_up = Clock::now() + patience;
  while (cut_at_ms == 0 && Clock::now() < give_up)
    std::this_thread::sleep_for(5ms);
  ASSERT_NE(cut_at_ms, 0) << diagnostics();
  EXPECT_LT(cut_at_ms - asked_at_ms, 1000);
  EXPECT_THROW((void)client.send("inbox", "after", {.deadline = 1s}), Error);
  EXPECT_TRUE(daemons_["shop"]->wait_for("its key is not valid any more")) << diagnostics();

  write("shop", with);
  ASSERT_EQ(reload("shop").exit_code, 0);
  EXPECT_TRUE(client.send("inbox", "again").committed());
  EXPECT_EQ(
      nemcon({"--config", workspace_.path("operator.toml"), "receive", "inbox", "--count", "2"})
          .out,
      "before\nagain\n");
}

TEST_F(KeyedMesh, BadFileChangesNothingAndReloadSaysWhy) {
  make({"shop"});
  ClientOptions options = add_client("shop", "app");
  start();
  Client client(options);
  ASSERT_TRUE(client.send("inbox", "one").committed());

  write("shop", "[node]\nname = 'shop'\n[[client]]\nname = 'x'\n");
  const Ran ran = reload("shop");

  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find("refused, nothing has changed"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("key `client.public_key`: is missing"), std::string::npos) << ran.out;
  EXPECT_TRUE(client.send("inbox", "two").committed());
}

TEST_F(KeyedMesh, ClientOverItsQuotaIsSlowedDownAndLosesNothing) {
  make({"shop"});
  ClientOptions options = add_client("shop", "app");
  const std::string without = config("shop");
  write("shop", without + "max_rate = 10\n");
  start();
  Client client(options);
  const auto took = [&](int count) {
    const Clock::time_point began = Clock::now();
    for (int i = 0; i < count; ++i)
      EXPECT_TRUE(client.send("inbox", "x").committed());
    return Clock::now() - began;
  };

  // One second's worth at once, then ten a second.
  EXPECT_GT(took(30), 1900ms);
  // And who cannot wait is told why.
  try {
    for (int i = 0; i < 100; ++i)
      (void)client.send("inbox", "y", {.deadline = 100ms});
    ADD_FAILURE() << "all of it in no time";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::retryable) << error.what();
    EXPECT_NE(std::string(error.what()).find("10 transactions a second (max_rate)"),
              std::string::npos)
        << error.what();
  }

  write("shop", without);
  const Ran ran = reload("shop");
  EXPECT_NE(ran.out.find("changed: client app: quota"), std::string::npos) << ran.out;
  EXPECT_LT(took(30), 10s);
  const Ran taken =
      nemcon({"--config", workspace_.path("operator.toml"), "receive", "inbox", "--count", "60"});
  EXPECT_EQ(taken.exit_code, 0) << taken.err;
}

TEST_F(KeyedMesh, KeyOfANodeIsReplacedUnderLoadWithoutAFailedTransaction) {
  make({"shop", "warehouse", "billing"});
  start();
  const std::string old_key = keys_["billing"];
  // One client at a node whose peer changes its key, and one at the node itself: it knows both.
  ClientOptions both = as_operator("billing");
  both.nodes.push_back(both.nodes.front());
  both.node_keys.push_back(new_key());
  Load there({.client = as_operator("shop"), .first = "inbox@shop", .second = "inbox@billing"});
  Load here({.client = both, .first = "inbox@warehouse", .second = "inbox@billing"});
  const auto go_on = [&] {
    ASSERT_TRUE(there.wait_for(20)) << diagnostics();
    ASSERT_TRUE(here.wait_for(20)) << diagnostics();
  };

  replace_key("billing", go_on);
  there.stop();
  here.stop();

  EXPECT_EQ(there.failed(), "");
  EXPECT_EQ(here.failed(), "");
  EXPECT_GE(there.committed(), 80u);
  // And the old key is worth nothing any more.
  EXPECT_EQ(config("shop").find(old_key), std::string::npos);
}

TEST_F(KeyedMesh, GoesOnAfterKillsAndPausesUnderLoad) {
  make({"shop", "warehouse", "billing"});
  start();
  Load load({.client = as_operator("shop"), .first = "inbox@shop", .second = "inbox@billing"});
  const auto go_on = [&] { ASSERT_TRUE(load.wait_for(20)) << diagnostics(); };
  for (int round = 0; round < 3; ++round) {
    go_on();
    daemons_["billing"]->kill();
    std::this_thread::sleep_for(200ms * round);
    ASSERT_TRUE(begin("billing").wait_until_ready()) << diagnostics();
    go_on();
    daemons_["billing"]->signal(SIGSTOP);
    std::this_thread::sleep_for(1s * round);
    daemons_["billing"]->signal(SIGCONT);
  }
  go_on();
  load.stop();
  EXPECT_EQ(diagnostics().find("broke the protocol"), std::string::npos);
}

}  // namespace
}  // namespace nemcon::tests
