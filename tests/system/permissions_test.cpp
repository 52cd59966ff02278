// Goal: who may not, cannot, and it is on record. Method: two real daemons with keys, the real
// command line, and a client that the nodes do not agree about; then the audit record, as it is and
// touched.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/process.hpp"
#include "tests/system/daemon.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

Ran nemcon(Words words) {
  words.insert(words.begin(), NEMCON_CLI);
  return run(words, {}, {"NEMCON_NODE=", "NEMCON_CONFIG="});
}

class Permissions : public testing::Test {
 protected:
  // "shop" lets "till" do more than "warehouse" does.
  void SetUp() override {
    for (const char* name : {"shop", "warehouse", "till"}) {
      keys_[name] =
          nemcon({"keygen", workspace_.path(std::string{name} + ".key")}).out.substr(0, 40);
    }
    ASSERT_EQ(nemcon({"keygen", workspace_.path("stranger.key")}).exit_code, 0);
    endpoints_ = {{"shop", free_endpoint()}, {"warehouse", free_endpoint()}};
    write("shop", "warehouse", till_at("shop", "['send *@*', 'consume orders', 'browse *']"));
    write("warehouse", "shop", till_at("", "['send stock']"));
    for (const char* name : {"shop", "warehouse"})
      ASSERT_TRUE(begin(name).wait_until_ready()) << daemons_[name]->diagnostics();
  }

  [[nodiscard]] std::string till_at(const std::string& node, const std::string& allow) const {
    return "[[client]]\nname = 'till'\n" +
           (node.empty() ? std::string{} : "public_key = \"" + keys_.at("till") + "\"\n") +
           "allow = " + allow + "\n";
  }

  void write(const std::string& name, const std::string& peer, const std::string& client) {
    (void)workspace_.write(
        name + ".toml",
        "[node]\nname = '" + name + "'\ndata = 'data/" + name + "'\nlisten = '" + endpoints_[name] +
            "'\n[security]\nsecret_key_file = '" + name + ".key'\n[[peer]]\nname = '" + peer +
            "'\nendpoint = '" + endpoints_[peer] + "'\npublic_key = \"" + keys_[peer] + "\"\n" +
            client +
            "[[queue]]\nname = 'orders'\n[[queue]]\nname = 'stock'\n"
            "[limits]\nmax_message_bytes = '64KiB'\nmax_transaction_bytes = '256KiB'\n");
  }

  Daemon& begin(const std::string& name) {
    fs::create_directories(workspace_.path("data"));
    daemons_[name] = std::make_unique<Daemon>(
        workspace_, DaemonOptions{.name = name,
                                  .arguments = {"--config", workspace_.path(name + ".toml")},
                                  .wrapper = {},
                                  .directory = {}});
    return *daemons_[name];
  }

  [[nodiscard]] Ran as(const std::string& client, Words words) const {
    Words all = {"--node",     endpoints_.at("shop"), "--key", workspace_.path(client + ".key"),
                 "--node-key", keys_.at("shop")};
    all.insert(all.end(), words.begin(), words.end());
    return nemcon(std::move(all));
  }

  [[nodiscard]] std::string record(const std::string& node) const {
    return workspace_.path("data/" + node + "/audit.log");
  }

  // Until both nodes know each other.
  void send_stock() const {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    for (;;) {
      const Ran ran = as("till", {"send", "stock@warehouse", "pens"});
      if (ran.exit_code == 0) return;
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << ran.err;
      std::this_thread::sleep_for(50ms);
    }
  }

  void stop() {
    for (const auto& [name, daemon] : daemons_)
      EXPECT_EQ(daemon->stop(), (Exit{.code = 0, .signal = 0})) << daemon->diagnostics();
  }

  Workspace workspace_;
  std::map<std::string, std::string> keys_;
  std::map<std::string, std::string> endpoints_;
  std::map<std::string, std::unique_ptr<Daemon>> daemons_;
};

// Rule P-41, Rule P-42.
TEST_F(Permissions, HoldAtTheDoorAndAtEveryBranch) {
  send_stock();

  EXPECT_EQ(as("till", {"send", "orders@shop", "order 1"}).exit_code, 0);
  EXPECT_EQ(as("till", {"receive", "orders", "--count", "1"}).out, "order 1\n");
  // Its own node has not granted that.
  const Ran consumed = as("till", {"receive", "stock", "--count", "1"});
  EXPECT_EQ(consumed.exit_code, 1) << consumed.out << consumed.err;
  EXPECT_NE(
      consumed.err.find("client \"till\" may not consume at stock@shop; node shop would let it "
                        "with allow = [\"consume stock\"]"),
      std::string::npos)
      << consumed.err;
  // Its own node has, the owner of the queue has not; and nothing of the rest happens.
  const Ran sent =
      as("till", {"transact", "--send", "orders@shop=a", "--send", "orders@warehouse=b"});
  EXPECT_EQ(sent.exit_code, 1) << sent.out << sent.err;
  EXPECT_NE((sent.out + sent.err).find("may not send at orders@warehouse"), std::string::npos)
      << sent.out << sent.err;
  const Ran left = as("till", {"--json", "queues"});
  EXPECT_NE(left.out.find(R"("name":"orders","ordering":"producer","local":true,"messages":0)"),
            std::string::npos)
      << left.out;
}

TEST_F(Permissions, AreTakenAwayWithoutARestart) {
  send_stock();
  write("shop", "warehouse", till_at("shop", "['browse *']"));

  const Ran reloaded = nemcon({"reload", workspace_.path("data/shop")});
  ASSERT_EQ(reloaded.exit_code, 0) << reloaded.err;

  const Ran sent = as("till", {"send", "stock@warehouse", "pens"});
  EXPECT_EQ(sent.exit_code, 1) << sent.err;
  EXPECT_NE((sent.out + sent.err).find("may not send"), std::string::npos) << sent.out << sent.err;
  EXPECT_EQ(as("till", {"status"}).exit_code, 0);
  stop();
  const Ran shop = nemcon({"audit", record("shop")});
  EXPECT_NE(shop.out.find("client till: allow"), std::string::npos) << shop.out;
}

TEST_F(Permissions, WhoWasRefusedIsOnRecord) {
  send_stock();
  EXPECT_EQ(as("till", {"transact", "--send", "orders@warehouse=b"}).exit_code, 1);
  EXPECT_EQ(as("till", {"receive", "stock", "--count", "1"}).exit_code, 1);
  EXPECT_EQ(as("stranger", {"--timeout", "1s", "status"}).exit_code, 3);
  stop();

  const Ran shop = nemcon({"audit", record("shop")});
  EXPECT_EQ(shop.exit_code, 0) << shop.err;
  for (const char* part : {"configuration", "start", "denied", "consume stock@shop", "till",
                           "authentication", "stop"}) {
    EXPECT_NE(shop.out.find(part), std::string::npos) << part << " is not in\n" << shop.out;
  }
  // It came again and again within that second.
  std::uint64_t refused_count = 0;
  std::istringstream lines(nemcon({"--json", "audit", record("shop")}).out);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(R"("kind":"authentication")") == std::string::npos) continue;
    refused_count += std::stoull(line.substr(line.find(R"("count":)") + 8));
  }
  EXPECT_GE(refused_count, 3U) << shop.out;
  const Ran warehouse = nemcon({"--json", "audit", record("warehouse")});
  EXPECT_NE(warehouse.out.find(
                R"("kind":"denied","who":"till","what":"send orders@warehouse through shop")"),
            std::string::npos)
      << warehouse.out;
  EXPECT_EQ(nemcon({"audit", "--verify", record("warehouse")}).exit_code, 0);
}

TEST_F(Permissions, TheRecordShowsWhenItWasTouched) {
  stop();
  const std::string file = record("shop");
  const Ran before = nemcon({"audit", "--verify", file});
  EXPECT_EQ(before.exit_code, 0) << before.err;
  EXPECT_EQ(before.out.find("untouched: "), 0U) << before.out;
  const std::string head = before.out.substr(before.out.rfind(' ') + 1);
  const std::string text = workspace_.read("data/shop/audit.log");

  std::string changed = text;
  changed[changed.find("start")] = 'S';
  (void)workspace_.write("data/shop/audit.log", changed);
  const Ran touched = nemcon({"--json", "audit", "--verify", file});
  EXPECT_EQ(touched.exit_code, 1);
  EXPECT_NE(touched.err.find("audit.log:3: was changed"), std::string::npos) << touched.err;
  EXPECT_NE(touched.out.find(R"("line":3)"), std::string::npos) << touched.out;

  // Without the last line; and with a head that fits to that.
  const std::string shorter = text.substr(0, text.rfind('\n', text.size() - 2) + 1);
  (void)workspace_.write("data/shop/audit.log", shorter);
  const Ran cut = nemcon({"audit", "--verify", file});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_NE(cut.err.find("the end is missing"), std::string::npos) << cut.err;
  fs::remove(workspace_.path("data/shop/audit.head"));
  const Ran headless = nemcon({"audit", "--verify", file});
  EXPECT_EQ(headless.exit_code, 1);
  EXPECT_NE(headless.err.find("--expect NUMBER:HASH"), std::string::npos) << headless.err;
  const Ran kept = nemcon({"audit", "--verify", "--expect", head.substr(0, head.size() - 1), file});
  EXPECT_EQ(kept.exit_code, 1) << "a head that was kept elsewhere";
}

TEST_F(Permissions, WhatIsNoRecordIsRefused) {
  EXPECT_EQ(nemcon({"audit", workspace_.path("none")}).exit_code, 1);
  EXPECT_EQ(nemcon({"audit", workspace_.path(".")}).exit_code, 1);
  EXPECT_EQ(nemcon({"audit", workspace_.write("other", "hello\n")}).exit_code, 1);
  EXPECT_EQ(nemcon({"audit", "--expect", "nonsense", record("shop")}).exit_code, 2);
  EXPECT_EQ(nemcon({"audit"}).exit_code, 2);
}

}  // namespace
}  // namespace nemcon::tests
