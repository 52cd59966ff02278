// Goal: the table of transactions holds what was put into it, wherever its entries come to lie.
// Method: random operations beside a std::map, with so few ids that they collide and displace each
// other, and with so many that the table grows.
#include "core/hashed_map.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace nemcon::core::tests {
namespace {

TransactionKey key_of(std::uint64_t sequence, std::uint64_t digest) {
  return {.id = {.initiator = {.high = 1, .low = 2},
                 .client = {.high = 3, .low = 4},
                 .epoch = {},
                 .sequence = Sequence{sequence}},
          .digest = {.high = digest, .low = 0}};
}

void expect_same(const TransactionMap<int>& table, const std::map<TransactionKey, int>& truth) {
  ASSERT_EQ(table.size(), truth.size());
  std::vector<TransactionKey> keys;
  for (const auto& [key, value] : truth) {
    keys.push_back(key);
    const int* found = table.find(key);
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(*found, value);
  }
  ASSERT_EQ(table.keys(), keys);
}

std::vector<TransactionKey> keys_of(const std::map<TransactionKey, int>& truth,
                                    const TransactionId& id) {
  std::vector<TransactionKey> keys;
  for (const auto& [key, value] : truth) {
    if (key.id == id) keys.push_back(key);
  }
  return keys;
}

void compare(std::uint64_t seed, std::uint64_t id_count) {
  std::mt19937_64 random(seed);
  TransactionMap<int> table(random());
  std::map<TransactionKey, int> truth;
  for (int step = 0; step < 4000; ++step) {
    const TransactionKey key = key_of(random() % id_count, random() % 3);
    switch (random() % 5) {
      case 0:
        table[key] += step;
        truth[key] += step;
        break;
      case 1:
        table.set(key, step);
        truth[key] = step;
        break;
      case 2:
        ASSERT_EQ(table.contains(key), truth.contains(key));
        ASSERT_EQ(table.keys_of(key.id), keys_of(truth, key.id));
        break;
      default:
        ASSERT_EQ(table.erase(key), truth.erase(key) != 0);
        break;
    }
    if (step % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_same(table, truth));
    }
  }
}

TEST(HashedMap, HoldsWhatWasPutIntoIt) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_NO_FATAL_FAILURE(compare(seed, 30));
    ASSERT_NO_FATAL_FAILURE(compare(seed, 3000));
  }
}

TEST(HashedMap, ReferencesStayWhileOthersComeAndGo) {
  TransactionMap<int> table(7);
  int& first = table.set(key_of(0, 0), 42);
  for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence)
    table.set(key_of(sequence, 0), 0);
  for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence)
    table.erase(key_of(sequence, 0));
  EXPECT_EQ(&first, table.find(key_of(0, 0)));
  EXPECT_EQ(first, 42);
}

}  // namespace
}  // namespace nemcon::core::tests
