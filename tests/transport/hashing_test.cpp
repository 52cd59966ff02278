// Goal: every node computes the same hash of the same thing, in every build and for ever, and
// different things have different ones.
// Method: values computed once, by an implementation that is not ours (Python's hashlib over the
// bytes described in docs/wire.md), are constants here.
#include "transport/hashing.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/transport/samples.hpp"

namespace nemcon::transport {
namespace {

core::Content content(std::string_view headers, std::string_view body) {
  return {.headers = core::Bytes{headers}, .body = core::Bytes{body}};
}

TEST(Hashing, AContentHasTheDigestThatOthersCompute) {
  const core::Digest expected{0x26af78c0b1a6f56e, 0x3a9dfbb3d6c928dd};
  EXPECT_EQ(digest_of(content("head", "order 17")), expected);
}

TEST(Hashing, AClientHasTheIdThatOthersCompute) {
  const core::ClientId expected{0x02fe97834bc1b38a, 0x7493f7f4b77a506c};
  EXPECT_EQ(client_id_of("checkout"), expected);
}

TEST(Hashing, ADescriptorHasTheDigestThatOthersCompute) {
  const core::Digest expected{0x6d1911f738935714, 0x40e37a87241edb6e};
  EXPECT_EQ(digest_of(samples::descriptor()), expected);
}

TEST(Hashing, WhereHeadersEndAndTheBodyBeginsCounts) {
  EXPECT_NE(digest_of(content("ab", "c")), digest_of(content("a", "bc")));
  EXPECT_NE(digest_of(content("", "abc")), digest_of(content("abc", "")));
}

TEST(Hashing, AnyDifferenceOfDescriptorsCounts) {
  samples::Random random(7);
  std::set<core::Digest> digests;
  for (int i = 0; i < 500; ++i)
    digests.insert(digest_of(samples::random_descriptor(random)));
  EXPECT_EQ(digests.size(), 500U);
}

TEST(Hashing, EqualDescriptorsHaveOneDigest) {
  const core::Descriptor descriptor = samples::descriptor();
  const core::Descriptor copy = descriptor;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(digest_of(descriptor), digest_of(copy));
}

TEST(Hashing, TheCoreGetsTheSameFunctions) {
  const core::Hashing functions = hashing();
  EXPECT_EQ(functions.of_descriptor(samples::descriptor()), digest_of(samples::descriptor()));
  EXPECT_EQ(functions.of_content(content("a", "b")), digest_of(content("a", "b")));
  EXPECT_EQ(functions.of_name("checkout"), client_id_of("checkout"));
}

TEST(Hashing, RandomNumbersDiffer) {
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 1000; ++i)
    numbers.insert(random_u64());
  EXPECT_EQ(numbers.size(), 1000U);
  EXPECT_FALSE(numbers.contains(0));
  EXPECT_NE(random_id128<core::NodeId>(), random_id128<core::NodeId>());
}

}  // namespace
}  // namespace nemcon::transport
