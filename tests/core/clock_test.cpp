// Goal: timestamps rise, whatever the wall clock does, and nobody is led astray by a wrong one.
#include "core/clock.hpp"

#include <map>

#include <gtest/gtest.h>

#include "core/deadlines.hpp"
#include "core/outbox.hpp"
#include "core/random.hpp"
#include "tests/core/lone.hpp"
#include "tests/core/mesh.hpp"

namespace nemcon::core::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds{100}};

// Rule P-21.
TEST(HybridClock, EveryTimestampIsLargerThanAllBefore) {
  HybridClock clock{Peers::some};
  clock.observe(start, 1000, 0);
  Hlc last;
  for (int count = 0; count < 70'000; ++count) {  // More than fit into one millisecond.
    const Hlc next = clock.tick();
    ASSERT_GT(next, last);
    last = next;
  }
}

// Rule P-21.
TEST(HybridClock, ATimestampIsLargerThanWhatWasLearnt) {
  HybridClock clock{Peers::some};
  clock.observe(start, 1000, 0);
  clock.merge(Hlc::from_ms(5000));

  EXPECT_GT(clock.tick(), Hlc::from_ms(5000));
}

// Rule P-21: also after the wall clock went back.
TEST(HybridClock, AWallClockThatGoesBackDoesNotPullTimestampsBack) {
  HybridClock clock{Peers::some};
  clock.observe(start, 10'000, 0);
  const Hlc before = clock.tick();
  clock.observe(start + seconds{1}, 2'000, 0);

  EXPECT_GT(clock.tick(), before);
}

// Rule P-22: wall time is followed slowly.
TEST(HybridClock, AJumpAheadIsFollowedByATenthOfTheTimeThatPasses) {
  HybridClock clock{Peers::some};
  clock.observe(start, 0, 0);
  for (int second = 1; second <= 100; ++second) {
    clock.observe(start + seconds{second}, 3'600'000 + static_cast<std::uint64_t>(second) * 1000,
                  0);
  }

  EXPECT_GE(clock.wall_ms(), 100'000U);
  EXPECT_LE(clock.wall_ms(), 111'000U);
}

// Rule P-22: a node that was started with a wrong clock, which is set right later.
TEST(HybridClock, AStepTowardsThePeersIsFollowedAtOnce) {
  HybridClock clock{Peers::some};
  clock.observe(start, 1'000'000, 0);
  clock.observe(start + seconds{1}, 4'000'000, 2'000'000);
  EXPECT_EQ(clock.wall_ms(), 3'001'000U) << "no further than the peers are";

  clock.observe(start + seconds{2}, 2'002'000, -1'000'000);
  EXPECT_EQ(clock.wall_ms(), 2'002'000U) << "no further than the system clock is";
}

// Rule P-22: there is nobody who could tell it better, and no mesh to poison.
TEST(HybridClock, ALoneNodeBelievesAStepThatHasStoodForAMinute) {
  HybridClock clock{Peers::none};
  clock.observe(start, 1'000'000, 0);
  for (std::uint64_t second = 1; second <= 200; ++second) {
    const bool jumped = second >= 20 && (second < 30 || second >= 100);
    clock.observe(start + seconds{second}, (jumped ? 9'000'000 : 1'000'000) + second * 1000, 0);
    if (second < 160) {
      EXPECT_LE(clock.wall_ms(), 1'000'000 + second * 1200);
    } else {
      EXPECT_EQ(clock.wall_ms(), 9'000'000 + second * 1000);
    }
  }
}

// Rule P-22.
TEST(HybridClock, AJumpBackIsFollowedSlowlyAndWallTimeNeverGoesBack) {
  HybridClock clock{Peers::some};
  clock.observe(start, 3'600'000, 0);
  std::uint64_t last = clock.wall_ms();
  for (int second = 1; second <= 100; ++second) {
    clock.observe(start + seconds{second}, static_cast<std::uint64_t>(second) * 1000, 0);
    ASSERT_GE(clock.wall_ms(), last);
    last = clock.wall_ms();
  }

  EXPECT_GE(last, 3'600'000U + 89'000U);
  EXPECT_LE(last, 3'600'000U + 91'000U);
}

TEST(HybridClock, FollowsASteadyWallClockExactly) {
  HybridClock clock{Peers::some};
  clock.observe(start, 5'000, 0);
  for (int step = 1; step <= 3000; ++step) {
    // Steps of a third of a millisecond: nothing is lost in rounding.
    const Duration passed = step * milliseconds{1} / 3;
    clock.observe(start + passed, 5'000 + static_cast<std::uint64_t>(passed / milliseconds{1}), 0);
  }

  EXPECT_EQ(clock.wall_ms(), 6'000U);
}

// Rule P-22.
TEST(HybridClock, KnowsWhatIsTooFarAhead) {
  HybridClock clock{Peers::some};
  clock.observe(start, 1'000, 0);

  EXPECT_FALSE(clock.is_too_far_ahead(Hlc::from_ms(6'000), seconds{5}));
  EXPECT_TRUE(clock.is_too_far_ahead(Hlc::from_ms(6'001), seconds{5}));
  EXPECT_FALSE(clock.is_too_far_ahead(Hlc{}, seconds{5})) << "the past is no trouble";
}

// ---- in an engine -----------------------------------------------------------------------------

// Rule P-21: after a restart above everything that the journal knows.
TEST(NodeClock, AfterARestartTimestampsAreAboveAllInTheJournal) {
  Lone b{{}};
  const Told told = Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);
  b.hear(0, told.prepare({1}));
  const Hlc learnt = Hlc::from_ms(wall_origin_ms + 3'000);
  b.hear(0, commit_of(told, learnt));
  b->skew_ms = -4'000;  // And the wall clock went back meanwhile.
  b.crash_and_recover();

  const Told next = Tale{2, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);
  const Effects effects = b.hear(0, next.prepare({1}));

  EXPECT_GT(sent<Vote>(effects).at(0).votes.at(0).value.at, learnt);
}

// Rule P-21: what a peer's frame carries is learnt, so that causes come before effects.
TEST(NodeClock, AVoteIsLaterThanTheFrameThatAskedForIt) {
  Lone b{{}};
  b.ghost(0).skew_ms = 4'000;
  const Told told = Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);
  const Hlc asked_at = b.header_from(0).clock;

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_GT(sent<Vote>(effects).at(0).votes.at(0).value.at, asked_at);
}

// Rule P-22: a request from a clock far ahead is refused, and the clock not learnt.
TEST(NodeClock, ARequestFromTheFutureIsRefusedAndNotLearnt) {
  Lone b{{}};
  b.ghost(0).skew_ms = 3'600'000;
  const Told told = Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);

  const Effects effects = b.hear(0, told.prepare({1}));

  const Value vote = sent<Vote>(effects).at(0).votes.at(0).value;
  EXPECT_EQ(vote.choice, Choice::no);
  EXPECT_EQ(vote.reason, Reason::clock_drift);
  EXPECT_LT(b->engine().header_for(peer_index(2)).clock.wall_ms(), wall_origin_ms + 60'000);
}

// Rule P-22: a decision is always merged.
TEST(NodeClock, ADecisionFromTheFutureIsCarriedOutAndLearnt) {
  Lone b{{}};
  const Told told = Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);
  b.hear(0, told.prepare({1}));
  b.ghost(0).skew_ms = 3'600'000;
  const Hlc at = b.header_from(0).clock;

  const Effects effects = b.hear(0, commit_of(told, at));

  EXPECT_EQ(sent<DecisionAck>(effects).size(), 1U);
  EXPECT_GE(b->engine().header_for(peer_index(2)).clock, at);
  EXPECT_EQ(b->queue("logs").message_count, 1U);
}

// Rule P-22: so does a submission that names a commit far ahead.
TEST(NodeClock, ASubmissionFromTheFutureIsRefused) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Submit submit = alice.draft(alice.next_id(), {deliver("orders@a", "x")});
  submit.after = Hlc::from_ms(wall_origin_ms + 3'600'000);

  alice.submit(submit);

  ASSERT_TRUE(alice.last<Denied>().has_value());
  EXPECT_EQ(alice.last<Denied>()->reason, Reason::clock_drift);
}

// Rule P-23: what the client saw is before what it does now.
TEST(NodeClock, ASubmissionIsLaterThanTheCommitThatItsClientSaw) {
  Mesh mesh{{.node_count = 2}};
  Caller alice{mesh[0], "alice"};
  Submit submit = alice.draft(alice.next_id(), {deliver("orders@a", "x")});
  submit.after = Hlc::from_ms(wall_origin_ms + 4'000);

  const TransactionId id = alice.submit(submit);

  EXPECT_GT(alice.answer(id)->at, submit.after);
}

// Rule P-22: who is far off for most of its peers does not vote.
TEST(NodeClock, ANodeThatMostPeersSeeFarOffDoesNotVote) {
  Lone b{{}};
  for (const std::size_t peer : {0U, 2U}) {
    b.lose(peer);
    b.ghost(peer).skew_ms = -60'000;
    b.greet(peer);
  }
  const Told told = Tale{1, {0, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);

  const Effects effects = b.hear(0, told.prepare({1}));

  EXPECT_TRUE(has_note(effects, "not taking part yet"));
  EXPECT_TRUE(effects.writes.empty());
}

// Rule P-22: one strange peer among several is that peer's trouble.
TEST(NodeClock, OneStrangePeerDoesNotStopANode) {
  Lone b{{.node_count = 4}};
  b.lose(0);
  b.ghost(0).skew_ms = -60'000;
  b.greet(0);
  const Told told = Tale{1, {2, 1}}.deliver(0, "logs", "x").deliver(1, "logs", "y").witnessed_by(1);

  EXPECT_EQ(sent<Vote>(b.hear(2, told.prepare({1}))).size(), 1U);
}

// ---- deadlines and outbox ---------------------------------------------------------------------

TEST(Deadlines, GiveTheEarliestOfAll) {
  Deadlines<LeaseToken> deadlines{7};
  deadlines.set(LeaseToken{1}, start + seconds{3});
  deadlines.set(LeaseToken{2}, start + seconds{2});
  deadlines.set(LeaseToken{1}, start + seconds{1});
  EXPECT_EQ(deadlines.earliest(), start + seconds{1});

  EXPECT_FALSE(deadlines.try_pop(start).has_value());
  EXPECT_EQ(deadlines.try_pop(start + seconds{5}), LeaseToken{1});
  EXPECT_EQ(deadlines.try_pop(start + seconds{5}), LeaseToken{2});
  EXPECT_FALSE(deadlines.earliest().has_value());
}

TEST(Deadlines, WhatIsClearedNeverComes) {
  Deadlines<LeaseToken> deadlines{7};
  deadlines.set(LeaseToken{1}, start);
  deadlines.clear(LeaseToken{1});
  deadlines.clear(LeaseToken{1});

  EXPECT_FALSE(deadlines.try_pop(start + seconds{1}).has_value());
}

// Put off, brought forward, cleared and taken, in any order: the same as a list that is searched.
TEST(Deadlines, AgreeWithAPlainList) {
  Random random{7};
  const auto below = [&](std::int64_t limit) {
    return static_cast<std::uint64_t>(random.up_to(Duration{limit - 1}).count());
  };
  Deadlines<LeaseToken> deadlines{7};
  std::map<LeaseToken, Instant> plain;
  for (int step = 0; step < 20'000; ++step) {
    const LeaseToken key{below(200)};
    const Instant at = start + milliseconds{below(1000)};
    switch (below(4)) {
      case 0:
        deadlines.clear(key);
        plain.erase(key);
        break;
      case 1: {
        std::optional<LeaseToken> due;
        for (const auto& [one, time] : plain) {
          if (time <= at && (!due || time < plain[*due])) due = one;
        }
        ASSERT_EQ(deadlines.try_pop(at), due) << step;
        if (due) plain.erase(*due);
        break;
      }
      default:
        deadlines.set(key, at);
        plain[key] = at;
    }
    std::optional<Instant> earliest;
    for (const auto& [one, time] : plain)
      earliest = std::min(earliest.value_or(time), time);
    ASSERT_EQ(deadlines.earliest(), earliest) << step;
  }
}

// Rule P-8: handed over in the order of the journal, each only once its record is there.
TEST(Outbox, HandsOverWhatItsRecordsAllow) {
  Outbox outbox{Lsn{}};
  Effects effects;
  const Lsn first = outbox.assign();
  const Lsn second = outbox.assign();
  outbox.release_after(second, Send{.to = peer_index(1), .message = Query{}}, effects);
  outbox.release_after(first, Send{.to = peer_index(0), .message = Query{}}, effects);
  EXPECT_TRUE(effects.sends.empty());

  outbox.on_durable(first, effects);
  ASSERT_EQ(effects.sends.size(), 1U);
  EXPECT_EQ(effects.sends[0].to, peer_index(0));

  outbox.on_durable(second, effects);
  EXPECT_EQ(effects.sends.size(), 2U);
  EXPECT_TRUE(outbox.is_empty());
}

TEST(Outbox, WhatReliesOnNothingNewLeavesAtOnce) {
  Outbox outbox{Lsn{}};
  Effects effects;
  outbox.restore(Lsn{7});

  outbox.release_after(Lsn{7}, Send{.to = peer_index(1), .message = Query{}}, effects);

  EXPECT_EQ(effects.sends.size(), 1U);
  EXPECT_EQ(outbox.assign(), Lsn{8});
}

// Rule P-15: an expiry that comes from a clock that was wrong is found at once, while nothing has
// begun; a resubmission may be old.
TEST(NodeClock, AFirstSubmissionThatExpiresTooSoonOrTooLateIsRefused) {
  Mesh mesh{{.node_count = 2}};
  Caller nobody{mesh[0], ""};
  Submit submit = nobody.draft(nobody.next_id(), {deliver("orders@a", "x")});
  constexpr std::uint64_t off_ms = 37ULL * 60'000;
  for (const std::uint64_t expires_ms :
       {submit.expires.wall_ms() - off_ms, submit.expires.wall_ms() + off_ms}) {
    Submit off = submit;
    off.expires = Hlc::from_ms(expires_ms);

    nobody.submit(off);

    ASSERT_TRUE(nobody.last<Denied>().has_value());
    EXPECT_EQ(nobody.last<Denied>()->reason, Reason::clock_drift);
    EXPECT_TRUE(nobody.last<Denied>()->retryable);
  }
  submit.expires = Hlc::from_ms(submit.expires.wall_ms() - 10 * 60'000);
  submit.retry = true;

  nobody.submit(submit);
  mesh.run();

  EXPECT_TRUE(nobody.is_committed(submit.id));
}

// Its client is never told "not now" for as long as the clock was off: it may have got through.
TEST(NodeClock, AResubmissionThatExpiresTooLateIsCarriedOut) {
  Mesh mesh{{.node_count = 2}};
  Caller nobody{mesh[0], ""};
  Submit submit = nobody.draft(nobody.next_id(), {deliver("orders@a", "x")});
  submit.retry = true;
  const auto expires_later = [&](std::uint64_t hours) {
    Submit later = submit;
    later.expires = Hlc::from_ms(submit.expires.wall_ms() + hours * 3'600'000);
    return later;
  };

  nobody.submit(expires_later(25));
  mesh.run();
  EXPECT_EQ(nobody.last<Denied>()->reason, Reason::clock_drift);
  EXPECT_FALSE(nobody.last<Denied>()->retryable);

  nobody.submit(expires_later(23));
  mesh.run();
  EXPECT_TRUE(nobody.is_committed(submit.id));
}

}  // namespace
}  // namespace nemcon::core::tests
