// Goal: what a node has acknowledged survives its death, and a disk that fails ends the node
// before it tells anybody anything. Method: one daemon, killed at named points or run under
// strace, which fails its system calls or shows their order.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/system/caller.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::tests {
namespace {

using Bodies = std::vector<std::string>;

bool has_strace() {
  return std::system("strace -V >/dev/null 2>&1") == 0;
}

enum class Watch { everything, journal };

// One node in its second life, under strace with `flags`. The process of the daemon is that of
// nemcond; strace is its grandchild and ends with it.
class Traced {
 public:
  Traced(Watch watch, const std::vector<std::string>& flags) {
    const std::string file = workspace_.write(
        "a.toml", "[node]\nname = 'a'\ndata = '" + workspace_.path("data") +
                      "'\nlisten = ['tcp://127.0.0.1:*']\n[[queue]]\nname = 'inbox'\n[limits]\n"
                      "max_message_bytes = '64KiB'\nmax_transaction_bytes = '256KiB'\n");
    plain_ = {.name = "a", .arguments = {"--config", file}, .wrapper = {}, .directory = {}};
    {
      // Making the data directory flushes a lot; that is not what is looked at.
      Daemon first(workspace_, plain_);
      EXPECT_TRUE(first.wait_until_ready()) << first.diagnostics();
      EXPECT_EQ(first.stop().code, 0);
    }
    DaemonOptions options = plain_;
    options.wrapper = {"strace", "-D", "-f", "-qq", "-o", workspace_.path("strace")};
    options.wrapper.insert(options.wrapper.end(), flags.begin(), flags.end());
    if (watch == Watch::journal) {
      // The one that is being written; at the start every one is flushed.
      options.wrapper.insert(options.wrapper.end(),
                             {"-P", workspace_.path("data/journal/segment-0001")});
    }
    daemon_ = std::make_unique<Daemon>(workspace_, options);
  }

  Daemon& daemon() { return *daemon_; }

  // A third life, without strace.
  Daemon& start_again() {
    daemon_ = std::make_unique<Daemon>(workspace_, plain_);
    return *daemon_;
  }

  [[nodiscard]] std::vector<std::string> calls() const {
    std::istringstream text(workspace_.read("strace"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
      lines.push_back(line);
    return lines;
  }

 private:
  Workspace workspace_;
  DaemonOptions plain_;
  std::unique_ptr<Daemon> daemon_;
};

TEST(Storage, AcknowledgedMessagesOutliveSigkill) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Bodies sent;
  {
    Caller caller(mesh.endpoint("shop"), "");
    for (int number = 0; number < 50; ++number) {
      sent.push_back("order " + std::to_string(number));
      ASSERT_TRUE(caller.commit({deliver("inbox", sent.back())})) << mesh.diagnostics();
    }
  }

  mesh.daemon("shop").kill();
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();

  EXPECT_EQ(Caller(mesh.endpoint("shop"), "").receive("inbox", sent.size()), sent);
}

TEST(Storage, AcknowledgedMessagesAreThereAfterACleanStop) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  ASSERT_TRUE(Caller(mesh.endpoint("shop"), "").commit({deliver("inbox", "order")}));

  EXPECT_EQ(mesh.daemon("shop").stop(), (Exit{.code = 0, .signal = 0})) << mesh.diagnostics();
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();

  EXPECT_EQ(Caller(mesh.endpoint("shop"), "").receive("inbox", 1), Bodies{"order"});
}

// Nobody asks for the message; the node finds it by itself.
TEST(Storage, ARottenMessageInTheStoreEndsTheNodeSoonAfterItsStart) {
  Mesh mesh({"shop"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  const std::string body = "a body that is easily found in a file of pages";
  ASSERT_TRUE(Caller(mesh.endpoint("shop"), "").commit({deliver("inbox", body)}));
  ASSERT_EQ(mesh.daemon("shop").stop().code, 0) << mesh.diagnostics();

  const std::string file = mesh.data_directory("shop") + "/store/data.mdb";
  std::fstream pages(file, std::ios::in | std::ios::out | std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(pages), {}};
  const std::size_t at = content.find(body);
  ASSERT_NE(at, std::string::npos) << file;
  pages.seekp(static_cast<std::streamoff>(at));
  pages.put('A').flush();

  ASSERT_TRUE(mesh.start("shop", {}).wait_until_ready()) << mesh.diagnostics();
  EXPECT_EQ(mesh.daemon("shop").wait().code, 3) << mesh.diagnostics();
  const std::string said = mesh.diagnostics();
  EXPECT_NE(said.find("what=store why=\"table messages, key "), std::string::npos) << said;
}

TEST(Storage, ResubmissionAfterADeathAtAnyPointHasOneEffect) {
  for (const char* const point :
       {"before-receive:submit", "after-receive:submit", "before-append:sent", "after-append:sent",
        "before-reply:concluded", "after-reply:concluded"}) {
    Mesh mesh({"shop"}, "");
    Daemon& doomed = mesh.start("shop", {"--fail-point", point});
    if (!doomed.wait_until_ready() && doomed.wait().code == 2) {
      GTEST_SKIP() << "built without fail points";
    }
    core::Submit submit;
    {
      Caller caller(mesh.endpoint("shop"), "checkout");
      submit = caller.transaction({deliver("inbox", "order")});
      (void)caller.submit(submit);
      EXPECT_EQ(doomed.wait(), (Exit{.code = -1, .signal = SIGKILL})) << point;
    }
    ASSERT_TRUE(mesh.start_all()) << point << mesh.diagnostics();

    Caller again(mesh.endpoint("shop"), "checkout");
    submit.retry = true;
    const auto reply = again.submit(submit);

    // The session is a new one, so the node may only tell of the first one's work, or refuse
    // to do it now; in no case is it done twice.
    ASSERT_TRUE(reply) << point;
    const auto* const concluded = std::get_if<core::Concluded>(&*reply);
    const auto* const denied = std::get_if<core::Denied>(&*reply);
    ASSERT_TRUE(concluded != nullptr ||
                (denied != nullptr && denied->reason == core::Reason::fenced))
        << point;
    const bool committed = concluded != nullptr && concluded->verdict == core::Verdict::committed;
    EXPECT_EQ(again.message_count("inbox"), committed ? 1u : 0u) << point;
  }
}

TEST(Storage, CheckpointThatIsCutShortLosesNothing) {
  for (const char* const point : {"before-checkpoint:2", "after-checkpoint:2"}) {
    Mesh mesh({"shop"}, "");
    Daemon& doomed = mesh.start("shop", {"--fail-point", point});
    if (!doomed.wait_until_ready() && doomed.wait().code == 2) {
      GTEST_SKIP() << "built without fail points";
    }
    Bodies sent;
    {
      Caller caller(mesh.endpoint("shop"), "");
      for (int number = 0; doomed.is_running(); ++number) {
        const std::string body = "order " + std::to_string(number);
        if (caller.commit({deliver("inbox", body)})) sent.push_back(body);
      }
    }
    EXPECT_EQ(doomed.wait(), (Exit{.code = -1, .signal = SIGKILL})) << point;
    ASSERT_TRUE(mesh.start_all()) << point << mesh.diagnostics();

    Caller caller(mesh.endpoint("shop"), "");
    EXPECT_EQ(caller.receive("inbox", sent.size()), sent) << point;
    // At most the one that was under way as it died.
    EXPECT_LE(caller.message_count("inbox"), sent.size() + 1) << point;
  }
}

TEST(Storage, FailedFlushStopsTheNodeBeforeItAnswers) {
  if (!has_strace()) GTEST_SKIP() << "strace is not installed";
  // The first flush is that of the record that begins this life.
  Traced traced(Watch::journal,
                {"-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=4"});
  ASSERT_TRUE(traced.daemon().wait_until_ready()) << traced.daemon().diagnostics();
  Bodies sent;
  {
    Caller caller(traced.daemon().endpoint(), "");
    std::string body = "order 0";
    while (caller.commit({deliver("inbox", body)})) {
      sent.push_back(body);
      body = "order " + std::to_string(sent.size());
      ASSERT_LT(sent.size(), 10u);
    }
  }

  EXPECT_EQ(traced.daemon().wait(), (Exit{.code = 3, .signal = 0}));
  EXPECT_NE(traced.daemon().diagnostics().find(
                "error \"storage failed, stopping at once\" what=journal why=\"cannot flush "),
            std::string::npos)
      << traced.daemon().diagnostics();
  Daemon& again = traced.start_again();
  ASSERT_TRUE(again.wait_until_ready()) << again.diagnostics();
  Caller caller(again.endpoint(), "");
  EXPECT_EQ(caller.receive("inbox", sent.size()), sent);
  // The kernel was only made to say that the flush failed: what it was about may be there.
  EXPECT_LE(caller.message_count("inbox"), sent.size() + 1);
}

// One at a time, so that no flush serves two of them.
TEST(Storage, EveryAcknowledgedCommitWaitedForAFlushOfItsOwn) {
  if (!has_strace()) GTEST_SKIP() << "strace is not installed";
  constexpr std::chrono::milliseconds flush_time{100};
  Traced traced(Watch::journal,
                {"-e", "trace=fdatasync", "-e",
                 "inject=fdatasync:delay_enter=" +
                     std::to_string(std::chrono::microseconds{flush_time}.count())});
  ASSERT_TRUE(traced.daemon().wait_until_ready()) << traced.daemon().diagnostics();
  constexpr std::size_t count = 5;
  {
    Caller caller(traced.daemon().endpoint(), "");
    for (std::size_t number = 0; number < count; ++number) {
      const auto began = std::chrono::steady_clock::now();
      ASSERT_TRUE(caller.commit({deliver("inbox", "order")}));
      EXPECT_GE(std::chrono::steady_clock::now() - began, flush_time);
    }
  }
  EXPECT_EQ(traced.daemon().stop().code, 0);

  const std::vector<std::string> calls = traced.calls();
  const auto flush_count = std::ranges::count_if(
      calls, [](const std::string& call) { return call.find("fdatasync(") != std::string::npos; });
  EXPECT_GE(static_cast<std::size_t>(flush_count), count);
}

// The line of the first call that holds `text`, from line `from` on; or the number of lines.
std::size_t find_call(const std::vector<std::string>& calls, const std::string& text,
                      std::size_t from) {
  while (from < calls.size() && calls[from].find(text) == std::string::npos)
    ++from;
  return from;
}

TEST(Storage, ReplyLeavesAfterTheFlushThatItReliesOn) {
  if (!has_strace()) GTEST_SKIP() << "strace is not installed";
  Traced traced(Watch::everything,
                {"-s", "4096", "-e", "trace=pwrite64,fdatasync,sendto,sendmsg,write"});
  ASSERT_TRUE(traced.daemon().wait_until_ready()) << traced.daemon().diagnostics();
  const std::string mark = "a-body-that-is-nowhere-else";
  {
    Caller caller(traced.daemon().endpoint(), "strace-client");
    ASSERT_TRUE(caller.commit({deliver("inbox", mark)}));
    ASSERT_EQ(caller.receive("inbox", 1), Bodies{mark});
  }
  EXPECT_EQ(traced.daemon().stop().code, 0);

  const std::vector<std::string> calls = traced.calls();
  const std::size_t written = find_call(calls, mark, 0);
  ASSERT_LT(written, calls.size());
  EXPECT_NE(calls[written].find("pwrite64("), std::string::npos) << calls[written];
  const std::size_t flushed = find_call(calls, "fdatasync(", written);
  ASSERT_LT(flushed, calls.size());
  // The delivery is a promise that the message is committed: its bytes leave after the flush
  // has returned.
  const std::size_t returned = calls[flushed].find("unfinished") == std::string::npos
                                   ? flushed
                                   : find_call(calls, "fdatasync resumed", flushed);
  const std::size_t delivered = find_call(calls, mark, written + 1);
  ASSERT_LT(delivered, calls.size());
  EXPECT_EQ(calls[delivered].find("pwrite64("), std::string::npos) << calls[delivered];
  EXPECT_LT(returned, delivered);
}

}  // namespace
}  // namespace nemcon::tests
