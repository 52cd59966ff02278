// Goal: a witness says only what it holds durably, and what it said binds it. Method: one engine,
// "c", which has no branch of its own but where the test says so; votes and ballots by hand.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::seconds;

Tale order_between_a_and_b(std::uint64_t sequence) {
  return std::move(
      Tale{sequence, {0, 1, 2}}.deliver(0, "orders", "at a").deliver(1, "orders", "at b"));
}

// "c" is the third witness of both branches.
struct Witness : testing::Test {
  Lone c{{.witnesses = 3}, 2};
  Told told = order_between_a_and_b(1).witnessed_by(3);

  [[nodiscard]] Propose propose(const Ballot& ballot, const Value& at_a, const Value& at_b) const {
    return {.descriptor = told.descriptor,
            .digest = told.digest,
            .ballot = ballot,
            .values = {{.branch = 0, .value = at_a}, {.branch = 1, .value = at_b}}};
  }

  [[nodiscard]] Transaction row() { return *c->transaction(told.key().id); }
};

// Rule P-8: ACCEPTED is a promise.
TEST_F(Witness, SaysAcceptedOnlyAfterTheVoteIsDurable) {
  c->hold_writes = true;

  const Effects heard = c.hear(0, vote_of(told, 0, yes_now()));
  EXPECT_EQ(written<AcceptedVotes>(heard).size(), 1U);
  EXPECT_TRUE(heard.sends.empty());

  EXPECT_EQ(sent_to<Accepted>(c->flush(), 0).size(), 1U);
}

TEST_F(Witness, AcceptsAVoteOnceAndAnswersItsCopies) {
  c.hear(1, vote_of(told, 1, yes_now()));

  const Effects again = c.hear(1, vote_of(told, 1, yes_now()));

  EXPECT_TRUE(again.writes.empty());
  EXPECT_EQ(sent_to<Accepted>(again, 0).size(), 1U);
  EXPECT_EQ(sent_to<Accepted>(again, 1).size(), 1U) << "who has to ask twice is told as well";
}

// Rule P-6: at ballot 0 only the participant itself speaks.
TEST_F(Witness, AVoteForAnotherNodesBranchIsBlamed) {
  const Effects effects = c.hear(1, vote_of(told, 0, yes_now()));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-6: a second, different value of the same branch changes nothing.
TEST_F(Witness, TheFirstValueOfABranchStands) {
  c.hear(1, vote_of(told, 1, yes_now()));

  c.hear(1, vote_of(told, 1, no_because(Reason::deadline)));

  EXPECT_EQ(row().accepted[0].value.choice, Choice::yes);
}

// Rule P-18.
TEST_F(Witness, PromisesOnlyRisingBallots) {
  const Effects high = c.hear(1, ask_promise_of(told, ballot_of(5, 1)));
  EXPECT_EQ(sent_to<Promise>(high, 1).size(), 1U);

  const Effects low = c.hear(0, ask_promise_of(told, ballot_of(4, 0)));

  ASSERT_EQ(sent_to<Refuse>(low, 0).size(), 1U);
  EXPECT_EQ(sent_to<Refuse>(low, 0)[0].why, Refusal::ballot);
  EXPECT_EQ(sent_to<Refuse>(low, 0)[0].promised, ballot_of(5, 1));
  EXPECT_TRUE(has_note(low, "ballot too low"));
}

// Rule P-18: nothing below the promise, a vote least of all; one promise covers all branches.
TEST_F(Witness, AfterAPromiseAVoteIsNotAccepted) {
  c.hear(1, ask_promise_of(told, ballot_of(1, 1)));

  for (const std::size_t voter : {0U, 1U}) {
    const Effects effects =
        c.hear(voter, vote_of(told, static_cast<std::uint8_t>(voter), yes_now()));
    EXPECT_TRUE(has_note(effects, "vote after a promise"));
    EXPECT_EQ(sent_to<Refuse>(effects, voter).size(), 1U);
  }
  EXPECT_TRUE(row().accepted.empty());
}

// Rule P-18.
TEST_F(Witness, AfterAPromiseALowerProposalIsNotAccepted) {
  c.hear(1, ask_promise_of(told, ballot_of(3, 1)));

  const Effects low = c.hear(0, propose(ballot_of(2, 0), yes_now(), yes_now()));
  EXPECT_EQ(sent_to<Refuse>(low, 0).size(), 1U);
  EXPECT_TRUE(row().accepted.empty());

  const Effects equal = c.hear(1, propose(ballot_of(3, 1), yes_now(), yes_now()));
  EXPECT_EQ(sent_to<Accepted>(equal, 1).size(), 1U);
  EXPECT_EQ(row().accepted.size(), 2U);
}

// Rule P-18: a promise survives a crash.
TEST_F(Witness, APromiseIsDurableBeforeItLeaves) {
  c->hold_writes = true;
  EXPECT_TRUE(c.hear(1, ask_promise_of(told, ballot_of(3, 1))).sends.empty());
  EXPECT_EQ(sent<Promise>(c->flush()).size(), 1U);
  c->hold_writes = false;

  c.crash_and_recover();

  EXPECT_EQ(sent<Refuse>(c.hear(0, ask_promise_of(told, ballot_of(2, 0)))).size(), 1U);
}

// Rule P-19: what it promises tells all that it accepted.
TEST_F(Witness, APromiseTellsWhatWasAccepted) {
  c.hear(1, vote_of(told, 1, yes_now()));

  const Effects effects = c.hear(1, ask_promise_of(told, ballot_of(1, 1)));

  const Promise promise = sent_to<Promise>(effects, 1).at(0);
  ASSERT_EQ(promise.accepted.size(), 1U);
  EXPECT_EQ(promise.accepted[0].branch, 1);
  EXPECT_TRUE(promise.accepted[0].ballot.is_zero());
  EXPECT_EQ(promise.accepted[0].value, yes_now());
}

TEST_F(Witness, AHigherProposalReplacesWhatWasAccepted) {
  c.hear(1, propose(ballot_of(1, 1), yes_now(), no_because(Reason::preempted)));
  c.hear(0, propose(ballot_of(2, 0), yes_now(), yes_now()));

  ASSERT_EQ(row().accepted.size(), 2U);
  for (const Acceptance& accepted : row().accepted) {
    EXPECT_EQ(accepted.ballot, ballot_of(2, 0));
    EXPECT_EQ(accepted.value.choice, Choice::yes);
  }
}

TEST_F(Witness, ABallotBelongsToItsLeader) {
  const Effects effects = c.hear(0, propose(ballot_of(2, 1), yes_now(), yes_now()));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-5: two descriptors of one id are two instances of consensus.
TEST_F(Witness, KeepsTwoDescriptorsOfOneIdApart) {
  const Told other = order_between_a_and_b(1).created(99).witnessed_by(3);
  c.hear(1, vote_of(told, 1, yes_now()));

  c.hear(1, ask_promise_of(other, ballot_of(1, 1)));
  const Effects effects = c.hear(0, vote_of(told, 0, yes_now()));

  EXPECT_EQ(sent_to<Accepted>(effects, 0).size(), 1U);
  EXPECT_EQ(c->transactions().size(), 2U);
}

// Rule P-11: a participant that has not voted says no, durably, when a leader asks.
TEST_F(Witness, ALeadersQuestionMakesAnUnvotedParticipantSayNo) {
  Lone b{{.witnesses = 3}};

  const Effects effects = b.hear(2, ask_promise_of(told, ballot_of(1, 2)));

  const Promise promise = sent_to<Promise>(effects, 2).at(0);
  ASSERT_EQ(promise.votes.size(), 1U);
  EXPECT_EQ(promise.votes[0].value.choice, Choice::no);
  EXPECT_EQ(promise.votes[0].value.reason, Reason::preempted);
}

// Rule P-11: the late PREPARE finds that. Rule P-18: that "no" is no acceptance at ballot 0.
TEST_F(Witness, ALatePrepareFindsTheNo) {
  Lone b{{.witnesses = 3}};
  b.hear(2, ask_promise_of(told, ballot_of(1, 2)));
  b.crash_and_recover();

  const Effects effects = b.hear(0, told.prepare({1}));

  const Vote vote = sent_to<Vote>(effects, 0).at(0);
  EXPECT_EQ(vote.votes[0].value.choice, Choice::no);
  EXPECT_FALSE(vote.accepted);
  EXPECT_TRUE(b->transaction(told.key().id)->accepted.empty());
}

// Rules P-11 and P-18: a promise that came first, as witness of another branch.
TEST_F(Witness, AParticipantThatAcceptedARecoveryProposalCanOnlySayNo) {
  Lone b{{.witnesses = 3}};
  b.hear(0, propose(ballot_of(1, 0), yes_now(), no_because(Reason::preempted)));

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_EQ(sent_to<Vote>(effects, 0).at(0).votes[0].value.reason, Reason::preempted);
  EXPECT_FALSE(sent_to<Vote>(effects, 0).at(0).accepted);
}

// Rule P-18: after a promise the own vote does not count as accepted at ballot 0.
TEST_F(Witness, AYesBeforeAPromiseIsAnAcceptanceOnlyUntilItIsReplaced) {
  Lone b{{.witnesses = 3}};
  const Effects voted = b.hear(0, told.prepare({1}));
  const Value vote = sent_to<Vote>(voted, 0).at(0).votes.at(0).value;
  b.hear(0, propose(ballot_of(1, 0), yes_now(), vote));

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_FALSE(sent_to<Vote>(effects, 0).at(0).accepted);
}

// Rule P-22.
TEST_F(Witness, RefusesAVoteFromTheFuture) {
  const Value future = yes_at(Hlc::from_ms(wall_origin_ms + 60'000));

  const Effects effects = c.hear(1, vote_of(told, 1, future));

  EXPECT_TRUE(has_note(effects, "vote from the future"));
  ASSERT_EQ(sent_to<Refuse>(effects, 1).size(), 1U);
  EXPECT_EQ(sent_to<Refuse>(effects, 1)[0].why, Refusal::drift);
  EXPECT_TRUE(effects.writes.empty());
}

TEST_F(Witness, OneThatIsNotNamedHoldsNothing) {
  const Told narrow =
      Tale{1, {0, 1}}.deliver(0, "orders", "x").deliver(1, "orders", "y").witnessed_by(1);

  const Effects effects = c.hear(1, vote_of(narrow, 1, yes_now()));

  EXPECT_TRUE(has_note(effects, "not named by the transaction"));
  EXPECT_TRUE(effects.writes.empty());
}

TEST_F(Witness, AStrangersQuestionIsBlamed) {
  Lone d{{.node_count = 4, .witnesses = 3}, 2};

  const Effects effects = d.hear(3, ask_promise_of(told, ballot_of(1, 3)));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(effects.writes.empty());
}

TEST_F(Witness, AnswersADecidedTransactionWithItsOutcome) {
  c.hear(1, vote_of(told, 1, yes_now()));
  c.hear(0, commit_of(told, yes_now().at));

  const Effects asked = c.hear(1, ask_promise_of(told, ballot_of(1, 1)));
  const Effects proposed = c.hear(1, propose(ballot_of(1, 1), yes_now(), yes_now()));

  for (const Effects* effects : {&asked, &proposed}) {
    ASSERT_EQ(sent_to<TransactionStatus>(*effects, 1).size(), 1U);
    EXPECT_TRUE(sent_to<TransactionStatus>(*effects, 1)[0].outcome->committed);
    EXPECT_TRUE(effects->writes.empty());
  }
}

// A node that is not yet sure that it lost nothing neither accepts nor promises. Rule P-37.
TEST_F(Witness, ANodeThatHasNotHeardFromItsPeersHoldsStill) {
  c->crash();
  c->begin();
  c->step(PeerUp{peer_index(0)});

  const Effects effects = c.hear(1, ask_promise_of(told, ballot_of(1, 1)));
  EXPECT_TRUE(effects.sends.empty());

  c.greet(0);
  c.greet(1);
  EXPECT_EQ(sent<Promise>(c.hear(1, ask_promise_of(told, ballot_of(1, 1)))).size(), 1U);
}

}  // namespace
}  // namespace nemcon::core::tests
