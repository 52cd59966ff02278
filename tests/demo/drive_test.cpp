// Goal: the driver of the demo kills what it should, when it should, and only what it started.
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "deploy/demo/cast.hpp"
#include "deploy/demo/kill_plan.hpp"
#include "deploy/demo/process.hpp"
#include "tests/demo/directory.hpp"

namespace nemcon::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::TemporaryDirectory;

TEST(KillPlan, EveryVictimIsKilledAsOftenAsAsked) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::map<std::size_t, std::size_t> counts;
    for (const KillRound& round : plan_kills(seed, 5, 3, 20'000)) {
      std::set<std::size_t> victims;
      for (const Kill& kill : round.kills) {
        ++counts[kill.victim];
        EXPECT_GE(kill.pause, milliseconds{300});
        EXPECT_LE(kill.pause, milliseconds{1000});
        EXPECT_TRUE(victims.insert(kill.victim).second) << "twice in one round";
      }
    }
    EXPECT_EQ(counts, (std::map<std::size_t, std::size_t>{{0, 3}, {1, 3}, {2, 3}, {3, 3}, {4, 3}}));
  }
}

TEST(KillPlan, OrdersFlowBeforeAndAfterEachRound) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::size_t before = 0;
    for (const KillRound& round : plan_kills(seed, 5, 2, 830)) {
      EXPECT_GT(round.until, before);
      before = round.until;
    }
    EXPECT_LT(before, 830U);
  }
}

TEST(KillPlan, TheSeedDecides) {
  const auto text = [](std::uint64_t seed) {
    std::string all;
    for (const KillRound& round : plan_kills(seed, 5, 1, 830)) {
      for (const Kill& kill : round.kills)
        all += std::to_string(kill.victim) + "/" + std::to_string(kill.delay.count()) + " ";
      all += "| ";
    }
    return all;
  };

  EXPECT_EQ(text(1), text(1));
  EXPECT_NE(text(1), text(2));
}

TEST(Template, IsChangedWhereItShouldBeAndNowhereElse) {
  EXPECT_EQ(replaced("a = 1\nb = 2\n", {{"1", "7"}, {"b", "c"}}), "a = 7\nc = 2\n");
  EXPECT_THROW((void)replaced("a", {{"b", "c"}}), std::runtime_error);
  EXPECT_THROW((void)replaced("a a", {{"a", "c"}}), std::runtime_error);
}

class ProcessTest : public testing::Test {
 protected:
  [[nodiscard]] Command shell(const std::string& script) const {
    return {"/bin/sh", {"-c", script}, directory_.file("child")};
  }

  // Blocks until the child has said something.
  [[nodiscard]] std::string await_output() const {
    const auto end = std::chrono::steady_clock::now() + seconds{20};
    std::string line;
    while (line.empty() && std::chrono::steady_clock::now() < end) {
      std::ifstream in{directory_.file("child") + ".out"};
      std::getline(in, line);
    }
    return line;
  }

  TemporaryDirectory directory_;
};

TEST_F(ProcessTest, SaysHowItEnded) {
  Process well{shell("exit 0")};
  EXPECT_EQ(well.stop(0, seconds{20}), exited_well);
  Process badly{shell("exit 3")};
  EXPECT_EQ(badly.stop(0, seconds{20}), "exit code 3");
  Process missing{{"/nonexistent", {}, directory_.file("child")}};
  EXPECT_EQ(missing.stop(0, seconds{20}), "exit code 127");
}

TEST_F(ProcessTest, IsKilledAtOnceAndTellsWhetherItWasStillThere) {
  Process waiting{shell("echo up; exec sleep 1000")};
  EXPECT_EQ(await_output(), "up");
  EXPECT_EQ(waiting.find_end(), std::nullopt);

  EXPECT_TRUE(waiting.kill());
  EXPECT_EQ(waiting.find_end(), "signal 9");
  EXPECT_FALSE(waiting.kill());
}

TEST_F(ProcessTest, StopsWhenAskedOrIsReportedAsNotStopping) {
  Process willing{shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")};
  EXPECT_EQ(await_output(), "up");
  EXPECT_EQ(willing.stop(SIGTERM, seconds{20}), exited_well);

  Process deaf{shell("trap '' TERM; echo deaf; exec sleep 1000")};
  EXPECT_EQ(deaf.stop(0, milliseconds{50}), std::nullopt);
}

TEST_F(ProcessTest, HearsWhatItIsTold) {
  Process listening{shell("read line; echo \"heard $line\"")};

  listening.tell("7");

  EXPECT_EQ(await_output(), "heard 7");
}

TEST_F(ProcessTest, DoesNotOutliveItsObject) {
  pid_t child = 0;
  {
    Process waiting{shell("echo $$; exec sleep 1000")};
    child = std::stoi(await_output());
    EXPECT_EQ(::kill(child, 0), 0);
  }
  EXPECT_NE(::kill(child, 0), 0);
}

}  // namespace
}  // namespace nemcon::demo
