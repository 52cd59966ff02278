// Goal: what is told about an id holds for all of its submissions. Method: the initiator is cut off
// from the participants, its client submits again elsewhere, and the initiator gives up its own
// submission meanwhile, with witnesses that know of no other.
#include <gtest/gtest.h>

#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<Part> parts = {deliver("orders@b", "to b"), deliver("orders@c", "to c")};

struct TwoSubmissions : testing::Test {
  Mesh mesh{{.node_count = 5, .witnesses = 5}};
  Caller alice{mesh[0], "alice"};
  Caller bob{mesh[0], "bob"};
  TransactionId id;

  // The PREPAREs of the first submission never arrive.
  void SetUp() override {
    mesh.hold({.from = 0, .kind = "prepare"});
    id = alice.submit(parts);
    mesh.run();
    mesh.cut(0, 1);
    mesh.cut(0, 2);
    mesh.release();
  }

  // Late enough to be still undecided when the first is given up.
  void submit_again() {
    mesh.run_for(milliseconds{1500});
    mesh.hold({.to = 3, .kind = "vote"});
    mesh.hold({.to = 4, .kind = "vote"});
    alice.move_to(mesh[1]);
    alice.resubmit(id, parts);
    mesh.run();
    ASSERT_EQ(mesh[1].transaction(id)->own[0].state, BranchState::voted_yes);
  }

  void give_up_first() {
    mesh.run_for(milliseconds{1700});
    const std::optional<Transaction> first = mesh[0].transaction(id);
    ASSERT_TRUE(first && first->outcome && !first->outcome->committed);
  }

  void heal() {
    mesh.release();
    mesh.heal(0, 1);
    mesh.heal(0, 2);
    mesh.run_for(seconds{20});
  }
};

// Rule P-40.
TEST_F(TwoSubmissions, OneThatIsGivenUpUnseenSaysNothingOfTheOther) {
  submit_again();
  give_up_first();
  bob.ask(id);
  mesh.run_for(seconds{1});
  EXPECT_FALSE(bob.is_rolled_back(id));

  heal();

  EXPECT_TRUE(alice.is_committed(id));
  bob.ask(id);
  mesh.run();
  EXPECT_TRUE(bob.is_committed(id));
  EXPECT_EQ(mesh[1].bodies("orders"), std::vector<std::string>{"to b"});
  EXPECT_EQ(mesh[2].bodies("orders"), std::vector<std::string>{"to c"});
}

// Rule P-40: the first participant that closes the id is enough.
TEST_F(TwoSubmissions, WithoutTheOtherItIsRolledBackWhenAParticipantHears) {
  mesh.run_for(seconds{1});
  give_up_first();
  EXPECT_FALSE(alice.answer(id).has_value());

  mesh.heal(0, 2);
  mesh.run_for(milliseconds{200});
  EXPECT_TRUE(alice.is_rolled_back(id));

  // Whoever comes later hears the same, and changes nothing.
  Caller again{mesh[2], "bob"};
  again.ask(id);
  mesh.run_for(seconds{1});
  EXPECT_TRUE(again.is_rolled_back(id));
}

// Rule P-40: a participant that has a vote in it is bound to it.
TEST_F(TwoSubmissions, WithAVoteOfAParticipantTheClientHearsAtOnce) {
  mesh.heal(0, 1);
  mesh.run_for(milliseconds{100});
  mesh.cut(0, 1);
  mesh.run_for(seconds{4});

  EXPECT_TRUE(alice.is_rolled_back(id));
}

// Rule P-40: the outcome holds when whoever gave it up starts again before anybody heard of it.
TEST_F(TwoSubmissions, ARestartOfTheInitiatorChangesNothing) {
  submit_again();
  give_up_first();
  mesh.crash_and_recover(0);
  mesh.cut(0, 1);
  mesh.cut(0, 2);
  Caller carol{mesh[0], "carol"};
  carol.ask(id);
  mesh.run_for(seconds{1});
  EXPECT_FALSE(carol.is_rolled_back(id));

  heal();
  carol.ask(id);
  mesh.run();
  EXPECT_TRUE(carol.is_committed(id));
}

}  // namespace
}  // namespace nemcon::core::tests
