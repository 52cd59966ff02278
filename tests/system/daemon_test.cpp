// Goal: what a person or a supervisor sees of nemcond: lines, signals, exit codes. Method: real
// processes.
#include "tests/system/daemon.hpp"

#include <csignal>
#include <string>

#include <gtest/gtest.h>

namespace nemcon::tests {
namespace {

// A small journal is made quickly.
const std::string small_limits =
    "[limits]\nmax_message_bytes = '64KiB'\nmax_transaction_bytes = '256KiB'\n";

std::string alone(const Workspace& workspace, const std::string& name) {
  return "[node]\nname = '" + name + "'\ndata = '" + workspace.path("data") +
         "'\nlisten = ['tcp://127.0.0.1:*']\n[[queue]]\nname = 'orders'\n" + small_limits;
}

DaemonOptions with_config(const std::string& file) {
  return {.name = "node", .arguments = {"--config", file}, .wrapper = {}, .directory = {}};
}

TEST(Nemcond, SaysWhenItIsReadyAndStopsCleanlyOnSigterm) {
  const Workspace workspace;
  Daemon daemon(workspace, with_config(workspace.write("a.toml", alone(workspace, "shop"))));

  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  EXPECT_EQ(daemon.output(), "ready node=shop listen=" + daemon.endpoint() + "\n");
  EXPECT_EQ(daemon.endpoint().find('*'), std::string::npos);
  EXPECT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0})) << daemon.diagnostics();
  EXPECT_NE(daemon.diagnostics().find("info stopped node=shop"), std::string::npos);
  EXPECT_EQ(daemon.diagnostics().find("stopping with work"), std::string::npos);
}

TEST(Nemcond, StopsCleanlyOnSigint) {
  const Workspace workspace;
  Daemon daemon(workspace, with_config(workspace.write("a.toml", alone(workspace, "shop"))));

  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  daemon.signal(SIGINT);
  EXPECT_EQ(daemon.wait(), (Exit{.code = 0, .signal = 0})) << daemon.diagnostics();
}

TEST(Nemcond, ReadsItsFileAgainOnSighupAndSaysWhatNeedsARestart) {
  const Workspace workspace;
  const std::string text = alone(workspace, "shop");
  Daemon daemon(workspace, with_config(workspace.write("a.toml", text)));

  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  (void)workspace.write("a.toml", text + "[[queue]]\nname = 'refunds'\n");
  daemon.signal(SIGHUP);
  EXPECT_TRUE(daemon.wait_for("only a restart changes this\" what=[[queue]]"));
  (void)workspace.write("a.toml", text + "[quue]\n");
  daemon.signal(SIGHUP);
  EXPECT_TRUE(daemon.wait_for("reload refused, nothing has changed"));
  EXPECT_TRUE(daemon.wait_for("key `quue`: unknown key"));
  EXPECT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0}));
}

TEST(Nemcond, WritesJsonLinesWhenAsked) {
  const Workspace workspace;
  DaemonOptions options = with_config(workspace.write("a.toml", alone(workspace, "shop")));
  options.arguments.insert(options.arguments.end(), {"--log-format", "json"});
  Daemon daemon(workspace, options);

  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  EXPECT_TRUE(daemon.wait_for(R"("level":"info","event":"ready","node":"shop")"));
  EXPECT_TRUE(daemon.diagnostics().starts_with(R"({"time":")"));
}

TEST(Nemcond, CheckPrintsWhatAGoodFileMeans) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));

  const Finished finished = run_daemon(workspace, {"--config", file, "--check"});

  EXPECT_EQ(finished.exit, (Exit{.code = 0, .signal = 0})) << finished.diagnostics;
  EXPECT_TRUE(finished.output.starts_with("# alone: ")) << finished.output;
  EXPECT_NE(finished.output.find("\nlease = \"30s\"\n"), std::string::npos) << finished.output;
  EXPECT_EQ(finished.diagnostics, "");
}

TEST(Nemcond, CheckPrintsTheDefaultsWithoutAFile) {
  const Workspace workspace;

  const Finished finished = run_daemon(workspace, {"--check"});

  EXPECT_EQ(finished.exit, (Exit{.code = 0, .signal = 0}));
  EXPECT_NE(finished.output.find("\nlisten = [\"tcp://127.0.0.1:7411\"]\n"), std::string::npos);
  EXPECT_NE(finished.output.find("\ndata = \"./nemcon-data\"\n"), std::string::npos);
}

TEST(Nemcond, BadFileIsRefusedWithEveryErrorAndNothingIsTouched) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop") +
                                                         "[transactions]\nwitnesses = 2\n"
                                                         "deadlin = '1s'\n");
  for (const bool check : {true, false}) {
    std::vector<std::string> arguments = {"--config", file};
    if (check) arguments.emplace_back("--check");

    const Finished finished = run_daemon(workspace, arguments);

    EXPECT_EQ(finished.exit, (Exit{.code = 2, .signal = 0}));
    EXPECT_EQ(finished.diagnostics,
              file +
                  ":11:13: key `transactions.witnesses`: 2 is even; allowed: 1, 3, 5, ... up "
                  "to the number of nodes\n" +
                  file +
                  ":12:1: key `transactions.deadlin`: unknown key; did you mean "
                  "`deadline`?; allowed: witnesses, coordinator, deadline\n");
    EXPECT_EQ(finished.output, "");
  }
  EXPECT_EQ(workspace.read("data/format"), "");
}

TEST(Nemcond, WarnsOfInsecureLinksInACheck) {
  const Workspace workspace;
  const std::string file = workspace.write(
      "a.toml", "[node]\nlisten = ['tcp://0.0.0.0:7411']\n[security]\ninsecure = true\n");

  const Finished finished = run_daemon(workspace, {"--config", file, "--check"});

  EXPECT_EQ(finished.exit, (Exit{.code = 0, .signal = 0}));
  EXPECT_TRUE(finished.diagnostics.starts_with("warning: " + file + ":2:11: key `node.listen`"))
      << finished.diagnostics;
}

TEST(Nemcond, WrongUsageIsExitCodeTwo) {
  const Workspace workspace;
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--confg", "x"},
                                                    {"--log-level", "loud"},
                                                    {"extra"},
                                                    {"--config", "/nowhere.toml"},
                                                    {"--config"}}) {
    const Finished finished = run_daemon(workspace, arguments);
    EXPECT_EQ(finished.exit, (Exit{.code = 2, .signal = 0})) << arguments[0];
    EXPECT_NE(finished.diagnostics, "") << arguments[0];
  }
}

TEST(Nemcond, SaysItsVersionAndHelp) {
  const Workspace workspace;

  EXPECT_TRUE(run_daemon(workspace, {"--version"}).output.starts_with("nemcond 0."));
  const Finished help = run_daemon(workspace, {"--help"});
  EXPECT_EQ(help.exit, (Exit{.code = 0, .signal = 0}));
  for (const char* const part : {"--config", "--check", "current directory", "Exit codes"}) {
    EXPECT_NE(help.output.find(part), std::string::npos) << part << "\n" << help.output;
  }
}

TEST(Nemcond, DataDirectoryInUseIsRefused) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));
  Daemon first(workspace, with_config(file));
  ASSERT_TRUE(first.wait_until_ready()) << first.diagnostics();

  const Finished second = run_daemon(workspace, {"--config", file});

  EXPECT_EQ(second.exit, (Exit{.code = 1, .signal = 0}));
  EXPECT_EQ(second.output, "");
  EXPECT_NE(second.diagnostics.find("error \"cannot start\" node=shop why="), std::string::npos);
  EXPECT_NE(second.diagnostics.find("in use"), std::string::npos) << second.diagnostics;
  EXPECT_TRUE(first.is_running());
}

TEST(Nemcond, DataDirectoryOfAnotherNodeIsRefusedAndUntouched) {
  const Workspace workspace;
  {
    Daemon first(workspace, with_config(workspace.write("a.toml", alone(workspace, "shop"))));
    ASSERT_TRUE(first.wait_until_ready()) << first.diagnostics();
    ASSERT_EQ(first.stop().code, 0);
  }
  const std::string identity = workspace.read("data/identity");

  const Finished second =
      run_daemon(workspace, {"--config", workspace.write("b.toml", alone(workspace, "billing"))});

  EXPECT_EQ(second.exit, (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(second.diagnostics.find("shop"), std::string::npos) << second.diagnostics;
  EXPECT_NE(identity, "");
  EXPECT_EQ(workspace.read("data/identity"), identity);
}

TEST(Nemcond, DataDirectoryOfANewerFormatIsRefused) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));
  {
    Daemon first(workspace, with_config(file));
    ASSERT_TRUE(first.wait_until_ready()) << first.diagnostics();
    ASSERT_EQ(first.stop().code, 0);
  }
  std::string format = workspace.read("data/format");
  const std::size_t number = format.find('1');
  ASSERT_NE(number, std::string::npos) << format;
  format[number] = '9';
  (void)workspace.write("data/format", format);

  const Finished second = run_daemon(workspace, {"--config", file});

  EXPECT_EQ(second.exit, (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(second.diagnostics.find("format"), std::string::npos) << second.diagnostics;
  EXPECT_EQ(workspace.read("data/format"), format);
}

TEST(Nemcond, AMovedDataDirectoryIsTakenOnceItIsSaidToBe) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));
  {
    Daemon daemon(workspace, with_config(file));
    ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
    ASSERT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0}));
  }
  // As to another disk.
  const std::string move = "cp -a " + workspace.path("data") + " " + workspace.path("there") +
                           " && rm -r " + workspace.path("data") + " && mv " +
                           workspace.path("there") + " " + workspace.path("data");
  ASSERT_EQ(std::system(move.c_str()), 0);

  const Finished refused = run_daemon(workspace, {"--config", file});
  EXPECT_EQ(refused.exit, (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(refused.diagnostics.find("start once with --data-moved"), std::string::npos)
      << refused.diagnostics;

  for (const bool is_said : {true, false}) {
    DaemonOptions options = with_config(file);
    if (is_said) options.arguments.emplace_back("--data-moved");
    Daemon daemon(workspace, options);
    EXPECT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
    EXPECT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0}));
  }
}

TEST(Nemcond, AddressInUseIsRefused) {
  const Workspace workspace;
  Daemon first(workspace, with_config(workspace.write("a.toml", alone(workspace, "shop"))));
  ASSERT_TRUE(first.wait_until_ready()) << first.diagnostics();

  const Finished second = run_daemon(
      workspace,
      {"--config",
       workspace.write("b.toml", "[node]\nname = 'b'\ndata = '" + workspace.path("data-b") +
                                     "'\nlisten = '" + first.endpoint() + "'\n" + small_limits)});

  EXPECT_EQ(second.exit, (Exit{.code = 1, .signal = 0}));
  EXPECT_NE(second.diagnostics.find(first.endpoint()), std::string::npos) << second.diagnostics;
}

TEST(Nemcond, StartsAgainAfterSigkill) {
  const Workspace workspace;
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));
  for (int life = 0; life < 3; ++life) {
    Daemon daemon(workspace, with_config(file));
    ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
    daemon.kill();
  }
  Daemon daemon(workspace, with_config(file));
  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  EXPECT_EQ(daemon.stop(), (Exit{.code = 0, .signal = 0}));
}

TEST(Nemcond, RelativeDataCountsFromTheCurrentDirectory) {
  const Workspace workspace;
  DaemonOptions options = with_config(workspace.write(
      "a.toml",
      "[node]\nname = 'a'\ndata = 'here'\nlisten = 'tcp://127.0.0.1:*'\n" + small_limits));
  Daemon daemon(workspace, options);

  ASSERT_TRUE(daemon.wait_until_ready()) << daemon.diagnostics();
  EXPECT_NE(workspace.read("here/identity"), "");
}

TEST(Nemcond, KnowsItsFailPoints) {
  const Workspace workspace;
  const Finished finished = run_daemon(workspace, {"--list-fail-points"});
  if (finished.exit.code == 2) GTEST_SKIP() << "built without fail points";

  EXPECT_NE(finished.output.find("\nbefore-send:vote\n"), std::string::npos);
  const std::string file = workspace.write("a.toml", alone(workspace, "shop"));
  EXPECT_EQ(run_daemon(workspace, {"--config", file, "--fail-point", "nothing"}).exit,
            (Exit{.code = 2, .signal = 0}));
  // The first record of a life.
  EXPECT_EQ(run_daemon(workspace, {"--config", file, "--fail-point", "after-append:started"}).exit,
            (Exit{.code = -1, .signal = SIGKILL}));
}

}  // namespace
}  // namespace nemcon::tests
