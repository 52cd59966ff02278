// Goal: who breaks the rules again and again is refused longer and longer, and is forgiven in the
// end. Method: calls with the test's own clock.
#include "transport/penalties.hpp"

#include <gtest/gtest.h>

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;

constexpr core::Instant start{1h};

TEST(Penalties, GrowWithEachUpToTheLongest) {
  Penalties penalties(5s, 60s);
  core::Instant now = start;
  for (const core::Duration length : {5s, 10s, 20s, 40s, 60s, 60s}) {
    penalties.add(Role::client, "a", now);
    EXPECT_TRUE(penalties.holds(Role::client, "a", now + length - 1ms));
    EXPECT_FALSE(penalties.holds(Role::client, "a", now + length));
    now += length;
    penalties.tidy(now);
  }
}

// The second penalty of one that begins at `again` holds for five seconds, as the first one did.
void expect_no_longer_one(Penalties& penalties, Role role, core::Instant again) {
  penalties.add(role, "a", again);
  EXPECT_TRUE(penalties.holds(role, "a", again + 4s));
  EXPECT_FALSE(penalties.holds(role, "a", again + 5s));
}

TEST(Penalties, AreForgottenAfterAsLongAgain) {
  Penalties penalties(5s, 60s);
  penalties.add(Role::client, "a", start);
  penalties.tidy(start + 10s);
  expect_no_longer_one(penalties, Role::client, start + 10s);
}

TEST(Penalties, OfAPeerStayTheSame) {
  Penalties penalties(5s, 60s);
  penalties.add(Role::peer, "a", start);
  expect_no_longer_one(penalties, Role::peer, start + 5s);
}

TEST(Penalties, AreOfOneNameInOneRole) {
  Penalties penalties(5s, 60s);
  penalties.add(Role::client, "a", start);
  EXPECT_FALSE(penalties.holds(Role::client, "b", start));
  EXPECT_FALSE(penalties.holds(Role::peer, "a", start));
}

// Several connections of one name may be found out one after the other.
TEST(Penalties, DoNotGrowWhileTheyHold) {
  Penalties penalties(5s, 60s);
  for (int i = 0; i < 10; ++i)
    penalties.add(Role::client, "a", start);
  EXPECT_FALSE(penalties.holds(Role::client, "a", start + 5s));
}

}  // namespace
}  // namespace nemcon::transport
