// Goal: what people write as a duration or a size is taken exactly, or not at all.
#include "node/units.hpp"

#include <chrono>
#include <limits>

#include <gtest/gtest.h>

namespace nemcon::node {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsAreWholeNumbersWithAUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Units, SizesAreWholeNumbersWithAUnit) {
  EXPECT_EQ(parse_bytes("17B"), 17u);
  EXPECT_EQ(parse_bytes("64KiB"), 65'536u);
  EXPECT_EQ(parse_bytes("8MiB"), 8u << 20u);
  EXPECT_EQ(parse_bytes("8GiB"), 8ULL << 30u);
  EXPECT_EQ(parse_bytes("3TiB"), 3ULL << 40u);
}

TEST(Units, AnythingElseIsRefused) {
  for (const char* const text : {"", "s", "30", " 30s", "30 s", "30s ", "-1s", "+1s", "1.5s",
                                 "1e3s", "30sec", "30S", "0x1s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (const char* const text :
       {"", "KiB", "64", "64 KiB", "64kB", "64KB", "64K", "64kib", "-1B"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Units, WhatDoesNotFitIsRefused) {
  EXPECT_TRUE(parse_duration("2562047h"));
  EXPECT_FALSE(parse_duration("2562048h"));
  EXPECT_TRUE(parse_bytes("8388607TiB"));
  EXPECT_FALSE(parse_bytes("8388608TiB"));
  EXPECT_FALSE(parse_bytes("99999999999999999999B"));
}

TEST(Units, TextIsTheLargestUnitWithoutRemainder) {
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(120s), "2m");
  EXPECT_EQ(duration_text(1500ms), "1500ms");
  EXPECT_EQ(duration_text(0ms), "0ms");
  EXPECT_EQ(bytes_text(1ULL << 20u), "1MiB");
  EXPECT_EQ(bytes_text((1ULL << 20u) + 1), "1048577B");
}

TEST(Units, TextParsesBackToTheSame) {
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 5ULL << 40u}) {
    EXPECT_EQ(parse_bytes(bytes_text(bytes)), bytes);
  }
  for (const core::Duration duration :
       {core::Duration(1ms), core::Duration(61s), core::Duration(7h)}) {
    EXPECT_EQ(parse_duration(duration_text(duration)), duration);
  }
}

}  // namespace
}  // namespace nemcon::node
