// Goal: in mode X no transaction waits for an initiator that is gone for good, at whatever moment
// it went. Method: three daemons; the initiator kills itself at a named point, and never returns.
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/system/caller.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// From the death to the last decision.
constexpr std::chrono::seconds decided_within{5};

class LostInitiator : public testing::TestWithParam<const char*> {
 protected:
  Mesh mesh_{{"shop", "warehouse", "billing"}, "witnesses = 3"};

  // Waits until nothing is undecided at the two that are left; false when that takes too long.
  [[nodiscard]] bool try_wait_until_decided(Caller& warehouse, Caller& billing,
                                            steady_clock::time_point end) {
    while (warehouse.undecided_count() + billing.undecided_count() != 0) {
      if (steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(milliseconds{20});
    }
    return true;
  }
};

TEST_P(LostInitiator, TheOthersDecideWithinFiveSecondsAndGoOn) {
  Daemon& doomed = mesh_.start("shop", {"--fail-point", GetParam()});
  if (!doomed.wait_until_ready() && doomed.wait().code == 2) {
    GTEST_SKIP() << "built without fail points";
  }
  ASSERT_TRUE(mesh_.start_all()) << mesh_.diagnostics();
  Caller warehouse(mesh_.endpoint("warehouse"), "");
  Caller billing(mesh_.endpoint("billing"), "");

  {
    Caller client(mesh_.endpoint("shop"), "");
    core::Submit submit =
        client.transaction({deliver("inbox@shop", "order"), deliver("inbox@warehouse", "pick"),
                            deliver("inbox@billing", "bill")});
    submit.deadline_ms = 20'000;  // Nobody waits for it once the link is lost.
    (void)client.submit(submit);
  }
  ASSERT_EQ(doomed.wait(), (Exit{.code = -1, .signal = SIGKILL}));
  const auto died = steady_clock::now();

  EXPECT_TRUE(try_wait_until_decided(warehouse, billing, died + decided_within))
      << mesh_.diagnostics();
  // All or nothing at those that are left.
  EXPECT_EQ(warehouse.message_count("inbox"), billing.message_count("inbox"));
  // And their queues go on.
  const std::uint64_t before = warehouse.message_count("inbox");
  EXPECT_TRUE(warehouse.commit(
      {deliver("inbox@warehouse", "next pick"), deliver("inbox@billing", "next bill")}))
      << mesh_.diagnostics();
  EXPECT_EQ(warehouse.receive("inbox", before + 1).back(), "next pick");
  EXPECT_EQ(billing.receive("inbox", before + 1).back(), "next bill");
}

std::string name_of(const testing::TestParamInfo<const char*>& point) {
  std::string name = point.param;
  for (char& letter : name) {
    if (letter == '-' || letter == ':') letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(At, LostInitiator,
                         testing::Values("after-receive:submit", "after-send:prepare:1",
                                         "after-send:prepare:2", "before-append:voted",
                                         "after-append:voted", "after-send:vote",
                                         "after-receive:vote:1", "after-receive:vote:2",
                                         "before-append:accepted-votes", "after-receive:accepted",
                                         "before-send:decision:1", "after-send:decision:1",
                                         "before-append:decided", "after-reply:concluded"),
                         name_of);

}  // namespace
}  // namespace nemcon::tests
