// Goal: a session is its client's alone, and the newest one counts. Method: named clients that open
// at one node and at several.
#include <set>

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

// A transaction that no session of this mesh began.
const std::vector<Part> one = {deliver("orders@a", "one")};

// Rule P-16: a new epoch is larger than any known.
TEST(Session, ANewOneHasALargerEpoch) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  const Epoch first = alice.epoch();

  alice.open_anew();
  EXPECT_GT(alice.epoch(), first);

  const Epoch second = alice.epoch();
  mesh.crash_and_recover(0);
  alice.open_anew();
  EXPECT_GT(alice.epoch(), second);
}

// Rule P-16: also where the client has been elsewhere since.
TEST(Session, ANewOneIsAboveWhatTheClientKnows) {
  Mesh mesh{{.node_count = 2}};
  const Epoch known{~0ULL << 20U};
  Caller alice{mesh[0], "alice"};

  alice.request(Open{.request = 9, .name = "alice", .epoch = {}, .above = known});

  EXPECT_GT(alice.last<Opened>()->epoch, known);
}

// Rule P-16: nobody else has it, not even where another node's clock is as far behind.
TEST(Session, NoTwoNodesGiveTheSameEpoch) {
  Mesh mesh{{.node_count = 3}};
  const Epoch known = Caller{mesh[0], "alice"}.epoch();
  std::set<Epoch> given{known};
  for (const std::size_t node : {1U, 2U}) {
    Caller alice{mesh[node], "alice"};
    alice.request(Open{.request = 9,
                       .name = "alice",
                       .epoch = {},
                       .above = Epoch{known.value() + (std::uint64_t{3'600'000} << 16U)}});
    EXPECT_TRUE(given.insert(alice.last<Opened>()->epoch).second) << node;
  }
}

// Rule P-16.
TEST(Session, IsDurableBeforeItIsAnswered) {
  Mesh mesh{{.node_count = 2}};
  mesh[0].hold_writes = true;

  Caller alice{mesh[0], "alice"};
  EXPECT_FALSE(alice.last<Opened>().has_value());

  mesh[0].flush();
  EXPECT_TRUE(alice.last<Opened>().has_value());
}

// Rule P-16.
TEST(Session, AnOlderOneIsRefusedAndToldOfTheNewest) {
  Mesh mesh{{.node_count = 2}};
  Caller old{mesh[0], "alice"};
  Caller fresh{mesh[0], "alice"};

  old.move_to(mesh[0]);

  ASSERT_TRUE(old.last<Denied>().has_value());
  EXPECT_EQ(old.last<Denied>()->reason, Reason::fenced);
  EXPECT_EQ(old.last<Denied>()->epoch, fresh.epoch());
}

// Rule P-16: and leaves nothing, which could speak against what another node carries out.
TEST(Session, ASubmissionOfAnOlderOneIsRefusedForGood) {
  Mesh mesh{{.node_count = 2}};
  Caller old{mesh[0], "alice"};
  Caller fresh{mesh[0], "alice"};

  const Submit submit = old.draft(old.next_id(), one);
  old.submit(submit);
  ASSERT_TRUE(old.last<Denied>());
  EXPECT_EQ(old.last<Denied>()->reason, Reason::fenced);
  EXPECT_EQ(old.last<Denied>()->epoch, fresh.epoch());

  mesh.crash_and_recover(0);
  old.submit(submit);
  EXPECT_FALSE(old.answer(submit.id));
  EXPECT_FALSE(mesh[0].remembered(submit.id));
  EXPECT_EQ(mesh[0].queue("orders").message_count, 0U);
}

// Rule P-16: what the older one did before keeps its outcome.
TEST(Session, WhatAnOlderOneFinishedKeepsItsOutcome) {
  Mesh mesh{{.node_count = 2}};
  Caller old{mesh[0], "alice"};
  const TransactionId id = old.submit(one);
  Caller fresh{mesh[0], "alice"};

  fresh.ask(id);

  EXPECT_TRUE(fresh.is_committed(id));
}

// Rule P-16: at a participant.
TEST(Session, APrepareOfAnOlderOneIsVotedNo) {
  Lone b{{}};
  Caller fresh{*b, "alice"};

  const Effects effects = b.hear(0, logged_by_two(1).prepare({1}));

  EXPECT_EQ(sent<Vote>(effects).at(0).votes.at(0).value.reason, Reason::fenced);
}

// Rule P-16: also in answer to a recovery leader.
TEST(Session, ALeaderThatAsksForAnOlderOneHearsNo) {
  Lone b{{}};
  Caller fresh{*b, "alice"};

  const Effects effects = b.hear(0, ask_promise_of(logged_by_two(1), ballot_of(1, 0)));

  const Promise promise = sent<Promise>(effects).at(0);
  ASSERT_EQ(promise.votes.size(), 1U);
  EXPECT_EQ(promise.votes[0].value.reason, Reason::fenced);
}

// A session is remembered for good, so these would be all that there is.
TEST(Session, AClientGetsNoMoreThanHalfOfThemAndNoneIfItMayDoNothing) {
  Layout layout;
  layout.node_count = 1;
  layout.limits.clients_max = 6;
  layout.permissions = {{.secured = true,
                         .clients = {{.name = "app", .allow = {"send *"}, .quota = {}},
                                     {.name = "other", .allow = {"send *"}, .quota = {}},
                                     {.name = "poor", .allow = {}, .quota = {}}},
                         .vouches = {}}};
  Mesh mesh{layout};
  const auto opens = [&](const std::string& name) {
    Caller caller{mesh[0], name};
    return caller.last<Opened>().has_value();
  };

  EXPECT_FALSE(opens("poor"));
  EXPECT_FALSE(opens("poor/1"));
  EXPECT_TRUE(opens("app"));
  EXPECT_TRUE(opens("app/1"));
  EXPECT_TRUE(opens("app/2"));
  EXPECT_FALSE(opens("app/3"));
  EXPECT_TRUE(opens("app/2")) << "one that is there already";
  EXPECT_TRUE(opens("other/1"));
}

TEST(Session, AnAnonymousClientNeedsAnIdOfItsOwn) {
  Mesh mesh{{.node_count = 2}};
  Caller nobody{mesh[0], ""};

  nobody.request(Open{.request = 9, .name = "", .client = {}});

  EXPECT_EQ(nobody.last<Denied>()->reason, Reason::malformed);
}

TEST(Session, NothingIsAcceptedBeforeOpen) {
  Mesh mesh{{.node_count = 2}};

  const Effects effects = mesh[0].request(LinkId{999'999}, Ask{.request = 1, .id = {}});

  EXPECT_TRUE(has_note(effects, "request before open"));
  EXPECT_EQ(replied<Denied>(effects).size(), 1U);
}

TEST(Session, AnotherClientsIdIsForbidden) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Caller mallory{mesh[0], "mallory"};
  TransactionId id = mallory.next_id();
  id.client = alice.client();

  mallory.submit(mallory.draft(id, one));

  EXPECT_EQ(mallory.last<Denied>()->reason, Reason::forbidden);
  EXPECT_EQ(mesh[0].queue("orders").message_count, 0U);
}

}  // namespace
}  // namespace nemcon::core::tests
