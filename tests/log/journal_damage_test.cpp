// Goal: whatever happens to the bytes of a journal, a start gives the true records up to a
// durable end, or an Error; never a wrong record, and never an end before what was promised.
// Method: a small journal is cut and flipped at every byte.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "log/journal.hpp"
#include "log/journal_format.hpp"
#include "tests/log/samples.hpp"
#include "tests/log/simulated_disk.hpp"

namespace nemcon::log::test {
namespace {

constexpr std::uint64_t segment_bytes = 6 * page_bytes;

struct Outcome {
  std::vector<std::string> records;
  std::string error;  // Empty when it started.
};

class JournalDamageTest : public testing::Test {
 protected:
  JournalDamageTest() {
    options_.directory = "/journal";
    options_.key = key_of(1);
    options_.segment_bytes = segment_bytes;
    options_.segment_count = 2;
    options_.segment_count_max = 4;
    options_.files = &disk_;
    NEMCON_CHECK(Journal::create(options_, core::Lsn{}).has_value());
    const auto journal = start(0).second;
    // Two lives of the same segments: there are stale batches behind the end.
    for (std::uint64_t lsn = 1; lsn <= 23; ++lsn) {
      journal->release_upto(core::Lsn{std::min(lsn - 1, checkpoint_)});
      const core::Record record = sent("record " + std::to_string(lsn), lsn == 23 ? 4500 : 30);
      if (lsn > checkpoint_) truth_.push_back(dump(record));
      NEMCON_CHECK(journal->append(std::vector{write(lsn, record)}).has_value());
    }
    for (const std::string& name : disk_.names())
      whole_[name] = disk_.content(name);
  }

  // Of each start: what came of it, and the journal if it did start.
  std::pair<Outcome, std::unique_ptr<Journal>> start(std::uint64_t after) {
    disk_.kill_process();
    Outcome outcome;
    auto opened = Journal::open(options_);
    if (!opened) return {Outcome{.records = {}, .error = opened.error().detail}, nullptr};
    std::unique_ptr<Journal> journal = std::move(opened).value();
    const auto last =
        journal->replay(core::Lsn{after}, [&](core::Lsn /*lsn*/, core::Record&& record) -> Status {
          outcome.records.push_back(dump(record));
          return core::Nothing{};
        });
    if (!last) return {Outcome{.records = {}, .error = last.error().detail}, nullptr};
    return {outcome, std::move(journal)};
  }

  void restore() {
    for (const auto& [name, content] : whole_)
      disk_.set_content(name, content);
  }

  // Where the newest batch is.
  struct Place {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t byte_count = 0;
  };

  Place newest() {
    Place place;
    std::uint64_t best = 0;
    std::uint32_t number = 0;
    for (const auto& [name, content] : whole_) {
      ++number;
      for (std::uint64_t at = page_bytes; at < content.size(); at += page_bytes) {
        const auto head =
            parse_batch(options_.key, number, at, std::string_view{content}.substr(at));
        if (!head || head->first.value() < best) continue;
        best = head->first.value();
        place = {name, at, head->byte_count};
      }
    }
    return place;
  }

  SimulatedDisk disk_{1};
  JournalOptions options_;
  std::uint64_t checkpoint_ = 15;
  std::vector<std::string> truth_;  // Records after the checkpoint.
  std::map<std::string, std::string> whole_;
};

TEST_F(JournalDamageTest, TheUndamagedJournalIsReplayed) {
  const Outcome outcome = start(checkpoint_).first;

  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.records, truth_);
}

TEST_F(JournalDamageTest, ATailCutAtAnyByteEndsTheJournalBeforeTheTornBatch) {
  const Place last = newest();
  ASSERT_EQ(last.byte_count / page_bytes, 1U) << "the last batch has two pages";
  const std::vector<std::string> all_but_last(truth_.begin(), truth_.end() - 1);
  // What was there before the batch: zeros, or the stale batch of a former life.
  for (std::uint64_t kept = 0; kept < last.byte_count; ++kept) {
    restore();
    std::string content = whole_.at(last.name);
    for (std::uint64_t i = kept; i < last.byte_count; ++i) {
      content[last.offset + i] = kept % 2 == 0 ? '\0' : 'N';
    }
    if (content == whole_.at(last.name)) continue;
    disk_.set_content(last.name, content);

    const Outcome outcome = start(checkpoint_).first;

    ASSERT_EQ(outcome.error, "") << kept;
    ASSERT_EQ(outcome.records, all_but_last) << kept;
  }
}

TEST_F(JournalDamageTest, AfterATornTailTheJournalGoesOn) {
  const Place last = newest();
  std::string content = whole_.at(last.name);
  content[last.offset + page_bytes + 10] = '!';
  disk_.set_content(last.name, content);
  auto [outcome, journal] = start(checkpoint_);
  ASSERT_EQ(outcome.error, "");
  const core::Record other = sent("another record 23", 10);

  ASSERT_TRUE(journal->append(std::vector{write(23, other)}));
  ASSERT_TRUE(journal->append(std::vector{write(24, other)}));

  std::vector<std::string> expected(truth_.begin(), truth_.end() - 1);
  expected.insert(expected.end(), 2, dump(other));
  EXPECT_EQ(start(checkpoint_).first.records, expected);
}

// One flip in every byte that was written, and in every 16th of the padding and the unused rest.
TEST_F(JournalDamageTest, AFlipAtAnyByteIsHarmlessOrRefusedOrATornTail) {
  const Place last = newest();
  const std::vector<std::string> all_but_last(truth_.begin(), truth_.end() - 1);
  std::size_t harmless = 0;
  std::size_t refused_count = 0;
  std::size_t torn = 0;
  for (const auto& [name, content] : whole_) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      if (content[at] == '\0' && at % 16 != 0) continue;
      std::string flipped = content;
      flipped[at] = static_cast<char>(flipped[at] ^ static_cast<char>(1U << (at % 8)));
      disk_.set_content(name, flipped);
      const Outcome outcome = start(checkpoint_).first;
      disk_.set_content(name, content);
      if (!outcome.error.empty()) {
        ++refused_count;
        ASSERT_NE(outcome.error.find("/journal/segment-"), std::string::npos) << outcome.error;
      } else if (outcome.records == truth_) {
        ++harmless;
      } else {
        ASSERT_EQ(outcome.records, all_but_last) << name << " " << at;
        ASSERT_EQ(name, last.name) << at;
        ASSERT_GE(at, last.offset);
        ASSERT_LT(at, last.offset + last.byte_count);
        ++torn;
      }
    }
  }
  EXPECT_GT(torn, 4000U);
  EXPECT_GT(refused_count, 400U);
  EXPECT_GT(harmless, 1000U);
}

TEST_F(JournalDamageTest, AZeroedPageBeforeTheEndIsRefused) {
  std::size_t refused_count = 0;
  for (const auto& [name, content] : whole_) {
    for (std::uint64_t at = 0; at < content.size(); at += page_bytes) {
      std::string zeroed = content;
      zeroed.replace(at, page_bytes, page_bytes, '\0');
      disk_.set_content(name, zeroed);
      const Outcome outcome = start(checkpoint_).first;
      disk_.set_content(name, content);
      if (!outcome.error.empty()) {
        ++refused_count;
      } else {
        ASSERT_GE(outcome.records.size() + 1, truth_.size()) << name << " " << at;
      }
    }
  }
  EXPECT_GT(refused_count, 5U);
}

TEST_F(JournalDamageTest, APageThatLandedInTheWrongPlaceIsNotBelieved) {
  for (const auto& [name, content] : whole_) {
    for (std::uint64_t from = page_bytes; from < content.size(); from += page_bytes) {
      for (const auto& [other, untouched] : whole_) {
        for (std::uint64_t to = page_bytes; to < untouched.size(); to += page_bytes) {
          restore();
          std::string changed = disk_.content(other);
          changed.replace(to, page_bytes, content, from, page_bytes);
          disk_.set_content(other, changed);
          const Outcome outcome = start(checkpoint_).first;
          if (!outcome.error.empty()) continue;
          ASSERT_LE(outcome.records.size(), truth_.size());
          ASSERT_GE(outcome.records.size() + 1, truth_.size());
          for (std::size_t i = 0; i < outcome.records.size(); ++i) {
            ASSERT_EQ(outcome.records[i], truth_[i]);
          }
        }
      }
    }
  }
}

// 1. record 23 written 2. torn, so it was never there 3. another record 23, and 24 4. the disk
// brings the first one back: whole, in its place, with the right Lsn, but of another past.
TEST_F(JournalDamageTest, ABatchOfAPastThatWasGivenUpIsNotBelieved) {
  const Place last = newest();
  std::string torn = whole_.at(last.name);
  torn[last.offset + 100] ^= 1;
  disk_.set_content(last.name, torn);
  {
    const auto journal = start(checkpoint_).second;
    ASSERT_NE(journal, nullptr);
    // As long as the first one, so that the next batch lies where it lay.
    ASSERT_TRUE(journal->append(std::vector{write(23, sent("another 23", 4500))}));
    ASSERT_TRUE(journal->append(std::vector{write(24, sent("another 24", 10))}));
  }
  ASSERT_EQ(start(checkpoint_).first.error, "");
  std::string mixed = disk_.content(last.name);
  mixed.replace(last.offset, 2 * page_bytes, whole_.at(last.name), last.offset, 2 * page_bytes);
  disk_.set_content(last.name, mixed);

  const Outcome outcome = start(checkpoint_).first;

  EXPECT_NE(outcome.error.find("record 24 is whole"), std::string::npos) << outcome.error;
}

// The one with the newest records is not missed by anything here: the peers, who know the largest
// Lsn that they saw, miss it.
TEST_F(JournalDamageTest, AMissingSegmentIsRefusedUnlessNothingInItIsNeeded) {
  std::size_t refused_count = 0;
  for (const auto& [name, content] : whole_) {
    if (name == newest().name) continue;
    disk_.kill_process();
    ASSERT_EQ(disk_.unlink(name), 0);
    const Outcome outcome = start(checkpoint_).first;
    disk_.kill_process();
    disk_.close(disk_.open(name, O_CREAT | O_RDWR));
    restore();
    if (outcome.error.empty()) {
      EXPECT_EQ(outcome.records, truth_) << name;
    } else {
      ++refused_count;
    }
  }
  EXPECT_EQ(refused_count, 1U);
}

TEST_F(JournalDamageTest, AStoreOlderThanTheJournalIsRefused) {
  const Outcome outcome = start(5).first;

  EXPECT_NE(outcome.error.find("damaged or missing"), std::string::npos) << outcome.error;
}

TEST_F(JournalDamageTest, AStoreNewerThanTheJournalIsRefused) {
  const Outcome outcome = start(24).first;

  EXPECT_NE(outcome.error.find("the store already holds record 24"), std::string::npos)
      << outcome.error;
}

// The batch was flushed before the store took it, so this is rot and no torn tail.
TEST_F(JournalDamageTest, ADamagedLastBatchIsRefusedWhenTheStoreKnowsIt) {
  const Place last = newest();
  std::string content = whole_.at(last.name);
  content[last.offset + 60] = static_cast<char>(content[last.offset + 60] ^ 1);
  disk_.set_content(last.name, content);

  const Outcome outcome = start(23).first;

  EXPECT_NE(outcome.error.find("the store already holds record 23"), std::string::npos)
      << outcome.error;
}

TEST_F(JournalDamageTest, AShortenedSegmentIsRefused) {
  for (const auto& [name, content] : whole_) {
    disk_.set_content(name, content.substr(0, content.size() - 1));
    EXPECT_NE(start(checkpoint_).first.error, "") << name;
    disk_.set_content(name, content);
  }
}

TEST_F(JournalDamageTest, ARefusalChangesNothing) {
  const Place last = newest();
  for (auto& [name, content] : whole_) {
    if (name != last.name) content[2 * page_bytes + 60] ^= 1;
  }
  restore();
  ASSERT_NE(start(checkpoint_).first.error, "");

  for (const auto& [name, content] : whole_)
    EXPECT_EQ(disk_.content(name), content) << name;
  EXPECT_EQ(disk_.names().size(), whole_.size());
}

}  // namespace
}  // namespace nemcon::log::test
