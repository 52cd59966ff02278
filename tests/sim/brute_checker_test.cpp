// Goal: the checker is right about histories of which all that may have happened can be tried.
//
// Method: random tiny histories, most of them damaged, are judged by the checker and by one that
// tries everything. Both must find a history good, or both bad and for the same kinds. Then rules
// are made wrong one by one, and each time the two must be found at odds: else the comparison would
// prove nothing.
#include "tests/sim/brute_checker.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <optional>

#include <gtest/gtest.h>

#include "tests/sim/checker.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/tiny_history.hpp"

namespace nemcon::sim {
namespace {

Kinds kinds_of(const std::vector<std::string>& violations) {
  Kinds kinds;
  for (const std::string& line : violations) {
    const std::string name = line.substr(0, line.find(':'));
    std::size_t index = 0;
    while (index < kind_count && name_of(static_cast<Kind>(index)) != name)
      ++index;
    EXPECT_LT(index, kind_count) << "no kind " << name;
    if (index < kind_count) kinds.set(index);
  }
  return kinds;
}

// What is made wrong in the two, to see whether it is noticed.
struct Mistakes {
  BruteRules rules;
  Kinds unnamed;  // What the checker blames and is not listened to.
};

struct Comparison {
  Kinds blamed;  // By the checker.
  BruteVerdict verdict;

  // The checker names all that is broken in one of the worlds that break least, and nothing that is
  // broken in none of them. Where there is one such world, these are the same kinds.
  [[nodiscard]] bool agrees() const {
    if (blamed.none() || verdict.is_explainable()) {
      return blamed.none() && verdict.is_explainable();
    }
    const bool is_one_world =
        std::any_of(verdict.worlds.begin(), verdict.worlds.end(),
                    [&](const Kinds& world) { return (world & ~blamed).none(); });
    return is_one_world && (blamed & ~verdict.possible()).none();
  }
};

Comparison compare(const History& history, const Mistakes& mistakes) {
  return {kinds_of(check(history)) & ~mistakes.unnamed, judge_by_force(history, mistakes.rules)};
}

bool is_about_message(const HistoryEvent& event) {
  return event.what == Happened::delivered || event.what == Happened::acked ||
         event.what == Happened::maybe_acked;
}

// Those after the one that goes move up.
void move_up(std::uint32_t& index, std::uint32_t gone) {
  if (index > gone) --index;
}

void erase_message(History& history, std::uint32_t gone) {
  history.messages.erase(history.messages.begin() + gone);
  for (HistoryTransaction& transaction : history.transactions) {
    for (auto* messages : {&transaction.produced, &transaction.consumed}) {
      std::erase(*messages, gone);
      for (std::uint32_t& message : *messages)
        move_up(message, gone);
    }
  }
  std::erase_if(history.events, [gone](const HistoryEvent& event) {
    return is_about_message(event) && event.message == gone;
  });
  for (HistoryEvent& event : history.events)
    move_up(event.message, gone);
}

// With all that it produces.
void erase_transaction(History& history, std::uint32_t gone) {
  while (!history.transactions[gone].produced.empty())
    erase_message(history, history.transactions[gone].produced.back());
  history.transactions.erase(history.transactions.begin() + gone);
  for (HistoryMessage& message : history.messages)
    move_up(message.transaction, gone);
  std::erase_if(history.events, [gone](const HistoryEvent& event) {
    return !is_about_message(event) && event.transaction == gone;
  });
  for (HistoryEvent& event : history.events)
    move_up(event.transaction, gone);
}

// The same with one thing less.
std::vector<History> smaller(const History& history) {
  std::vector<History> found;
  const auto add = [&](auto change) {
    History copy = history;
    change(copy);
    found.push_back(std::move(copy));
  };
  for (std::uint32_t index = 0; index < history.transactions.size(); ++index)
    add([index](History& copy) { erase_transaction(copy, index); });
  for (std::uint32_t index = 0; index < history.messages.size(); ++index)
    add([index](History& copy) { erase_message(copy, index); });
  for (std::size_t index = 0; index < history.events.size(); ++index) {
    add([index](History& copy) {
      copy.events.erase(copy.events.begin() + static_cast<std::ptrdiff_t>(index));
    });
  }
  for (std::size_t index = 0; index < history.transactions.size(); ++index) {
    const HistoryTransaction& transaction = history.transactions[index];
    if (!transaction.consumed.empty()) {
      add([index](History& copy) { copy.transactions[index].consumed.clear(); });
    }
    if (!transaction.calls.empty()) {
      add([index](History& copy) { copy.transactions[index].calls.pop_back(); });
    }
    if (!transaction.may_stay_open) {
      add([index](History& copy) { copy.transactions[index].may_stay_open = true; });
    }
  }
  if (!history.phantoms.empty()) add([](History& copy) { copy.phantoms.clear(); });
  if (history.drained) add([](History& copy) { copy.drained = false; });
  if (!history.doubtful_nodes.empty()) add([](History& copy) { copy.doubtful_nodes.clear(); });
  return found;
}

// As small as it gets with the two still at odds.
History shrink(History history, const Mistakes& mistakes) {
  for (bool changed = true; changed;) {
    changed = false;
    for (History& candidate : smaller(history)) {
      if (!why_unfit(candidate).empty() || compare(candidate, mistakes).agrees()) continue;
      history = std::move(candidate);
      changed = true;
      break;
    }
  }
  return history;
}

std::string explain(const History& history, const Mistakes& mistakes) {
  const History least = shrink(history, mistakes);
  const Comparison comparison = compare(least, mistakes);
  std::string text = text_of(least) + "the checker blames: " + text_of(comparison.blamed);
  for (const Kinds& world : comparison.verdict.worlds)
    text += "\na world breaks: " + text_of(world);
  return text;
}

std::uint64_t history_count() {
  const char* const wanted = std::getenv("NEMCON_HISTORIES");
  return wanted == nullptr ? 100'000 : std::strtoull(wanted, nullptr, 10);
}

// The first one about which the two are at odds.
std::optional<History> find_difference(const Mistakes& mistakes) {
  for (std::uint64_t seed = 1; seed <= 100'000; ++seed) {
    History history = draw_tiny_history(Random{seed});
    if (!compare(history, mistakes).agrees()) return history;
  }
  return std::nullopt;
}

struct Tally {
  std::uint64_t good_count = 0;
  std::array<std::uint64_t, kind_count> kinds{};  // How often each is blamed.
};

// What is drawn must be worth it: good and bad, and bad in every way.
void expect_variety(const Tally& tally, std::uint64_t count) {
  EXPECT_GE(tally.good_count * 5, count);
  EXPECT_GE((count - tally.good_count) * 5, count);
  for (std::size_t kind = 0; kind < kind_count; ++kind)
    EXPECT_GE(tally.kinds[kind], 10U) << name_of(static_cast<Kind>(kind)) << " hardly occurs";
}

TEST(BruteChecker, AgreesWithTheCheckerOnTinyHistories) {
  const std::uint64_t count = history_count();
  Tally tally;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const History history = draw_tiny_history(Random{seed});
    const Comparison comparison = compare(history, {});

    ASSERT_TRUE(comparison.agrees()) << "seed " << seed << '\n' << explain(history, {});

    if (comparison.blamed.none()) ++tally.good_count;
    for (std::size_t kind = 0; kind < kind_count; ++kind)
      tally.kinds[kind] += comparison.blamed.test(kind) ? 1U : 0U;
  }
  std::cout << count << " histories, " << tally.good_count * 100 / count << " % of them good\n";
  if (count >= 100'000) expect_variety(tally, count);
}

TEST(BruteChecker, IsFoundAtOddsWhenItDoesNotAskForAPromise) {
  for (std::size_t kind = 0; kind < kind_count; ++kind) {
    Mistakes mistakes;
    mistakes.rules.ignored.set(kind);

    EXPECT_TRUE(find_difference(mistakes)) << name_of(static_cast<Kind>(kind));
  }
}

TEST(BruteChecker, FindsTheCheckerAtOddsWhenItMissesAKind) {
  for (std::size_t kind = 0; kind < kind_count; ++kind) {
    Mistakes mistakes;
    mistakes.unnamed.set(kind);

    EXPECT_TRUE(find_difference(mistakes)) << name_of(static_cast<Kind>(kind));
  }
}

TEST(BruteChecker, IsFoundAtOddsWhenItLeavesWorldsOut) {
  Mistakes nothing_unheard;
  nothing_unheard.rules.unheard_may_be_committed = false;
  Mistakes no_open_acks;
  no_open_acks.rules.open_acks_may_count = false;

  EXPECT_TRUE(find_difference(nothing_unheard));
  EXPECT_TRUE(find_difference(no_open_acks));
}

TEST(BruteChecker, ShowsADifferenceInAFewEvents) {
  Mistakes mistakes;
  mistakes.rules.open_acks_may_count = false;
  const std::optional<History> history = find_difference(mistakes);
  ASSERT_TRUE(history);

  // A delivery, and an ack without an answer.
  EXPECT_EQ(shrink(*history, mistakes).events.size(), 2U) << explain(*history, mistakes);
}

TEST(BruteChecker, JudgesNothingThatIsTooLarge) {
  History history;
  history.events.resize(tiny_event_count);
  EXPECT_EQ(why_unfit(history), "");

  history.transactions.resize(tiny_transaction_count + 1);

  EXPECT_EQ(why_unfit(history), "too large");
}

}  // namespace
}  // namespace nemcon::sim
