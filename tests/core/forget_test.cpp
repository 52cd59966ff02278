// Goal: a decision reaches everybody, and nothing is forgotten that somebody may still ask for.
// Method: one engine at a time; the test plays those who acknowledge late or never.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// "a" drives a transaction of itself, "b" and "c"; the test answers for these two.
struct Initiator : testing::Test {
  Lone a{{}, 0};
  Caller alice{*a, "alice"};
  TransactionId id;
  TransactionKey key;
  Hlc at = Hlc::from_ms(wall_origin_ms + 2'000);

  void submit() {
    id = alice.submit(
        {deliver("orders@a", "1"), deliver("orders@b", "2"), deliver("orders@c", "3")});
    key = a->transaction(id)->key();
  }

  Effects hear_vote(std::size_t node) {
    return a.hear(node, Vote{.key = key,
                             .descriptor = nullptr,
                             .votes = {{.branch = static_cast<std::uint8_t>(node),
                                        .value = yes_at(at),
                                        .replies = {}}},
                             .accepted = true});
  }

  void commit() {
    submit();
    hear_vote(1);
    hear_vote(2);
    ASSERT_TRUE(alice.is_committed(id));
  }
};

// Rule P-13: all participants, until each has acknowledged.
TEST_F(Initiator, TellsTheDecisionUntilItIsAcknowledged) {
  submit();
  hear_vote(1);
  const Effects decided = hear_vote(2);
  EXPECT_EQ(sent_to<Decision>(decided, 1).size(), 1U);
  EXPECT_EQ(sent_to<Decision>(decided, 2).size(), 1U);

  a.hear(1, DecisionAck{.key = key});
  const Effects later = a->pass(seconds{10});

  EXPECT_TRUE(sent_to<Decision>(later, 1).empty());
  EXPECT_GE(sent_to<Decision>(later, 2).size(), 3U);
  EXPECT_TRUE(sent<Forget>(later).empty());
}

// Rule P-13: that all know is durable before anybody may forget.
TEST_F(Initiator, SaysForgetOnlyAfterItIsDurableThatAllKnow) {
  commit();
  a->hold_writes = true;
  a.hear(1, DecisionAck{.key = key});

  const Effects all_know = a.hear(2, DecisionAck{.key = key});
  EXPECT_EQ(written<AllInformed>(all_know).size(), 1U);
  EXPECT_TRUE(sent<Forget>(all_know).empty());

  const Effects durable = a->flush();
  EXPECT_EQ(sent_to<Forget>(durable, 1).size(), 1U);
  EXPECT_EQ(sent_to<Forget>(durable, 2).size(), 1U);
}

// Rule P-14: the initiator drops its own row last.
TEST_F(Initiator, KeepsItsRowUntilAllParticipantsHaveForgotten) {
  commit();
  a.hear(1, DecisionAck{.key = key});
  a.hear(2, DecisionAck{.key = key});

  a.hear(1, ForgetAck{.key = key});
  EXPECT_TRUE(a->transaction(id).has_value());
  EXPECT_GE(sent_to<Forget>(a->pass(seconds{10}), 2).size(), 2U);

  a.hear(2, ForgetAck{.key = key});
  EXPECT_FALSE(a->transaction(id).has_value());
  EXPECT_TRUE(a->remembered(id)->outcome.committed);
}

// Rule P-14: after a restart it goes on where it was.
TEST_F(Initiator, GoesOnForgettingAfterARestart) {
  commit();
  a.hear(1, DecisionAck{.key = key});
  a.hear(2, DecisionAck{.key = key});
  a.hear(1, ForgetAck{.key = key});
  a.crash_and_recover();

  const Effects effects = a->pass(seconds{10});
  EXPECT_FALSE(sent_to<Forget>(effects, 1).empty()) << "acknowledgements are not durable";
  EXPECT_TRUE(sent<Decision>(effects).empty());
  a.hear(1, ForgetAck{.key = key});
  a.hear(2, ForgetAck{.key = key});

  EXPECT_FALSE(a->transaction(id).has_value());
}

// Rule P-13: and goes on telling when not all knew.
TEST_F(Initiator, GoesOnTellingAfterARestart) {
  commit();
  a.hear(1, DecisionAck{.key = key});
  a.crash_and_recover();

  const Effects effects = a->pass(seconds{10});

  EXPECT_FALSE(sent_to<Decision>(effects, 2).empty());
  EXPECT_TRUE(sent_to<Decision>(effects, 2)[0].outcome.committed);
  EXPECT_TRUE(sent<Forget>(effects).empty());
}

// Rule P-14: the outcome stays with the session until the client acknowledged it.
TEST_F(Initiator, KeepsTheOutcomeUntilTheClientAcknowledgedIt) {
  commit();
  for (const std::size_t node : {1U, 2U})
    a.hear(node, DecisionAck{.key = key});
  for (const std::size_t node : {1U, 2U})
    a.hear(node, ForgetAck{.key = key});
  a->pass(minutes{60});
  a.crash_and_recover();
  EXPECT_TRUE(a->remembered(id)->outcome.committed);

  Caller again{*a, "alice"};
  again.request(Acknowledge{.epoch = id.epoch, .ack_upto = Sequence{2}});
  EXPECT_FALSE(a->remembered(id).has_value());
}

// Rule P-14: a late acknowledgement of something forgotten is no trouble.
TEST_F(Initiator, LateCopiesOfAcknowledgementsAreIgnored) {
  commit();
  for (const std::size_t node : {1U, 2U})
    a.hear(node, DecisionAck{.key = key});
  for (const std::size_t node : {1U, 2U})
    a.hear(node, ForgetAck{.key = key});

  for (const Message& late : {Message{ForgetAck{.key = key}}, Message{DecisionAck{.key = key}}}) {
    const Effects effects = a.hear(1, late);
    EXPECT_TRUE(effects.writes.empty());
    EXPECT_TRUE(effects.sends.empty());
  }
}

// Rule P-13: a participant that asks by a late vote is told.
TEST_F(Initiator, AnswersALateVoteWithTheOutcome) {
  commit();
  for (const std::size_t node : {1U, 2U})
    a.hear(node, DecisionAck{.key = key});
  for (const std::size_t node : {1U, 2U})
    a.hear(node, ForgetAck{.key = key});

  const Effects effects = hear_vote(1);

  ASSERT_EQ(sent_to<Decision>(effects, 1).size(), 1U);
  EXPECT_TRUE(sent_to<Decision>(effects, 1)[0].outcome.committed);
}

// ---- the participant --------------------------------------------------------------------------

Told logged(std::uint64_t sequence) {
  return Tale{sequence, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);
}

// Rule P-13: acknowledged after the outcome is durable.
TEST(Decided, IsAcknowledgedOnceItIsDurable) {
  Lone b{{}};
  b.hear(0, logged(1).prepare({1}));
  b->hold_writes = true;

  EXPECT_TRUE(b.hear(0, commit_of(logged(1), yes_now().at)).sends.empty());

  EXPECT_EQ(sent_to<DecisionAck>(b->flush(), 0).size(), 1U);
}

TEST(Decided, IsAppliedOnceHoweverOftenItIsTold) {
  Lone b{{}};
  b.hear(0, logged(1).prepare({1}));

  for (int time = 0; time < 3; ++time) {
    const Effects effects = b.hear(0, commit_of(logged(1), yes_now().at));
    EXPECT_EQ(sent_to<DecisionAck>(effects, 0).size(), 1U);
  }

  EXPECT_EQ(b->bodies("logs"), std::vector<std::string>{"y"});
  EXPECT_EQ(b->record_count("decided"), 1U);
}

// Rule P-12: a roll back of something unknown leaves a tombstone; the work never happens.
TEST(Decided, ARollBackOfSomethingUnknownLeavesATombstone) {
  Lone b{{}};
  const Effects told = b.hear(0, roll_back_of(logged(1)));
  EXPECT_EQ(sent_to<DecisionAck>(told, 0).size(), 1U);
  b.crash_and_recover();

  const Effects effects = b.hear(0, logged(1).prepare({1}));

  EXPECT_TRUE(has_note(effects, "prepare of a finished transaction"));
  ASSERT_EQ(sent_to<TransactionStatus>(effects, 0).size(), 1U);
  EXPECT_FALSE(sent_to<TransactionStatus>(effects, 0)[0].outcome->committed);
  EXPECT_FALSE(b->transaction(logged(1).key().id).has_value());
}

// Rule P-12, Rule P-15: the floor concerns anonymous clients only.
TEST(Decided, ATombstoneOfANamedClientOutlivesTheFloor) {
  Lone b{{}};
  b.hear(0, roll_back_of(logged(1)));
  ASSERT_FALSE(written<FloorRaised>(b->pass(minutes{5})).empty());

  const Effects effects = b.hear(0, logged(1).prepare({1}));

  EXPECT_TRUE(has_note(effects, "prepare of a finished transaction"));
  EXPECT_TRUE(sent<Vote>(effects).empty());
}

// Rule P-12.
TEST(Decided, ACommitOfSomethingUnknownIsNotBelieved) {
  Lone b{{}};

  const Effects effects = b.hear(0, commit_of(logged(1), yes_now().at));

  EXPECT_TRUE(has_note(effects, "commit of an unknown transaction"));
  EXPECT_TRUE(effects.writes.empty());
  EXPECT_TRUE(effects.sends.empty());
}

// Rule P-14, P-15: what the floor has taken with its session. A witness that drives it must not
// wait for ever; when it expired only the descriptor says.
TEST(Decided, ACommitThatTheFloorHasForgottenIsTooOldOnceItIsShown) {
  Lone b{{}};
  const std::vector<FloorRaised> raised = written<FloorRaised>(b->pass(minutes{30}));
  ASSERT_FALSE(raised.empty());
  const auto told_that_expires = [](Hlc expires) {
    Tale tale{1, {0, 1, 2}};
    return std::move(tale.anonymous(expires).deliver(0, "logs", "x").deliver(1, "logs", "y"))
        .witnessed_by(3);
  };
  for (const bool is_over : {true, false}) {
    const Hlc floor = raised.back().floor;
    const Told told = told_that_expires(is_over ? floor : Hlc{floor.value() + 1});

    const Effects asks = b.hear(2, commit_of(told, yes_now().at));
    ASSERT_EQ(sent_to<Query>(asks, 2).size(), 1U);
    EXPECT_TRUE(sent_to<Query>(asks, 2)[0].wants_descriptor);
    const Effects knows =
        b.hear(2, TransactionStatus{.key = told.key(),
                                    .knowledge = Knowledge::decided,
                                    .descriptor = told.descriptor,
                                    .outcome = Outcome{.committed = true, .at = yes_now().at}});

    EXPECT_TRUE(knows.writes.empty());
    ASSERT_EQ(sent_to<TransactionStatus>(knows, 2).size(), is_over ? 1U : 0U);
    if (!is_over) continue;
    EXPECT_EQ(sent_to<TransactionStatus>(knows, 2)[0].knowledge, Knowledge::too_old);
  }
}

// Rule P-12: nor one after our own no. Rule P-1: it stays a no.
TEST(Decided, ACommitAgainstOurNoIsBlamed) {
  Lone b{{}};
  Prepare prepare = logged(1).prepare({1});
  prepare.remaining_ms = 0;
  b.hear(0, prepare);

  const Effects effects = b.hear(0, commit_of(logged(1), yes_now().at));

  EXPECT_TRUE(has_note(effects, "commit without our vote"));
  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_EQ(b->transaction(logged(1).key().id)->own[0].state, BranchState::voted_no);
}

// Rule P-12: only nodes that the descriptor names may tell decisions.
TEST(Decided, ADecisionByAStrangerIsBlamed) {
  Lone b{{.node_count = 4}};
  b.hear(0, logged(1).prepare({1}));

  const Effects effects = b.hear(3, commit_of(logged(1), yes_now().at));

  EXPECT_TRUE(has_note(effects, "not named by the transaction"));
  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_FALSE(b->transaction(logged(1).key().id)->outcome.has_value());
}

// Rule P-14.
TEST(Forgotten, TheRowGoesAndTheOutcomeStays) {
  Lone b{{}};
  const Decision decision = commit_of(logged(1), yes_now().at);
  b.hear(0, logged(1).prepare({1}));
  b.hear(0, decision);

  const Effects effects = b.hear(0, forget_of(logged(1), decision.outcome));

  EXPECT_EQ(sent_to<ForgetAck>(effects, 0).size(), 1U);
  EXPECT_FALSE(b->transaction(logged(1).key().id).has_value());
  EXPECT_TRUE(b->remembered(logged(1).key().id)->forgotten);
  EXPECT_TRUE(has_note(b.hear(0, logged(1).prepare({1})), "prepare of a finished transaction"));
}

// Rule P-8: FORGET-ACK is a promise.
TEST(Forgotten, IsAcknowledgedOnceItIsDurable) {
  Lone b{{}};
  const Decision decision = commit_of(logged(1), yes_now().at);
  b.hear(0, logged(1).prepare({1}));
  b.hear(0, decision);
  b->hold_writes = true;

  EXPECT_TRUE(b.hear(0, forget_of(logged(1), decision.outcome)).sends.empty());

  EXPECT_EQ(sent_to<ForgetAck>(b->flush(), 0).size(), 1U);
}

// Rule P-14: a FORGET that overtook the decision waits.
TEST(Forgotten, NothingPreparedIsForgotten) {
  Lone b{{}};
  b.hear(0, logged(1).prepare({1}));

  const Effects effects = b.hear(0, forget_of(logged(1), {.committed = true, .at = yes_now().at}));

  EXPECT_TRUE(has_note(effects, "not ready to forget"));
  EXPECT_TRUE(effects.sends.empty());
  EXPECT_TRUE(b->transaction(logged(1).key().id).has_value());
}

TEST(Forgotten, AStrangerCannotMakeANodeForget) {
  Lone b{{.node_count = 4}};
  b.hear(0, logged(1).prepare({1}));
  b.hear(0, commit_of(logged(1), yes_now().at));

  const Effects effects = b.hear(3, forget_of(logged(1), {.committed = true}));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(b->transaction(logged(1).key().id).has_value());
}

// Rule P-14: nobody told us to forget for `retention`: ask.
TEST(Forgotten, ADecidedRowThatNobodyMentionsAsks) {
  Lone b{{}};
  b.hear(0, logged(1).prepare({1}));
  b.hear(0, commit_of(logged(1), yes_now().at));
  EXPECT_TRUE(sent<Query>(b->pass(minutes{14})).empty());

  EXPECT_FALSE(sent_to<Query>(b->pass(minutes{4}), 0).empty());
}

// Rule P-14: a node has forgotten already, so all knew.
TEST(Forgotten, ARowIsDroppedWhenAnotherNodeHasForgottenAlready) {
  Lone b{{}};
  const Decision decision = commit_of(logged(1), yes_now().at);
  b.hear(0, logged(1).prepare({1}));
  b.hear(0, decision);
  b->pass(minutes{18});

  b.hear(0, TransactionStatus{.key = logged(1).key(),
                              .knowledge = Knowledge::decided,
                              .outcome = decision.outcome,
                              .forgotten = true});

  EXPECT_FALSE(b->transaction(logged(1).key().id).has_value());
  EXPECT_TRUE(b->remembered(logged(1).key().id)->outcome.committed);
}

// Rule P-14: also by a node that had turned the id away before another submission of it went on.
TEST(Forgotten, AVoteForWhatWasForgottenIsNotAcceptedAgain) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {1, 0, 2}}.deliver(1, "logs", "x").deliver(2, "logs", "y").witnessed_by(3);
  Caller stock{*b, "stock"};
  Serve report{.request = 70,
               .service = "reserve",
               .in_doubt = {{.transaction = told.key(), .branch = 0, .operation = 0}},
               .looked = 0};
  stock.request(report);
  report.looked = stock.last<Serving>()->look_again;
  stock.request(report);
  ASSERT_FALSE(b->remembered(told.key().id)->outcome.committed);
  ASSERT_EQ(written<AcceptedVotes>(b.hear(0, vote_of(told, 0, yes_now()))).size(), 1U);
  b.hear(2, roll_back_of(told));
  b.hear(2, forget_of(told, roll_back_of(told).outcome));
  ASSERT_TRUE(b->transactions().empty());

  const Effects late = b.hear(0, vote_of(told, 0, yes_now()));

  EXPECT_TRUE(late.writes.empty());
  ASSERT_EQ(sent_to<TransactionStatus>(late, 0).size(), 1U);
  EXPECT_FALSE(sent_to<TransactionStatus>(late, 0)[0].outcome->committed);
}

// Rule P-14: a pure witness asks after three deadlines, and forgets when others have.
TEST(Forgotten, ASpareWitnessAsksAndForgets) {
  Lone c{{.witnesses = 3}, 2};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  c.hear(1, vote_of(told, 1, yes_now()));
  EXPECT_TRUE(sent<Query>(c->pass(milliseconds{5900})).empty());
  EXPECT_FALSE(sent<Query>(c->pass(milliseconds{2100})).empty());

  c.hear(0, TransactionStatus{.key = told.key(),
                              .knowledge = Knowledge::decided,
                              .outcome = Outcome{.committed = true, .at = yes_now().at},
                              .forgotten = true});

  EXPECT_TRUE(c->transactions().empty());
  EXPECT_TRUE(c->remembered(told.key().id)->outcome.committed);
}

// Rule P-14: one that missed the leader's question and heard only its proposal asks as well.
TEST(Forgotten, ASpareWitnessThatOnlyHeardAProposalAsks) {
  Lone c{{.witnesses = 3}, 2};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  c.hear(1,
         Propose{.descriptor = told.descriptor,
                 .digest = told.digest,
                 .ballot = ballot_of(1, 1),
                 .values = {{.branch = 0, .value = yes_now()}, {.branch = 1, .value = yes_now()}}});
  ASSERT_EQ(c->transactions().size(), 1U);

  EXPECT_FALSE(sent<Query>(c->pass(seconds{8})).empty());
}

// Rule P-14: spare witnesses are told, but not waited for.
TEST(Forgotten, ASpareWitnessThatIsGoneKeepsNoRows) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.cut(0, 2);
  mesh.cut(1, 2);

  const TransactionId id = alice.submit({deliver("orders@a", "1"), deliver("orders@b", "2")});
  mesh.run_for(seconds{5});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_TRUE(mesh[0].transactions().empty());
  EXPECT_TRUE(mesh[1].transactions().empty());
}

// Rule P-13: a closer that hears from the initiator leaves the rest to it.
TEST(Closer, LeavesTheRestToTheInitiator) {
  Lone b{{}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(1, "logs", "x").deliver(2, "logs", "y").witnessed_by(1);
  b.hear(0, told.prepare({0}));
  b->pass(seconds{4});
  const Effects decided =
      b.hear(2, TransactionStatus{.key = told.key(),
                                  .knowledge = Knowledge::decided,
                                  .outcome = Outcome{.committed = true, .at = yes_now().at}});
  EXPECT_FALSE(sent_to<Decision>(decided, 0).empty());

  b.hear(0, DecisionAck{.key = told.key()});
  b.hear(2, DecisionAck{.key = told.key()});
  const Effects later = b->pass(seconds{9});

  EXPECT_TRUE(sent<Forget>(later).empty());
  EXPECT_TRUE(sent<Decision>(later).empty());
}

// Rule P-25: a read-only voter hears nothing of the decision, but is told to forget.
TEST(Closer, AReadOnlyVoterNeedsNoDecision) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};

  const TransactionId id = alice.submit({deliver("orders@a", "1"), check("orders@b", 9)});
  mesh.run_for(seconds{5});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh.sent_count({.from = 0, .to = 1, .kind = "decision"}), 0U);
  EXPECT_TRUE(mesh[1].transactions().empty());
  EXPECT_TRUE(mesh[0].transactions().empty());
}

// Rule P-14: and when nobody is left who could tell it, it sees that all others are past it. The
// initiator keeps no row when it has neither a branch nor a vote to witness.
TEST(Closer, AReadOnlyVoterForgetsWhatAllOthersForgot) {
  Lone b{{}};
  const Told told = Tale{1, {0, 1, 2}}.check(1, "logs", 9).deliver(2, "logs", "x").witnessed_by(1);
  b.hear(0, told.prepare({0}));
  ASSERT_EQ(b->transactions().size(), 1U);
  EXPECT_FALSE(sent_to<Query>(b->pass(seconds{3}), 0).empty());

  const TransactionStatus too_old{.key = told.key(), .knowledge = Knowledge::too_old};
  b.hear(2, too_old);
  b->pass(milliseconds{400});
  EXPECT_EQ(b->transactions().size(), 1U) << "the initiator may still tell it";
  b.hear(0, too_old);
  const Effects effects = b->pass(seconds{10});

  EXPECT_TRUE(has_note(effects, "forgotten everywhere else"));
  EXPECT_TRUE(b->transactions().empty());
  b->pass(seconds{10});
  EXPECT_TRUE(has_note(b.hear(0, told.prepare({0})), "prepare too old"));
}

}  // namespace

// Rule P-5, Rule P-14: several submissions of one id may end; each of them has ended for ever.
TEST(Forget, WhatEndedUnderTwoDescriptorsIsAnsweredForBoth) {
  Lone b{{}};
  const Told first =
      Tale{1, {0, 1, 2}}.deliver(0, "orders", "a").deliver(1, "orders", "b").witnessed_by(3);
  const Told second = Tale{1, {0, 1, 2}}
                          .created(77)
                          .deliver(0, "orders", "a")
                          .deliver(1, "orders", "b")
                          .witnessed_by(3);
  b.hear(0, first.prepare({1}));
  b.hear(2, ask_promise_of(second, ballot_of(1, 2)));
  for (const Told& told : {first, second}) {
    b.hear(0, roll_back_of(told));
    b.hear(0, forget_of(told, roll_back_of(told).outcome));
  }
  EXPECT_FALSE(b->transaction(first.key().id).has_value());
  b.crash_and_recover();

  for (const Told& told : {first, second}) {
    const Effects late = b.hear(2, ask_promise_of(told, ballot_of(2, 2)));

    EXPECT_TRUE(late.writes.empty());
    ASSERT_EQ(sent<TransactionStatus>(late).size(), 1U);
    EXPECT_EQ(sent<TransactionStatus>(late)[0].knowledge, Knowledge::decided);
    EXPECT_EQ(sent<TransactionStatus>(late)[0].key, told.key());
  }
}

}  // namespace nemcon::core::tests
