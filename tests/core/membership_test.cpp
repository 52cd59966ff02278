// Goal: a node that lost its memory, or runs twice, is found out before it can do harm. Method: one
// engine whose peers say what they saw of it, and of each other's restarts.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a peer has seen of "b".
Sighting seen_of_b(Boot boot, Lsn lsn) {
  return {.incarnation = incarnation_of(1), .boot = boot, .nonce = 0, .lsn = lsn};
}

// Rule P-37: HELLO carries what each side last saw of the other.
TEST(Hello, SaysWhatWasSeenOfThePeer) {
  Lone b{{}};
  b.ghost(0).lsn = 77;
  b.hear(0, Query{});
  b.lose(0);

  const Effects effects = b->step(PeerUp{peer_index(0)});

  const Hello hello = sent_to<Hello>(effects, 0).at(0);
  ASSERT_TRUE(hello.seen.has_value());
  EXPECT_EQ(hello.seen->incarnation, incarnation_of(0));
  EXPECT_EQ(hello.seen->lsn, Lsn{77});
  EXPECT_TRUE(hello.wants_answer);
  EXPECT_EQ(hello.queues.size(), 6U) << "three and their dead-letter queues";
}

// Rules P-8 and P-37: the boot count that a HELLO shows is durable.
TEST(Hello, LeavesAfterTheBootCountIsDurable) {
  Node b{options_of({}, 1)};
  b.hold_writes = true;
  b.begin();
  EXPECT_TRUE(b.step(PeerUp{peer_index(0)}).sends.empty());

  EXPECT_EQ(sent<Hello>(b.flush()).size(), 1U);
}

TEST(Hello, IsRepeatedUntilItIsAnswered) {
  Lone b{{}};
  b.lose(0);
  b->step(PeerUp{peer_index(0)});

  EXPECT_GE(sent_to<Hello>(b->pass(seconds{3}), 0).size(), 4U);

  b.greet(0);
  EXPECT_TRUE(sent_to<Hello>(b->pass(seconds{3}), 0).empty());
}

TEST(Hello, UnderAnotherNameIsIgnored) {
  Lone b{{}};
  b.lose(0);
  b->step(PeerUp{peer_index(0)});

  const Effects effects = b.hear(0, Hello{.name = "x", .nonce = 1});

  ASSERT_EQ(effects.faults.size(), 1U);
  EXPECT_EQ(effects.faults[0].what, "hello under another name");
  EXPECT_TRUE(has_note(b.hear(0, Query{}), "frame from a peer that is not live"));
}

// Rule P-37: whose state is older than what was seen of it is refused.
TEST(Rollback, APeerWithAnOlderPositionIsRefused) {
  Lone b{{}};
  b.ghost(0).lsn = 500;
  b.hear(0, Query{});
  b.lose(0);
  b.ghost(0).lsn = 400;
  b.ghost(0).boot = Boot{2};
  b.ghost(0).nonce += 1;
  const Effects effects = b.greet(0);

  EXPECT_TRUE(has_note(effects, "peer refused: its state is older"));
  EXPECT_TRUE(
      has_note(b.hear(0, logged_by_two(1).prepare({1})), "frame from a peer that is not live"));
}

// Rule P-37: also after a restart of the one that saw it.
TEST(Rollback, WhatWasSeenOfAPeerIsRemembered) {
  Lone b{{}};
  b.ghost(0).lsn = 500;
  b.lose(0);
  b.greet(0);
  b->crash();
  b->begin();
  b.ghost(0).lsn = 400;
  b.ghost(0).boot = Boot{2};
  b.ghost(0).nonce += 1;

  EXPECT_TRUE(has_note(b.greet(0), "peer refused: its state is older"));
}

// Rule P-37: who relied on a promise can show that it was given, also after a crash.
TEST(Rollback, WhatIsWrittenForAPeersWordKeepsItsPosition) {
  Lone b{{.witnesses = 3}};
  b.ghost(0).lsn = 500;
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "orders", "x").deliver(1, "orders", "y").witnessed_by(3);
  b.hear(0, vote_of(told, 0, yes_now()));
  b->crash();
  b->begin();
  b.ghost(0).lsn = 499;
  b.ghost(0).boot = Boot{2};
  b.ghost(0).nonce += 1;

  EXPECT_TRUE(has_note(b.greet(0), "peer refused: its state is older"));
}

// Rule P-37: a smaller boot count.
TEST(Rollback, APeerWithAnOlderBootCountIsRefused) {
  Lone b{{}};
  b.lose(0);
  b.ghost(0).boot = Boot{5};
  b.ghost(0).nonce += 1;
  b.greet(0);
  b.lose(0);
  b.ghost(0).boot = Boot{4};
  b.ghost(0).nonce += 1;

  EXPECT_TRUE(has_note(b.greet(0), "peer refused: its state is older"));
}

// Rule P-37: a HELLO of the life before the loss comes late and makes the peer look live.
TEST(Rollback, AnOlderPeerDoesNotHideBehindALateHello) {
  Lone b{{}};
  b.ghost(0).lsn = 500;
  b.hear(0, Query{});
  const FrameHeader before = b.header_from(0);
  const Hello late{.name = "a", .nonce = b.ghost(0).nonce};
  b->pass(seconds{1});
  b.lose(0);
  b.ghost(0).lsn = 400;
  b.ghost(0).boot = Boot{2};
  b.ghost(0).nonce += 1;
  b.greet(0);
  EXPECT_FALSE(has_note(b.hear(0, before, late), "peer refused: its state is older"));

  const Effects effects = b.hear(0, Hello{.name = "a", .nonce = b.ghost(0).nonce});

  EXPECT_TRUE(has_note(effects, "peer refused: its state is older"));
  EXPECT_TRUE(has_note(b.hear(0, before, Query{}), "frame from a peer that is not live"));
}

// Rule P-37: the same boot, but another process: a disk that was cloned.
TEST(Rollback, APeerThatRunsTwiceIsRefused) {
  Lone b{{}};
  b.lose(0);
  b.ghost(0).nonce += 1;

  EXPECT_TRUE(has_note(b.greet(0), "peer refused: its state is older"));
}

// Rule P-37: a new incarnation is a new beginning.
TEST(Rollback, ANewIncarnationIsWelcome) {
  Lone b{{}};
  b.ghost(0).lsn = 500;
  b.hear(0, Query{});
  b.lose(0);
  b.ghost(0).incarnation = Incarnation{4242};
  b.ghost(0).lsn = 1;
  b.ghost(0).nonce += 1;

  EXPECT_FALSE(has_note(b.greet(0), "peer refused: its state is older"));
  EXPECT_FALSE(has_note(b.hear(0, Query{}), "frame from a peer that is not live"));
}

// Rule P-37: a node that hears of a newer state of its own fences itself.
TEST(Rollback, ANodeOfWhichMoreWasSeenFencesItself) {
  Lone b{{}};
  b->crash();
  b->begin();

  const Effects effects = b.greet(0, seen_of_b(Boot{1}, Lsn{100'000}));

  ASSERT_TRUE(effects.fenced.has_value());
  const Effects asked = b.hear(2, logged_by_two(1).prepare({1}));
  EXPECT_TRUE(asked.writes.empty());
  EXPECT_EQ(asked.sends.size(), sent<Hello>(asked).size());
}

// Rule P-37.
TEST(Rollback, ANodeWhoseBootCountWentBackFencesItself) {
  Lone b{{}};

  const Effects effects = b.greet(0, seen_of_b(Boot{9}, Lsn{1}));

  EXPECT_TRUE(effects.fenced.has_value());
}

// Rule P-37: another process of the same data directory was seen.
TEST(Rollback, ANodeThatRunsTwiceFencesItself) {
  Lone b{{}};
  Sighting other = seen_of_b(Boot{1}, Lsn{1});
  other.nonce = 31337;

  EXPECT_TRUE(b.greet(0, other).fenced.has_value());
}

// What a peer saw of an earlier incarnation is no concern of this one.
TEST(Rollback, WhatWasSeenOfAnEarlierIncarnationDoesNotCount) {
  Lone b{{}};
  Sighting other = seen_of_b(Boot{9}, Lsn{100'000});
  other.incarnation = Incarnation{1};

  EXPECT_FALSE(b.greet(0, other).fenced.has_value());
}

TEST(Rollback, AFencedNodeTakesNoWork) {
  Lone b{{}};
  Caller alice{*b, "alice"};
  b.greet(0, seen_of_b(Boot{9}, Lsn{1}));

  alice.submit({deliver("orders@b", "x")});

  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::rolled_back_node);
}

// Rule P-37: a starting node does not vote before a peer answered.
TEST(Starting, ANodeDoesNotVoteBeforeItsPeersAnswered) {
  Lone b{{}};
  b->crash();
  b->begin();
  b->step(PeerUp{peer_index(2)});
  b.greet(0);

  const Effects early = b.hear(0, logged_by_two(1).prepare({1}));
  EXPECT_TRUE(has_note(early, "not taking part yet"));
  EXPECT_TRUE(early.writes.empty());

  b.greet(2);
  EXPECT_EQ(sent<Vote>(b.hear(0, logged_by_two(1).prepare({1}))).size(), 1U);
}

// Rule P-37: a peer whose link is up and who never answers is waited for two seconds.
TEST(Starting, ASilentPeerIsNotWaitedForForEver) {
  Lone b{{}};
  b->crash();
  b->begin();
  b->step(PeerUp{peer_index(2)});
  b.greet(0);

  b->pass(milliseconds{2100});

  EXPECT_EQ(sent<Vote>(b.hear(0, logged_by_two(1).prepare({1}))).size(), 1U);
}

TEST(Starting, WithoutAnyPeerANodeWorksOnItsOwnQueuesAfterAWhile) {
  Node b{options_of({}, 1)};
  b.begin();
  b.crash();
  b.begin();
  Caller early{b, "early"};
  early.submit({deliver("orders@b", "x")});
  EXPECT_EQ(early.all<Concluded>().size(), 0U);

  b.pass(milliseconds{2100});
  Caller later{b, "later"};
  const TransactionId id = later.submit({deliver("orders@b", "x")});
  EXPECT_TRUE(later.is_committed(id));
}

TEST(Starting, ANodeWithoutConfiguredPeersWaitsForNobody) {
  Node b{options_of({.node_count = 1}, 0)};
  b.begin();
  b.crash();
  b.begin();
  Caller alice{b, "alice"};

  EXPECT_TRUE(alice.is_committed(alice.submit({deliver("orders", "x")})));
}

// A frame for an earlier life of this node, which had another identity.
TEST(Frames, ForAnotherIncarnationAreIgnored) {
  Lone b{{}};
  FrameHeader header = b.header_from(0);
  header.to_incarnation = Incarnation{1};

  const Effects effects = b.hear(0, header, logged_by_two(1).prepare({1}));

  EXPECT_TRUE(has_note(effects, "frame from a peer that is not live"));
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-37: it is for a second process of this node, which the peer has seen since.
TEST(Frames, ForAnotherLifeAreIgnored) {
  Lone b{{}};
  for (const std::uint32_t boot : {0U, 2U}) {
    FrameHeader header = b.header_from(0);
    ASSERT_EQ(header.to_boot, Boot{1});
    header.to_boot = Boot{boot};

    const Effects effects = b.hear(0, header, logged_by_two(1).prepare({1}));

    EXPECT_TRUE(has_note(effects, "frame from a peer that is not live"));
    EXPECT_TRUE(effects.writes.empty());
  }
}

// The transport says who speaks, not the frame.
// Rule P-43.
TEST(Frames, UnderAnotherNodesIdAreBlamed) {
  Lone b{{}};
  FrameHeader header = b.header_from(0);
  header.from = node_id(2);

  EXPECT_EQ(b.hear(0, header, Query{}).faults.size(), 1U);
}

void pass_until_it_asks(Lone& lone) {
  for (int step = 0; step < 400; ++step) {
    if (!sent<Query>(lone->pass(milliseconds{50})).empty()) return;
  }
  ADD_FAILURE() << "no question";
}

// Rule P-38: a yes of ours that others prove and we do not remember.
TEST(LostVote, ANodeThatFindsAForgottenYesFencesItself) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, vote_of(told, 0, yes_now()));  // As witness b holds a row,
  pass_until_it_asks(b);                   // and asks, since nobody finishes it.
  const Acceptance at_b{.branch = 1, .ballot = {}, .value = yes_now()};
  const Acceptance at_a{.branch = 0, .ballot = {}, .value = yes_now()};

  std::optional<Fenced> fenced;
  for (const std::size_t node : {0U, 2U}) {
    const Effects effects = b.hear(
        node, TransactionStatus{
                  .key = told.key(), .knowledge = Knowledge::voted, .accepted = {at_a, at_b}});
    if (effects.fenced) fenced = effects.fenced;
  }

  ASSERT_TRUE(fenced.has_value());
  EXPECT_TRUE(b.hear(0, told.prepare({1})).sends.empty());
}

// A fenced node answers nothing: peers must not wait for it.
TEST(LostVote, AFencedNodeSaysSo) {
  Lone b{{}};
  b.lose(0);
  b->step(PeerUp{peer_index(0)});
  const Sighting newer{.incarnation = b.header_from(0).to_incarnation, .boot = Boot{9}};

  const Effects effects = b.greet(0, newer);

  ASSERT_TRUE(effects.fenced.has_value());
  const std::vector<Hello> hellos = sent_to<Hello>(effects, 2);
  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_TRUE(hellos[0].fenced);
}

// Also to those that it did not know to be there when it fenced itself.
TEST(LostVote, AFencedNodeSaysSoWhenItIsSpokenTo) {
  Lone b{{}};
  b.lose(2);
  const Sighting newer{.incarnation = b.header_from(0).to_incarnation, .boot = Boot{9}};
  b.greet(0, newer);
  b->pass(seconds{1});

  const std::vector<Hello> hellos = sent_to<Hello>(b.hear(2, Query{}), 2);

  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_TRUE(hellos[0].fenced);
  EXPECT_TRUE(sent_to<Hello>(b.hear(2, Query{}), 2).empty()) << "not at every word";
}

TEST(LostVote, APeerThatIsFencedIsNotLive) {
  Lone b{{}};
  Caller alice{*b, "alice"};
  b.hear(0, Hello{.name = "a", .nonce = b.ghost(0).nonce, .fenced = true});

  alice.submit({deliver("orders@a", "x")});

  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unavailable);
}

// Rule P-38: one peer's word is not enough.
TEST(LostVote, ASinglePeerCannotStopANode) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(3);
  b.hear(0, vote_of(told, 0, yes_now()));  // As witness b holds a row,
  pass_until_it_asks(b);                   // and asks, since nobody finishes it.
  const Acceptance at_b{.branch = 1, .ballot = {}, .value = yes_now()};

  const Effects effects = b.hear(
      0, TransactionStatus{.key = told.key(), .knowledge = Knowledge::voted, .accepted = {at_b}});

  EXPECT_FALSE(effects.fenced.has_value());
  EXPECT_FALSE(b.hear(0, commit_of(told, yes_now().at)).fenced.has_value());
}

// ---- what a mesh can reach --------------------------------------------------------------------

// Rule P-4: nothing is begun while a participant cannot be reached.
TEST(Reach, WithoutAParticipantNothingIsBegun) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.cut(0, 2);
  mesh.forget_sent();

  const TransactionId id = alice.submit({deliver("orders@b", "x"), deliver("orders@c", "y")});
  mesh.run();

  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unavailable);
  EXPECT_TRUE(alice.last<Denied>()->retryable);
  EXPECT_EQ(mesh.sent_count({}), 0U);
  EXPECT_FALSE(mesh[0].remembered(id).has_value());

  mesh.heal(0, 2);
  mesh.run();
  alice.submit(alice.draft(id, {deliver("orders@b", "x"), deliver("orders@c", "y")}));
  mesh.run();
  EXPECT_TRUE(alice.is_committed(id));
}

// Rule P-4: F is never reduced silently.
TEST(Reach, WithTooFewNodesKnownNothingIsBegun) {
  Lone a{{.node_count = 2, .witnesses = 3}, 0};
  Caller alice{*a, "alice"};

  alice.submit({deliver("orders@a", "x"), deliver("orders@b", "y")});

  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unavailable);
  EXPECT_EQ(a->record_count("voted"), 0U);
}

// Rule P-4, mode C.
TEST(Reach, WithoutTheCoordinatorNothingIsBegun) {
  Mesh mesh{{.node_count = 3, .coordinator = "c"}};
  Caller alice{mesh[0], "alice"};
  mesh.cut(0, 2);

  alice.submit({deliver("orders@a", "x"), deliver("orders@b", "y")});

  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unavailable);
}

// Rule P-2: what cannot be addressed is denied, and nothing is remembered of it.
TEST(Reach, WhatCannotBeAddressedLeavesNothing) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const Lsn before = mesh[0].disk().written();

  const TransactionId id = alice.submit({deliver("orders@a", "x"), deliver("nothing", "x")});

  ASSERT_TRUE(alice.last<Denied>());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unknown_queue);
  EXPECT_FALSE(alice.last<Denied>()->retryable);
  EXPECT_FALSE(alice.answer(id).has_value());
  EXPECT_EQ(mesh[0].disk().written(), before);
}

// Rule P-2: names are resolved by the initiator, from its view.
TEST(Reach, ANameThatIsUniqueInTheMeshNeedsNoNode) {
  Lone a{{.node_count = 2}, 0};
  a.lose(1);
  a.ghost(1).queues = {{.name = "invoices", .ordering = Ordering::producer}};
  a.greet(1);
  Caller alice{*a, "alice"};

  alice.submit({deliver("invoices", "x")});
  const Effects effects = a->pass(milliseconds{100});
  EXPECT_FALSE(sent_to<Prepare>(effects, 1).empty());

  alice.submit({deliver("logs", "x"), deliver("nowhere@z", "y")});
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::unknown_queue);
}

}  // namespace
}  // namespace nemcon::core::tests
