// Goal: a line of diagnostics is one line, and can be taken apart again, whatever a peer put in.
#include "node/trace.hpp"

#include <string>

#include <gtest/gtest.h>

namespace nemcon::node {
namespace {

TEST(Trace, TextQuotesOnlyWhereItMust) {
  EXPECT_EQ(trace_text(TraceFormat::text, "ready", {{"node", "shop"}, {"listen", "tcp://[::]:1"}}),
            "ready node=shop listen=tcp://[::]:1");
  EXPECT_EQ(trace_text(TraceFormat::text, "peer down", {{"why", "no answer"}, {"x", ""}}),
            R"("peer down" why="no answer" x="")");
  EXPECT_EQ(trace_text(TraceFormat::text, "e", {{"v", R"(a"b\c=d)"}}), R"(e v="a\"b\\c=d")");
}

TEST(Trace, JsonIsAlwaysQuoted) {
  EXPECT_EQ(trace_text(TraceFormat::json, "ready", {{"node", "shop"}}),
            R"("event":"ready","node":"shop")");
  EXPECT_EQ(trace_text(TraceFormat::json, "e", {{"v", R"(a"b\c)"}}),
            R"("event":"e","v":"a\"b\\c")");
}

TEST(Trace, ForeignTextCannotBeginALine) {
  const std::string evil = "x\n2025 error forged\r\x1b[2J\x7f";
  for (const TraceFormat format : {TraceFormat::text, TraceFormat::json}) {
    const std::string line = trace_text(format, "e", {{"v", evil}});
    EXPECT_EQ(line.find_first_of("\n\r\x1b\x7f"), std::string::npos) << line;
    EXPECT_NE(line.find("\\u000a2025"), std::string::npos) << line;
  }
}

TEST(Trace, WantsOnlyItsLevelAndWorse) {
  const Trace trace(Trace::Options{.level = TraceLevel::warning, .format = TraceFormat::text});
  EXPECT_FALSE(trace.wants(TraceLevel::debug));
  EXPECT_FALSE(trace.wants(TraceLevel::info));
  EXPECT_TRUE(trace.wants(TraceLevel::warning));
  EXPECT_TRUE(trace.wants(TraceLevel::error));
}

TEST(Trace, LineHasTimeLevelAndEvent) {
  testing::internal::CaptureStderr();
  {
    const Trace trace(Trace::Options{.level = TraceLevel::info, .format = TraceFormat::text});
    trace.debug("unseen", {});
    trace.warning("peer down", {{"peer", "shop"}});
  }
  const std::string lines = testing::internal::GetCapturedStderr();

  EXPECT_EQ(lines.find("unseen"), std::string::npos);
  ASSERT_EQ(lines.size(), std::string("2025-11-22T10:00:00.123Z ").size() +
                              std::string("warning \"peer down\" peer=shop\n").size())
      << lines;
  EXPECT_EQ(lines[10], 'T');
  EXPECT_EQ(lines[23], 'Z');
  EXPECT_EQ(lines.substr(25), "warning \"peer down\" peer=shop\n");
}

TEST(Trace, JsonLineIsOneObject) {
  testing::internal::CaptureStderr();
  {
    const Trace trace(Trace::Options{.level = TraceLevel::debug, .format = TraceFormat::json});
    trace.debug("100 %v {} done", {});
  }
  const std::string line = testing::internal::GetCapturedStderr();

  EXPECT_TRUE(line.starts_with(R"({"time":")")) << line;
  EXPECT_TRUE(line.ends_with(R"(","level":"debug","event":"100 %v {} done"})"
                             "\n"))
      << line;
}

}  // namespace
}  // namespace nemcon::node
