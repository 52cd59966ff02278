// Goal: what happens when nothing goes wrong costs exactly what the protocol promises. Method: two
// or three engines, every message counted.
#include <gtest/gtest.h>

#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Everything that was sent up to the answer, and the decisions that follow at once.
constexpr auto lazy_kinds = {"decision-ack", "forget", "forget-ack"};

std::size_t critical_count(Mesh& mesh) {
  std::size_t count = mesh.sent_count({});
  for (const char* kind : lazy_kinds)
    count -= mesh.sent_count({.kind = kind});
  return count;
}

TEST(FastPath, OneMessageToALocalQueueIsOneRecordAndNoMessage) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const Lsn before = mesh[0].disk().written();

  const TransactionId id = alice.submit({deliver("orders@a", "one")});

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[0].disk().written().value(), before.value() + 1);
  EXPECT_EQ(mesh.sent_count({}), 0U);
  EXPECT_EQ(mesh[0].bodies("orders"), std::vector<std::string>{"one"});
  EXPECT_FALSE(mesh[0].transaction(id).has_value());
}

// Rule P-8: the answer to the client is a promise.
TEST(FastPath, AMessageToALocalQueueIsAnsweredOnceItIsDurable) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  mesh[0].hold_writes = true;

  const TransactionId id = alice.submit({deliver("orders@a", "one")});
  EXPECT_FALSE(alice.answer(id).has_value());

  mesh[0].flush();
  EXPECT_TRUE(alice.is_committed(id));
}

// Rule P-24: all branches at one node are voted and decided in one record.
TEST(FastPath, AllBranchesAtOneNodeAreOneRecord) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const Lsn before = mesh[0].disk().written();

  alice.submit({deliver("orders", "one@a"), deliver("logs@a", "two")});
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::ambiguous_name);
  const TransactionId both = alice.submit({deliver("orders@a", "one"), deliver("logs@a", "two")});

  EXPECT_TRUE(alice.is_committed(both));
  EXPECT_EQ(mesh[0].disk().written().value(), before.value() + 1);
  EXPECT_EQ(mesh[0].bodies("orders"), std::vector<std::string>{"one"});
  EXPECT_EQ(mesh[0].bodies("logs"), std::vector<std::string>{"two"});
}

// Rule P-24: also at another node; the initiator keeps nothing.
TEST(FastPath, OnePhaseAtAnotherNodeLeavesNothingAtTheInitiator) {
  Mesh mesh{{.node_count = 2, .witnesses = 1}};
  Caller alice{mesh[0], "alice"};

  const TransactionId id = alice.submit({deliver("orders@b", "one"), deliver("logs@b", "two")});
  mesh.run();

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh.sent_count({}), 2U);
  EXPECT_EQ(mesh[1].record_count("decided-alone"), 1U);
  EXPECT_TRUE(mesh[0].transactions().empty());
  EXPECT_FALSE(mesh[0].remembered(id).has_value());
  EXPECT_EQ(mesh[1].bodies("orders"), std::vector<std::string>{"one"});
}

TEST(FastPath, ModeSTakesThreeTimesNLessThreeMessages) {
  for (std::size_t n = 2; n <= 4; ++n) {
    Mesh mesh{{.node_count = n, .witnesses = 1}};
    Caller alice{mesh[0], "alice"};
    std::vector<Part> parts;
    for (std::size_t node = 0; node < n; ++node) {
      parts.push_back(deliver("orders@" + name_of(node), "to " + name_of(node)));
    }

    const TransactionId id = alice.submit(parts);
    mesh.run();

    EXPECT_TRUE(alice.is_committed(id));
    EXPECT_EQ(critical_count(mesh), 3 * n - 3);
    for (std::size_t node = 0; node < n; ++node)
      EXPECT_EQ(mesh[node].bodies("orders").size(), 1U);
  }
}

TEST(FastPath, ModeXTakesThreeTimesNLessOneMessages) {
  for (std::size_t n = 2; n <= 4; ++n) {
    Mesh mesh{{.node_count = std::max<std::size_t>(n, 3), .witnesses = 3}};
    Caller alice{mesh[0], "alice"};
    std::vector<Part> parts;
    for (std::size_t node = 0; node < n; ++node) {
      parts.push_back(deliver("orders@" + name_of(node), "to " + name_of(node)));
    }

    const TransactionId id = alice.submit(parts);
    mesh.run();

    EXPECT_TRUE(alice.is_committed(id));
    EXPECT_EQ(critical_count(mesh), 3 * n - 1);
  }
}

TEST(FastPath, ModeCAtTheInitiatorTakesThreeTimesNLessThreeMessages) {
  Mesh mesh{{.node_count = 3, .coordinator = "a"}};
  Caller alice{mesh[0], "alice"};

  const TransactionId id =
      alice.submit({deliver("orders@a", "1"), deliver("orders@b", "2"), deliver("orders@c", "3")});
  mesh.run();

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(critical_count(mesh), 6U);
}

TEST(FastPath, ModeCAtAThirdNodeDecidesThere) {
  Mesh mesh{{.node_count = 3, .coordinator = "c"}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 2, .kind = "vote"});

  const TransactionId id = alice.submit({deliver("orders@a", "1"), deliver("orders@b", "2")});
  mesh.run();
  EXPECT_FALSE(alice.answer(id).has_value());
  mesh.release();
  mesh.run();

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(mesh[2].record_count("accepted-votes"), 2U);
  EXPECT_EQ(mesh.sent_count({.kind = "accepted"}), 2U);
}

TEST(FastPath, AfterwardsOnlyTheOutcomeIsLeft) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    Mesh mesh{{.node_count = 3, .witnesses = witnesses}};
    Caller alice{mesh[0], "alice"};

    const TransactionId id = alice.submit({deliver("orders@a", "1"), deliver("orders@b", "2")});
    mesh.run_for(seconds{10});

    for (std::size_t node = 0; node < 3; ++node)
      EXPECT_TRUE(mesh[node].transactions().empty());
    EXPECT_TRUE(mesh[0].remembered(id)->outcome.committed);
    EXPECT_TRUE(mesh[1].remembered(id)->forgotten);
  }
}

TEST(FastPath, ConsumeAndProduceIsOneTransaction) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Caller worker{mesh[0], "worker"};
  alice.submit({deliver("orders@a", "job")});
  worker.subscribe("orders", 1);
  const LeaseToken token = worker.last<Delivered>()->token;

  const TransactionId id = worker.submit({consume("orders@a", token), deliver("logs@b", "done")});
  mesh.run_for(seconds{1});

  EXPECT_TRUE(worker.is_committed(id));
  EXPECT_EQ(mesh[0].queue("orders").message_count, 0U);
  EXPECT_EQ(mesh[1].bodies("logs"), std::vector<std::string>{"done"});
}

TEST(FastPath, AServiceVotesAndIsTold) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Caller stock{mesh[1], "stock"};
  stock.serve("reserve");
  mesh.run();

  const TransactionId id = alice.submit({deliver("orders@a", "one"), call("reserve@b", "10")});
  mesh.run();
  stock.vote_yes("reserved 10");
  mesh.run();

  EXPECT_TRUE(alice.is_committed(id));
  EXPECT_EQ(alice.answer(id)->replies, std::vector<Content>{content("reserved 10")});
  ASSERT_TRUE(stock.last<ServiceDecision>().has_value());
  EXPECT_TRUE(stock.last<ServiceDecision>()->commit);
}

TEST(FastPath, EveryNodeMayCrashAfterTheAnswerAndNothingIsLost) {
  for (const std::uint32_t witnesses : {1U, 3U}) {
    for (std::size_t crashing = 0; crashing < 3; ++crashing) {
      Mesh mesh{{.node_count = 3, .witnesses = witnesses}};
      Caller alice{mesh[0], "alice"};
      mesh.hold({.kind = "decision"});
      const TransactionId id = alice.submit({deliver("orders@a", "1"), deliver("orders@b", "2")});
      mesh.run();
      ASSERT_TRUE(alice.is_committed(id));

      mesh.crash_and_recover(crashing);
      mesh.release();
      mesh.run_for(seconds{20});

      EXPECT_EQ(mesh[0].queue("orders").message_count, 1U) << witnesses << crashing;
      EXPECT_EQ(mesh[1].queue("orders").message_count, 1U) << witnesses << crashing;
      EXPECT_TRUE(mesh[0].transactions().empty());
      EXPECT_TRUE(mesh[1].transactions().empty());
    }
  }
}

}  // namespace
}  // namespace nemcon::core::tests
