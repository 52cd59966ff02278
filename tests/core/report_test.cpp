// Goal: who asks a node what it does gets the truth in words: who is out and why, what is in the
// queues, where each transaction stands and for whom it waits. Method: engines brought into each
// state, then asked; a question changes nothing.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a client of the node is told.
Report ask(Node& node, Topic topic, const TransactionId& id = {}) {
  Caller asker{node, ""};
  const std::string before = text_of_rows(node.rows());
  const Effects effects = asker.request(Inspect{.request = 7, .topic = topic, .id = id});
  EXPECT_TRUE(effects.writes.empty()) << "a question changes nothing";
  EXPECT_EQ(text_of_rows(node.rows()), before);
  const std::optional<Report> report = asker.last<Report>();
  EXPECT_TRUE(report.has_value());
  if (!report) return {};
  EXPECT_EQ(report->request, 7U);
  return *report;
}

const NodeReport& node_of(const Report& report, const std::string& name) {
  const auto found = std::ranges::find(report.nodes, name, &NodeReport::name);
  EXPECT_NE(found, report.nodes.end()) << name;
  return *found;
}

std::uint64_t count_of(const Report& report, const std::string& name) {
  const auto found = std::ranges::find(report.counts, name, &CountReport::name);
  EXPECT_NE(found, report.counts.end()) << name;
  return found == report.counts.end() ? 0 : found->value;
}

// The one transaction that there is.
TransactionReport only(const Report& report) {
  EXPECT_EQ(report.transactions.size(), 1U);
  return report.transactions.empty() ? TransactionReport{} : report.transactions[0];
}

TransactionReport only_of(Node& node) {
  return only(ask(node, Topic::transactions));
}

using Names = std::vector<std::string>;

const std::vector<Part> to_a_and_b = {deliver("orders@a", "x"), deliver("orders@b", "y")};

// ---- nodes ------------------------------------------------------------------------------------

TEST(NodeReports, ANodeInAHealthyMeshHasNoTrouble) {
  Lone b{{}};

  const Report report = ask(*b, Topic::status);

  ASSERT_EQ(report.nodes.size(), 3U);
  for (const char* name : {"a", "b", "c"}) {
    const NodeReport& node = node_of(report, name);
    EXPECT_EQ(node.trouble, "") << name;
    EXPECT_TRUE(node.live) << name;
    EXPECT_EQ(node.self, node.name == "b");
    EXPECT_EQ(node.boot, Boot{1});
  }
  EXPECT_EQ(node_of(report, "c").incarnation, incarnation_of(2));
  EXPECT_EQ(node_of(report, "c").node, node_id(2));
  EXPECT_TRUE(report.transactions.empty());
}

TEST(NodeReports, APeerWithoutALinkOrAnAnswerIsNamed) {
  Lone b{{}};
  b.lose(0);
  b.lose(2);
  b->step(PeerUp{peer_index(2)});

  const Report report = ask(*b, Topic::status);

  EXPECT_FALSE(node_of(report, "a").live);
  EXPECT_EQ(node_of(report, "a").trouble, "no link");
  EXPECT_FALSE(node_of(report, "c").live);
  EXPECT_EQ(node_of(report, "c").trouble, "no answer yet");
}

// Rule P-37: at both ends.
TEST(NodeReports, WhoWentBackIsNamedAsRefusedOrFenced) {
  Lone b{{}};
  b.ghost(0).lsn = 500;
  b.hear(0, Query{});
  b.lose(0);
  b.ghost(0).lsn = 400;
  b.ghost(0).boot = Boot{2};
  b.ghost(0).nonce += 1;
  b.greet(0);
  EXPECT_EQ(node_of(ask(*b, Topic::status), "a").trouble,
            "refused: its state is older than what this node has seen of it");

  b.lose(2);
  b.greet(2, Sighting{.incarnation = incarnation_of(1), .boot = Boot{9}, .lsn = Lsn{1}});
  const Report report = ask(*b, Topic::status);
  EXPECT_FALSE(node_of(report, "b").live);
  EXPECT_EQ(node_of(report, "b").trouble,
            "fenced: its state is older than what the mesh has seen of it");
}

// Rule P-22.
TEST(NodeReports, AWrongClockAFullDiskAndAFirstPeerThatIsMissingAreNamed) {
  Lone b{{}};
  b->step(DiskFull{true});
  EXPECT_EQ(node_of(ask(*b, Topic::status), "b").trouble, "no room on disk: new work is refused");
  b->step(DiskFull{false});
  EXPECT_EQ(node_of(ask(*b, Topic::status), "b").trouble, "");

  for (const std::size_t peer : {0U, 2U}) {
    b.lose(peer);
    b.ghost(peer).skew_ms = -60'000;
    b.greet(peer);
  }
  EXPECT_EQ(node_of(ask(*b, Topic::status), "b").trouble,
            "its clock is far from the others': it does not vote");

  Node again{options_of({}, 1)};
  again.begin();
  again.crash();
  again.begin();
  EXPECT_EQ(node_of(ask(again, Topic::status), "b").trouble,
            "waits for a first peer before it votes");
}

// ---- queues -----------------------------------------------------------------------------------

TEST(QueueReports, AnOwnQueueHasItsNumbersAndAPeersOnlyItsName) {
  Lone b{{}};
  Caller writer{*b, "writer"};
  for (const char* body : {"one", "two", "three"})
    writer.submit({deliver("logs@b", body)});
  Caller reader{*b, "reader"};
  reader.subscribe("logs", 2);
  b.hear(0, Tale{1, {0, 1}}
                .deliver(0, "orders", "x")
                .deliver(1, "orders", "y")
                .witnessed_by(1)
                .prepare({1}));
  b.lose(2);

  const Report report = ask(*b, Topic::queues);

  const auto find = [&report](const std::string& node, const std::string& name) {
    const auto found = std::ranges::find_if(report.queues, [&](const QueueReport& queue) {
      return queue.node == node && queue.name == name;
    });
    return found == report.queues.end() ? QueueReport{} : *found;
  };
  for (const QueueReport& queue : report.queues)
    EXPECT_NE(queue.node, "c") << "it has no link, so who knows what it has";
  EXPECT_EQ(std::ranges::count(report.queues, "a", &QueueReport::node), 3);
  EXPECT_EQ(std::ranges::count(report.queues, "b", &QueueReport::node), 6) << "with dead letters";
  const QueueReport logs = find("b", "logs");
  EXPECT_TRUE(logs.local);
  EXPECT_EQ(logs.ordering, Ordering::none);
  EXPECT_EQ(logs.message_count, 3U);
  EXPECT_GE(logs.byte_count, 11U);
  EXPECT_EQ(logs.leased_count, 2U);
  EXPECT_EQ(logs.consumer_count, 1U);
  EXPECT_EQ(logs.prepared_count, 0U);
  EXPECT_EQ(find("b", "orders").prepared_count, 1U);
  EXPECT_EQ(find("b", "orders").message_count, 0U);
  EXPECT_FALSE(find("a", "ledger").local);
  EXPECT_EQ(find("a", "ledger").ordering, Ordering::mesh);
  EXPECT_TRUE(report.nodes.empty());
  EXPECT_TRUE(report.counts.empty());
}

// ---- transactions at the initiator ------------------------------------------------------------

TEST(TransactionReports, TheInitiatorNamesWhomItWaitsForAndWhoHasVoted) {
  Mesh mesh{{.node_count = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 2, .kind = "prepare"});
  const TransactionId id = alice.submit(
      {deliver("orders@a", "x"), deliver("orders@b", "y"), check("logs@c", 9), call("pay@c", "z")});
  mesh.run();
  mesh.run_for(milliseconds{300});

  const TransactionReport report = only_of(mesh[0]);

  EXPECT_EQ(report.id, id);
  EXPECT_EQ(report.state, "preparing");
  EXPECT_EQ(report.principal, "alice");
  EXPECT_GE(report.age_ms, 300U);
  EXPECT_LT(report.age_ms, 3000U);
  EXPECT_EQ(report.waiting_for, Names{"c"});
  ASSERT_EQ(report.branches.size(), 3U);
  const auto at = [&report](const std::string& node) {
    const auto found = std::ranges::find(report.branches, node, &BranchReport::node);
    EXPECT_NE(found, report.branches.end()) << node;
    return *found;
  };
  EXPECT_EQ(at("b").what, "deliver orders");
  EXPECT_EQ(at("b").state, "voted");
  EXPECT_EQ(at("c").what, "check logs, call pay");
  EXPECT_EQ(at("c").state, "waiting");

  const Report status = ask(mesh[0], Topic::status);
  EXPECT_EQ(count_of(status, "transactions_undecided"), 1U);
  EXPECT_EQ(count_of(status, "transactions_in_doubt"), 0U);
}

TEST(TransactionReports, AVoteThatWaitsForItsServiceIsPreparingHere) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Caller stock{mesh[1], "stock"};
  stock.serve("reserve");
  mesh.run();
  const TransactionId id = alice.submit({deliver("logs@a", "x"), call("reserve@b", "ten")});
  mesh.run();

  const TransactionReport report = only(ask(mesh[1], Topic::transaction, id));

  EXPECT_EQ(report.state, "preparing");
  EXPECT_EQ(report.waiting_for, Names{"b"});
  EXPECT_EQ(report.branches[1].what, "call reserve");
  EXPECT_EQ(report.branches[1].state, "not known here");
  EXPECT_TRUE(ask(mesh[1], Topic::in_doubt).transactions.empty());
}

// Told to all, and to those who do not confirm again and again.
TEST(TransactionReports, WhatIsDecidedWaitsForThoseWhoHaveNotHeardIt) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 1, .kind = "decision"});
  const TransactionId id = alice.submit(to_a_and_b);
  mesh.run();
  ASSERT_TRUE(alice.is_committed(id));

  const TransactionReport here = only(ask(mesh[0], Topic::transaction, id));
  EXPECT_EQ(here.state, "committed");
  EXPECT_EQ(here.waiting_for, Names{"b"});
  const TransactionReport there = only_of(mesh[1]);
  EXPECT_EQ(there.state, "prepared");
  EXPECT_EQ(there.waiting_for, Names{"a"});
  EXPECT_EQ(there.branches[1].state, "voted yes");
  EXPECT_EQ(count_of(ask(mesh[0], Topic::status), "transactions_undecided"), 0U);
  EXPECT_EQ(count_of(ask(mesh[1], Topic::status), "transactions_undecided"), 1U);

  // Afterwards only the outcome is known.
  mesh.release();
  mesh.run_for(seconds{30});
  EXPECT_TRUE(ask(mesh[0], Topic::transactions).transactions.empty());
  const TransactionReport known = only(ask(mesh[0], Topic::transaction, id));
  EXPECT_EQ(known.state, "committed");
  EXPECT_TRUE(known.branches.empty());
}

TEST(TransactionReports, ARollBackSaysWhy) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 1, .kind = "decision"});
  mesh.hold({.to = 0, .kind = "decision_ack"});
  const TransactionId id = alice.submit({deliver("orders@a", "x"), deliver("nothing@b", "y")});
  mesh.run();
  ASSERT_TRUE(alice.is_rolled_back(id));

  const TransactionReport there = only_of(mesh[1]);
  EXPECT_TRUE(there.branches[1].state.starts_with("voted no: unknown queue"))
      << there.branches[1].state;
  mesh.release();
  mesh.run_for(seconds{30});

  const TransactionReport known = only(ask(mesh[0], Topic::transaction, id));
  EXPECT_EQ(known.id, id);
  EXPECT_EQ(known.state, "rolled back: unknown queue");
  EXPECT_TRUE(ask(mesh[0], Topic::transaction, alice.next_id()).transactions.empty());
}

// ---- transactions elsewhere -------------------------------------------------------------------

Told order(std::uint64_t sequence) {
  return Tale{sequence, {0, 1}}
      .deliver(0, "orders", "at a")
      .deliver(1, "orders", "at b")
      .witnessed_by(1);
}

TEST(TransactionReports, WhatOutlivesItsDeadlineIsInDoubtUntilItIsDecided) {
  Lone b{{}};
  const Told told = order(1);
  b.hear(0, told.prepare({1}));
  EXPECT_EQ(only_of(*b).state, "prepared");
  EXPECT_TRUE(ask(*b, Topic::in_doubt).transactions.empty());
  EXPECT_EQ(count_of(ask(*b, Topic::status), "transactions_in_doubt"), 0U);

  b.lose(0);
  b->pass(seconds{5});

  const TransactionReport report = only(ask(*b, Topic::in_doubt));
  EXPECT_EQ(report.id, told.key().id);
  EXPECT_EQ(report.waiting_for, Names{"a"});
  EXPECT_EQ(count_of(ask(*b, Topic::status), "transactions_in_doubt"), 1U);
  // Now this node sees to it itself.
  EXPECT_TRUE(report.state == "asking" || report.state == "recovering") << report.state;

  b.greet(0);
  b.hear(0, roll_back_of(told));
  EXPECT_TRUE(ask(*b, Topic::in_doubt).transactions.empty());
  EXPECT_TRUE(only_of(*b).state.starts_with("rolled back: ")) << only_of(*b).state;
  EXPECT_EQ(only_of(*b).branches[1].state, "rolled back");
}

TEST(TransactionReports, AWitnessKnowsWhatItAcceptedAndNothingElse) {
  Lone b{{.witnesses = 3}};
  const Told told =
      Tale{1, {0, 1, 2}}.deliver(0, "orders", "at a").deliver(2, "orders", "at c").witnessed_by(3);
  b.hear(2, vote_of(told, 1, yes_now()));

  TransactionReport report = only_of(*b);
  EXPECT_EQ(report.state, "witnessed");
  EXPECT_EQ(report.waiting_for, Names{"a"});
  EXPECT_EQ(report.branches[0].state, "not known here");
  EXPECT_EQ(report.branches[1].state, "voted yes");

  b.hear(0, vote_of(told, 0, no_because(Reason::queue_full)));
  report = only_of(*b);
  EXPECT_EQ(report.branches[0].state, "voted no");
}

// Whoever recovers says so in each of its steps, and for whom it waits.
TEST(TransactionReports, EveryStepOfARecoveryHasAWord) {
  Mesh mesh{{.node_count = 3, .witnesses = 3}};
  Caller alice{mesh[0], "alice"};
  mesh.hold({.to = 0, .kind = "vote"});
  alice.submit({deliver("orders@b", "to b"), deliver("orders@c", "to c")});
  mesh.run();
  mesh.crash(0);
  std::set<std::string> seen;
  for (int step = 0; step < 2000; ++step) {
    mesh.run_for(milliseconds{10});
    for (const std::size_t node : {1U, 2U}) {
      for (const TransactionReport& report : ask(mesh[node], Topic::transactions).transactions)
        seen.insert(report.state);
    }
  }
  EXPECT_TRUE(seen.contains("prepared"));
  EXPECT_TRUE(seen.contains("committed"));
  EXPECT_FALSE(seen.contains("unknown"));
}

// A report has to fit a frame; what is decided already gives way.
TEST(TransactionReports, ThereAreAtMostAThousandAndTheUndecidedComeFirst) {
  Lone b{{}};
  b->checks_recovery = false;
  constexpr std::uint64_t decided_count = 30;
  for (std::uint64_t sequence = 1; sequence <= decided_count; ++sequence) {
    b.hear(0, order(sequence).prepare({1}));
    b.hear(0, roll_back_of(order(sequence)));
  }
  EXPECT_EQ(ask(*b, Topic::transactions).transactions.size(), decided_count);

  const std::uint64_t undecided_count = report_transactions_max - 10;
  for (std::uint64_t i = 1; i <= undecided_count; ++i)
    b.hear(0, order(decided_count + i).prepare({1}));
  Report report = ask(*b, Topic::transactions);
  ASSERT_EQ(report.transactions.size(), report_transactions_max);
  const auto is_decided = [](const TransactionReport& one) { return one.state != "prepared"; };
  EXPECT_TRUE(std::ranges::is_partitioned(
      report.transactions, [&](const TransactionReport& one) { return !is_decided(one); }));
  EXPECT_EQ(std::ranges::count_if(report.transactions, is_decided), 10);

  for (std::uint64_t i = 1; i <= 20; ++i)
    b.hear(0, order(decided_count + undecided_count + i).prepare({1}));
  report = ask(*b, Topic::transactions);
  EXPECT_EQ(report.transactions.size(), report_transactions_max);
  EXPECT_EQ(std::ranges::count_if(report.transactions, is_decided), 0);
}

}  // namespace
}  // namespace nemcon::core::tests
