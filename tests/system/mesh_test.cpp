// Goal: several nodes on real sockets commit together or not at all, and forget nothing when they
// are killed. Method: daemons on loopback; only basics here, the simulator does the rest.
#include "tests/system/mesh.hpp"

#include <csignal>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "tests/system/caller.hpp"

namespace nemcon::tests {
namespace {

using Bodies = std::vector<std::string>;

TEST(Mesh, TransactionOverTwoNodesIsThereAtBoth) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  {
    Caller caller(mesh.endpoint("shop"), "");
    EXPECT_TRUE(
        caller.commit({deliver("inbox@shop", "order 1"), deliver("inbox@billing", "bill 1")}))
        << mesh.diagnostics();
  }

  EXPECT_EQ(Caller(mesh.endpoint("shop"), "").receive("inbox", 1), Bodies{"order 1"});
  EXPECT_EQ(Caller(mesh.endpoint("billing"), "").receive("inbox", 1), Bodies{"bill 1"});
}

TEST(Mesh, UnknownQueueRollsBackEverywhereWithThatReason) {
  Mesh mesh({"shop", "billing"}, "");
  ASSERT_TRUE(mesh.start_all()) << mesh.diagnostics();
  Caller caller(mesh.endpoint("shop"), "");

  const auto reply = caller.submit(
      caller.transaction({deliver("inbox@shop", "a"), deliver("bills@billing", "b")}));

  ASSERT_TRUE(reply && std::holds_alternative<core::Concluded>(*reply)) << mesh.diagnostics();
  EXPECT_EQ(std::get<core::Concluded>(*reply).verdict, core::Verdict::rolled_back);
  EXPECT_EQ(std::get<core::Concluded>(*reply).reason, core::Reason::unknown_queue);
  EXPECT_EQ(caller.message_count("inbox"), 0u);
}

TEST(Mesh, CommittedWorkOutlivesTheDeathOfEveryNode) {
  for (const char* const mode : {"witnesses = 1", "witnesses = 3", "coordinator = 'billing'"}) {
    Mesh mesh({"shop", "billing", "warehouse"}, mode);
    ASSERT_TRUE(mesh.start_all()) << mode << mesh.diagnostics();
    {
      Caller caller(mesh.endpoint("shop"), "checkout");
      for (const std::string number : {"1", "2", "3"}) {
        ASSERT_TRUE(caller.commit({deliver("inbox@shop", "order " + number),
                                   deliver("inbox@warehouse", "pick " + number)}))
            << mode << mesh.diagnostics();
      }
    }

    for (const char* const name : {"shop", "billing", "warehouse"})
      mesh.daemon(name).kill();
    ASSERT_TRUE(mesh.start_all()) << mode << mesh.diagnostics();

    EXPECT_EQ(Caller(mesh.endpoint("shop"), "").receive("inbox", 3),
              (Bodies{"order 1", "order 2", "order 3"}))
        << mode;
    EXPECT_EQ(Caller(mesh.endpoint("warehouse"), "").receive("inbox", 3),
              (Bodies{"pick 1", "pick 2", "pick 3"}))
        << mode;
  }
}

TEST(Mesh, NodeThatDiesAsItVotesFindsTheOutcomeAtItsNextStart) {
  for (const char* const point :
       {"before-append:voted", "after-append:voted", "after-send:vote", "before-append:decided"}) {
    Mesh mesh({"shop", "billing", "warehouse"}, "witnesses = 3");
    Daemon& doomed = mesh.start("billing", {"--fail-point", point});
    if (!doomed.wait_until_ready() && doomed.wait().code == 2) {
      GTEST_SKIP() << "built without fail points";
    }
    ASSERT_TRUE(mesh.start_all()) << point << mesh.diagnostics();
    Caller caller(mesh.endpoint("shop"), "checkout");

    const core::Submit submit =
        caller.transaction({deliver("inbox@shop", "order"), deliver("inbox@billing", "bill")});
    const auto reply = caller.submit(submit);
    ASSERT_TRUE(reply && std::holds_alternative<core::Concluded>(*reply))
        << point << mesh.diagnostics();
    EXPECT_EQ(doomed.wait(), (Exit{.code = -1, .signal = SIGKILL})) << point;
    ASSERT_TRUE(mesh.start_all()) << point << mesh.diagnostics();

    // All or nothing, and as the client was told.
    const bool committed = std::get<core::Concluded>(*reply).verdict == core::Verdict::committed;
    const std::size_t count = committed ? 1 : 0;
    Caller billing(mesh.endpoint("billing"), "");
    EXPECT_EQ(caller.message_count("inbox"), count) << point;
    if (committed) {
      EXPECT_EQ(billing.receive("inbox", 1), Bodies{"bill"}) << point << mesh.diagnostics();
    } else {
      EXPECT_EQ(billing.message_count("inbox"), 0u) << point << mesh.diagnostics();
    }
  }
}

}  // namespace
}  // namespace nemcon::tests
