// Goal: witness sets follow Rule P-3, and what a stranger sends is checked before it is believed.
#include "core/descriptor.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/core/parts.hpp"

namespace nemcon::core::tests {
namespace {

using Witnesses = std::vector<std::uint8_t>;

Descriptor with_branches_at(const std::vector<std::uint8_t>& nodes, std::size_t node_count) {
  Descriptor descriptor;
  for (std::size_t node = 0; node < node_count; ++node) {
    descriptor.nodes.push_back(node_ref(node));
  }
  descriptor.id = {.initiator = node_id(0),
                   .client = client_named("alice"),
                   .epoch = Epoch{1},
                   .sequence = Sequence{1}};
  for (const std::uint8_t node : nodes) {
    Operation operation{.kind = OperationKind::deliver, .target = "orders"};
    descriptor.branches.push_back({.node = node, .operations = {operation}});
  }
  return descriptor;
}

bool is_valid(const Descriptor& descriptor) {
  return validate(descriptor, 64).has_value();
}

// A good one: branches at 1 and 2, initiator 0 without one, node 3 spare.
Descriptor good() {
  Descriptor descriptor = with_branches_at({1, 2}, 4);
  EXPECT_TRUE(try_assign_witnesses(descriptor, {.witness_count = 3, .spare = {3}}));
  EXPECT_TRUE(is_valid(descriptor));
  return descriptor;
}

// Rule P-3: own node, initiator, other participants in branch order, then the spare ones.
TEST(Descriptor, WitnessesAreChosenInTheOrderOfTheRule) {
  Descriptor descriptor = with_branches_at({2, 1, 3}, 6);

  ASSERT_TRUE(try_assign_witnesses(descriptor, {.witness_count = 5, .spare = {5, 4}}));

  EXPECT_EQ(descriptor.branches[0].witnesses, (Witnesses{2, 0, 1, 3, 5}));
  EXPECT_EQ(descriptor.branches[1].witnesses, (Witnesses{1, 0, 2, 3, 5}));
  EXPECT_EQ(descriptor.branches[2].witnesses, (Witnesses{3, 0, 2, 1, 5}));
}

// Rule P-3: distinct ones.
TEST(Descriptor, NobodyWitnessesABranchTwice) {
  Descriptor descriptor = with_branches_at({0, 1}, 3);

  ASSERT_TRUE(try_assign_witnesses(descriptor, {.witness_count = 3, .spare = {0, 1, 2}}));

  EXPECT_EQ(descriptor.branches[0].witnesses, (Witnesses{0, 1, 2}));
  EXPECT_EQ(descriptor.branches[1].witnesses, (Witnesses{1, 0, 2}));
}

// Rule P-3, modes S and C.
TEST(Descriptor, OneWitnessIsTheOwnNodeOrTheCoordinator) {
  Descriptor mode_s = with_branches_at({0, 1}, 3);
  Descriptor mode_c = mode_s;

  ASSERT_TRUE(try_assign_witnesses(mode_s, {.witness_count = 1, .spare = {}}));
  ASSERT_TRUE(try_assign_witnesses(mode_c, {.coordinator = 2, .spare = {}}));

  EXPECT_EQ(mode_s.branches[1].witnesses, Witnesses{1});
  EXPECT_EQ(mode_c.branches[0].witnesses, Witnesses{2});
  EXPECT_EQ(mode_c.branches[1].witnesses, Witnesses{2});
  EXPECT_TRUE(is_valid(mode_s));
  EXPECT_TRUE(is_valid(mode_c));
}

// Rule P-4: never fewer than asked for.
TEST(Descriptor, WithTooFewNodesThereAreNoWitnesses) {
  Descriptor descriptor = with_branches_at({0, 1}, 4);

  EXPECT_FALSE(try_assign_witnesses(descriptor, {.witness_count = 3, .spare = {}}));
  EXPECT_FALSE(try_assign_witnesses(descriptor, {.witness_count = 5, .spare = {2, 3}}));
  EXPECT_TRUE(try_assign_witnesses(descriptor, {.witness_count = 3, .spare = {2, 3}}));
}

// Rule P-3: a descriptor that breaks it is refused.
TEST(Descriptor, WitnessSetsThatBreakTheRuleAreRefused) {
  for (const Witnesses& witnesses :
       {Witnesses{}, Witnesses{1, 0}, Witnesses{0, 1, 2}, Witnesses{1, 2, 0}, Witnesses{1, 0, 3},
        Witnesses{1, 0, 0}, Witnesses{1, 0, 9}, Witnesses{3}}) {
    Descriptor descriptor = good();
    descriptor.branches[0].witnesses = witnesses;
    EXPECT_FALSE(is_valid(descriptor)) << witnesses.size();
  }
}

TEST(Descriptor, WhatAStrangerSendsIsChecked) {
  using Change = void (*)(Descriptor&);
  const std::vector<Change> changes = {
      [](Descriptor& d) { d.nodes.clear(); },
      [](Descriptor& d) { d.nodes[0] = node_ref(9); },
      [](Descriptor& d) { d.nodes[3] = d.nodes[1]; },
      [](Descriptor& d) { d.nodes.resize(300); },
      [](Descriptor& d) { d.branches.clear(); },
      [](Descriptor& d) { d.branches.resize(200, d.branches[0]); },
      [](Descriptor& d) { d.branches[0].node = 9; },
      [](Descriptor& d) { d.branches[0].operations.clear(); },
      [](Descriptor& d) { d.branches[0].operations[0].target.clear(); },
      [](Descriptor& d) { d.branches[0].operations[0].target.resize(300, 'x'); },
      [](Descriptor& d) { d.branches[0].operations[0].kind = OperationKind{9}; },
      [](Descriptor& d) { d.one_phase = true; },
  };
  for (std::size_t index = 0; index < changes.size(); ++index) {
    Descriptor descriptor = good();
    changes[index](descriptor);
    EXPECT_FALSE(is_valid(descriptor)) << "change " << index;
  }
}

TEST(Descriptor, OneDeliveryIsConsumedOnce) {
  Descriptor descriptor = good();
  const Operation consumed{
      .kind = OperationKind::consume, .target = "orders", .token = LeaseToken{5}};
  descriptor.branches[0].operations = {consumed, consumed};
  EXPECT_FALSE(is_valid(descriptor));

  descriptor.branches[0].operations = {consumed};
  descriptor.branches[1].operations = {consumed};
  EXPECT_TRUE(is_valid(descriptor)) << "tokens are each node's own";
}

TEST(Descriptor, KnowsItsBranches) {
  const Descriptor descriptor = good();

  EXPECT_EQ(find_node(descriptor, node_id(2)), 2);
  EXPECT_EQ(find_node(descriptor, node_id(7)), -1);
  EXPECT_EQ(branches_at(descriptor, node_id(2)), std::vector<std::uint8_t>{1});
  EXPECT_TRUE(branches_at(descriptor, node_id(0)).empty());
  EXPECT_EQ(quorum_of(1), 1U);
  EXPECT_EQ(quorum_of(3), 2U);
  EXPECT_EQ(quorum_of(5), 3U);
}

// ---- words ------------------------------------------------------------------------------------

TEST(Text, TransactionIdsAreReadAsTheyWerePrinted) {
  const TransactionId id{.initiator = {.high = 1, .low = 0xabcdef},
                         .client = {.high = ~0ULL, .low = 3},
                         .epoch = Epoch{~0ULL},
                         .sequence = Sequence{12}};
  TransactionId parsed;

  ASSERT_TRUE(try_parse(to_text(id), parsed));
  EXPECT_EQ(parsed, id);
}

TEST(Text, AnythingElseIsRefused) {
  const std::string good_text = to_text(TransactionId{.epoch = Epoch{1}, .sequence = Sequence{2}});
  TransactionId parsed{.sequence = Sequence{77}};

  for (std::size_t cut = 0; cut < good_text.size(); ++cut) {
    EXPECT_FALSE(try_parse(good_text.substr(0, cut), parsed)) << cut;
  }
  EXPECT_FALSE(try_parse(good_text + "0x", parsed));
  EXPECT_FALSE(try_parse(" " + good_text, parsed));
  EXPECT_FALSE(try_parse(good_text + "11111111111111111", parsed));
  EXPECT_EQ(parsed.sequence, Sequence{77}) << "untouched";
}

TEST(Text, EveryReasonHasAWordOfItsOwn) {
  std::set<std::string> words;
  for (int reason = 0; reason <= static_cast<int>(Reason::rolled_back_node); ++reason) {
    words.insert(to_text(static_cast<Reason>(reason)));
  }
  EXPECT_EQ(words.size(), static_cast<std::size_t>(Reason::rolled_back_node) + 1);
  EXPECT_FALSE(words.contains("unknown"));
}

}  // namespace
}  // namespace nemcon::core::tests
