#include "tests/attack/strangers.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "tests/attack/victim.hpp"
#include "tests/system/stranger.hpp"
#include "transport/codec.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using tests::Stranger;

namespace {

using Crowd = std::vector<std::unique_ptr<Stranger>>;

constexpr std::size_t flood_count = 900;  // Three times what the node may open.

// From several addresses none of which comes too often.
constexpr std::uint32_t idle_addresses = 32;

// Honest clients have 127.0.0.1, others the addresses after it.
Crowd crowd_of(const std::string& endpoint, std::size_t count, std::uint32_t addresses = 1) {
  Crowd crowd;
  for (std::size_t i = 0; i < count; ++i)
    crowd.push_back(std::make_unique<Stranger>(endpoint, 2 + i % addresses));
  return crowd;
}

std::size_t open_count(const Crowd& crowd) {
  return static_cast<std::size_t>(std::ranges::count_if(
      crowd, [](const auto& one) { return one->is_connected() && !one->is_closed(); }));
}

// Of those that the node has heard: the others wait at its door.
std::uint64_t count_not_cut(const Crowd& crowd) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      crowd, [](const auto& one) { return one->has_arrived() && !one->is_closed(); }));
}

void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Tally greet_with_garbage(const Order& order) {
  const Victim victim(order.directory());
  std::mt19937_64 random(2026);
  Tally tally;
  const auto act = [&] {
    const Crowd crowd = crowd_of(victim.endpoint, garbage_count);
    for (std::size_t i = 0; i < crowd.size(); ++i)
      crowd[i]->send(tests::garbage(i, random));
    tally["connections"] += crowd.size();
    std::this_thread::sleep_for(20ms);
  };
  obey(order, act, [] {});
  return tally;
}

Tally announce_huge_frames(const Order& order) {
  const Victim victim(order.directory());
  const std::string some(1U << 20U, 'x');
  Tally tally{{"connections", 0}, {"not cut", 0}};
  const auto act = [&] {
    const Crowd crowd = crowd_of(victim.endpoint, huge_count);
    for (const auto& one : crowd) {
      const std::string head = tests::command_head(std::uint64_t{1} << 30U);
      one->send(tests::zmtp_greeting("CURVE") + head + some);
    }
    tally["connections"] += crowd.size();
    // Idle ones may stay longer than that.
    const Clock::time_point give_up = Clock::now() + 1900ms;
    do {
      std::this_thread::sleep_for(5ms);
    } while (open_count(crowd) > 0 && Clock::now() < give_up);
    tally["not cut"] += count_not_cut(crowd);
  };
  obey(order, act, [] {});
  return tally;
}

Tally send_before_handshake(const Order& order) {
  const Victim victim(order.directory());
  const std::size_t announced = transport::frame_bytes_max(victim.rogue.limits) - 1;
  const std::string some(std::size_t{64} << 10U, 'x');
  Tally tally{{"connections", 0}, {"MiB", 0}, {"not cut", 0}};
  std::size_t byte_count = 0;
  const auto act = [&] {
    const Crowd crowd = crowd_of(victim.endpoint, huge_count);
    for (const auto& one : crowd)
      one->send(tests::zmtp_greeting("CURVE") + tests::command_head(announced));
    tally["connections"] += crowd.size();
    std::vector<std::size_t> sent(crowd.size());
    // Idle ones may stay longer than that.
    const Clock::time_point give_up = Clock::now() + 1900ms;
    do {
      for (std::size_t i = 0; i < crowd.size(); ++i) {
        // Never the whole: as long as its end is missing nothing is wrong with it.
        if (sent[i] + some.size() < announced) sent[i] += crowd[i]->try_send(some);
      }
      std::this_thread::yield();
    } while (open_count(crowd) > 0 && Clock::now() < give_up);
    byte_count += std::accumulate(sent.begin(), sent.end(), std::size_t{0});
    tally["MiB"] = byte_count >> 20U;
    tally["not cut"] += count_not_cut(crowd);
  };
  obey(order, act, [] {});
  return tally;
}

Tally stay_idle(const Order& order) {
  allow_many_descriptors();
  const Victim victim(order.directory());
  Tally tally{{"connections", 0}, {"longest ms", 0}};
  Crowd crowd;
  Clock::time_point begun_at;
  const auto note_age = [&] {
    const auto age = static_cast<std::uint64_t>((Clock::now() - begun_at) / 1ms);
    tally["longest ms"] = std::max(tally["longest ms"], age);
  };
  const auto act = [&] {
    if (open_count(crowd) > 0) {
      note_age();
    } else {
      begun_at = Clock::now();
      crowd = crowd_of(victim.endpoint, idle_count, idle_addresses);
      // Half of them begin as ZeroMQ does, and say no more.
      for (std::size_t i = 0; i < crowd.size(); i += 2)
        crowd[i]->send(tests::zmtp_greeting("CURVE"));
      tally["connections"] += crowd.size();
    }
    std::this_thread::sleep_for(100ms);
  };
  obey(order, act, [&] { crowd.clear(); });
  // Undisturbed to their end, so that it can be said when that is.
  crowd = crowd_of(victim.endpoint, idle_count, idle_addresses);
  begun_at = Clock::now();
  while (open_count(crowd) > 0 && Clock::now() < begun_at + 10s) {
    note_age();
    std::this_thread::sleep_for(50ms);
  }
  return tally;
}

Tally take_all_descriptors(const Order& order) {
  allow_many_descriptors();
  const Victim victim(order.directory());
  Tally tally{{"connections", 0}};
  Crowd crowd;
  const auto act = [&] {
    crowd.resize(flood_count);
    for (auto& one : crowd) {
      if (one != nullptr && one->is_connected() && !one->is_closed()) continue;
      one = std::make_unique<Stranger>(victim.endpoint, 2);
      ++tally["connections"];
    }
    std::this_thread::sleep_for(10ms);
  };
  obey(order, act, [&] { crowd.clear(); });
  return tally;
}

}  // namespace nemcon::attack
