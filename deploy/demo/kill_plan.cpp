#include "deploy/demo/kill_plan.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace nemcon::demo {

namespace {

constexpr std::uint64_t delay_ms_max = 60;
constexpr std::uint64_t pause_ms_min = 300;
constexpr std::uint64_t pause_ms_max = 1000;

bool has_victim(const KillRound& round, std::size_t victim) {
  return std::any_of(round.kills.begin(), round.kills.end(),
                     [victim](const Kill& kill) { return kill.victim == victim; });
}

}  // namespace

std::vector<KillRound> plan_kills(std::uint64_t seed, std::size_t victim_count, std::size_t times,
                                  std::size_t order_count) {
  std::mt19937_64 random{seed};
  std::vector<std::size_t> victims;
  for (std::size_t i = 0; i < victim_count * times; ++i)
    victims.push_back(i % victim_count);
  for (std::size_t i = victims.size(); i > 1; --i)
    std::swap(victims[i - 1], victims[random() % i]);

  std::vector<KillRound> rounds;
  for (const std::size_t victim : victims) {
    const Kill kill{
        victim, std::chrono::milliseconds{random() % (delay_ms_max + 1)},
        std::chrono::milliseconds{pause_ms_min + random() % (pause_ms_max - pause_ms_min + 1)}};
    // One in three goes into the round before, where another victim is down at the same time.
    const bool joins = random() % 3 == 0 && !rounds.empty() && !has_victim(rounds.back(), victim);
    if (!joins) rounds.push_back({});
    rounds.back().kills.push_back(kill);
  }
  for (std::size_t i = 0; i < rounds.size(); ++i)
    rounds[i].until = order_count * (i + 1) / (rounds.size() + 2);
  return rounds;
}

}  // namespace nemcon::demo
