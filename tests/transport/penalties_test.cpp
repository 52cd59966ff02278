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

TEST(Penalties, AreForgottenAfterAsLongAgain) {
  Penalties penalties(5s, 60s);
  penalties.add(Role::client, "a", start);
  penalties.tidy(start + 10s);
  penalties.add(Role::client, "a", start + 10s);
  EXPECT_TRUE(penalties.holds(Role::client, "a", start + 14s));
  EXPECT_FALSE(penalties.holds(Role::client, "a", start + 15s));
}

TEST(Penalties, OfAPeerStayTheSame) {
  Penalties penalties(5s, 60s);
  penalties.add(Role::peer, "a", start);
  penalties.add(Role::peer, "a", start + 5s);
  EXPECT_TRUE(penalties.holds(Role::peer, "a", start + 9s));
  EXPECT_FALSE(penalties.holds(Role::peer, "a", start + 10s));
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
