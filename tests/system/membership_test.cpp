// Goal: what an operator is promised of a signed membership file: a mesh runs by it, a newer one
// revokes and replaces keys without a pause, and no older or touched one comes into force, by a
// reload or by a start. Method: real daemons, the real command line.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/system/keyed_mesh.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// As nemcon mesh init writes it, but for the peers, which are in one file that was signed.
class SignedMesh : public KeyedMesh {
 protected:
  void make_signed(const std::vector<std::string>& names) {
    make(names);
    const Ran made = nemcon({"membership", "keygen", workspace_.path("mesh.key")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    operator_key_ = made.out.substr(0, 64);
    std::string text = "serial = 1\n";
    for (const std::string& name : names) {
      text += "\n[[peer]]\nname = '" + name + "'\nendpoint = '" + endpoints_[name] +
              "'\npublic_key = [\"" + keys_[name] + "\"]\n";
      write(name, replaced(without_peers(config(name)), "[security]\n",
                           "[security]\nmembership_file = 'members.toml'\noperator_key = '" +
                               operator_key_ + "'\n"));
    }
    write("members", text);
    sign();
  }

  static std::string without_peers(std::string text) {
    for (std::size_t at = 0; (at = text.find("[[peer]]")) != std::string::npos;)
      text.erase(at, text.find("\n\n", at) - at);
    return text;
  }

  void sign() const {
    const Ran ran = nemcon({"membership", "sign", workspace_.path("members.toml"), "--key",
                            workspace_.path("mesh.key")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }

  // What the audit record has about the membership, and that nobody touched it.
  [[nodiscard]] std::string on_record(const std::string& name) const {
    const std::string file = workspace_.path("nemcon-data/" + name + "/audit.log");
    EXPECT_EQ(nemcon({"audit", "--verify", file}).exit_code, 0);
    std::string lines;
    std::istringstream all{nemcon({"audit", file}).out};
    for (std::string line; std::getline(all, line);) {
      if (line.find("membership") != std::string::npos) lines += line + '\n';
    }
    return lines;
  }

  std::string operator_key_;
};

TEST_F(SignedMesh, RunsAndTakesNoOlderFileByReloadOrByStart) {
  make_signed({"shop", "warehouse", "billing"});
  start();
  const std::string file = workspace_.path("operator.toml");
  ASSERT_EQ(
      nemcon({"--config", file, "transact", "--send", "inbox@shop=a", "--send", "inbox@billing=b"})
          .exit_code,
      0)
      << diagnostics();
  const std::string first = config("members");

  // "billing" is a member no more.
  write("members", first.substr(0, first.find("\n[[peer]]\nname = 'billing'")) +
                       first.substr(first.find("# nemcon members ")));
  EXPECT_NE(reload("shop").out.find("does not fit the operator's key " + operator_key_),
            std::string::npos);
  sign();
  const Ran ran = reload("shop");
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  for (const char* const said : {"changed: [security] membership_file: serial 1 became 2",
                                 "changed: peer billing: its keys are not valid any more",
                                 "needs a restart: peer billing: is gone"}) {
    EXPECT_NE(ran.out.find(said), std::string::npos) << ran.out;
  }
  EXPECT_NE(
      nemcon({"--config", file, "--node", "shop", "--timeout", "2s", "send", "inbox@billing", "c"})
          .exit_code,
      0);

  const std::string second = config("members");
  write("members", first);
  const Ran back = reload("shop");
  EXPECT_EQ(back.exit_code, 1);
  EXPECT_NE(back.out.find("serial 1 is older than serial 2, which this node has accepted"),
            std::string::npos)
      << back.out;
  // Nor after a crash.
  daemons_["shop"]->kill();
  Daemon& older = begin("shop");
  EXPECT_EQ(older.wait(), (tests::Exit{.code = 1, .signal = 0}));
  EXPECT_NE(older.diagnostics().find("serial 1 is older than serial 2"), std::string::npos)
      << older.diagnostics();
  write("members", replaced(second, "'warehouse'", "'warehouze'"));
  EXPECT_EQ(begin("shop").wait(), (tests::Exit{.code = 2, .signal = 0}));
  write("members", second);
  ASSERT_TRUE(begin("shop").wait_until_ready()) << diagnostics();

  const std::string record = on_record("shop");
  EXPECT_NE(record.find("accepted: serial 1, 3 nodes"), std::string::npos) << record;
  EXPECT_NE(record.find("accepted: serial 2, 2 nodes"), std::string::npos) << record;
  EXPECT_NE(record.find(" refused: "), std::string::npos) << record;
  EXPECT_NE(record.find("refused at the start: "), std::string::npos) << record;
}

TEST_F(SignedMesh, KeyOfANodeIsReplacedByTwoNewerFiles) {
  make_signed({"shop", "billing"});
  start();
  const std::string next = nemcon({"keygen", workspace_.path("next.key")}).out.substr(0, 40);
  Client client(as_operator("shop"));
  ASSERT_TRUE(client.send("inbox@billing", "old").committed());
  const auto reload_all = [&] {
    for (const char* const name : {"shop", "billing"}) {
      const Ran ran = reload(name);
      EXPECT_EQ(ran.exit_code, 0) << ran.out;
    }
  };

  // Not before the others know it.
  const std::string old_file = workspace_.read("billing.key");
  fs::copy_file(workspace_.path("next.key"), key_file("billing"),
                fs::copy_options::overwrite_existing);
  EXPECT_NE(reload("billing").out.find("has not the public key " + next), std::string::npos);
  (void)workspace_.write("billing.key", old_file);

  write("members", replaced(config("members"), '"' + keys_["billing"] + '"',
                            '"' + keys_["billing"] + "\", \"" + next + '"'));
  sign();
  reload_all();
  fs::rename(workspace_.path("next.key"), key_file("billing"));
  ASSERT_EQ(reload("billing").exit_code, 0);
  write("members", replaced(config("members"), '"' + keys_["billing"] + "\", ", ""));
  sign();
  reload_all();

  EXPECT_TRUE(client.send("inbox@billing", "new").committed()) << diagnostics();
  EXPECT_NE(on_record("billing").find("accepted: serial 3"), std::string::npos);
}

}  // namespace
}  // namespace nemcon::tests
