// Goal: a campaign in which something wanted never happens is not taken for one that passed.
// Method: everything once, and then without one of them each.
#include "tests/sim/vacuity.hpp"

#include <algorithm>
#include <regex>

#include <gtest/gtest.h>

namespace nemcon::sim {
namespace {

std::vector<std::string> names_in(const std::vector<std::string>& missing, const char* kind) {
  std::vector<std::string> names;
  for (const std::string& line : missing) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex{std::string{kind} + " \"(.*)\""}))
      names.push_back(match[1]);
  }
  return names;
}

struct Vacuity : testing::Test {
  const std::vector<std::string> faults = names_in(what_is_missing({}), "no fault");
  const std::vector<std::string> marks = names_in(what_is_missing({}), "nothing of");
  Happenings seen{.faults = {}, .marks = {}, .transaction_count = 100, .committed_count = 70};

  void SetUp() override {
    ASSERT_GE(faults.size(), 25U);
    ASSERT_FALSE(marks.empty());
    for (const std::string& fault : faults)
      seen.faults[fault] = 1;
    for (const std::string& mark : marks)
      seen.marks[mark] = 1;
  }
};

TEST_F(Vacuity, NothingIsMissingWhenAllHappened) {
  EXPECT_TRUE(what_is_missing(seen).empty());
}

TEST_F(Vacuity, EachFaultIsMissed) {
  for (const std::string& fault : faults) {
    Happenings without = seen;
    without.faults[fault] = 0;
    EXPECT_EQ(names_in(what_is_missing(without), "no fault"), std::vector<std::string>{fault});
  }
}

TEST_F(Vacuity, EachMarkIsMissed) {
  for (const std::string& mark : marks) {
    Happenings without = seen;
    without.marks.erase(mark);
    EXPECT_EQ(names_in(what_is_missing(without), "nothing of"), std::vector<std::string>{mark});
  }
}

TEST_F(Vacuity, AMeshThatRefusesShowsNothing) {
  seen.committed_count = 40;
  EXPECT_EQ(what_is_missing(seen),
            std::vector<std::string>{"only 40 of 100 transactions committed"});
}

TEST_F(Vacuity, AJudgeThatExcusesTooMuchShowsNothing) {
  for (const char* what : {"outcomes", "messages", "calls"}) {
    Happenings lenient = seen;
    lenient.marks[what] = 1'000;
    lenient.marks[std::string{what} + " not judged"] = 10;
    EXPECT_TRUE(what_is_missing(lenient).empty());

    lenient.marks[std::string{what} + " not judged"] = 900;
    EXPECT_EQ(what_is_missing(lenient),
              std::vector<std::string>{std::string{"900 of 1000 "} + what + " are not judged"});
  }
}

}  // namespace
}  // namespace nemcon::sim
