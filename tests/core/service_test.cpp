// Goal: applications that vote are asked, told and told again, and never left in doubt. Method: a
// service at "b", whose answers, crashes and silences are the test's.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Told reserving(std::uint64_t sequence) {
  return std::move(Tale{sequence, {0, 1}}.deliver(0, "logs", "x").call(1, "reserve", "ten"))
      .witnessed_by(1);
}

// The initiator "a" and the service "reserve" at "b".
struct Service : testing::Test {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Caller stock{mesh[1], "stock"};

  void SetUp() override {
    stock.serve("reserve");
    mesh.run();
  }

  TransactionId reserve() {
    const TransactionId id = alice.submit({deliver("logs@a", "x"), call("reserve@b", "ten")});
    mesh.run();
    return id;
  }

  [[nodiscard]] CallKey asked() const { return stock.last<ServicePrepare>()->call; }

  [[nodiscard]] std::size_t decision_count() const { return stock.all<ServiceDecision>().size(); }
};

TEST_F(Service, OneConnectionStandsForABoundedNumberOfThem) {
  const std::uint32_t count_max = Limits{}.services_max;
  for (std::uint32_t number = 1; number < count_max; ++number)
    stock.serve("service " + std::to_string(number));
  stock.serve("reserve");  // Again.
  EXPECT_TRUE(stock.all<Denied>().empty());

  stock.serve("one more");
  ASSERT_EQ(stock.all<Denied>().size(), 1U);
  EXPECT_EQ(stock.last<Denied>()->reason, Reason::forbidden);
  alice.serve("one more");
  EXPECT_TRUE(alice.all<Denied>().empty());
}

TEST_F(Service, IsAskedWithContentPrincipalAndTime) {
  reserve();

  ASSERT_TRUE(stock.last<ServicePrepare>().has_value());
  const ServicePrepare prepare = *stock.last<ServicePrepare>();
  EXPECT_EQ(prepare.service, "reserve");
  EXPECT_EQ(prepare.principal, "alice");
  EXPECT_EQ(prepare.content, content("ten"));
  EXPECT_GT(prepare.remaining_ms, 9'000U);
}

TEST_F(Service, ANoRollsBackWithItsOwnWords) {
  const TransactionId id = reserve();
  stock.vote_no("sold out");
  mesh.run();

  ASSERT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(alice.answer(id)->reason, Reason::service_refused);
  EXPECT_EQ(alice.answer(id)->text, "sold out");
  EXPECT_EQ(alice.answer(id)->by, "b");
  EXPECT_EQ(decision_count(), 0U) << "who said no has nothing to undo";
}

// Rules P-7 and P-8: the node's vote waits for the service, and the decision for its record.
TEST_F(Service, HearsTheDecisionOnceItIsDurable) {
  reserve();
  stock.vote_yes("ok");
  mesh[1].hold_writes = true;
  mesh.run();
  EXPECT_EQ(decision_count(), 0U);

  mesh[1].flush();
  ASSERT_EQ(decision_count(), 1U);
  EXPECT_TRUE(stock.last<ServiceDecision>()->commit);
  EXPECT_EQ(stock.last<ServiceDecision>()->content, content("ten"));
}

// Rule P-35.
TEST_F(Service, IsToldAgainUntilItConfirms) {
  reserve();
  stock.vote_yes("ok");
  mesh.run();
  mesh.run_for(seconds{10});
  EXPECT_GE(decision_count(), 3U);

  stock.done(asked());
  const std::size_t told = decision_count();
  mesh.run_for(seconds{60});
  EXPECT_EQ(decision_count(), told);
}

// Rule P-35: the node does not forget before.
TEST_F(Service, TheRowStaysUntilTheServiceConfirmed) {
  const TransactionId id = reserve();
  stock.vote_yes("ok");
  mesh.run_for(seconds{30});
  EXPECT_TRUE(mesh[1].transaction(id).has_value());
  EXPECT_TRUE(mesh[0].transaction(id).has_value());

  stock.done(asked());
  mesh.run_for(seconds{30});
  EXPECT_FALSE(mesh[1].transaction(id).has_value());
  EXPECT_FALSE(mesh[0].transaction(id).has_value());
}

// Rule P-35: also across a restart, and to another instance.
TEST_F(Service, IsToldAfterARestart) {
  reserve();
  stock.vote_yes("ok");
  mesh.run();
  mesh.crash_and_recover(1);
  mesh.run_for(seconds{1});

  Caller other{mesh[1], "stock"};
  other.serve("reserve");

  ASSERT_TRUE(other.last<ServiceDecision>().has_value());
  EXPECT_TRUE(other.last<ServiceDecision>()->commit);
}

// Rule P-35: volatile on the way to the vote; a restart asks again.
TEST_F(Service, IsAskedAgainAfterARestart) {
  const TransactionId id = reserve();
  mesh.crash_and_recover(1);
  mesh.run_for(milliseconds{500});

  Caller other{mesh[1], "stock"};
  other.serve("reserve");
  mesh.run_for(seconds{2});
  ASSERT_TRUE(other.last<ServicePrepare>().has_value());
  other.vote_yes("ok");
  mesh.run_for(seconds{2});

  EXPECT_TRUE(alice.is_committed(id));
}

TEST_F(Service, AReadOnlyYesHearsNothingMore) {
  const TransactionId id = reserve();
  stock.request(ServiceVote{.call = asked(), .yes = true, .read_only = true});
  mesh.run_for(seconds{30});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(decision_count(), 0U);
  EXPECT_TRUE(mesh[1].transactions().empty());
}

TEST_F(Service, ThatDoesNotAnswerInTimeIsToldToRollBack) {
  const TransactionId id = reserve();
  mesh.run_for(seconds{11});

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(alice.answer(id)->reason, Reason::service_unavailable);
  ASSERT_GE(decision_count(), 1U);
  EXPECT_FALSE(stock.last<ServiceDecision>()->commit);
}

TEST_F(Service, ALateVoteChangesNothing) {
  const TransactionId id = reserve();
  mesh.run_for(seconds{11});
  stock.vote_yes("too late");
  mesh.run_for(seconds{1});

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_FALSE(stock.last<ServiceDecision>()->commit);
}

TEST_F(Service, AStandbyTakesOverWhenTheActiveOneGoes) {
  Caller standby{mesh[1], "stock"};
  standby.serve("reserve");
  EXPECT_TRUE(stock.last<Serving>()->active);
  EXPECT_FALSE(standby.last<Serving>()->active);
  const TransactionId id = reserve();
  EXPECT_FALSE(standby.last<ServicePrepare>().has_value());

  stock.leave();
  EXPECT_TRUE(standby.last<Serving>()->active);
  ASSERT_TRUE(standby.last<ServicePrepare>().has_value());
  standby.vote_yes("ok");
  mesh.run();

  EXPECT_TRUE(alice.is_committed(id));
}

TEST_F(Service, AStandbyDoesNotSpeakForIt) {
  Caller standby{mesh[1], "stock"};
  standby.serve("reserve");
  const TransactionId id = reserve();

  standby.request(ServiceVote{.call = asked(), .yes = false});
  mesh.run();

  EXPECT_FALSE(alice.answer(id).has_value());
}

TEST_F(Service, AnUnknownOneIsRefusedOnceTheNodeHasBeenUpForAWhile) {
  mesh.run_for(seconds{4});

  const TransactionId id = alice.submit({deliver("logs@a", "x"), call("nobody@b", "y")});
  mesh.run();

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(alice.answer(id)->reason, Reason::unknown_service);
}

TEST_F(Service, ThatHasGoneIsNotKnownByNameAnyMore) {
  stock.leave();
  mesh.run();

  alice.submit({deliver("logs@a", "x"), call("reserve", "y")});
  mesh.run();

  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unknown_service);
}

TEST_F(Service, AReplyThatIsTooLargeIsANo) {
  const TransactionId id = reserve();
  stock.vote_yes(std::string((64U << 10U) + 1, 'x'));
  mesh.run();

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(alice.answer(id)->reason, Reason::too_large);
  EXPECT_FALSE(stock.last<ServiceDecision>()->commit);
}

// What cannot succeed anyway is not put to an application.
TEST_F(Service, IsNotAskedWhenTheRestCannotSucceed) {
  const TransactionId id = alice.submit({deliver("nowhere@b", "x"), call("reserve@b", "y")});
  mesh.run();

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_FALSE(stock.last<ServicePrepare>().has_value());
}

TEST_F(Service, TwoCallsAreTwoVotesAndTwoReplies) {
  Caller other{mesh[0], "billing"};
  other.serve("charge");
  const TransactionId id = alice.submit({call("charge@a", "5"), call("reserve@b", "ten")});
  mesh.run();
  stock.vote_yes("reserved");
  mesh.run();
  EXPECT_FALSE(alice.answer(id).has_value());
  other.vote_yes("charged");
  mesh.run();

  ASSERT_TRUE(alice.is_committed(id));
  const std::vector<Content> expected = {content("charged"), content("reserved")};
  EXPECT_EQ(alice.answer(id)->replies, expected);
}

// Rules P-24 and P-35: one record, which is kept for the service's sake.
TEST_F(Service, OnePhaseAtItsOwnNodeWaitsForItToo) {
  const TransactionId id = stock.submit({deliver("logs@b", "x"), call("reserve@b", "ten")});
  stock.vote_yes("ok");
  EXPECT_TRUE(stock.is_committed(id));
  EXPECT_EQ(stock.answer(id)->replies, std::vector<Content>{content("ok")});
  EXPECT_TRUE(mesh[1].transaction(id).has_value());

  mesh.crash_and_recover(1);
  Caller other{mesh[1], "other"};
  other.serve("reserve");
  ASSERT_TRUE(other.last<ServiceDecision>().has_value());
  other.done(other.last<ServiceDecision>()->call);

  EXPECT_FALSE(mesh[1].transaction(id).has_value());
  EXPECT_TRUE(mesh[1].remembered(id)->outcome.committed);
}

// Rule P-33: with services in it, `mesh` queues are prepared once all others said yes.
TEST_F(Service, MeshQueuesArePreparedAfterAllServicesSaidYes) {
  const TransactionId id =
      alice.submit({deliver("ledger@a", "1"), deliver("ledger@b", "2"), call("reserve@b", "3")});
  mesh.run();
  EXPECT_EQ(mesh[0].record_count("voted"), 0U);
  EXPECT_EQ(mesh[1].record_count("voted"), 0U);

  stock.vote_yes("ok");
  mesh.run();
  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[0].bodies("ledger"), std::vector<std::string>{"1"});
  EXPECT_EQ(mesh[1].bodies("ledger"), std::vector<std::string>{"2"});
  EXPECT_EQ(mesh[1].record_count("voted"), 2U);
}

// Rule P-33: and never, when one says no.
TEST_F(Service, MeshQueuesAreNotPreparedWhenAServiceSaysNo) {
  const TransactionId id = alice.submit({deliver("ledger@a", "1"), call("reserve@b", "3")});
  mesh.run();
  stock.vote_no("sold out");
  mesh.run_for(seconds{5});

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(mesh[0].record_count("voted"), 0U);
  EXPECT_TRUE(mesh[0].transactions().empty());
}

// Who asks this node why a queue stands still finds what it waits for.
TEST_F(Service, ATransactionThatWaitsForItsServiceIsListed) {
  reserve();

  stock.request(Inspect{.request = 5, .topic = Topic::transactions, .id = {}});

  const std::optional<Report> report = stock.last<Report>();
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->transactions.size(), 1U);
  EXPECT_EQ(report->transactions[0].state, "preparing");
}

// ---- in doubt ---------------------------------------------------------------------------------

struct InDoubt : testing::Test {
  Lone b{{}};
  CallKey call{.transaction = reserving(1).key(), .branch = 1, .operation = 0};

  // The application comes back and says that it has prepared this call.
  Effects report(Caller& stock, std::uint64_t looked = 0) {
    return stock.request(
        Serve{.request = 70, .service = "reserve", .in_doubt = {call}, .looked = looked});
  }

  // And finds it still prepared when the node asks it to look again.
  Effects report_twice(Caller& stock) {
    report(stock);
    return report(stock, stock.last<Serving>()->look_again);
  }
};

// Rule P-36: a call that the node knows nothing of is rolled back, once a yes is impossible.
TEST_F(InDoubt, ACallThatTheNodeDoesNotKnowIsRolledBackDurably) {
  Caller stock{*b, "stock"};
  b->hold_writes = true;
  report_twice(stock);
  EXPECT_FALSE(stock.last<ServiceDecision>().has_value());

  b->flush();
  ASSERT_TRUE(stock.last<ServiceDecision>().has_value());
  EXPECT_FALSE(stock.last<ServiceDecision>()->commit);
}

// Rule P-36: and the late PREPARE finds that.
TEST_F(InDoubt, ALatePrepareOfItIsRefused) {
  Caller stock{*b, "stock"};
  report_twice(stock);
  b.crash_and_recover();

  const Effects effects = b.hear(0, reserving(1).prepare({1}));

  ASSERT_EQ(sent<TransactionStatus>(effects).size(), 1U);
  EXPECT_FALSE(sent<TransactionStatus>(effects)[0].outcome->committed);
  EXPECT_TRUE(sent<Vote>(effects).empty());
}

TEST_F(InDoubt, ACallThatIsVotedAndUndecidedStaysInDoubt) {
  Caller stock{*b, "stock"};
  stock.serve("reserve");
  b.hear(0, reserving(1).prepare({1}));
  stock.vote_yes("ok");

  Caller again{*b, "stock"};
  report(again);

  EXPECT_FALSE(again.last<ServiceDecision>().has_value());
}

TEST_F(InDoubt, ACommittedCallIsCommitted) {
  Caller stock{*b, "stock"};
  stock.serve("reserve");
  b.hear(0, reserving(1).prepare({1}));
  stock.vote_yes("ok");
  b.hear(0, commit_of(reserving(1), yes_now().at));
  b.crash_and_recover();

  Caller again{*b, "stock"};
  report(again);

  ASSERT_TRUE(again.last<ServiceDecision>().has_value());
  EXPECT_TRUE(again.last<ServiceDecision>()->commit);
}

// A "no" of the node itself, given while the service was away.
TEST_F(InDoubt, ACallThatTheNodeVotedNoForIsRolledBack) {
  Caller stock{*b, "stock"};
  stock.serve("reserve");
  b.hear(0, reserving(1).prepare({1}));
  stock.leave();
  b->pass(seconds{11});
  b.crash_and_recover();

  Caller again{*b, "stock"};
  report(again);

  ASSERT_TRUE(again.last<ServiceDecision>().has_value());
  EXPECT_FALSE(again.last<ServiceDecision>()->commit);
}

// The call was confirmed and forgotten: what the outcome was is still known.
TEST_F(InDoubt, AForgottenCallIsToldItsOutcome) {
  Caller stock{*b, "stock"};
  stock.serve("reserve");
  b.hear(0, reserving(1).prepare({1}));
  stock.vote_yes("ok");
  const Decision decision = commit_of(reserving(1), yes_now().at);
  b.hear(0, decision);
  stock.done(call);
  b.hear(0, forget_of(reserving(1), decision.outcome));
  ASSERT_FALSE(b->transaction(call.transaction.id).has_value());

  Caller again{*b, "stock"};
  stock.leave();
  report(again);

  ASSERT_TRUE(again.last<ServiceDecision>().has_value());
  EXPECT_TRUE(again.last<ServiceDecision>()->commit);
}

// Rule P-36: the report had left before the commit was told, and arrives after all is forgotten.
TEST_F(InDoubt, AReportThatWasOvertakenDoesNotRollBackWhatIsCommitted) {
  Caller stock{*b, "stock"};
  report(stock);
  ASSERT_NE(stock.last<Serving>()->look_again, 0U);

  stock.request(Serve{.request = 71,
                      .service = "reserve",
                      .in_doubt = {},
                      .looked = stock.last<Serving>()->look_again});

  EXPECT_FALSE(stock.last<ServiceDecision>().has_value());
  EXPECT_EQ(b->record_count("turned-away"), 0U);
}

// Rule P-36: a list that was made before the node asked proves nothing.
TEST_F(InDoubt, OnlyALookAfterTheQuestionCounts) {
  Caller stock{*b, "stock"};
  report(stock);
  const std::uint64_t first = stock.last<Serving>()->look_again;
  report(stock);

  report(stock, first);

  EXPECT_FALSE(stock.last<ServiceDecision>().has_value());
  report(stock, stock.last<Serving>()->look_again);
  EXPECT_TRUE(stock.last<ServiceDecision>().has_value());
}

// Bounded, and nothing is left over: what does not fit is asked for again.
TEST_F(InDoubt, ManyUnknownCallsAreRolledBackOverSeveralLooks) {
  Caller stock{*b, "stock"};
  std::vector<CallKey> left;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    left.push_back(call);
    left.back().transaction.id.sequence = Sequence{100 + i};
  }
  Serve serve{.request = 70, .service = "reserve", .in_doubt = left, .looked = 0};
  for (int look = 0; look < 8 && !left.empty(); ++look) {
    serve.in_doubt = left;
    stock.request(serve);
    serve.looked = stock.last<Serving>()->look_again;
    for (const ServiceDecision& decision : stock.all<ServiceDecision>())
      std::erase(left, decision.call);
  }
  EXPECT_TRUE(left.empty()) << left.size();
  EXPECT_EQ(b->record_count("turned-away"), 1000U);
}

// What an instance reported once and did not find again keeps no place from what comes later.
TEST_F(InDoubt, WhatIsOverMakesRoomForOthers) {
  Caller stock{*b, "stock"};
  Serve serve{.request = 70, .service = "reserve", .in_doubt = {}, .looked = 0};
  for (std::uint64_t i = 0; i < 300; ++i) {
    serve.in_doubt.push_back(call);
    serve.in_doubt.back().transaction.id.sequence = Sequence{100 + i};
  }
  stock.request(serve);
  for (int look = 0; look < 4; ++look)
    report(stock, stock.last<Serving>()->look_again);
  EXPECT_TRUE(stock.last<ServiceDecision>().has_value());
}

// What was asked of a service that never was leaves nothing: neither memory nor a late "roll back".
TEST(UnknownService, ACallThatNobodyWasAskedForIsForgotten) {
  Mesh mesh{{.node_count = 1}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit({call("ghost@a", "x")});
  mesh.run_for(seconds{10});
  ASSERT_TRUE(alice.is_rolled_back(id));

  Caller late{mesh[0], "late"};
  late.request(Serve{.service = "ghost"});
  mesh.run();

  EXPECT_FALSE(late.last<ServiceDecision>().has_value());
}

}  // namespace
}  // namespace nemcon::core::tests
