// Goal: whoever holds an undecided transaction brings it to its end, and all ends agree. Method:
// three engines in mode S or X, with crashes and losses where the test wants them.
#include <set>

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<Part> to_b_and_c = {deliver("orders@b", "to b"), deliver("orders@c", "to c")};
const std::vector<Part> to_a_and_b = {deliver("orders@a", "to a"), deliver("orders@b", "to b")};

// Outcomes that the living nodes know of; empty rows count as nothing.
std::set<bool> outcomes(Mesh& mesh, const TransactionId& id) {
  std::set<bool> found;
  for (std::size_t node = 0; node < mesh.node_count(); ++node) {
    if (!mesh[node].is_alive()) continue;
    const std::optional<Transaction> row = mesh[node].transaction(id);
    if (row && row->outcome) found.insert(row->outcome->committed);
    const std::optional<Remembered> remembered = mesh[node].remembered(id);
    if (remembered) found.insert(remembered->outcome.committed);
  }
  return found;
}

std::size_t undecided_count(Mesh& mesh) {
  std::size_t count = 0;
  for (std::size_t node = 0; node < mesh.node_count(); ++node) {
    if (!mesh[node].is_alive()) continue;
    for (const Transaction& row : mesh[node].transactions())
      count += row.outcome ? 0U : 1U;
  }
  return count;
}

// Time passes until a ballot begins.
AskPromise first_ballot(Lone& lone) {
  for (int step = 0; step < 100; ++step) {
    const std::vector<AskPromise> asked = sent<AskPromise>(lone->pass(milliseconds{50}));
    if (!asked.empty()) return asked[0];
  }
  ADD_FAILURE() << "no ballot";
  return {};
}

// Rule P-17: the initiator dies after the votes; the participants finish without it.
TEST(Recovery, InModeXTheOthersCommitWithoutTheInitiator) {
  Mesh mesh{{.node_count = 4, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  EXPECT_EQ(mesh[1].queue("orders").message_count, 0U);

  mesh.crash(0);
  mesh.run_for(seconds{20});

  EXPECT_EQ(outcomes(mesh, id), std::set<bool>{true});
  EXPECT_EQ(mesh[1].bodies("orders"), std::vector<std::string>{"to b"});
  EXPECT_EQ(mesh[2].bodies("orders"), std::vector<std::string>{"to c"});
}

// Rule P-17: also one whose last vote comes after the link is lost is taken up soon, whatever its
// deadline.
TEST(Recovery, AfterTheLinkToTheInitiatorIsLostTheDeadlineIsNotWaitedFor) {
  Lone b{{.witnesses = 3}};
  const Told told = Tale{1, {0, 1, 2}}
                        .deadline_ms(20'000)
                        .deliver(1, "orders", "to b")
                        .deliver(2, "orders", "to c")
                        .witnessed_by(3);
  b.hear(0, told.prepare({0}));
  b.lose(0);
  b.hear(2, vote_of(told, 1, yes_now()));

  const Effects effects = b->pass(seconds{2});

  EXPECT_FALSE(sent_to<Query>(effects, 2).empty());
}

// Rule P-17: and when it comes back it learns what they decided.
TEST(Recovery, TheInitiatorLearnsWhatTheOthersDecided) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const TransactionId id = alice.submit(to_a_and_b);
  mesh.run();
  mesh.crash(0);
  mesh.run_for(seconds{20});
  ASSERT_EQ(outcomes(mesh, id).size(), 1U);

  mesh.release();
  mesh.recover(0);
  mesh.run_for(seconds{20});

  EXPECT_EQ(outcomes(mesh, id).size(), 1U);
  EXPECT_EQ(undecided_count(mesh), 0U);
  EXPECT_EQ(mesh[0].queue("orders").message_count, mesh[1].queue("orders").message_count);
}

// Rule P-19: a participant that died with its vote accepted elsewhere cannot change it.
TEST(Recovery, InModeXAVoterMayDieAndItsVoteStands) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.kind = "accepted"});
  const TransactionId id = alice.submit(to_a_and_b);
  mesh.run();
  ASSERT_FALSE(alice.answer(id).has_value());

  mesh.crash(1);
  mesh.drop({.kind = "accepted"});
  mesh.release();
  mesh.run_for(seconds{20});

  EXPECT_TRUE(alice.is_committed(id));
  mesh.recover(1);
  mesh.run_for(seconds{20});
  EXPECT_EQ(mesh[1].bodies("orders"), std::vector<std::string>{"to b"});
}

// Mode S: a voter that is lost blocks, and its return ends the wait.
TEST(Recovery, InModeSAPreparedTransactionWaitsForTheLostVoter) {
  Mesh mesh{{.node_count = 3, .witnesses = 1}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.from = 2, .kind = "vote"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  mesh.crash(2);
  mesh.drop({.kind = "vote"});
  mesh.release();

  mesh.run_for(seconds{10});
  mesh.forget_sent();
  mesh.run_for(seconds{60});
  EXPECT_FALSE(alice.answer(id).has_value());
  EXPECT_EQ(mesh[1].transaction(id)->own[0].state, BranchState::voted_yes);
  // A ballot could not win (Rule P-20); asking costs nobody a flush.
  EXPECT_EQ(mesh.sent_count({.kind = "ask-promise"}), 0U);
  EXPECT_GT(mesh.sent_count({.kind = "query"}), 0U);

  mesh.recover(2);
  // Rule P-20: whoever waits for it has backed off, and begins anew at once.
  mesh.run_for(milliseconds{200});
  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[1].queue("orders").message_count, 1U);
}

// Rule P-11: who never got the PREPARE says no, and that is the end.
TEST(Recovery, APrepareThatNeverArrivedEndsInARollBack) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    Mesh mesh{{.node_count = 3, .witnesses = witnesses}};
    Caller alice{mesh[0], "alice"};
    mesh.hold({.to = 2, .kind = "prepare"});
    const TransactionId id = alice.submit(to_b_and_c);

    mesh.run_for(seconds{20});
    EXPECT_TRUE(alice.is_rolled_back(id));
    EXPECT_EQ(outcomes(mesh, id), std::set<bool>{false});

    mesh.release();
    mesh.run_for(seconds{20});
    EXPECT_EQ(mesh[2].queue("orders").message_count, 0U);
    EXPECT_EQ(mesh[1].queue("orders").message_count, 0U);
  }
}

// Rule P-17: the lower the rank, the earlier it drives.
TEST(Recovery, ParticipantsDriveInTheOrderOfTheirRank) {
  Mesh mesh{{.node_count = 4, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0});
  alice.submit(to_b_and_c);
  mesh.run();
  mesh.crash(0);

  mesh.hold({});
  mesh.run_for(milliseconds{500} + milliseconds{300} + milliseconds{299});

  EXPECT_GE(mesh.sent_count({.from = 1, .kind = "query"}), 1U);
  EXPECT_EQ(mesh.sent_count({.from = 2, .kind = "query"}), 0U);
}

// Rule P-17: a live link to the initiator buys it the whole deadline.
TEST(Recovery, NobodyDrivesBeforeTheDeadlineWhileTheInitiatorLives) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  alice.submit(to_b_and_c);

  mesh.run_for(milliseconds{1900});

  EXPECT_EQ(mesh.sent_count({.from = 1, .kind = "query"}), 0U);
  EXPECT_EQ(mesh.sent_count({.from = 2, .kind = "query"}), 0U);
}

// Rule P-20: a question comes before a ballot, and may make it needless.
TEST(Recovery, AnswersThatDecideMakeABallotNeedless) {
  Mesh mesh{{.node_count = 3, .witnesses = 1}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  mesh.crash(0);

  mesh.run_for(seconds{10});

  EXPECT_EQ(outcomes(mesh, id), std::set<bool>{true});
  EXPECT_GE(mesh.sent_count({.kind = "query"}), 1U);
  EXPECT_EQ(mesh.sent_count({.kind = "ask-promise"}), 0U);
}

// Rule P-20: while a participant works, and the deadline has not passed, nobody starts a ballot.
TEST(Recovery, AParticipantThatStillWorksIsWaitedFor) {
  Layout layout{.node_count = 3, .witnesses = 1};
  Mesh mesh{layout};
  Caller alice{mesh[0], "alice"};
  Caller slow{mesh[2], "slow"};
  slow.serve("reserve");
  mesh.run();
  const TransactionId id = alice.submit({deliver("orders@b", "x"), call("reserve@c", "y")});
  mesh.run();
  mesh.cut(0, 1);  // Node b asks early.

  mesh.run_for(seconds{8});
  EXPECT_GE(mesh.sent_count({.from = 1, .kind = "query"}), 2U);
  EXPECT_EQ(mesh.sent_count({.kind = "ask-promise"}), 0U);
  slow.vote_yes("done");
  mesh.run_for(seconds{10});

  EXPECT_TRUE(alice.is_committed(id));
}

// Rule P-17: two leaders back off from each other, and one of them gets through.
TEST(Recovery, DuellingLeadersComeToOneEnd) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.kind = "vote"});
  mesh.hold({.to = 2, .kind = "prepare"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  mesh.hold({.kind = "propose"});
  mesh.run_for(seconds{6});
  EXPECT_GE(mesh.sent_count({.from = 0, .kind = "ask-promise"}), 1U);
  EXPECT_GE(mesh.sent_count({.from = 1, .kind = "ask-promise"}), 1U);

  mesh.reverse();
  mesh.release();
  mesh.run_for(seconds{30});

  EXPECT_EQ(outcomes(mesh, id), std::set<bool>{false});
  EXPECT_TRUE(alice.is_rolled_back(id));
  EXPECT_EQ(undecided_count(mesh), 0U);
}

// Rule P-17: the boot count is part of a ballot, so that a restarted leader uses another one.
TEST(Recovery, ARestartedLeaderNeverUsesABallotAgain) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, told.prepare({1}));
  const Effects before = b->pass(seconds{5});
  ASSERT_FALSE(sent<AskPromise>(before).empty());
  std::set<Ballot> used;
  for (const AskPromise& ask : sent<AskPromise>(before))
    used.insert(ask.ballot);

  b.crash_and_recover();
  const Effects after = b->pass(seconds{5});

  ASSERT_FALSE(sent<AskPromise>(after).empty());
  for (const AskPromise& ask : sent<AskPromise>(after))
    EXPECT_FALSE(used.contains(ask.ballot));
}

// Rule P-19: one content for each ballot.
TEST(Recovery, ALeaderProposesOneContentForEachBallot) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, told.prepare({1}));
  const AskPromise ask = first_ballot(b);
  const Promise free{.key = told.key(), .ballot = ask.ballot, .accepted = {}, .votes = {}};
  const Effects proposed = b.hear(2, free);
  ASSERT_FALSE(sent<Propose>(proposed).empty());

  Promise late = free;
  late.votes = {{.branch = 0, .value = yes_now()}};
  const Effects again = b.hear(0, late);

  EXPECT_TRUE(sent<Propose>(again).empty());
}

// Rule P-19: no proposal before a quorum of each branch's own witnesses promised.
TEST(Recovery, ALeaderWaitsForAQuorumOfPromises) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, told.prepare({1}));

  const Effects asked = b->pass(seconds{4});
  EXPECT_FALSE(sent<AskPromise>(asked).empty());
  EXPECT_TRUE(sent<Propose>(asked).empty()) << "its own promise is one of three";
}

// Rule P-22: a free leader does not propose a timestamp from the future.
TEST(Recovery, AFreeLeaderDoesNotProposeATimestampFromTheFuture) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, told.prepare({1}));
  const AskPromise ask = first_ballot(b);
  const Value future = yes_at(Hlc::from_ms(wall_origin_ms + 3'600'000));

  const Effects effects = b.hear(0, Promise{.key = told.key(),
                                            .ballot = ask.ballot,
                                            .accepted = {},
                                            .votes = {{.branch = 0, .value = future}}});

  for (const Propose& propose : sent<Propose>(effects)) {
    EXPECT_EQ(propose.values[0].value.choice, Choice::no);
  }
  EXPECT_FALSE(sent<Propose>(effects).empty());
}

// Rule P-20: a node that the descriptor does not name only asks, and tells nobody.
TEST(Recovery, AnOutsiderOnlyAsks) {
  Mesh mesh{{.node_count = 4, .witnesses = 1}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  mesh.crash(0);

  alice.move_to(mesh[3]);
  alice.ask(id);
  mesh.run_for(seconds{10});

  EXPECT_TRUE(alice.is_committed(id));
  for (const char* kind : {"decision", "ask-promise", "propose", "forget"}) {
    EXPECT_EQ(mesh.sent_count({.from = 3, .kind = kind}), 0U) << kind;
  }
  EXPECT_EQ(undecided_count(mesh), 0U);
}

// Rule P-20: it asks for its clients only. The voter that died keeps the others in doubt.
TEST(Recovery, AnOutsiderWhoseClientIsGoneStopsAsking) {
  Mesh mesh{{.node_count = 4, .witnesses = 1}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  const TransactionId id = alice.submit(to_b_and_c);
  mesh.run();
  mesh.crash(0);
  mesh.crash(1);
  alice.move_to(mesh[3]);
  alice.ask(id);
  mesh.run_for(seconds{10});
  const std::size_t before = mesh.sent_count({.from = 3, .kind = "query"});
  EXPECT_GT(before, 2U);

  alice.leave();
  mesh.run_for(seconds{60});
  const std::size_t after = mesh.sent_count({.from = 3, .kind = "query"});

  EXPECT_LE(after, before + 4) << "one more round at most";
}

// A row survives in doubt at every crash, at every node, at any one message.
TEST(Recovery, AnySingleLossEndsTheSameEverywhere) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    for (const char* kind :
         {"prepare", "vote", "accepted", "decision", "decision-ack", "forget", "forget-ack"}) {
      Mesh mesh{{.node_count = 3, .witnesses = witnesses}};
      Caller alice{mesh[0], "alice"};
      mesh.hold({.kind = kind});
      const TransactionId id = alice.submit(to_a_and_b);
      mesh.run();
      mesh.drop({.kind = kind});
      mesh.release();

      mesh.run_for(seconds{30});

      EXPECT_TRUE(alice.is_committed(id)) << kind;
      EXPECT_EQ(mesh[0].queue("orders").message_count, 1U) << kind;
      EXPECT_EQ(mesh[1].queue("orders").message_count, 1U) << kind;
      for (std::size_t node = 0; node < 3; ++node) {
        EXPECT_TRUE(mesh[node].transactions().empty()) << kind << name_of(node);
      }
    }
  }
}

// Every message twice, and in the wrong order.
TEST(Recovery, DoubledAndReorderedMessagesChangeNothing) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    Mesh mesh{{.node_count = 3, .witnesses = witnesses}};
    Caller alice{mesh[0], "alice"};
    const TransactionId id = alice.submit(to_a_and_b);
    for (int count = 0; count < 60 && mesh.pending_count({}) > 0; ++count) {
      mesh.duplicate({});
      mesh.reverse();
      (void)mesh.deliver({});
      (void)mesh.try_deliver({});
    }

    mesh.run_for(seconds{30});

    EXPECT_TRUE(alice.is_committed(id));
    EXPECT_EQ(mesh[0].bodies("orders"), std::vector<std::string>{"to a"});
    EXPECT_EQ(mesh[1].bodies("orders"), std::vector<std::string>{"to b"});
    EXPECT_EQ(undecided_count(mesh), 0U);
  }
}

// ---- a witness that is past it ------------------------------------------------------------------

// The spare witness knows only that the client has acknowledged the outcome.
struct Past : testing::Test {
  Lone b{{.witnesses = 3}};
  Told told = Tale{1, {0, 2, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);

  void SetUp() override {
    Prepare later = Tale{7, {0, 1}}.deliver(1, "logs", "z").witnessed_by(1).prepare({0});
    later.ack_upto = Sequence{5};
    b.hear(0, later);
  }

  std::uint64_t challenge() {
    const Effects effects = b.hear(2, ask_promise_of(told, ballot_of(1, 2)));
    const std::vector<Refuse> refused = sent<Refuse>(effects);
    EXPECT_EQ(refused.size(), 1U);
    EXPECT_EQ(refused.at(0).why, Refusal::too_old);
    return refused.at(0).challenge;
  }

  Effects insist(std::size_t from, std::uint64_t response) {
    AskPromise ask = ask_promise_of(told, ballot_of(1, from));
    ask.response = response;
    return b.hear(from, ask);
  }
};

// Rule P-39: a participant that is in doubt after the refusal was never told to forget.
TEST_F(Past, TakesPartForAParticipantThatIsInDoubtStill) {
  EXPECT_EQ(sent<Promise>(insist(2, challenge())).size(), 1U);
  ASSERT_TRUE(b->transaction(told.key().id).has_value());
}

// Rule P-39: copies of an answer, and of the question before it, prove nothing.
TEST_F(Past, RefusesWithoutAnAnswerToItsLastChallenge) {
  const std::uint64_t first = challenge();
  const std::uint64_t second = challenge();
  ASSERT_NE(first, second);

  EXPECT_TRUE(sent<Promise>(insist(2, first)).empty());
  EXPECT_TRUE(sent<Promise>(insist(2, 0)).empty());
  EXPECT_FALSE(b->transaction(told.key().id).has_value());
}

// Rule P-39: another witness has nothing to be in doubt about.
TEST_F(Past, ListensToParticipantsOnly) {
  const Told other =
      Tale{1, {0, 2, 1}}.deliver(0, "logs", "x").deliver(0, "logs", "y").witnessed_by(3);
  AskPromise ask = ask_promise_of(other, ballot_of(1, 2));
  const std::vector<Refuse> refused = sent<Refuse>(b.hear(2, ask));
  ASSERT_EQ(refused.size(), 1U);
  ask.response = refused[0].challenge;

  EXPECT_TRUE(sent<Promise>(b.hear(2, ask)).empty());
}

// Rule P-39: and who is in doubt does insist.
TEST(Insisting, AParticipantInDoubtAnswersTheChallenge) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, told.prepare({1}));
  const AskPromise asked = first_ballot(b);

  const Effects effects =
      b.hear(2, Refuse{.key = told.key(), .why = Refusal::too_old, .bound = {}, .challenge = 77});

  const std::vector<AskPromise> again = sent_to<AskPromise>(effects, 2);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].response, 77U);
  EXPECT_EQ(again[0].ballot, asked.ballot);
}

// Rule P-40: an initiator without a branch may have ended the id with another submission; it is
// told of this one in vain, and no more than once.
TEST(GivenUp, AnInitiatorThatIsBoundElsewhereIsNotWaitedFor) {
  Lone b{{}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(1, "logs", "x").deliver(2, "logs", "y").witnessed_by(1);
  b.hear(0, told.prepare({0}));
  first_ballot(b);
  const Refuse elsewhere{.key = told.key(), .why = Refusal::conflict};
  ASSERT_EQ(sent_to<Decision>(b.hear(2, elsewhere), 0).size(), 1U);

  b.hear(0, elsewhere);
  b.hear(2, elsewhere);
  b->pass(seconds{30});

  EXPECT_TRUE(sent_to<Decision>(b->pass(seconds{30}), 0).empty());
}

}  // namespace
}  // namespace nemcon::core::tests
