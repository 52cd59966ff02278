// Goal: a peer has no say in what does not name it, and does no harm by what nobody would say.
// Method: one engine, "b", in a mesh of four; "d" is named by nothing and says what it likes.
#include <limits>

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

Told order_of_a_and_b() {
  return std::move(Tale{1, {0, 1, 2}}.deliver(0, "orders", "a").deliver(1, "orders", "b"))
      .witnessed_by(3);
}

constexpr std::size_t stranger = 3;

struct Stranger : testing::Test {
  Lone b{{.node_count = 4, .witnesses = 3}};
  Told told = order_of_a_and_b();

  void expect_ignored(const Effects& effects, const char* what) const {
    EXPECT_EQ(effects.faults.size(), 1U) << what;
    EXPECT_TRUE(effects.writes.empty()) << what << '\n' << describe(effects);
    EXPECT_TRUE(effects.sends.empty()) << what << '\n' << describe(effects);
    EXPECT_TRUE(effects.replies.empty()) << what;
  }
};

// Rule P-23: what its client has seen committed comes before it, whoever brings it.
TEST_F(Stranger, ItsPrepareIsVotedOnAfterTheDescriptorsTime) {
  Tale tale{2, {0, 1, 2}};
  const Hlc created = Hlc::from_ms(b.header_from(0).clock.wall_ms() + 1'000);
  const Told later =
      std::move(tale.created(created.value()).deliver(0, "orders", "a").deliver(1, "orders", "b"))
          .witnessed_by(3);

  const Effects effects = b.hear(stranger, later.prepare({1}));

  ASSERT_FALSE(sent<Vote>(effects).empty());
  EXPECT_GT(sent<Vote>(effects)[0].votes.at(0).value.at, created);
}

// Rule P-43: b has voted yes and waits.
TEST_F(Stranger, ItsDecisionIsIgnored) {
  b.hear(0, told.prepare({1}));

  expect_ignored(b.hear(stranger, roll_back_of(told)), "voted");
}

// Rule P-12: of what it knows nothing of, it asks to be shown that the teller is named.
TEST_F(Stranger, ItsDecisionOfSomethingUnknownLeavesNothing) {
  const Effects told_so = b.hear(stranger, roll_back_of(told));
  EXPECT_TRUE(told_so.writes.empty());
  ASSERT_EQ(sent<Query>(told_so).size(), 1U);
  EXPECT_TRUE(sent<Query>(told_so)[0].wants_descriptor);

  const TransactionStatus shown{.key = told.key(),
                                .knowledge = Knowledge::decided,
                                .descriptor = told.descriptor,
                                .outcome = Outcome{.committed = false, .by = node_id(0)}};
  EXPECT_TRUE(b.hear(2, shown).writes.empty()) << "nobody asked c";
  expect_ignored(b.hear(stranger, shown), "shown");

  // One that the transaction names, but is not its initiator.
  EXPECT_EQ(sent_to<Query>(b.hear(2, roll_back_of(told)), 2).size(), 1U);
  const Effects believed = b.hear(2, shown);
  EXPECT_EQ(written<Decided>(believed).size(), 1U);
  EXPECT_EQ(sent_to<DecisionAck>(believed, 2).size(), 1U);
}

// Rule P-12: one that drives as a pure witness keeps the outcome with its drive: it shows the
// descriptor alone.
TEST_F(Stranger, ADecisionIsBelievedOnceTheDescriptorNamesItsTeller) {
  b.hear(2, roll_back_of(told));

  const Effects believed = b.hear(
      2, TransactionStatus{
             .key = told.key(), .knowledge = Knowledge::voted, .descriptor = told.descriptor});

  EXPECT_EQ(written<Decided>(believed).size(), 1U);
  EXPECT_EQ(sent_to<DecisionAck>(believed, 2).size(), 1U);
}

// Rule P-43: what b voted, b knows.
TEST_F(Stranger, AYesThatWasNotGivenIsNotAccepted) {
  const Hlc at = b.header_from(0).clock;
  const Propose made_up{
      .descriptor = told.descriptor,
      .digest = told.digest,
      .ballot = ballot_of(3, 2),
      .values = {{.branch = 0, .value = yes_at(at)}, {.branch = 1, .value = yes_at(at)}}};

  const Effects unvoted = b.hear(2, made_up);
  EXPECT_TRUE(unvoted.writes.empty()) << describe(unvoted);
  EXPECT_TRUE(has_note(unvoted, "proposal of a yes that this node did not give"));

  b.hear(0, told.prepare({1}));
  const Effects another = b.hear(2, made_up);
  EXPECT_TRUE(another.writes.empty()) << "it voted another time: " << describe(another);
}

// Rule P-43: nor does it take an id before its owner has come.
TEST(Membership, AnIdComesFromTheNameOfItsNode) {
  Lone b{{.node_count = 4}};
  b.lose(0);
  FrameHeader header = b.header_from(stranger);
  header.from = {.high = node_id(0).high, .low = 4711};

  const Effects effects = b.hear(stranger, header, Hello{.name = name_of(stranger)});

  EXPECT_EQ(effects.faults.size(), 1U);
}

// Rule P-43: or a stranger could make it say no to what the others agree on.
TEST_F(Stranger, ItsDecisionDoesNotEndAVoteThatIsHeld) {
  Tale held{2, {0, 1, 2}};
  const Told late =
      std::move(held.deliver(0, "orders", "a").deliver_after(1, "orders", 1)).witnessed_by(3);
  b.hear(0, late.prepare({1}));

  expect_ignored(b.hear(stranger, roll_back_of(late)), "held");
  EXPECT_FALSE(b->transaction(late.key().id));
}

// Rule P-43: it may know the descriptor; to lead it has to be in it.
TEST_F(Stranger, ItsProposalIsIgnored) {
  b.hear(0, told.prepare({1}));
  Propose propose{.descriptor = told.descriptor,
                  .digest = told.digest,
                  .ballot = ballot_of(9, stranger),
                  .values = {{.branch = 0, .value = no_because(Reason::deadline)},
                             {.branch = 1, .value = no_because(Reason::deadline)}}};

  expect_ignored(b.hear(stranger, propose), "propose");
  expect_ignored(b.hear(stranger, ask_promise_of(told, ballot_of(9, stranger))), "ask-promise");
  EXPECT_TRUE(b->transaction(told.key().id)->promised.is_zero());
}

// Rule P-43: a session's mark is taken from those that have part in its transactions.
TEST_F(Stranger, ItRaisesNoMark) {
  Prepare prepare = told.prepare({1});
  prepare.ack_upto = Sequence{50};

  b.hear(stranger, prepare);
  EXPECT_EQ(b->record_count("acknowledged-up-to"), 0U);
}

// Rule P-43: "b" drives; none of the answers of "d" counts.
TEST(StrangerToADriver, NoneOfItsAnswersCounts) {
  Lone b{{.node_count = 4, .witnesses = 3}};
  Caller alice{*b, "alice"};
  const TransactionId id = alice.submit({deliver("orders@a", "1"), deliver("orders@b", "1")});
  const std::vector<Transaction> rows = b->transactions();
  ASSERT_EQ(rows.size(), 1U);
  const TransactionKey key = rows[0].key();
  const int named = find_node(*rows[0].descriptor, node_id(stranger));
  const std::size_t other = named < 0 ? stranger : 2;
  ASSERT_LT(find_node(*rows[0].descriptor, node_id(other)), 0);
  const Outcome committed{.committed = true, .at = yes_now().at};

  const std::vector<Message> lies = {
      Promise{.key = key, .ballot = {}, .accepted = {}, .votes = {}, .outcome = committed},
      Accepted{.key = key, .ballot = {}, .values = {{.branch = 0, .value = yes_now()}}},
      Vote{.key = key, .descriptor = nullptr, .votes = {}, .accepted = true},
      Refuse{
          .key = key, .why = Refusal::too_old, .promised = {}, .descriptor = nullptr, .bound = {}},
      Forget{.key = key, .outcome = committed, .ack_upto = Sequence{9}},
      Decision{.key = key, .outcome = committed},
  };
  for (const Message& lie : lies) {
    const Effects effects = b.hear(other, lie);
    EXPECT_EQ(effects.faults.size(), 1U) << kind_of(lie);
    EXPECT_TRUE(effects.replies.empty()) << kind_of(lie);
    EXPECT_TRUE(effects.writes.empty()) << kind_of(lie) << describe(effects);
    b.lose(other);
    b.greet(other);
  }
  b.hear(other,
         TransactionStatus{.key = key, .knowledge = Knowledge::decided, .outcome = committed});
  EXPECT_FALSE(alice.answer(id));
}

// Of the client's session, and begun at another node than the one that it speaks with.
TransactionId begun_at_a(const Caller& alice) {
  return {.initiator = node_id(0),
          .client = alice.client(),
          .epoch = alice.epoch(),
          .sequence = Sequence{1}};
}

// Rule P-43: what a client is told of its transaction is not one stranger's to say.
TEST(StrangerToAQuestion, ItsOutcomeIsHearsay) {
  Lone b{{.node_count = 4}};
  Caller alice{*b, "alice"};
  const TransactionId id = begun_at_a(alice);
  alice.resubmit(id, {deliver("logs@c", "1")});
  const Outcome outcome{.committed = true, .at = yes_now().at};
  const TransactionStatus says_so{.key = {.id = id, .digest = {.high = 1, .low = 2}},
                                  .knowledge = Knowledge::decided,
                                  .outcome = outcome};

  b.hear(stranger, says_so);
  EXPECT_FALSE(alice.answer(id)) << "one that nothing shows to be named";
  b.hear(2, says_so);
  EXPECT_TRUE(alice.is_committed(id)) << "one that a part is for";
}

// Rule P-43.
TEST(StrangerToAQuestion, TheInitiatorIsBelievedAndSoAreTwoThatAgree) {
  for (const std::vector<std::size_t>& sayers : {std::vector<std::size_t>{0}, {2, 3}}) {
    Lone b{{.node_count = 4}};
    Caller alice{*b, "alice"};
    const TransactionId id = begun_at_a(alice);
    alice.ask(id);
    for (const std::size_t sayer : sayers) {
      EXPECT_FALSE(alice.answer(id));
      b.hear(sayer, TransactionStatus{.key = {.id = id, .digest = {}},
                                      .knowledge = Knowledge::decided,
                                      .outcome = Outcome{.committed = true, .at = yes_now().at}});
    }
    EXPECT_TRUE(alice.is_committed(id));
  }
}

// Rule P-43: nor that nobody will ever know; but while one says so nothing is begun.
TEST(StrangerToAQuestion, ThatItIsTooOldIsHearsayAndEnoughToWait) {
  Lone b{{.node_count = 4}};
  Caller alice{*b, "alice"};
  const TransactionId id = begun_at_a(alice);
  const auto answer_all = [&](Knowledge of_stranger) {
    alice.resubmit(id, {deliver("logs@c", "1")});
    for (const std::size_t node : {0U, 2U}) {
      b.hear(node, TransactionStatus{.key = {.id = id, .digest = {}}});
    }
    return b.hear(stranger,
                  TransactionStatus{.key = {.id = id, .digest = {}}, .knowledge = of_stranger});
  };

  EXPECT_TRUE(sent<Prepare>(answer_all(Knowledge::too_old)).empty());
  EXPECT_FALSE(alice.answer(id));
  ASSERT_TRUE(alice.last<Denied>());
  EXPECT_TRUE(alice.last<Denied>()->retryable);

  EXPECT_FALSE(sent<Prepare>(answer_all(Knowledge::none)).empty());
}

// Rule P-43: a descriptor that asks for something else is not that of this transaction.
TEST(StrangerToAQuestion, AForgedDescriptorIsNotFollowed) {
  Lone b{{.node_count = 4}};
  Caller alice{*b, "alice"};
  const Told forged =
      std::move(Tale{1, {0, 3}}.epoch(alice.epoch().value()).deliver(1, "logs", "mine"))
          .witnessed_by(1);
  const TransactionId id = forged.key().id;
  ASSERT_EQ(id.client, alice.client());
  alice.resubmit(id, {deliver("logs@c", "hers")});

  const TransactionStatus lie{.key = forged.key(),
                              .knowledge = Knowledge::decided,
                              .descriptor = forged.descriptor,
                              .outcome = Outcome{.committed = true, .at = yes_now().at}};
  b.hear(stranger, lie);
  EXPECT_FALSE(alice.answer(id));
}

// Rule P-43: an id belongs to the peer that was first known by it.
TEST(StrangerByName, AHelloUnderAnothersIdIsBlamed) {
  Lone b{{.node_count = 4}};
  for (const std::size_t victim : {1U, 2U}) {
    FrameHeader header = b.header_from(stranger);
    header.from = node_id(victim);
    const Effects effects =
        b.hear(stranger, header,
               Hello{.name = "d", .nonce = 1, .lives = {}, .queues = {}, .services = {}});
    EXPECT_EQ(effects.faults.size(), 1U);
  }
  Caller alice{*b, "alice"};
  const Effects effects =
      b->request(alice.link(), alice.draft(alice.next_id(), {deliver("orders@c", "1")}));
  EXPECT_EQ(sent_to<Prepare>(effects, 2).size(), 1U) << "c is still c";
}

// Rule P-43: a commit's time is merged into the clock (Rule P-22), so it must be one.
TEST_F(Stranger, ATimeThatNoClockShowsIsRefused) {
  const Told mine =
      std::move(Tale{7, {3, 1}}.deliver(0, "logs", "d").deliver(1, "logs", "b")).witnessed_by(1);
  b.hear(stranger, mine.prepare({1}));
  const Hlc before = b->engine().header_for(peer_index(0)).clock;

  const Effects effects = b.hear(stranger, commit_of(mine, Hlc{~std::uint64_t{0} - 5}));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_FALSE(b->transaction(mine.key().id)->outcome.has_value());
  EXPECT_LT(b->engine().header_for(peer_index(0)).clock.wall_ms(), before.wall_ms() + 60'000);
}

// Rule P-43: neither is what comes with the frame.
TEST_F(Stranger, AHeaderWithATimeThatNoClockShowsIsRefused) {
  for (const bool is_wall : {false, true}) {
    FrameHeader header = b.header_from(0);
    const std::uint64_t never_ms = std::numeric_limits<std::uint64_t>::max();
    if (is_wall) {
      header.wall_ms = never_ms;
    } else {
      header.clock = Hlc::never();
    }
    const Effects effects = b.hear(0, header, told.prepare({1}));

    EXPECT_EQ(effects.faults.size(), 1U);
    EXPECT_TRUE(effects.writes.empty());
  }
}

// Rule P-43: or nobody could lead after it.
TEST_F(Stranger, ABallotThatNobodyCountsUpToIsRefused) {
  const Effects effects =
      b.hear(0, ask_promise_of(told, ballot_of(std::numeric_limits<std::uint32_t>::max(), 0)));

  EXPECT_EQ(effects.faults.size(), 1U);
  EXPECT_TRUE(effects.writes.empty());
}

}  // namespace
}  // namespace nemcon::core::tests
