// Goal: a turn's items leave together for each receiver, in order, and none is left behind.
#include "node/batches.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/ids.hpp"

namespace nemcon::node {
namespace {

using core::LinkId;
using Delivered = std::vector<std::pair<std::uint64_t, std::vector<std::string>>>;

Delivered flush(Batches<LinkId, std::string>& batches) {
  Delivered delivered;
  batches.flush([&](LinkId to, std::span<const std::string> items) {
    delivered.emplace_back(to.value(), std::vector<std::string>(items.begin(), items.end()));
  });
  return delivered;
}

TEST(Batches, GathersTheItemsOfEachReceiverInOrder) {
  Batches<LinkId, std::string> batches;
  EXPECT_TRUE(batches.empty());
  batches.add(LinkId{7}, "a");
  batches.add(LinkId{3}, "b");
  batches.add(LinkId{7}, "c");
  batches.add(LinkId{3}, "d");
  batches.add(LinkId{3}, "e");
  EXPECT_FALSE(batches.empty());

  EXPECT_EQ(flush(batches), (Delivered{{7, {"a", "c"}}, {3, {"b", "d", "e"}}}));
}

TEST(Batches, IsEmptyAfterAFlushAndStartsAnew) {
  Batches<LinkId, std::string> batches;
  batches.add(LinkId{7}, "a");
  batches.add(LinkId{3}, "b");
  flush(batches);

  EXPECT_TRUE(batches.empty());
  EXPECT_EQ(flush(batches), Delivered{});
  batches.add(LinkId{3}, "c");
  EXPECT_EQ(flush(batches), (Delivered{{3, {"c"}}}));
}

TEST(Batches, ReceiverZeroIsAReceiverLikeAnyOther) {
  Batches<LinkId, std::string> batches;
  batches.add(LinkId{0}, "a");

  EXPECT_EQ(flush(batches), (Delivered{{0, {"a"}}}));
}

}  // namespace
}  // namespace nemcon::node
