// Goal: what counts as chosen, and what a recovery leader may propose. Method: the two pure
// functions, fed by hand.
#include "core/learner.hpp"

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"

namespace nemcon::core::tests {
namespace {

// Two branches, at nodes 0 and 1; witnesses of branch 0 are 0, 1, 2 and of branch 1 are 1, 0, 2.
Told two_branches(std::size_t witness_count) {
  return Tale{1, {0, 1, 2}}
      .deliver(0, "orders", "x")
      .deliver(1, "orders", "y")
      .witnessed_by(witness_count);
}

Hlc at(std::uint64_t ms) {
  return Hlc::from_ms(ms);
}

PromiseOf promise_by(std::size_t node, const std::vector<Acceptance>& accepted,
                     const std::vector<BranchValue>& votes) {
  return {.node = node, .promise = {.key = {}, .ballot = {}, .accepted = accepted, .votes = votes}};
}

// Rule P-9.
TEST(Learner, ABranchIsChosenByAQuorumOfItsWitnesses) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  learner.report(0, 0, Ballot{}, yes_at(at(5)));
  learner.report(1, 0, Ballot{}, yes_at(at(5)));
  learner.report(1, 1, Ballot{}, yes_at(at(7)));
  EXPECT_FALSE(learner.conclude().has_value());

  learner.report(2, 1, Ballot{}, yes_at(at(7)));

  ASSERT_TRUE(learner.conclude().has_value());
  EXPECT_TRUE(learner.conclude()->committed);
}

// Rule P-9: the same witness twice is one witness.
TEST(Learner, AWitnessCountsOnce) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  for (int time = 0; time < 3; ++time) {
    learner.report(0, 0, Ballot{}, yes_at(at(5)));
    learner.report(1, 1, Ballot{}, yes_at(at(7)));
  }

  EXPECT_FALSE(learner.conclude().has_value());
}

// Rule P-9: values of different ballots are never added up.
TEST(Learner, EqualValuesOfDifferentBallotsAreNotAddedUp) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  for (const std::uint8_t branch : {std::uint8_t{0}, std::uint8_t{1}}) {
    learner.report(0, branch, ballot_of(1, 0), yes_at(at(5)));
    learner.report(1, branch, ballot_of(2, 1), yes_at(at(5)));
    learner.report(2, branch, ballot_of(3, 2), yes_at(at(5)));
  }
  EXPECT_FALSE(learner.conclude().has_value());

  for (const std::uint8_t branch : {std::uint8_t{0}, std::uint8_t{1}}) {
    learner.report(0, branch, ballot_of(2, 1), yes_at(at(5)));
  }
  EXPECT_TRUE(learner.conclude().has_value());
}

// Rule P-9: a yes with another timestamp is another value.
TEST(Learner, DifferentTimestampsAreDifferentValues) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  for (const std::uint8_t branch : {std::uint8_t{0}, std::uint8_t{1}}) {
    learner.report(0, branch, Ballot{}, yes_at(at(5)));
    learner.report(1, branch, Ballot{}, yes_at(at(6)));
  }

  EXPECT_FALSE(learner.conclude().has_value());
}

// Rule P-9: only the witnesses of that branch count.
TEST(Learner, WhoIsNoWitnessOfTheBranchDoesNotCount) {
  const Told told = two_branches(1);
  Learner learner{told.descriptor};
  learner.report(0, 0, Ballot{}, yes_at(at(5)));
  learner.report(0, 1, Ballot{}, yes_at(at(5)));
  EXPECT_FALSE(learner.conclude().has_value());

  learner.report(1, 1, Ballot{}, yes_at(at(5)));
  EXPECT_TRUE(learner.conclude().has_value());
}

// Rule P-9: a participant's yes alone is not chosen where it takes a quorum.
TEST(Learner, AYesOfTheParticipantAloneIsNotChosen) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  learner.report_vote(0, yes_at(at(5)), {});
  learner.report_vote(1, yes_at(at(6)), {});

  EXPECT_FALSE(learner.conclude().has_value());
}

// Rule P-10.
TEST(Learner, ANoOfTheParticipantDecidesAtOnce) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  learner.report_vote(1, no_because(Reason::queue_full), {});

  ASSERT_TRUE(learner.conclude().has_value());
  EXPECT_FALSE(learner.conclude()->committed);
  EXPECT_EQ(learner.conclude()->by, node_id(1));
  EXPECT_EQ(learner.conclude()->reason, Reason::queue_full);
}

// Rule P-10: a "no" that a single witness reports is not the participant's own word.
TEST(Learner, ANoOfOneWitnessDecidesNothing) {
  const Told told = two_branches(3);
  Learner learner{told.descriptor};
  learner.report(2, 1, ballot_of(1, 2), no_because(Reason::preempted));
  EXPECT_FALSE(learner.conclude().has_value());

  learner.report(0, 1, ballot_of(1, 2), no_because(Reason::preempted));
  EXPECT_FALSE(learner.conclude()->committed);
}

// Rule P-10: the commit timestamp is the largest of the votes'.
TEST(Learner, TheLargestVoteTimestampIsTheCommitTimestamp) {
  const Told told = two_branches(1);
  Learner learner{told.descriptor};
  learner.report(0, 0, Ballot{}, yes_at(at(9)));
  learner.report(1, 1, Ballot{}, yes_at(at(7)));

  EXPECT_EQ(learner.conclude()->at, at(9));
}

// Rule P-25: a read-only branch has to be chosen like any other.
TEST(Learner, AReadOnlyVoteHasToBeChosenToo) {
  const Told told = two_branches(3);
  Value read_only = yes_at(Hlc{});
  read_only.read_only = true;
  Learner learner{told.descriptor};
  learner.report(0, 0, Ballot{}, yes_at(at(5)));
  learner.report(1, 0, Ballot{}, yes_at(at(5)));
  learner.report_vote(1, read_only, {});
  learner.report(1, 1, Ballot{}, read_only);
  EXPECT_FALSE(learner.conclude().has_value());

  learner.report(0, 1, Ballot{}, read_only);
  EXPECT_EQ(learner.conclude()->at, at(5));
}

// ---- Rule P-19 --------------------------------------------------------------------------------

TEST(ValueToPropose, NeedsAQuorumOfTheBranchsOwnWitnesses) {
  const Told told = two_branches(1);
  const Descriptor& descriptor = *told.descriptor;

  EXPECT_FALSE(value_to_propose(descriptor, 1, ballot_of(1, 0),
                                {promise_by(0, {}, {}), promise_by(2, {}, {})}));
  EXPECT_TRUE(value_to_propose(descriptor, 1, ballot_of(1, 0), {promise_by(1, {}, {})}));
}

// Rule P-19: the value accepted at the highest ballot.
TEST(ValueToPropose, TakesTheValueOfTheHighestBallot) {
  const Told told = two_branches(3);
  const Acceptance old{.branch = 1, .ballot = ballot_of(1, 0), .value = yes_at(at(4))};
  const Acceptance newer{
      .branch = 1, .ballot = ballot_of(2, 2), .value = no_because(Reason::preempted)};

  for (const bool newer_first : {true, false}) {
    const auto value = value_to_propose(*told.descriptor, 1, ballot_of(5, 0),
                                        {promise_by(0, {newer_first ? newer : old}, {}),
                                         promise_by(2, {newer_first ? old : newer}, {})});
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(value->choice, Choice::no);
  }
}

// Rule P-19: also when the participant itself says otherwise now.
TEST(ValueToPropose, AnAcceptedValueComesBeforeTheParticipantsOwnVote) {
  const Told told = two_branches(3);
  const Acceptance accepted{
      .branch = 1, .ballot = ballot_of(1, 0), .value = no_because(Reason::preempted)};

  const auto value = value_to_propose(
      *told.descriptor, 1, ballot_of(2, 0),
      {promise_by(0, {accepted}, {}), promise_by(1, {}, {{.branch = 1, .value = yes_at(at(4))}})});

  EXPECT_EQ(value->choice, Choice::no);
}

// Rule P-19: the participant's own vote, with its own timestamp.
TEST(ValueToPropose, AFreeBranchGetsTheParticipantsOwnVote) {
  const Told told = two_branches(3);

  const auto value = value_to_propose(
      *told.descriptor, 1, ballot_of(2, 0),
      {promise_by(0, {}, {}), promise_by(1, {}, {{.branch = 1, .value = yes_at(at(4))}})});

  EXPECT_EQ(value->choice, Choice::yes);
  EXPECT_EQ(value->at, at(4));
}

// Rule P-19: somebody else's word for it is not enough.
TEST(ValueToPropose, AFreeBranchIsANoWhenItsParticipantIsSilent) {
  const Told told = two_branches(3);

  const auto value = value_to_propose(
      *told.descriptor, 1, ballot_of(2, 0),
      {promise_by(0, {}, {{.branch = 1, .value = yes_at(at(4))}}), promise_by(2, {}, {})});

  EXPECT_EQ(value->choice, Choice::no);
}

// Rule P-19: the participant's vote counts also where it is no witness of its own, in mode C.
TEST(ValueToPropose, InModeCTheVoteOfAParticipantThatAnsweredCounts) {
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "orders", "x").deliver(1, "orders", "y").coordinated_by(2);

  const auto value = value_to_propose(
      *told.descriptor, 1, ballot_of(2, 0),
      {promise_by(1, {}, {{.branch = 1, .value = yes_at(at(4))}}), promise_by(2, {}, {})});

  EXPECT_EQ(value->at, at(4));
}

// A promise of one witness for another branch says nothing of this one.
TEST(ValueToPropose, AcceptancesOfOtherBranchesDoNotCount) {
  const Told told = two_branches(3);
  const Acceptance other{.branch = 0, .ballot = ballot_of(1, 0), .value = yes_at(at(4))};

  const auto value = value_to_propose(*told.descriptor, 1, ballot_of(2, 0),
                                      {promise_by(0, {other}, {}), promise_by(2, {other}, {})});

  EXPECT_EQ(value->choice, Choice::no);
}

}  // namespace
}  // namespace nemcon::core::tests
