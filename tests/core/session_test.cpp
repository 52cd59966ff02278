// Goal: a client's transaction takes effect once, whatever it repeats and wherever. Method: named
// and anonymous clients at one node and at several.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::vector<Part> one = {deliver("orders@a", "one")};
const std::vector<Part> both = {deliver("orders@a", "to a"), deliver("orders@b", "to b")};

// ---- acknowledging ----------------------------------------------------------------------------

// Rule P-15: strictly below the mark everything is dropped.
TEST(Acknowledgement, DropsWhatIsBelow) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId first = alice.submit(one);
  const TransactionId second = alice.submit(one);

  alice.acknowledge(2);

  EXPECT_FALSE(mesh[0].remembered(first).has_value());
  EXPECT_TRUE(mesh[0].remembered(second).has_value());
}

// Rule P-15: the mark rises only.
TEST(Acknowledgement, RisesOnly) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId first = alice.submit(one);
  alice.acknowledge(5);
  const std::size_t records = mesh[0].record_count("acknowledged-up-to");

  alice.acknowledge(1);
  alice.resubmit(first, one);

  EXPECT_EQ(mesh[0].record_count("acknowledged-up-to"), records);
  EXPECT_EQ(alice.answer(first)->reason, Reason::too_old);
}

// Rule P-15: durable before anything is dropped for it.
TEST(Acknowledgement, WhatWasNotDurableDroppedNothing) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit(one);
  mesh[0].hold_writes = true;
  alice.acknowledge(9);

  mesh.crash(0);
  mesh[0].hold_writes = false;
  mesh.recover(0);
  alice.move_to(mesh[0]);
  alice.resubmit(id, one);

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[0].queue("orders").message_count, 1U);
}

// Rule P-15: taken from the client of that session alone.
TEST(Acknowledgement, IsNotTakenFromAnotherPrincipal) {
  Lone b{{}};
  b.hear(0, logged_by_two(1).prepare({1}));
  Descriptor forged = *logged_by_two(2).descriptor;
  forged.principal = "mallory";
  Prepare prepare = logged_by_two(2).prepare({1});
  prepare.descriptor = std::make_shared<const Descriptor>(forged);
  prepare.digest = digest_of(forged);
  prepare.ack_upto = Sequence{100};

  b.hear(0, prepare);
  EXPECT_EQ(b->record_count("acknowledged-up-to"), 0U);

  Prepare own = logged_by_two(3).prepare({1});
  own.ack_upto = Sequence{100};
  b.hear(0, own);
  EXPECT_EQ(b->record_count("acknowledged-up-to"), 1U);
}

// Rule P-15: marks of different epochs are apart.
TEST(Acknowledgement, CountsForItsOwnEpoch) {
  Mesh mesh{{.node_count = 2}};
  Caller old{mesh[0], "alice"};
  const TransactionId id = old.submit(one);
  Caller fresh{mesh[0], "alice"};
  fresh.acknowledge(100);

  fresh.ask(id);
  EXPECT_TRUE(fresh.is_committed(id));

  fresh.request(Acknowledge{.epoch = old.epoch(), .ack_upto = Sequence{2}});
  EXPECT_FALSE(mesh[0].remembered(id).has_value());
}

// Rule P-15: a mark is kept for good, so a client cannot make up epochs to have some.
TEST(Acknowledgement, OfAnEpochThatNeverWasIsNotKept) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  alice.submit(one);
  const std::size_t records = mesh[0].record_count("acknowledged-up-to");
  for (std::uint64_t epoch = 1; epoch < 50; ++epoch) {
    alice.request(Acknowledge{.epoch = Epoch{epoch}, .ack_upto = Sequence{9}});
    alice.request(
        Acknowledge{.epoch = Epoch{alice.epoch().value() + epoch}, .ack_upto = Sequence{9}});
  }
  EXPECT_EQ(mesh[0].record_count("acknowledged-up-to"), records);
}

// Anonymous sessions go by themselves: they take no place from named ones.
TEST(Session, AnonymousOnesDoNotCountAgainstClientsMax) {
  Mesh mesh{{.node_count = 1, .limits = {.clients_max = 3}}};
  for (int i = 0; i < 10; ++i)
    Caller{mesh[0], ""}.submit({deliver("orders@a", "x")});
  for (const char* const name : {"a", "b", "c"})
    EXPECT_TRUE(Caller(mesh[0], name).last<Opened>());
  EXPECT_FALSE(Caller(mesh[0], "d").last<Opened>());
}

// ---- too old ----------------------------------------------------------------------------------

struct TooOld : testing::Test {
  Lone b{{}};
  Told told = logged_by_two(3);

  void SetUp() override {
    Prepare first = logged_by_two(9).prepare({1});
    first.ack_upto = Sequence{5};
    b.hear(0, first);
  }
};

// Rule P-15: an unknown id below the mark is refused, and makes no state.
TEST_F(TooOld, APrepareIsRefused) {
  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_TRUE(has_note(effects, "prepare too old"));
  ASSERT_EQ(sent<Refuse>(effects).size(), 1U);
  EXPECT_EQ(sent<Refuse>(effects)[0].why, Refusal::too_old);
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-15: so are votes, questions of leaders and proposals.
TEST_F(TooOld, WhatAWitnessIsAskedIsRefused) {
  Lone c{{.witnesses = 3}};
  const Told spare =
      std::move(Tale{3, {0, 2, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y")).witnessed_by(3);
  const Told first =
      std::move(Tale{9, {0, 2, 1}}.deliver(0, "logs", "x").deliver(2, "logs", "y")).witnessed_by(3);
  Prepare prepare = first.prepare({1});
  prepare.ack_upto = Sequence{5};
  c.hear(0, prepare);

  const std::vector<Message> messages = {vote_of(spare, 0, yes_now()),
                                         ask_promise_of(spare, ballot_of(1, 0)),
                                         Propose{.descriptor = spare.descriptor,
                                                 .digest = spare.digest,
                                                 .ballot = ballot_of(1, 0),
                                                 .values = {{.branch = 0, .value = yes_now()}}}};
  for (const Message& message : messages) {
    const Effects effects = c.hear(0, message);
    EXPECT_TRUE(has_note(effects, "too old")) << kind_of(message);
    EXPECT_EQ(sent<Refuse>(effects).size(), 1U) << kind_of(message);
    EXPECT_TRUE(effects.writes.empty()) << kind_of(message);
  }
}

// Rule P-15: a roll back can do no harm, a commit is ignored.
TEST_F(TooOld, ADecisionMakesNoState) {
  const Effects rolled_back = b.hear(0, roll_back_of(told));
  EXPECT_EQ(sent<DecisionAck>(rolled_back).size(), 1U);
  EXPECT_TRUE(rolled_back.writes.empty());

  const Effects committed = b.hear(0, commit_of(told, yes_now().at));
  EXPECT_TRUE(sent<DecisionAck>(committed).empty());
  EXPECT_EQ(sent<TransactionStatus>(committed).at(0).knowledge, Knowledge::too_old);
  EXPECT_TRUE(committed.writes.empty());
}

// Rule P-15: a known id answers, however old.
TEST_F(TooOld, AKnownTransactionAnswersStill) {
  Prepare last = logged_by_two(10).prepare({1});
  last.ack_upto = Sequence{50};
  b.hear(0, last);

  const Effects effects = b.hear(0, logged_by_two(9).prepare({1}));

  EXPECT_TRUE(has_note(effects, "duplicate prepare"));
  EXPECT_EQ(sent<Vote>(effects).size(), 1U);
}

// Rule P-15: a question is answered "too old", which is not "rolled back".
TEST_F(TooOld, AQuestionIsAnsweredSo) {
  const Effects effects =
      b.hear(0, Query{.id = told.key().id, .digest = told.digest, .wants_descriptor = false});

  ASSERT_EQ(sent<TransactionStatus>(effects).size(), 1U);
  EXPECT_EQ(sent<TransactionStatus>(effects)[0].knowledge, Knowledge::too_old);
  EXPECT_FALSE(sent<TransactionStatus>(effects)[0].outcome.has_value());
}

// Rule P-15: a driver that is refused so tells its client that it does not know.
TEST_F(TooOld, AClientHearsUnknownAndNeverRolledBack) {
  Lone a{{}, 0};
  Caller alice{*a, "alice"};
  const TransactionId id = alice.submit(both);
  const TransactionKey key = a->transaction(id)->key();

  a.hear(1, Refuse{.key = key, .why = Refusal::too_old});

  ASSERT_TRUE(alice.answer(id).has_value());
  EXPECT_EQ(alice.answer(id)->verdict, Verdict::unknown);
  EXPECT_EQ(alice.answer(id)->reason, Reason::too_old);
}

// ---- anonymous clients ------------------------------------------------------------------------

// Rule P-15: the outcome is kept for `retention`; then the floor rises above it, durably.
TEST(Anonymous, OutcomesAreKeptForRetentionAndThenRefused) {
  Mesh mesh{{.node_count = 2}};
  Caller nobody{mesh[0], ""};
  const TransactionId id = nobody.submit(one);
  const Hlc expires = nobody.draft(id, one).expires;
  mesh.run_for(minutes{14});
  EXPECT_TRUE(mesh[0].remembered(id).has_value());

  mesh.run_for(minutes{26});
  EXPECT_FALSE(mesh[0].remembered(id).has_value());
  EXPECT_FALSE(mesh[0].session(nobody.client()).has_value());

  mesh.crash_and_recover(0);
  mesh.run();
  nobody.move_to(mesh[0]);
  Submit again = nobody.draft(id, one);
  again.expires = expires;
  again.retry = true;
  nobody.submit(again);
  EXPECT_EQ(nobody.answer(id)->reason, Reason::too_old);
  EXPECT_EQ(mesh[0].queue("orders").message_count, 1U);
}

// Rule P-15: never past the slowest live peer's clock.
TEST(Anonymous, TheFloorWaitsForTheSlowestPeer) {
  Lone b{{}};
  const std::uint64_t heard_ms = b.header_from(0).clock.wall_ms();
  constexpr std::uint64_t retention_ms = 900'000;

  b->pass(minutes{30});
  EXPECT_LE(b->floor().wall_ms(), heard_ms - retention_ms);

  b.hear(0, Query{});
  b.hear(2, Query{});
  const std::uint64_t now_ms = b.header_from(0).clock.wall_ms();
  b->pass(minutes{2});
  EXPECT_EQ(b->floor().wall_ms(), now_ms - retention_ms);
  b.crash_and_recover();
  EXPECT_EQ(b->floor().wall_ms(), now_ms - retention_ms);
}

// Rule P-15: a wrong clock that no peer confirms would make all anonymous clients too old.
TEST(Anonymous, TheFloorStaysWhileLessThanHalfOfThePeersAreLive) {
  Lone b{{}};
  b.lose(0);
  b.lose(2);
  const Hlc before = b->floor();

  b->pass(minutes{30});
  EXPECT_EQ(b->floor(), before);

  b.greet(0);
  b->pass(minutes{2});
  EXPECT_GT(b->floor(), before);
}

// Rule P-15: who asks says until when it could be known.
TEST(Anonymous, AQuestionAboutWhatExpiredIsAnsweredTooOld) {
  Lone b{{}};
  b->pass(minutes{30});
  b.hear(0, Query{});
  b.hear(2, Query{});
  b->pass(minutes{2});
  const Told told = Tale{1, {0, 1}}
                        .anonymous(b->floor())
                        .deliver(0, "orders", "x")
                        .deliver(1, "orders", "y")
                        .witnessed_by(1);

  const Effects effects = b.hear(0, Query{.id = told.key().id,
                                          .digest = told.digest,
                                          .wants_descriptor = false,
                                          .expires = told.descriptor->expires});

  ASSERT_EQ(sent<TransactionStatus>(effects).size(), 1U);
  EXPECT_EQ(sent<TransactionStatus>(effects)[0].knowledge, Knowledge::too_old);
}

// Rule P-15: the floor concerns anonymous clients only.
TEST(Anonymous, TheFloorDoesNotConcernNamedClients) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit(one);

  mesh.run_for(minutes{120});

  alice.ask(id);
  EXPECT_TRUE(alice.is_committed(id));
}

// ---- sending it again -------------------------------------------------------------------------

TEST(Resubmission, AtTheSameNodeGetsTheFirstOutcome) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit(both);
  mesh.run_for(seconds{1});
  const Hlc at = alice.answer(id)->at;

  alice.move_to(mesh[0]);
  alice.resubmit(id, both);
  mesh.run_for(seconds{1});

  EXPECT_EQ(alice.answer(id)->at, at);
  EXPECT_EQ(mesh[1].queue("orders").message_count, 1U);
}

TEST(Resubmission, OfWhatCouldNotBeAddressedIsCarriedOutByWhoeverKnowsTheName) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit({deliver("nowhere@a", "x"), deliver("logs@b", "y")});
  mesh.run_for(seconds{1});
  EXPECT_TRUE(alice.is_rolled_back(id));
  const TransactionId other = alice.submit({deliver("nothing", "x")});
  ASSERT_EQ(alice.last<Denied>()->reason, Reason::unknown_queue);

  alice.move_to(mesh[1]);
  alice.resubmit(other, both);
  mesh.run_for(seconds{1});
  ASSERT_TRUE(alice.is_committed(other));
  const Hlc at = alice.answer(other)->at;
  // Who turned it away has no other word for it.
  alice.move_to(mesh[0]);
  alice.resubmit(other, both);
  mesh.run_for(seconds{1});

  EXPECT_EQ(alice.answer(other)->at, at);
  EXPECT_EQ(mesh[0].queue("orders").message_count, 1U);
}

// Rule P-23: while the first node decides, the other follows the bound descriptor.
TEST(Resubmission, AtAnotherNodeFollowsWhatIsBound) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const std::vector<Part> parts = {deliver("orders@b", "x"), deliver("orders@c", "y")};
  const TransactionId id = alice.submit(parts);
  mesh.run();

  alice.move_to(mesh[1]);
  alice.resubmit(id, parts);
  mesh.run_for(seconds{10});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh.sent_count({.from = 1, .kind = "prepare"}), 0U) << "no second descriptor";
  EXPECT_EQ(mesh[2].queue("orders").message_count, 1U);
}

// Rule P-23: carried out only after every live node said that it does not know the id.
TEST(Resubmission, AtAnotherNodeIsCarriedOutWhenNobodyKnowsIt) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.next_id();  // Node a died before it did anything.
  mesh.crash(0);

  alice.move_to(mesh[1]);
  const std::vector<Part> parts = {deliver("orders@b", "x"), deliver("orders@c", "y")};
  mesh.hold({.kind = "status"});
  alice.resubmit(id, parts);
  mesh.run();
  EXPECT_EQ(mesh.sent_count({.kind = "prepare"}), 0U);
  mesh.release();
  mesh.run_for(seconds{1});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[2].queue("orders").message_count, 1U);
}

// Rule P-23: a node that does not answer may know it.
TEST(Resubmission, IsNotCarriedOutWhileSomebodyIsSilent) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.next_id();
  mesh.hold({.from = 2, .kind = "status"});

  alice.move_to(mesh[1]);
  alice.resubmit(id, {deliver("orders@b", "x"), deliver("orders@c", "y")});
  mesh.run_for(seconds{2});

  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_TRUE(alice.last<Denied>()->retryable);
  EXPECT_EQ(mesh.sent_count({.kind = "prepare"}), 0U);
}

// Rule P-23: the outcome of the first is told by the second.
TEST(Resubmission, AtAnotherNodeGetsTheOutcomeOfTheFirst) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = alice.submit(both);
  mesh.run_for(seconds{3});

  alice.move_to(mesh[2]);
  alice.resubmit(id, both);
  mesh.run_for(seconds{3});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[0].queue("orders").message_count, 1U);
  EXPECT_EQ(mesh[1].queue("orders").message_count, 1U);
}

// Rules P-5 and P-23: a second descriptor that raced with the first never executes it twice.
TEST(Resubmission, TwoDescriptorsOfOneIdNeverBothCommit) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    Mesh mesh{{.node_count = 4, .witnesses = witnesses}};
    Caller alice{mesh[0], "alice"};
    const std::vector<Part> parts = {deliver("orders@b", "x"), deliver("orders@c", "y")};
    mesh.hold({.from = 0, .kind = "prepare"});
    const TransactionId id = alice.submit(parts);
    mesh.run();

    alice.move_to(mesh[3]);
    alice.resubmit(id, parts);
    mesh.hold({.from = 3, .to = 2, .kind = "prepare"});
    mesh.run();
    mesh.release();
    mesh.run_for(seconds{30});

    EXPECT_EQ(mesh[1].queue("orders").message_count, mesh[2].queue("orders").message_count);
    EXPECT_LE(mesh[1].queue("orders").message_count, 1U);
    EXPECT_EQ(alice.is_committed(id), mesh[1].queue("orders").message_count == 1);
    EXPECT_TRUE(alice.is_committed(id) || alice.is_rolled_back(id) ||
                alice.answer(id)->verdict == Verdict::in_doubt);
  }
}

// ---- the window -------------------------------------------------------------------------------

TEST(Window, IsFullUntilOutcomesAreAcknowledged) {
  Mesh mesh{{.node_count = 2, .limits = {.window_max = 3}}};
  Caller alice{mesh[0], "alice"};
  for (int count = 0; count < 3; ++count)
    EXPECT_TRUE(alice.is_committed(alice.submit(one)));

  alice.submit(one);
  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::window_full);
  EXPECT_TRUE(alice.last<Denied>()->retryable);

  alice.acknowledge(3);
  EXPECT_TRUE(alice.is_committed(alice.submit(one)));
}

TEST(Window, OfOneClientDoesNotConcernAnother) {
  Mesh mesh{{.node_count = 2, .limits = {.window_max = 1}}};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  alice.submit(one);

  EXPECT_TRUE(bob.is_committed(bob.submit(one)));
}

// Rule P-23: another node may have turned it away for good.
TEST(Resubmission, AMessageToOneQueueIsNotSentAgainBeforeTheOthersAreAsked) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[1], "alice"};
  const TransactionId id = alice.submit({deliver("nowhere@b", "x")});
  mesh.run();
  ASSERT_TRUE(alice.is_rolled_back(id));

  alice.move_to(mesh[0]);
  alice.resubmit(id, {deliver("orders@a", "x")});
  mesh.run();

  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(mesh[0].queue("orders").message_count, 0U);
}

}  // namespace
}  // namespace nemcon::core::tests
