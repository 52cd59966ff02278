// Goal: a client gets what its quota says, at once for one second's worth, and nothing of what is
// over is written or lost. Method: one node or two with keys; time is the test's.
#include "core/quotas.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<Part> one = {deliver("orders@a", "x")};

PermissionOptions with_quota(const QuotaOptions& quota) {
  const std::vector<std::string> everything = {"send *@*", "consume *@*", "call *@*", "browse *"};
  return {.secured = true,
          .clients = {{.name = "alice", .allow = everything, .quota = quota},
                      {.name = "bob", .allow = everything}},
          .vouches = {}};
}

Layout layout(const QuotaOptions& quota) {
  return {.node_count = 2, .permissions = {with_quota(quota), with_quota(quota)}};
}

// How many of so many submissions are let in.
int let_in(Caller& caller, int count, const std::vector<Part>& parts = one) {
  int committed = 0;
  for (int i = 0; i < count; ++i)
    committed += caller.is_committed(caller.submit(parts)) ? 1 : 0;
  return committed;
}

TEST(Quota, OfTransactionsASecondIsOneSecondsWorthAtOnceThenTheRate) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  const std::size_t before = mesh[0].disk().records().size();

  EXPECT_EQ(let_in(alice, 30), 10);

  const std::optional<Denied> denied = alice.last<Denied>();
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->reason, Reason::window_full);
  EXPECT_TRUE(denied->retryable);
  EXPECT_EQ(alice.all<Denied>().front().text,
            "client \"alice\" may submit 10 transactions a second (max_rate)");
  EXPECT_EQ(alice.all<Denied>().size(), 20u);
  // A record for each that was let in, and none for the others.
  EXPECT_EQ(mesh[0].disk().records().size(), before + 10);
  EXPECT_EQ(mesh[0].bodies("orders").size(), 10u);
}

TEST(Quota, CountsWhatItTurnsAwayInTheStatus) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  ASSERT_EQ(let_in(alice, 13), 10);

  alice.request(Inspect{.request = 7, .topic = Topic::status, .id = {}});

  const std::optional<Report> report = alice.last<Report>();
  ASSERT_TRUE(report);
  const auto count =
      std::ranges::find(report->counts, "submissions_over_quota", &CountReport::name);
  ASSERT_NE(count, report->counts.end());
  EXPECT_EQ(count->value, 3u);
}

TEST(Quota, IsThereAgainAsTimePasses) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  ASSERT_EQ(let_in(alice, 10), 10);
  const TransactionId id = alice.submit(one);
  ASSERT_FALSE(alice.is_committed(id));

  mesh.run_for(milliseconds{99});
  alice.resubmit(id, one);
  EXPECT_FALSE(alice.is_committed(id));
  mesh.run_for(milliseconds{1});
  alice.resubmit(id, one);
  mesh.run();
  EXPECT_TRUE(alice.is_committed(id));
  // An idle hour is worth no more than one second.
  mesh.run_for(seconds{3600});
  EXPECT_EQ(let_in(alice, 30), 10);
}

TEST(Quota, LetsNoLaterOneInBeforeOneThatWasTurnedAway) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  ASSERT_EQ(let_in(alice, 10), 10);
  const TransactionId first = alice.submit(one);
  mesh.run_for(milliseconds{500});

  EXPECT_EQ(let_in(alice, 1), 0);
  EXPECT_EQ(alice.last<Denied>()->text,
            "client \"alice\" has an older transaction that waits for its quota");
  alice.resubmit(first, one);
  mesh.run();
  EXPECT_TRUE(alice.is_committed(first));
  EXPECT_EQ(let_in(alice, 1), 1);
}

TEST(Quota, WaitsForNobodyWhoDoesNotComeBack) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  ASSERT_EQ(let_in(alice, 11), 10);

  mesh.run_for(seconds{2});

  EXPECT_EQ(let_in(alice, 1, {deliver("logs@a", "x")}), 1);
}

TEST(Quota, OfBytesCountsBodiesAndLetsALargeOneInWhenNothingIsSpent) {
  Mesh mesh{layout({.bytes_per_second_max = 1000})};
  Caller alice{mesh[0], "alice"};
  const std::vector<Part> large = {deliver("orders@a", std::string(3000, 'x'))};

  EXPECT_EQ(let_in(alice, 2, large), 1);
  EXPECT_EQ(alice.last<Denied>()->text,
            "client \"alice\" may submit 1000 bytes a second (max_bytes_per_second)");
  // 3000 bytes are paid for in three seconds.
  mesh.run_for(milliseconds{2500});
  EXPECT_EQ(let_in(alice, 1, large), 0);
  mesh.run_for(milliseconds{2500});
  EXPECT_EQ(let_in(alice, 1, {deliver("logs@a", std::string(900, 'x'))}), 1);
}

TEST(Quota, OfTransactionsUnderWayIsFreeAgainWithTheAnswer) {
  Mesh mesh{layout({.in_flight_max = 2})};
  Caller alice{mesh[0], "alice"};
  const std::vector<Part> both = {deliver("orders@a", "x"), deliver("orders@b", "x")};
  const TransactionId first = alice.submit(both);
  const TransactionId second = alice.submit(both);

  const TransactionId third = alice.submit(both);
  ASSERT_TRUE(alice.last<Denied>());
  EXPECT_EQ(alice.last<Denied>()->text,
            "client \"alice\" has 2 transactions under way, which is all that it may "
            "(max_in_flight)");
  mesh.run();
  ASSERT_TRUE(alice.is_committed(first) && alice.is_committed(second));

  alice.resubmit(third, both);
  mesh.run();
  EXPECT_TRUE(alice.is_committed(third));
}

TEST(Quota, OfTransactionsUnderWayIsNotGotAroundByANewLink) {
  Mesh mesh{layout({.in_flight_max = 1})};
  const std::vector<Part> both = {deliver("orders@a", "x"), deliver("orders@b", "x")};
  mesh.hold({.from = {}, .to = {}, .kind = "prepare"});
  Caller alice{mesh[0], "alice"};
  (void)alice.submit(both);
  alice.leave();

  Caller again{mesh[0], "alice"};
  (void)again.submit(both);
  EXPECT_TRUE(again.last<Denied>());
  // It is over when its deadline is, whoever hears of it.
  mesh.run_for(seconds{15});
  EXPECT_TRUE(again.is_committed(again.submit(one)));
}

TEST(Quota, IsSharedByTheSessionsOfAClientAndNoOthers) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller left{mesh[0], "alice/left", "alice"};
  Caller right{mesh[0], "alice/right", "alice"};
  Caller anonymous{mesh[0], "", "alice"};
  Caller bob{mesh[0], "bob"};

  EXPECT_EQ(let_in(left, 6), 6);
  EXPECT_EQ(let_in(right, 6), 4);
  EXPECT_EQ(let_in(anonymous, 6), 0);
  EXPECT_EQ(let_in(bob, 30), 30);
}

TEST(Quota, ChangesWithThePermissions) {
  Mesh mesh{layout({.rate_max = 10})};
  Caller alice{mesh[0], "alice"};
  ASSERT_EQ(let_in(alice, 11), 10);

  mesh[0].step(PermissionsReplaced{with_quota({})});
  EXPECT_EQ(let_in(alice, 30), 30);
  mesh[0].step(PermissionsReplaced{with_quota({.rate_max = 1})});
  EXPECT_LE(let_in(alice, 30), 1);
}

TEST(Quota, IsNotGoneAroundByTheNumberOfARequestThatIsUnderWay) {
  Quotas quotas{1};
  const QuotaOptions quota{.rate_max = 2, .in_flight_max = 2};
  const Instant now{};
  Quotas::Demand demand{.link = LinkId{1}, .request = 7, .account = "alice", .epoch = Epoch{1}};
  demand.deadline = seconds{30};
  demand.sequence = Sequence{1};
  ASSERT_FALSE(quotas.refuse(demand, quota, now));

  EXPECT_FALSE(quotas.refuse(demand, quota, now));
  demand.sequence = Sequence{2};
  EXPECT_EQ(quotas.refuse(demand, quota, now),
            "client \"alice\" has another transaction under way under this number of a request");
  demand.request = 8;
  EXPECT_FALSE(quotas.refuse(demand, quota, now));
}

// An answer that is known costs nothing: a client that asks again is not punished for it.
TEST(Quota, CountsNoSubmissionTwice) {
  Mesh mesh{layout({.rate_max = 2})};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit(one);
  for (int i = 0; i < 10; ++i)
    alice.resubmit(id, one);

  EXPECT_EQ(let_in(alice, 5), 1);
}

}  // namespace
}  // namespace nemcon::core::tests
