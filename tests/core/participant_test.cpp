// Goal: a branch's way from PREPARE to its vote. Method: one engine, "b"; the test plays the
// initiator "a" and a third node "c".
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Nodes 0 "a" and 1 "b" deliver to "orders"; "c" may be a spare witness.
Tale order(std::uint64_t sequence) {
  return std::move(
      Tale{sequence, {0, 1}}.deliver(0, "orders", "at a").deliver(1, "orders", "at b"));
}

Tale order_with_spare(std::uint64_t sequence) {
  return std::move(
      Tale{sequence, {0, 1, 2}}.deliver(0, "orders", "at a").deliver(1, "orders", "at b"));
}

Vote only_vote(const Effects& effects) {
  const std::vector<Vote> votes = sent<Vote>(effects);
  EXPECT_FALSE(votes.empty()) << describe(effects);
  return votes.empty() ? Vote{} : votes.front();
}

Choice choice_of(const Effects& effects) {
  const Vote vote = only_vote(effects);
  return vote.votes.empty() ? Choice::none : vote.votes[0].value.choice;
}

Reason reason_of(const Effects& effects) {
  const Vote vote = only_vote(effects);
  return vote.votes.empty() ? Reason::none : vote.votes[0].value.reason;
}

// ---- the vote ---------------------------------------------------------------------------------

// Rule P-1: the table is the drawing in transaction.hpp.
TEST(Participant, ABranchMovesOnlyForward) {
  using enum BranchState;
  const std::vector<BranchState> all = {none, voted_no, voted_yes, committed, rolled_back};
  std::size_t legal = 0;
  for (const BranchState from : all) {
    for (const BranchState to : all) {
      if (!is_legal_move(from, to)) continue;
      legal += 1;
      EXPECT_LT(static_cast<int>(from), static_cast<int>(to));
    }
  }
  EXPECT_EQ(legal, 7U);
  EXPECT_FALSE(is_legal_move(voted_no, committed));
  EXPECT_FALSE(is_legal_move(committed, rolled_back));
}

// Rule P-7.
TEST(Participant, VotesYesOnlyAfterTheRecordIsDurable) {
  Lone b{{}};
  b->hold_writes = true;
  const Told told = order(1).witnessed_by(1);

  const Effects prepared = b.hear(0, told.prepare({1}));
  EXPECT_EQ(written<Voted>(prepared).size(), 1U);
  EXPECT_TRUE(prepared.sends.empty());

  EXPECT_EQ(choice_of(b->flush()), Choice::yes);
}

// Rule P-7: also a "no".
TEST(Participant, VotesNoOnlyAfterTheRecordIsDurable) {
  Lone b{{}};
  b->hold_writes = true;
  const Told told =
      Tale{1, {0, 1}}.deliver(0, "orders", "x").deliver(1, "nowhere", "y").witnessed_by(1);

  EXPECT_TRUE(b.hear(0, told.prepare({1})).sends.empty());

  const Effects durable = b->flush();
  EXPECT_EQ(choice_of(durable), Choice::no);
  EXPECT_EQ(reason_of(durable), Reason::unknown_queue);
}

// Rules P-7 and P-25: also a read-only vote, which has no timestamp.
TEST(Participant, VotesReadOnlyOnlyAfterTheRecordIsDurable) {
  Lone b{{}};
  b->hold_writes = true;
  const Told told = Tale{1, {0, 1}}.deliver(0, "orders", "x").check(1, "orders", 5).witnessed_by(1);

  EXPECT_TRUE(b.hear(0, told.prepare({1})).sends.empty());

  const Vote vote = only_vote(b->flush());
  EXPECT_TRUE(vote.votes[0].value.read_only);
  EXPECT_EQ(vote.votes[0].value.at, Hlc{});
}

// Rule P-7: as one of its witnesses it accepts with the same record, and says so.
TEST(Participant, TheVoteCarriesItsOwnAcceptance) {
  Lone b{{}};
  const Told told = order(1).witnessed_by(1);

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_TRUE(only_vote(effects).accepted);
  EXPECT_EQ(effects.writes.size(), 1U);
  EXPECT_EQ(b->transaction(told.key().id)->accepted.size(), 1U);
}

// Rule P-7: in mode C the participant is no witness and claims no acceptance.
TEST(Participant, AVoteThatIsNotWitnessedByTheVoterClaimsNoAcceptance) {
  Lone b{{}};
  const Told told = order_with_spare(1).coordinated_by(2);

  const Effects effects = b.hear(0, told.prepare({1}));

  for (const Vote& vote : sent<Vote>(effects))
    EXPECT_FALSE(vote.accepted);
  EXPECT_EQ(sent_to<Vote>(effects, 2).size(), 1U);
  EXPECT_EQ(sent_to<Vote>(effects, 0).size(), 1U);
}

// Rule P-7: the first copy goes to a quorum of witnesses, the initiator and the driver only.
TEST(Participant, TheFirstVoteGoesToAQuorumAndLaterOnesToAllWitnesses) {
  Lone b{{.witnesses = 3}};
  const Told told = order_with_spare(1).witnessed_by(3);

  const Effects first = b.hear(0, told.prepare({1}));
  EXPECT_EQ(sent_to<Vote>(first, 0).size(), 1U);
  EXPECT_TRUE(sent_to<Vote>(first, 2).empty());

  const Effects later = b->pass(milliseconds{300});
  EXPECT_GE(sent_to<Vote>(later, 0).size(), 1U);
  EXPECT_GE(sent_to<Vote>(later, 2).size(), 1U);
  EXPECT_NE(sent_to<Vote>(later, 2).front().descriptor, nullptr);
}

// Rule P-7: a driver that is not the initiator gets the vote as well.
TEST(Participant, TheVoteGoesToTheDriverAndTheInitiator) {
  Lone b{{}};
  const Told told = order(1).witnessed_by(1);

  const Effects effects = b.hear(2, told.prepare({1}));

  EXPECT_EQ(sent_to<Vote>(effects, 2).size(), 1U);
  EXPECT_EQ(sent_to<Vote>(effects, 0).size(), 1U);
}

// Rule P-6.
TEST(Participant, SaysTheSameForEver) {
  Lone b{{}};
  const Told told = order(1).witnessed_by(1);
  const Value said = only_vote(b.hear(0, told.prepare({1}))).votes[0].value;

  const Effects again = b.hear(0, told.prepare({1}));
  EXPECT_TRUE(has_note(again, "duplicate prepare"));
  EXPECT_EQ(only_vote(again).votes[0].value, said);

  b.crash_and_recover();
  b->pass(seconds{1});
  EXPECT_EQ(only_vote(b.hear(0, told.prepare({1}))).votes[0].value, said);
  EXPECT_EQ(b->record_count("voted"), 1U);
}

// Rule P-6: a "no" stays a "no", even when it could be a "yes" by now.
TEST(Participant, ANoIsNeverTakenBack) {
  Lone b{{.queues = {{.name = "orders", .max_messages = 1}}}};
  const Told first = order(1).witnessed_by(1);
  b.hear(0, first.prepare({1}));
  const Told second = order(2).witnessed_by(1);
  EXPECT_EQ(reason_of(b.hear(0, second.prepare({1}))), Reason::queue_full);

  b.hear(0, roll_back_of(first));
  const Effects again = b.hear(0, second.prepare({1}));

  EXPECT_EQ(choice_of(again), Choice::no);
  EXPECT_EQ(reason_of(again), Reason::queue_full);
}

// A vote that was lost before it was durable was never given.
TEST(Participant, WhatWasNotDurableWasNotSaid) {
  Lone b{{}};
  b->hold_writes = true;
  const Told told = order(1).witnessed_by(1);
  EXPECT_TRUE(b.hear(0, told.prepare({1})).sends.empty());

  b->crash();
  b->hold_writes = false;
  b->begin();

  EXPECT_FALSE(b->transaction(told.key().id).has_value());
}

// ---- one descriptor ---------------------------------------------------------------------------

// Rule P-5.
TEST(Participant, RefusesASecondDescriptorOfTheSameId) {
  Lone b{{}};
  const Told first = order(1).witnessed_by(1);
  const Told second = order(1).created(77).witnessed_by(1);
  b.hear(0, first.prepare({1}));

  const Effects effects = b.hear(2, second.prepare({1}));

  ASSERT_EQ(sent_to<Refuse>(effects, 2).size(), 1U);
  const Refuse refuse = sent_to<Refuse>(effects, 2)[0];
  EXPECT_EQ(refuse.why, Refusal::conflict);
  EXPECT_EQ(refuse.bound, first.digest);
  EXPECT_TRUE(has_note(effects, "descriptor conflict"));
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-5: a "no" to recovery of the second one does not loosen the bond to the first.
TEST(Participant, StaysBoundWhileRecoveryOfAnotherDescriptorIsRefused) {
  for (std::uint64_t created = 1; created < 9; ++created) {
    Lone b{{}};
    const Told first = order(1).created(created).witnessed_by(1);
    const Told second = order(1).created(created + 100).witnessed_by(1);
    b.hear(0, first.prepare({1}));
    b.hear(0, ask_promise_of(second, ballot_of(1, 0)));

    const Effects again = b.hear(0, first.prepare({1}));

    EXPECT_TRUE(sent<Refuse>(again).empty());
    EXPECT_EQ(choice_of(again), Choice::yes);
    EXPECT_EQ(sent<Refuse>(b.hear(0, order(1).created(500).witnessed_by(1).prepare({1}))).size(),
              1U);
  }
}

TEST(Participant, ContentsThatDoNotMatchTheDescriptorAreBlamedOnTheSender) {
  Lone b{{}};
  const Told told = order(1).witnessed_by(1);
  Prepare prepare = told.prepare({1});
  prepare.contents = {content("something else")};

  const Effects effects = b.hear(0, prepare);

  ASSERT_EQ(effects.faults.size(), 1U);
  EXPECT_EQ(effects.faults[0].peer, peer_index(0));
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-3: a witness set of somebody's own choice is refused, and its sender blamed.
TEST(Participant, AWitnessSetThatBreaksTheRuleIsRefused) {
  Lone b{{}};
  const Told good = order_with_spare(1).witnessed_by(1);
  Descriptor bad = *good.descriptor;
  bad.branches[1].witnesses = {2};
  Prepare prepare = good.prepare({1});
  prepare.digest = digest_of(bad);
  prepare.descriptor = std::make_shared<const Descriptor>(bad);

  const Effects effects = b.hear(0, prepare);

  EXPECT_TRUE(has_note(effects, "bad descriptor"));
  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(effects.writes.empty());
}

TEST(Participant, IgnoresAPrepareForAnEarlierIncarnation) {
  Lone b{{}};
  const Told good = order(1).witnessed_by(1);
  Descriptor old = *good.descriptor;
  old.nodes[1].incarnation = Incarnation{1};
  Prepare prepare = good.prepare({1});
  prepare.digest = digest_of(old);
  prepare.descriptor = std::make_shared<const Descriptor>(old);

  const Effects effects = b.hear(0, prepare);

  EXPECT_TRUE(has_note(effects, "prepare for another incarnation"));
  EXPECT_TRUE(effects.writes.empty());
}

// ---- time -------------------------------------------------------------------------------------

// Rule P-32: one that never comes does not end what follows.
TEST(Participant, WaitsHalfTheTimeForThePrecedingTransaction) {
  Lone b{{}};
  Tale tale{1, {0, 1}};
  const Told told = tale.deliver(0, "orders", "x").deliver_after(1, "orders", 7).witnessed_by(1);
  EXPECT_TRUE(b.hear(0, told.prepare({1})).writes.empty());

  EXPECT_TRUE(sent<Vote>(b->pass(milliseconds{990})).empty());
  const Effects late = b->pass(milliseconds{20});

  EXPECT_EQ(choice_of(late), Choice::yes);
}

// Rule P-26: nothing but the outcome ends the wait after a yes.
TEST(Participant, AYesIsKeptForEver) {
  Lone b{{}};
  const Told told = order(1).witnessed_by(1);
  b.hear(0, told.prepare({1}));

  b->pass(seconds{600});
  b.crash_and_recover();
  b->pass(seconds{600});

  EXPECT_EQ(b->transaction(told.key().id)->own[0].state, BranchState::voted_yes);
  EXPECT_EQ(b->queue("orders").message_count, 0U);
}

TEST(Participant, SaysNoWhenThereIsNoTimeLeft) {
  Lone b{{}};
  Prepare prepare = order(1).witnessed_by(1).prepare({1});
  prepare.remaining_ms = 0;

  EXPECT_EQ(reason_of(b.hear(0, prepare)), Reason::deadline);
}

// Rule P-44.
TEST(Participant, SaysNoWhileTheDiskIsFull) {
  Lone b{{}};
  b->step(DiskFull{true});
  EXPECT_EQ(reason_of(b.hear(0, order(1).witnessed_by(1).prepare({1}))), Reason::disk_full);

  b->step(DiskFull{false});
  EXPECT_EQ(choice_of(b.hear(0, order(2).witnessed_by(1).prepare({1}))), Choice::yes);
}

// ---- order of a producer ----------------------------------------------------------------------

// Rule P-31: this alone keeps the order.
TEST(Participant, ALaterTransactionOfAProducerShutsOutEarlierOnes) {
  Lone b{{}};
  b.hear(0, order(2).witnessed_by(1).prepare({1}));

  const Effects effects = b.hear(0, order(1).witnessed_by(1).prepare({1}));

  EXPECT_EQ(reason_of(effects), Reason::out_of_order);
}

// Rule P-31: also when the later one was rolled back, and after a restart.
TEST(Participant, TheHighestTransactionOfAProducerIsRemembered) {
  Lone b{{}};
  const Told later = order(2).witnessed_by(1);
  b.hear(0, later.prepare({1}));
  b.hear(0, roll_back_of(later));
  b.hear(0, forget_of(later, roll_back_of(later).outcome));
  b->pass(seconds{1});
  b.crash_and_recover();

  EXPECT_EQ(reason_of(b.hear(0, order(1).witnessed_by(1).prepare({1}))), Reason::out_of_order);
}

// Rule P-31: epochs count before sequence numbers.
TEST(Participant, ANewerSessionMayBeginAgainAtOne) {
  Lone b{{}};
  b.hear(0, order(9).witnessed_by(1).prepare({1}));

  const Effects effects = b.hear(0, order(1).epoch(2).witnessed_by(1).prepare({1}));

  EXPECT_EQ(choice_of(effects), Choice::yes);
}

// Rule P-32.
TEST(Participant, AVoteWaitsForThePrecedingTransaction) {
  Lone b{{}};
  Tale tale{2, {0, 1}};
  const Told second = tale.deliver(0, "orders", "x").deliver_after(1, "orders", 1).witnessed_by(1);
  EXPECT_TRUE(sent<Vote>(b.hear(0, second.prepare({1}))).empty());

  const Effects effects = b.hear(0, order(1).witnessed_by(1).prepare({1}));

  const std::vector<Vote> votes = sent<Vote>(effects);
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_EQ(votes[0].key.id.sequence, Sequence{1});
  EXPECT_EQ(votes[1].key.id.sequence, Sequence{2});
  EXPECT_LT(votes[0].votes[0].value.at, votes[1].votes[0].value.at);
}

// Rule P-32: a tombstone of the preceding one will do.
TEST(Participant, AVoteWaitsNoLongerWhenThePrecedingOneWasRolledBack) {
  Lone b{{}};
  Tale tale{2, {0, 1}};
  const Told second = tale.deliver(0, "orders", "x").deliver_after(1, "orders", 1).witnessed_by(1);
  b.hear(0, second.prepare({1}));

  const Effects effects = b.hear(0, roll_back_of(order(1).witnessed_by(1)));

  EXPECT_EQ(choice_of(effects), Choice::yes);
}

// ---- what cannot be done ----------------------------------------------------------------------

TEST(Participant, AQueueThatIsNotConfiguredAnyMoreTakesNothingNew) {
  Lone b{{}};
  b->crash();
  b->options().queues = {{.name = "ledger", .ordering = Ordering::mesh}};
  b->begin();
  for (const std::size_t peer : {0U, 2U})
    b.greet(peer);

  EXPECT_EQ(reason_of(b.hear(0, order(1).witnessed_by(1).prepare({1}))), Reason::queue_closing);
}

TEST(Participant, ACheckIsAYesThatChangesNothing) {
  Lone b{{}};
  b.hear(0, order(1).witnessed_by(1).prepare({1}));
  b.hear(0, commit_of(order(1).witnessed_by(1), yes_now().at));
  const Told passes = Tale{2, {0, 1}}.deliver(0, "logs", "x").check(1, "orders", 1).witnessed_by(1);
  const Told fails = Tale{3, {0, 1}}.deliver(0, "logs", "x").check(1, "orders", 0).witnessed_by(1);

  EXPECT_EQ(choice_of(b.hear(0, passes.prepare({1}))), Choice::yes);
  EXPECT_EQ(reason_of(b.hear(0, fails.prepare({1}))), Reason::check_failed);
}

}  // namespace
}  // namespace nemcon::core::tests
