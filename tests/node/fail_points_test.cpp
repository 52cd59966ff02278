// Goal: an armed point kills the process with SIGKILL at exactly the Nth time, and nothing else
// does; names that mean nothing are refused.
#include "node/fail_points.hpp"

#include <algorithm>
#include <csignal>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace nemcon::node {
namespace {

TEST(FailPoints, EveryNameIsThereOnceAndCanBeArmed) {
  const auto names = FailPoints::names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* const known :
       {"before-receive:decision", "after-receive:prepare", "before-receive:submit",
        "before-send:vote", "after-send:decision", "before-append:voted", "after-append:decided",
        "before-reply:concluded", "after-reply:delivered", "before-checkpoint",
        "after-checkpoint"}) {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), known)) << known;
  }
  for (const std::string& name : names) {
    FailPoints points;
    EXPECT_EQ(points.try_arm(name), has_fail_points) << name;
    EXPECT_EQ(points.try_arm(name + ":3"), has_fail_points) << name;
  }
}

TEST(FailPoints, WhatMeansNothingIsRefused) {
  FailPoints points;
  for (const char* const text :
       {"", "vote", "before-send", "before-send:nothing", "before-send:vote:0",
        "before-send:vote:x", "before-send:vote:2x", "before-send:vote:"}) {
    EXPECT_FALSE(points.try_arm(text)) << text;
  }
  EXPECT_FALSE(points.is_armed());
}

TEST(FailPoints, NothingHappensUnlessArmed) {
  FailPoints points;
  points.hit(Moment::before_send, "vote");
  if (has_fail_points) {
    ASSERT_TRUE(points.try_arm("before-send:vote"));
  }
  points.hit(Moment::after_send, "vote");
  points.hit(Moment::before_send, "decision");
  points.hit(Moment::before_checkpoint, "");
}

TEST(FailPointsDeathTest, ArmedPointKillsAtTheNthTime) {
  if (!has_fail_points) GTEST_SKIP() << "built without fail points";
  EXPECT_EXIT(
      {
        FailPoints points;
        if (!points.try_arm("before-send:vote:3")) std::exit(1);
        points.hit(Moment::before_send, "vote");
        points.hit(Moment::before_send, "vote");
        std::fputs("alive after two\n", stderr);
        points.hit(Moment::before_send, "vote");
        std::exit(2);
      },
      testing::KilledBySignal(SIGKILL), "alive after two");
}

TEST(FailPointsDeathTest, MomentWithoutKindIsAPointToo) {
  if (!has_fail_points) GTEST_SKIP() << "built without fail points";
  EXPECT_EXIT(
      {
        FailPoints points;
        if (!points.try_arm("after-checkpoint")) std::exit(1);
        points.hit(Moment::after_checkpoint, "");
        std::exit(2);
      },
      testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace nemcon::node
