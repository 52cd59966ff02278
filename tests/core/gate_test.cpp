// Goal: who may not, cannot, at whatever door. Method: two nodes with keys; the client "alice" may
// do everything at both, "bob" may do little, and the nodes do not agree on what.
#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

const std::vector<std::string> everything = {"send *@*", "consume *@*", "serve *@*",
                                             "call *@*", "browse *@*",  "admin *@*"};

Layout with_keys(const std::vector<std::string>& bob_at_a,
                 const std::vector<std::string>& bob_at_b) {
  const auto options = [](const std::vector<std::string>& bob) {
    return PermissionOptions{
        .secured = true,
        .clients = {{.name = "alice", .allow = everything}, {.name = "bob", .allow = bob}},
        .vouches = {}};
  };
  return {.node_count = 2, .permissions = {options(bob_at_a), options(bob_at_b)}};
}

std::size_t denial_count(const Effects& effects) {
  return effects.denials.size();
}

// Rule P-41: default deny.
TEST(Gate, WhatIsNotGrantedIsRefusedBeforeAnythingIsWritten) {
  Mesh mesh{with_keys({"browse logs"}, everything)};
  Caller bob{mesh[0], "bob"};
  const std::size_t before = mesh[0].disk().records().size();

  const TransactionId id = bob.submit({deliver("orders@a", "1")});

  const std::optional<Denied> denied = bob.last<Denied>();
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->reason, Reason::forbidden);
  EXPECT_FALSE(denied->retryable);
  EXPECT_NE(denied->text.find("client \"bob\" may not send at orders@a"), std::string::npos)
      << denied->text;
  EXPECT_FALSE(bob.answer(id));
  EXPECT_EQ(mesh[0].disk().records().size(), before);
  EXPECT_TRUE(mesh[0].bodies("orders").empty());
}

// Rule P-41: nor is it told whether there is what it may not use.
TEST(Gate, WhatThereIsIsNotToldToWhoMayNotUseIt) {
  Mesh mesh{with_keys({"send logs@b"}, everything)};
  Caller bob{mesh[0], "bob"};
  const auto text_of = [&](const std::string& target) {
    const TransactionId id = bob.submit({deliver(target, "1")});
    const std::optional<Denied> denied = bob.last<Denied>();
    EXPECT_EQ(denied->reason, Reason::forbidden) << id.sequence.value();
    std::string text = denied->text;
    for (std::size_t at = text.find(target); at != std::string::npos; at = text.find(target))
      text.replace(at, target.size(), "X");
    return text;
  };
  EXPECT_EQ(text_of("orders"), text_of("nosuch"));
  EXPECT_EQ(text_of("orders@b"), text_of("nosuch@b"));
  // One that it may use somewhere is looked for.
  bob.submit({deliver("logs@nowhere", "1")});
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::unknown_queue);
}

// Rule P-41: who asks for its outcome meanwhile lends it nothing.
TEST(Gate, AResubmissionIsItsOwnClientsWhoeverAsksForIt) {
  Mesh mesh{with_keys({"send logs@a"}, {"send logs@b"})};
  Caller bob{mesh[0], "bob"};
  Caller alice{mesh[0], "alice"};
  const TransactionId id = bob.next_id();

  bob.resubmit(id, {deliver("orders@a", "1"), deliver("orders@b", "1")});
  alice.ask(id);
  mesh.run();

  ASSERT_TRUE(bob.last<Denied>());
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::forbidden);
  EXPECT_TRUE(mesh[0].bodies("orders").empty());
  EXPECT_TRUE(mesh[1].bodies("orders").empty());
}

// Rule P-41: and what is granted goes through, over nodes, with the services and checks of it.
TEST(Gate, WhatIsGrantedIsDone) {
  Mesh mesh{with_keys({"send orders", "send orders@b", "browse logs"}, {"send orders"})};
  Caller bob{mesh[0], "bob"};

  const TransactionId alone = bob.submit({deliver("orders@a", "1")});
  const TransactionId both =
      bob.submit({deliver("orders@a", "2"), deliver("orders@b", "2"), check("logs@a", 9)});
  mesh.run();

  EXPECT_TRUE(bob.is_committed(alone));
  EXPECT_TRUE(bob.is_committed(both));
}

// Rule P-41: each part of it, and what the client's own node says of other nodes.
TEST(Gate, OnePartThatIsNotGrantedRefusesTheWhole) {
  Mesh mesh{with_keys({"send orders"}, everything)};
  Caller bob{mesh[0], "bob"};

  bob.submit({deliver("orders@a", "1"), deliver("orders@b", "1")});
  mesh.run();

  ASSERT_TRUE(bob.last<Denied>());
  EXPECT_EQ(mesh.sent_count({.kind = "PREPARE"}), 0U);
}

// Rule P-42: what my peers let their clients do at my queues is for me to say.
TEST(Gate, TheOwnerOfABranchHasTheLastWord) {
  Mesh mesh{with_keys(everything, {"send logs"})};
  Caller bob{mesh[0], "bob"};

  const TransactionId refused = bob.submit({deliver("logs@a", "1"), deliver("orders@b", "1")});
  const TransactionId alone = bob.submit({deliver("orders@b", "2")});
  const TransactionId granted = bob.submit({deliver("logs@b", "3")});
  mesh.run();

  EXPECT_TRUE(bob.is_rolled_back(refused));
  EXPECT_EQ(bob.answer(refused)->reason, Reason::forbidden);
  EXPECT_EQ(bob.answer(refused)->by, "b");
  EXPECT_NE(bob.answer(refused)->text.find("client \"bob\" may not send at orders@b"),
            std::string::npos);
  EXPECT_TRUE(bob.is_rolled_back(alone));
  EXPECT_TRUE(bob.is_committed(granted));
  EXPECT_TRUE(mesh[0].bodies("logs").empty());
  EXPECT_TRUE(mesh[1].bodies("orders").empty());
}

// Rule P-42: the principal is in the descriptor; whoever sends the PREPARE. A node without a grant
// for a name that it never met refuses it.
TEST(Gate, APrincipalThatNobodyKnowsIsRefusedByTheOwner) {
  Layout layout = with_keys({}, {});
  layout.node_count = 3;
  layout.permissions = {{}, {.secured = true}};
  Lone b{layout};
  const Told told = std::move(Tale{1, {0, 1}}.deliver(0, "orders", "a").deliver(1, "orders", "b"))
                        .witnessed_by(1);

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_EQ(denial_count(effects), 1U);
  EXPECT_EQ(effects.denials[0].principal, "alice");
  EXPECT_EQ(effects.denials[0].what, "send orders@b");
  EXPECT_EQ(effects.denials[0].through, "a");
  ASSERT_EQ(sent<Vote>(effects).size(), 1U);
  EXPECT_EQ(sent<Vote>(effects)[0].votes[0].value.choice, Choice::no);
  EXPECT_EQ(sent<Vote>(effects)[0].votes[0].value.reason, Reason::forbidden);
}

// Rule P-42: a peer that may speak for some clients only.
TEST(Gate, APeerThatMayNotSpeakForAClientIsRefused) {
  Layout layout = with_keys(everything, everything);
  layout.permissions[1].vouches = {{.peer = "a", .clients = {"alice"}}};
  Mesh mesh{layout};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};

  const TransactionId hers = alice.submit({deliver("orders@b", "1")});
  const TransactionId his = bob.submit({deliver("orders@b", "2")});
  mesh.run();

  EXPECT_TRUE(alice.is_committed(hers));
  EXPECT_TRUE(bob.is_rolled_back(his));
  EXPECT_NE(bob.answer(his)->text.find("peer a may not speak for client \"bob\""),
            std::string::npos);
}

// Rule P-42: nor does it hear what became of its transactions, unless they name it.
TEST(Gate, APeerThatMayNotSpeakForAClientHearsNothingOfIt) {
  Layout layout = with_keys(everything, everything);
  layout.node_count = 3;
  layout.permissions.push_back(layout.permissions[1]);
  layout.permissions[1].vouches = {{.peer = "a", .clients = {"alice"}}};
  Mesh mesh{layout};
  mesh.hold({.to = 1, .kind = "decision-ack"});  // What is forgotten has no client any more.
  Caller alice{mesh[1], "alice"};
  Caller bob{mesh[1], "bob"};
  const TransactionId hers = alice.submit({deliver("orders@b", "1"), deliver("orders@c", "1")});
  const TransactionId his = bob.submit({deliver("orders@b", "2"), deliver("orders@c", "2")});
  const TransactionId named = bob.submit({deliver("orders@a", "3"), deliver("orders@b", "3")});
  mesh.run();
  for (const TransactionId& id : {hers, his, named}) {
    mesh.forget_sent();
    mesh.forge(0, 1, Query{.id = id, .digest = {}, .expires = Hlc::never()});
    mesh.run();
    EXPECT_EQ(mesh.sent_count({.from = 1, .to = 0, .kind = "status"}), id == his ? 0U : 1U);
  }
}

// Rule P-15, Rule P-42: nor does it forget for such a client.
TEST(Gate, APeerThatMayNotSpeakForAClientRaisesNoMark) {
  Layout layout = with_keys(everything, everything);
  layout.permissions[1].vouches = {{.peer = "a", .clients = {"alice"}}};
  Mesh mesh{layout};
  for (const char* const name : {"alice", "bob"}) {
    Caller caller{mesh[0], name};
    caller.submit({deliver("orders@a", "1")});
    mesh.run();
    Submit second = caller.draft(caller.next_id(), {deliver("orders@b", "2")});
    second.ack_upto = second.id.sequence;
    caller.submit(second);
    mesh.run();
  }
  EXPECT_EQ(mesh[1].record_count("acknowledged-up-to"), 1U) << "alice's";
}

// Rule P-15: what is acknowledged is kept, so there is none of what never was.
TEST(Gate, WhoMayDoNothingLeavesNoMarks) {
  Mesh mesh{with_keys({}, {})};
  Caller bob{mesh[0], "", "bob"};
  const std::size_t before = mesh[0].disk().records().size();
  for (std::uint64_t i = 1; i < 100; ++i)
    bob.request(Acknowledge{.epoch = {}, .ack_upto = Sequence{i}});
  EXPECT_EQ(mesh[0].disk().records().size(), before);
}

TEST(Gate, SessionsThatAreOpenedWithoutEndAreRefused) {
  Layout layout = with_keys({"send orders"}, {});
  layout.limits.clients_max = 50;
  Mesh mesh{layout};
  Caller bob{mesh[0], "bob"};
  for (int i = 0; i < 49; ++i)
    bob.open_anew();
  EXPECT_FALSE(bob.last<Denied>());
  bob.open_anew();
  ASSERT_TRUE(bob.last<Denied>());
  EXPECT_TRUE(bob.last<Denied>()->retryable);
  EXPECT_NE(bob.last<Denied>()->text.find("opens sessions too fast"), std::string::npos);
  // Another client's are its own, and so is what comes in time.
  Caller alice{mesh[0], "alice"};
  EXPECT_TRUE(alice.last<Opened>());
  mesh.run_for(std::chrono::seconds{1});
  bob.open_anew();
  EXPECT_TRUE(bob.last<Opened>());
}

// Rule P-41: the key says who it is, not the client.
TEST(Gate, AKeyStandsForItsNameOnly) {
  Mesh mesh{with_keys(everything, everything)};
  Caller bob{mesh[0], "alice", "bob"};

  EXPECT_FALSE(bob.last<Opened>());
  ASSERT_TRUE(bob.last<Denied>());
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::forbidden);
  EXPECT_NE(bob.last<Denied>()->text.find("the key is of client \"bob\""), std::string::npos);
}

// Rule P-41.
TEST(Gate, WithoutAKeyNobodyGetsIn) {
  Mesh mesh{with_keys(everything, everything)};

  EXPECT_TRUE(Caller(mesh[0], "alice", "").last<Denied>());
  EXPECT_TRUE(Caller(mesh[0], "", "").last<Denied>());
}

// Rule P-41: processes of one client each have a session and an order of their own.
TEST(Gate, AClientMayHaveSeveralSessions) {
  Mesh mesh{with_keys(everything, everything)};
  Caller first{mesh[0], "bob/1"};
  Caller second{mesh[0], "bob/2"};
  Caller odd{mesh[0], "bobby/1", "bob"};

  const TransactionId one = first.submit({deliver("orders@b", "1")});
  const TransactionId two = second.submit({deliver("orders@b", "2")});
  mesh.run();

  EXPECT_TRUE(first.is_committed(one));
  EXPECT_TRUE(second.is_committed(two));
  EXPECT_TRUE(odd.last<Denied>());
}

// Rule P-41: an anonymous session has its client's permissions, and an id that nobody else gets.
TEST(Gate, AnAnonymousSessionIsItsKeysAll) {
  Mesh mesh{with_keys({"send orders@b"}, {"send orders"})};
  Caller bob{mesh[0], "", "bob"};
  Caller alice{mesh[0], "", "alice"};

  const TransactionId granted = bob.submit({deliver("orders@b", "1")});
  bob.submit({deliver("orders@a", "2")});
  mesh.run();

  EXPECT_TRUE(bob.is_committed(granted));
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::forbidden);
  EXPECT_NE(bob.client().high, alice.client().high);
  const ClientId hers = bob.client();
  bob.move_to(mesh[1]);
  EXPECT_EQ(bob.client(), hers) << "the same at every node";
}

// Rule P-41: nobody ends, asks for or acknowledges what is another client's.
TEST(Gate, AnotherClientsTransactionsAreNotHis) {
  Mesh mesh{with_keys({"send *@*"}, {"send *"})};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  const TransactionId hers = alice.submit({deliver("orders@b", "1")});
  mesh.run();

  Submit taken = bob.draft(hers, {deliver("orders@b", "1")});
  bob.submit(taken);
  EXPECT_EQ(bob.last<Denied>()->text, "the transaction id is not this session's");
  bob.ask(hers);
  mesh.run();

  EXPECT_FALSE(bob.answer(hers));
  EXPECT_NE(bob.last<Denied>()->text.find("may not browse"), std::string::npos);
  alice.ask(hers);
  EXPECT_TRUE(alice.is_committed(hers));
}

// Rule P-15, Rule P-41: the mark of a named session is not an anonymous client's to raise.
TEST(Gate, AnAnonymousClientRaisesNoNamedSessionsMark) {
  Mesh mesh{{.node_count = 1}};
  Caller alice{mesh[0], "alice"};
  const TransactionId hers = alice.submit({deliver("orders@a", "1")});
  Caller thief{mesh[0], ""};

  thief.request(
      Open{.request = 90, .name = "", .client = alice.client(), .epoch = {}, .above = {}});
  thief.request(Acknowledge{.epoch = alice.epoch(), .ack_upto = Sequence{99}});

  EXPECT_TRUE(mesh[0].remembered(hers));
}

// Rule P-41: consuming, with everything that can become of a delivery.
TEST(Gate, ToConsumeTakesAGrantOfThatQueue) {
  Mesh mesh{with_keys({"consume orders"}, {})};
  Caller alice{mesh[0], "alice"};
  alice.submit({deliver("orders@a", "1")});
  alice.submit({deliver("logs@a", "2")});
  Caller bob{mesh[0], "bob"};

  bob.subscribe("logs", 5);
  ASSERT_TRUE(bob.last<SubscriptionEnded>());
  EXPECT_EQ(bob.last<SubscriptionEnded>()->reason, Reason::forbidden);
  bob.subscribe("orders", 5);

  EXPECT_EQ(bob.delivered(), std::vector<std::string>{"1"});
  bob.settle(Settlement::ack, {bob.last<Delivered>()->token});
  EXPECT_TRUE(bob.last<Settled>()->lost.empty());
  EXPECT_TRUE(mesh[0].bodies("orders").empty());
}

// Rule P-41: a grant that is gone after a restart ends what the client could do before.
TEST(Gate, ADeliveryInATransactionIsConsumedWithAGrantOnly) {
  Mesh mesh{with_keys({"send *", "consume orders"}, {})};
  Caller bob{mesh[0], "bob"};
  bob.submit({deliver("orders@a", "1")});
  bob.subscribe("orders", 5);
  const LeaseToken token = bob.last<Delivered>()->token;

  bob.submit({consume("logs@a", token)});
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::forbidden);
  const TransactionId id = bob.submit({consume("orders@a", token)});
  mesh.run();

  EXPECT_TRUE(bob.is_committed(id));
}

// Rule P-41: to stand for a service, and to call one, are two things.
TEST(Gate, AServiceIsServedAndCalledByThoseWhoMay) {
  Mesh mesh{with_keys({"call reserve"}, {})};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};

  bob.serve("reserve");
  EXPECT_EQ(bob.last<Denied>()->reason, Reason::forbidden);
  alice.serve("reserve");
  const TransactionId id = bob.submit({call("reserve@a", "seat 5")});
  mesh.run();
  ASSERT_TRUE(alice.last<ServicePrepare>());
  EXPECT_EQ(alice.last<ServicePrepare>()->principal, "bob");
  alice.vote_yes("yours");
  mesh.run();

  EXPECT_TRUE(bob.is_committed(id));
}

// Rule P-41, Rule P-35: or anybody could make the node forget to tell the service.
TEST(Gate, OnlyWhoMayServeSaysThatAServiceIsDone) {
  Mesh mesh{with_keys({"call reserve"}, {})};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  alice.serve("reserve");
  bob.submit({call("reserve@a", "seat 5")});
  mesh.run();
  alice.vote_yes("yours");
  mesh.run();
  ASSERT_TRUE(alice.last<ServiceDecision>());
  const CallKey key = alice.last<ServiceDecision>()->call;

  bob.done(key);
  EXPECT_EQ(mesh[0].record_count("service-notified"), 0U);
  alice.done(key);
  EXPECT_EQ(mesh[0].record_count("service-notified"), 1U);
}

// Rule P-41.
TEST(Gate, ToLookAtTheNodeTakesBrowse) {
  Mesh mesh{with_keys({"browse st*"}, {"browse *"})};
  Caller here{mesh[0], "bob"};
  Caller there{mesh[1], "bob"};

  for (const Topic topic : {Topic::status, Topic::queues, Topic::transactions, Topic::in_doubt}) {
    here.request(Inspect{.request = 7, .topic = topic, .id = {}});
    there.request(Inspect{.request = 7, .topic = topic, .id = {}});
  }

  EXPECT_TRUE(here.all<Report>().empty());
  EXPECT_EQ(here.all<Denied>().size(), 4U);
  EXPECT_EQ(there.all<Report>().size(), 4U);
}

// Rule P-41: what is not granted any more ends, without a restart.
TEST(Gate, WhatIsTakenAwayEnds) {
  Mesh mesh{with_keys({"send *", "consume *", "serve *"}, {})};
  Caller bob{mesh[0], "bob"};
  bob.submit({deliver("orders@a", "1")});
  bob.subscribe("orders", 5);
  bob.serve("reserve");
  ASSERT_EQ(bob.delivered().size(), 1U);

  PermissionOptions fewer = with_keys({"send *"}, {}).permissions[0];
  mesh[0].step(PermissionsReplaced{fewer});

  ASSERT_TRUE(bob.last<SubscriptionEnded>());
  EXPECT_EQ(bob.last<SubscriptionEnded>()->reason, Reason::forbidden);
  bob.settle(Settlement::ack, {bob.last<Delivered>()->token});
  EXPECT_EQ(bob.last<Settled>()->lost.size(), 1U) << "its delivery went back";
  EXPECT_EQ(mesh[0].bodies("orders").size(), 1U);
  const TransactionId call_it = bob.submit({call("reserve@a", "seat 5")});
  EXPECT_FALSE(bob.last<ServicePrepare>());
  EXPECT_FALSE(bob.is_committed(call_it));
  bob.submit({deliver("orders@a", "2")});
  EXPECT_EQ(mesh[0].bodies("orders").size(), 2U);
}

// Rule P-41: without keys everything is as it was.
TEST(Gate, WithoutKeysEverybodyMayDoEverything) {
  Mesh mesh{{.node_count = 2}};
  Caller anybody{mesh[0], ""};

  const TransactionId id = anybody.submit({deliver("orders@b", "1"), deliver("orders@a", "1")});
  mesh.run();

  EXPECT_TRUE(anybody.is_committed(id));
}

}  // namespace
}  // namespace nemcon::core::tests
