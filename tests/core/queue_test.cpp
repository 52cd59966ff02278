// Goal: messages are handed out in the order that the queue promises, once each, and come back when
// they are not acknowledged. Method: the class alone where it is about places, engines elsewhere.
#include "core/queue.hpp"

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Hlc at(std::uint64_t ms) {
  return Hlc::from_ms(ms);
}

TransactionId id_of(std::uint64_t sequence) {
  return {.initiator = node_id(0),
          .client = client_named("alice"),
          .epoch = Epoch{1},
          .sequence = Sequence{sequence}};
}

StoredMessage message_by(const std::string& producer) {
  return {.transaction = id_of(1), .producer = producer, .content = content("x")};
}

// ---- the class alone --------------------------------------------------------------------------

struct Ordered : testing::Test {
  static Queue make(Ordering ordering) {
    return Queue{{.queue = QueueId{1}, .name = "q", .ordering = ordering}, {.name = "q"}, {}};
  }

  // Takes out what may be delivered, in order.
  static std::vector<std::uint64_t> drain(Queue& queue) {
    std::vector<std::uint64_t> places;
    while (const std::optional<Position> next = queue.next_deliverable()) {
      places.push_back(next->at.wall_ms());
      queue.erase(*next, 1);
    }
    return places;
  }
};

// Rule P-28: nothing is delivered while a smaller place is still possible.
TEST_F(Ordered, AMeshQueueWaitsForSmallerProposals) {
  Queue queue = make(Ordering::mesh);
  queue.add_prepared({.at = at(5), .id = id_of(2)}, "bob", 1);
  queue.put({.at = at(4), .tie = id_of(1)}, message_by("alice"), Lsn{1});
  queue.put({.at = at(6), .tie = id_of(3)}, message_by("alice"), Lsn{2});
  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{4});

  queue.remove_prepared({.at = at(5), .id = id_of(2)}, "bob", 1);
  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{6});
}

// Rules P-27 and P-28: of equal timestamps the transaction id decides.
TEST_F(Ordered, AMeshQueueBreaksTiesByTheTransaction) {
  Queue queue = make(Ordering::mesh);
  queue.add_prepared({.at = at(5), .id = id_of(2)}, "bob", 1);
  queue.put({.at = at(5), .tie = id_of(3)}, message_by("alice"), Lsn{1});
  EXPECT_FALSE(queue.next_deliverable().has_value());

  queue.put({.at = at(5), .tie = id_of(1)}, message_by("alice"), Lsn{2});
  EXPECT_EQ(queue.next_deliverable()->tie, id_of(1));
}

// Rule P-27: the ids compare as they are written, the initiator first. The store has that order
// too.
TEST_F(Ordered, OfTwoTiedTransactionsTheInitiatorDecidesBeforeTheSequence) {
  const TransactionId early = id_of(9);
  TransactionId late = id_of(1);
  late.initiator = node_id(1);
  ASSERT_LT(early.initiator, late.initiator);

  Queue waits = make(Ordering::mesh);
  waits.add_prepared({.at = at(5), .id = early}, "bob", 1);
  waits.put({.at = at(5), .tie = late}, message_by("alice"), Lsn{1});
  EXPECT_FALSE(waits.next_deliverable().has_value());

  Queue goes = make(Ordering::mesh);
  goes.add_prepared({.at = at(5), .id = late}, "bob", 1);
  goes.put({.at = at(5), .tie = early}, message_by("alice"), Lsn{1});
  EXPECT_TRUE(goes.next_deliverable().has_value());

  Queue both = make(Ordering::mesh);
  both.put({.at = at(5), .tie = late}, message_by("alice"), Lsn{1});
  both.put({.at = at(5), .tie = early}, message_by("alice"), Lsn{2});
  EXPECT_EQ(both.next_deliverable()->tie, early);
}

// Rule P-30: only the own producer's earlier work holds a message back.
TEST_F(Ordered, AProducerQueueWaitsForTheOwnProducerOnly) {
  Queue queue = make(Ordering::producer);
  queue.add_prepared({.at = at(5), .id = id_of(2)}, "alice", 1);
  queue.put({.at = at(6)}, message_by("alice"), Lsn{1});
  queue.put({.at = at(7)}, message_by("bob"), Lsn{2});
  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{7});

  queue.remove_prepared({.at = at(5), .id = id_of(2)}, "alice", 1);
  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{6});
}

// Rule P-30: later work of the producer holds nothing back.
TEST_F(Ordered, AProducerQueueDoesNotWaitForLaterWork) {
  Queue queue = make(Ordering::producer);
  queue.add_prepared({.at = at(9), .id = id_of(2)}, "alice", 1);
  queue.put({.at = at(6)}, message_by("alice"), Lsn{1});

  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{6});
}

// Rule P-30: a prepared transaction that comes after a visible message of the same producer.
TEST_F(Ordered, AMessageThatWasReadyStaysReady) {
  Queue queue = make(Ordering::producer);
  queue.put({.at = at(6)}, message_by("alice"), Lsn{1});
  queue.add_prepared({.at = at(7), .id = id_of(2)}, "alice", 1);

  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{6});
}

// Rule P-29.
TEST_F(Ordered, AnUnorderedQueueWaitsForNobody) {
  Queue queue = make(Ordering::none);
  queue.add_prepared({.at = at(5), .id = id_of(2)}, "alice", 1);
  queue.put({.at = at(6)}, message_by("alice"), Lsn{1});

  EXPECT_EQ(drain(queue), std::vector<std::uint64_t>{6});
}

// Several branches of one transaction hold back until all are decided.
TEST_F(Ordered, PreparedWorkIsCounted) {
  Queue queue = make(Ordering::mesh);
  const PreparedAt prepared{.at = at(5), .id = id_of(2)};
  queue.add_prepared(prepared, "alice", 10);
  queue.add_prepared(prepared, "alice", 20);
  EXPECT_EQ(queue.prepared_count(), 2U);

  queue.put({.at = at(6), .tie = id_of(3)}, message_by("bob"), Lsn{1});
  queue.remove_prepared(prepared, "alice", 10);
  EXPECT_FALSE(queue.next_deliverable().has_value());
  queue.remove_prepared(prepared, "alice", 20);
  EXPECT_TRUE(queue.next_deliverable().has_value());
}

// ---- places in an engine ----------------------------------------------------------------------

// Rule P-27: the commit timestamp, then the transaction, is the place in a `mesh` queue.
TEST(Place, InAMeshQueueIsTheCommitTimestamp) {
  Lone b{{}};
  Caller bob{*b, "bob"};
  bob.subscribe("ledger", 9);
  const Told told =
      std::move(Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "ledger", "y")).witnessed_by(1);
  b.hear(0, told.prepare({1}));
  const Hlc committed_at = Hlc::from_ms(wall_origin_ms + 2'500);

  b.hear(0, commit_of(told, committed_at));

  ASSERT_TRUE(bob.last<Delivered>().has_value());
  EXPECT_EQ(bob.last<Delivered>()->at, committed_at);
}

// Rule P-29: the vote timestamp elsewhere.
TEST(Place, ElsewhereIsTheVoteTimestamp) {
  for (const char* queue : {"orders", "logs"}) {
    Lone b{{}};
    Caller bob{*b, "bob"};
    bob.subscribe(queue, 9);
    const Told told =
        std::move(Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, queue, "y")).witnessed_by(1);
    const Hlc voted_at = sent<Vote>(b.hear(0, told.prepare({1}))).at(0).votes.at(0).value.at;

    EXPECT_TRUE(bob.all<Delivered>().empty()) << "not before the commit";
    b.hear(0, commit_of(told, Hlc::from_ms(wall_origin_ms + 2'500)));
    EXPECT_EQ(bob.last<Delivered>()->at, voted_at) << queue;
  }
}

// Rule P-28: all `mesh` queues agree on one order, whatever the order of the decisions.
TEST(Place, MeshQueuesAgreeOnOneOrder) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[2], "bob"};
  const auto both = [](const std::string& body) {
    return std::vector<Part>{deliver("ledger@a", body), deliver("ledger@b", body)};
  };
  mesh.hold({.kind = "decision"});
  alice.submit(both("first"));
  bob.submit(both("second"));
  mesh.run();
  mesh.reverse();
  mesh.release();
  mesh.run_for(seconds{2});

  EXPECT_EQ(mesh[0].bodies("ledger").size(), 2U);
  EXPECT_EQ(mesh[0].bodies("ledger"), mesh[1].bodies("ledger"));
}

// Rule P-30: across sessions of the same producer as well.
TEST(Place, AMessageWaitsForAnEarlierPreparedOneOfItsProducer) {
  Lone b{{}};
  Caller bob{*b, "bob"};
  bob.subscribe("orders", 9);
  const auto told = [](std::uint64_t sequence, std::uint64_t epoch) {
    return std::move(Tale{sequence, {0, 1}}
                         .deliver(0, "logs", "x")
                         .deliver(1, "orders", std::to_string(sequence))
                         .epoch(epoch))
        .witnessed_by(1);
  };
  b.hear(0, told(5, 1).prepare({1}));
  b.hear(0, told(1, 2).prepare({1}));
  b.hear(0, commit_of(told(1, 2), yes_now().at));
  EXPECT_TRUE(bob.delivered().empty());

  b.hear(0, commit_of(told(5, 1), yes_now().at));
  EXPECT_EQ(bob.delivered(), (std::vector<std::string>{"5", "1"}));
}

// Rule P-30: also after a restart, before the first delivery.
TEST(Place, PreparedWorkHoldsBackAfterARestartToo) {
  Lone b{{}};
  const auto told = [](std::uint64_t sequence) {
    return std::move(Tale{sequence, {0, 1}}
                         .deliver(0, "logs", "x")
                         .deliver(1, "orders", std::to_string(sequence)))
        .witnessed_by(1);
  };
  b.hear(0, told(1).prepare({1}));
  b.hear(0, told(2).prepare({1}));
  b.hear(0, commit_of(told(2), yes_now().at));
  b->pass(seconds{1});
  b.crash_and_recover();

  Caller bob{*b, "bob"};
  bob.subscribe("orders", 9);
  EXPECT_TRUE(bob.delivered().empty());
  b.hear(0, commit_of(told(1), yes_now().at));
  EXPECT_EQ(bob.delivered(), (std::vector<std::string>{"1", "2"}));
}

// ---- room -------------------------------------------------------------------------------------

struct Room : testing::Test {
  static Layout with(WhenFull when_full) {
    return {.node_count = 2,
            .queues = {{.name = "orders", .max_messages = 2, .when_full = when_full},
                       {.name = "logs", .ordering = Ordering::none}}};
  }
};

TEST_F(Room, AFullQueueRefuses) {
  Mesh mesh{with(WhenFull::refuse)};
  Caller alice{mesh[0], "alice"};
  alice.submit({deliver("orders@a", "1")});
  alice.submit({deliver("orders@a", "2")});

  const TransactionId third = alice.submit({deliver("orders@a", "3")});
  mesh.run();

  EXPECT_TRUE(alice.is_rolled_back(third));
  EXPECT_EQ(alice.answer(third)->reason, Reason::queue_full);
}

// What was voted for has its room, and gives it back when it is rolled back.
TEST_F(Room, IsReservedByAVote) {
  Lone b{with(WhenFull::refuse)};
  const auto told = [](std::uint64_t sequence) {
    return std::move(Tale{sequence, {0, 1}}.deliver(0, "logs", "x").deliver(1, "orders", "y"))
        .witnessed_by(1);
  };
  b.hear(0, told(1).prepare({1}));
  b.hear(0, told(2).prepare({1}));
  b.crash_and_recover();
  EXPECT_EQ(sent<Vote>(b.hear(0, told(3).prepare({1}))).at(0).votes[0].value.reason,
            Reason::queue_full);

  b.hear(0, roll_back_of(told(1)));
  EXPECT_EQ(sent<Vote>(b.hear(0, told(4).prepare({1}))).at(0).votes[0].value.choice, Choice::yes);
}

TEST_F(Room, AWaitingQueueVotesOnceThereIsRoom) {
  Mesh mesh{with(WhenFull::wait)};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  alice.submit({deliver("orders@a", "1")});
  alice.submit({deliver("orders@a", "2")});
  const TransactionId third = alice.submit({deliver("orders@a", "3")});
  mesh.run_for(milliseconds{500});
  EXPECT_FALSE(alice.answer(third).has_value());

  bob.subscribe("orders", 1);
  bob.settle(Settlement::ack, {bob.last<Delivered>()->token});
  mesh.run();

  EXPECT_TRUE(alice.is_committed(third));
}

TEST_F(Room, AWaitingQueueSaysNoAtTheDeadline) {
  Mesh mesh{with(WhenFull::wait)};
  Caller alice{mesh[0], "alice"};
  alice.submit({deliver("orders@a", "1")});
  alice.submit({deliver("orders@a", "2")});

  const TransactionId third = alice.submit({deliver("orders@a", "3")});
  mesh.run_for(seconds{3});

  EXPECT_EQ(alice.answer(third)->reason, Reason::queue_full);
}

TEST_F(Room, AQueueThatDropsItsOldestKeepsTheNewest) {
  Mesh mesh{with(WhenFull::drop_oldest)};
  Caller alice{mesh[0], "alice"};
  for (int count = 1; count <= 5; ++count) {
    EXPECT_TRUE(alice.is_committed(alice.submit({deliver("orders@a", std::to_string(count))})));
  }

  EXPECT_EQ(mesh[0].bodies("orders"), (std::vector<std::string>{"4", "5"}));
  EXPECT_GE(mesh[0].note_count("dropped oldest"), 1U);
}

// What is out with a consumer is not dropped under its hands.
TEST_F(Room, WhatIsLeasedIsNotDropped) {
  Mesh mesh{with(WhenFull::drop_oldest)};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  alice.submit({deliver("orders@a", "1")});
  bob.subscribe("orders", 1);
  for (int count = 2; count <= 4; ++count) {
    alice.submit({deliver("orders@a", std::to_string(count))});
  }

  EXPECT_EQ(mesh[0].bodies("orders"), (std::vector<std::string>{"1", "4"}));
  const Effects effects = bob.settle(Settlement::ack, {bob.last<Delivered>()->token});
  EXPECT_TRUE(replied<Settled>(effects).at(0).lost.empty());
}

TEST_F(Room, AMessageThatIsTooLargeIsDenied) {
  Mesh mesh{{.node_count = 2, .limits = {.message_bytes_max = 10, .transaction_bytes_max = 15}}};
  Caller alice{mesh[0], "alice"};

  alice.submit({deliver("orders@a", "12345678901")});
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::too_large);

  alice.submit({deliver("orders@a", "1234567890"), deliver("logs@a", "1234567890")});
  EXPECT_EQ(alice.all<Denied>().size(), 2U);
  EXPECT_TRUE(alice.is_committed(alice.submit({deliver("orders@a", "1234567890")})));
}

}  // namespace
}  // namespace nemcon::core::tests
