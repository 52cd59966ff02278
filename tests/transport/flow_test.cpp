// Goal: the small machines of a connection keep their promises. Method: call them.
#include "transport/flow.hpp"

#include <gtest/gtest.h>

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;
using core::Instant;

TEST(FlowWindow, IsFullWhenTheWindowIsUnderWayAndOpensWithTheMark) {
  FlowWindow flow;
  flow.on_frame(link_window_bytes - 1);
  EXPECT_FALSE(flow.is_full());
  flow.on_frame(1);
  EXPECT_TRUE(flow.is_full());

  const std::uint64_t mark = flow.mark();
  flow.on_frame(10);
  flow.on_pong(mark);

  EXPECT_FALSE(flow.is_full());
  EXPECT_EQ(flow.mark(), mark + 10);
}

TEST(FlowWindow, AsksForAMarkFromTimeToTime) {
  FlowWindow flow;
  EXPECT_FALSE(flow.wants_ping());
  flow.on_frame(link_window_bytes / 16);
  EXPECT_TRUE(flow.wants_ping());
  flow.on_ping();
  EXPECT_FALSE(flow.wants_ping());
}

TEST(FlowWindow, IsNotOpenedByAMarkThatWasNeverSentNorByAnOldOne) {
  FlowWindow flow;
  flow.on_frame(link_window_bytes);
  flow.on_pong(link_window_bytes + 1);
  EXPECT_TRUE(flow.is_full());
  flow.on_pong(link_window_bytes);
  flow.on_frame(link_window_bytes - 1);
  EXPECT_FALSE(flow.is_full());
  flow.on_pong(0);
  EXPECT_FALSE(flow.is_full());
}

TEST(Pace, GivesCreditForASecondAndLetsGoOnWhenHalfOfItIsThereAgain) {
  using namespace std::chrono_literals;
  const core::Instant now{1h};
  Pace pace;
  EXPECT_FALSE(pace.is_too_fast(now));
  pace.on_requests(requests_per_second_max, now);
  EXPECT_FALSE(pace.is_too_fast(now));
  pace.on_requests(1, now);
  EXPECT_TRUE(pace.is_too_fast(now));
  EXPECT_FALSE(pace.may_go_on(now));
  EXPECT_FALSE(pace.may_go_on(now + 500ms));
  EXPECT_TRUE(pace.may_go_on(now + 501ms));

  // What was not used in time is not saved up.
  const core::Instant later = now + 1h;
  pace.on_requests(requests_per_second_max + 1, later);
  EXPECT_TRUE(pace.is_too_fast(later));
}

TEST(ListeningTime, GoesWithTheCallersInSmallSteps) {
  ListeningTime time(1s);
  const Instant begin = time.advance(Instant{5s});
  EXPECT_EQ(time.advance(Instant{5500ms}) - begin, 500ms);
  EXPECT_EQ(time.advance(Instant{6500ms}) - begin, 1500ms);
}

TEST(ListeningTime, CountsAPauseAsOneStep) {
  ListeningTime time(1s);
  const Instant begin = time.advance(Instant{5s});
  EXPECT_EQ(time.advance(Instant{3605s}) - begin, 1s);
}

TEST(ListeningTime, TellsHowLongItIsToADeadline) {
  ListeningTime time(1s);
  const Instant begin = time.advance(Instant{5s});
  EXPECT_EQ(time.until(begin + 700ms, Instant{5s}), 700ms);
  EXPECT_EQ(time.until(begin + 700ms, Instant{5200ms}), 500ms);
  EXPECT_EQ(time.until(begin + 700ms, Instant{9s}), 0ms);
}

TEST(Backoff, DoublesUpToTheLargestAndBeginsAgain) {
  Backoff backoff(50ms, 1s);
  EXPECT_EQ(backoff.next(0), 50ms);
  EXPECT_EQ(backoff.next(0), 100ms);
  EXPECT_EQ(backoff.next(0), 200ms);
  for (int i = 0; i < 10; ++i)
    static_cast<void>(backoff.next(0));
  EXPECT_EQ(backoff.next(0), 1s);
  backoff.reset();
  EXPECT_EQ(backoff.next(0), 50ms);
}

TEST(Backoff, TakesOffHalfAtMost) {
  for (const std::uint64_t random :
       {std::uint64_t{0}, std::uint64_t{12'345'678}, ~std::uint64_t{0}}) {
    Backoff backoff(50ms, 1s);
    const core::Duration wait = backoff.next(random);
    EXPECT_GE(wait, 25ms);
    EXPECT_LE(wait, 50ms);
  }
}

}  // namespace
}  // namespace nemcon::transport
