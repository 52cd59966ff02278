// Goal: the journal gives back what it was given, in order, with one write and one flush for a
// batch, and reuses its segments. Method: a simulated disk that counts calls and runs full.
#include "log/journal.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "log/journal_format.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"
#include "tests/log/simulated_disk.hpp"

namespace nemcon::log::test {
namespace {

constexpr std::uint64_t small_segment_bytes = 8 * page_bytes;  // Head and 7 pages.

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    options_.directory = "/journal";
    options_.key = key_of(1);
    options_.segment_bytes = small_segment_bytes;
    options_.segment_count = 3;
    options_.segment_count_max = 5;
    options_.files = &disk_;
  }

  void create(core::Lsn base = core::Lsn{}) {
    const Status created = Journal::create(options_, base);
    ASSERT_TRUE(created) << created.error().detail;
  }

  // Opens and replays; what was visited is in replayed_.
  void start(std::uint64_t after = 0) {
    journal_.reset();
    replayed_.clear();
    auto opened = Journal::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    journal_ = std::move(opened).value();
    const auto last =
        journal_->replay(core::Lsn{after}, [this](core::Lsn lsn, core::Record&& record) -> Status {
          replayed_.push_back(std::to_string(lsn.value()) + " " + dump(record));
          return core::Nothing{};
        });
    ASSERT_TRUE(last) << last.error().detail;
    last_ = last->value();
  }

  Status append(std::vector<core::Record> records) {
    std::vector<core::Write> batch;
    for (core::Record& record : records) {
      ++last_;
      expected_.push_back(std::to_string(last_) + " " + dump(record));
      batch.push_back(write(last_, std::move(record)));
    }
    return journal_->append(batch);
  }

  std::size_t count_calls(CallKind kind) {
    return static_cast<std::size_t>(
        std::ranges::count_if(disk_.calls, [kind](const Call& call) { return call.kind == kind; }));
  }

  SimulatedDisk disk_{1};
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> replayed_;
  std::vector<std::string> expected_;  // What was appended.
  std::uint64_t last_ = 0;
};

TEST_F(JournalTest, EveryKindOfRecordIsReplayedInOrder) {
  create();
  start();
  EXPECT_TRUE(replayed_.empty());
  Random random{3};

  for (const core::Record& record : all_records(random))
    ASSERT_TRUE(append({record}));
  ASSERT_TRUE(append(all_records(random)));
  start();

  EXPECT_EQ(replayed_, expected_);
  EXPECT_EQ(last_, expected_.size());
}

TEST_F(JournalTest, ABatchCostsOneWriteAndOneFlushAndNothingElse) {
  create();
  start();
  ASSERT_TRUE(append({sent("first", 10)}));
  disk_.calls.clear();

  ASSERT_TRUE(append({sent("a", 10), sent("b", 5000), sent("c", 0)}));

  ASSERT_EQ(disk_.calls.size(), 2U);
  EXPECT_EQ(disk_.calls[0].kind, CallKind::pwrite);
  EXPECT_EQ(disk_.calls[0].offset, 2 * page_bytes);
  EXPECT_EQ(disk_.calls[0].byte_count, 2 * page_bytes);
  EXPECT_EQ(disk_.calls[1].kind, CallKind::fdatasync);
  EXPECT_EQ(journal_->use().flush_count, 2U);
  EXPECT_EQ(journal_->use().batch_count, 2U);
}

TEST_F(JournalTest, AnEmptyBatchCostsNothing) {
  create();
  start();
  disk_.calls.clear();

  ASSERT_TRUE(append({}));

  EXPECT_TRUE(disk_.calls.empty());
}

TEST_F(JournalTest, ReplayBeginsAfterTheCheckpoint) {
  create();
  start();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(append({sent("x", 10), sent("y", 10)}));

  start(7);

  EXPECT_EQ(replayed_, std::vector<std::string>(expected_.begin() + 7, expected_.end()));
  EXPECT_EQ(last_, 10U);
}

TEST_F(JournalTest, AJournalMayBeginAfterARestoredStore) {
  create(core::Lsn{1000});
  start(1000);
  EXPECT_EQ(last_, 1000U);

  ASSERT_TRUE(append({sent("first of a new life", 10)}));
  start(1000);

  EXPECT_EQ(replayed_, expected_);
  EXPECT_EQ(last_, 1001U);
}

TEST_F(JournalTest, ReleasedSegmentsAreUsedAgain) {
  create();
  start();
  const std::vector<std::string> names = disk_.names();

  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(append({sent("message " + std::to_string(i), 100)}));
    journal_->release_upto(core::Lsn{last_ - 1});
    EXPECT_FALSE(journal_->is_low());
  }

  EXPECT_EQ(disk_.names(), names);
  EXPECT_EQ(journal_->use().segment_count, 3U);
  start(199);
  EXPECT_EQ(replayed_, std::vector<std::string>{expected_.back()});
}

TEST_F(JournalTest, NothingIsReusedBeforeItIsReleased) {
  create();
  start();

  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(append({sent("kept", 10)}));  // Of 35 batches' room.

  EXPECT_EQ(journal_->use().segment_count, 5U);
  start();
  EXPECT_EQ(replayed_, expected_);
}

TEST_F(JournalTest, AddedSegmentsAreRemovedOnceCheckpointsHaveCaughtUp) {
  create();
  start();
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(append({sent("late checkpoint", 10)}));
  ASSERT_EQ(disk_.names().size(), 5U);

  journal_->release_upto(core::Lsn{last_});

  EXPECT_EQ(journal_->use().segment_count, 3U);
  EXPECT_EQ(disk_.names().size(), 3U);
  ASSERT_TRUE(append({sent("next", 10)}));
  start(30);
  EXPECT_EQ(replayed_, std::vector<std::string>{expected_.back()});
}

TEST_F(JournalTest, MoreSegmentsAreMadeWhenTheConfigurationAsks) {
  create();
  options_.segment_count = 4;

  start();

  EXPECT_EQ(journal_->use().segment_count, 4U);
}

TEST_F(JournalTest, ABatchLargerThanASegmentIsCut) {
  create();
  start();

  ASSERT_TRUE(append({sent("a", 9000), sent("b", 9000), sent("c", 9000), sent("d", 9000)}));

  EXPECT_EQ(journal_->use().batch_count, 2U);
  start();
  EXPECT_EQ(replayed_, expected_);
}

TEST_F(JournalTest, ARecordLargerThanASegmentGetsOneOfItsOwn) {
  create();
  start();

  ASSERT_TRUE(append({sent("before", 10)}));
  ASSERT_TRUE(append({sent("huge", 10 * small_segment_bytes)}));
  ASSERT_TRUE(append({sent("after", 10)}));

  start();
  EXPECT_EQ(replayed_, expected_);
  journal_->release_upto(core::Lsn{last_});
  ASSERT_TRUE(append({sent("small again", small_segment_bytes / 2)}));
  start(last_ - 1);
  EXPECT_EQ(replayed_.size(), 1U);
}

TEST_F(JournalTest, SaysThatItIsLowWhileAWholeSegmentIsLeft) {
  create();
  start();
  disk_.room = 3 * small_segment_bytes;  // No fourth one.
  int batch_count = 0;
  while (!journal_->is_low()) {
    ASSERT_TRUE(append({sent("work", 10)}));
    ++batch_count;
  }
  EXPECT_EQ(batch_count, 15);  // Two segments of 7 batches, and the one that began the third.

  // What is under way can still be written: decisions, acks, deletes.
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(append({sent("decision", 10)}));
  const Status full = append({sent("one too many", 10)});

  ASSERT_FALSE(full);
  EXPECT_TRUE(is_no_room(full.error())) << full.error().detail;
  EXPECT_EQ(disk_.names().size(), 3U) << "no half-made segment may stay";
}

TEST_F(JournalTest, AfterNoRoomTheSameBatchGoesInOnceThereIsRoom) {
  create();
  start();
  disk_.room = 3 * small_segment_bytes;
  while (journal_->append(std::vector{write(last_ + 1, sent("fill", 10))}))
    ++last_;
  const std::vector batch = {write(last_ + 1, sent("a", 20'000)),
                             write(last_ + 2, sent("b", 20'000))};
  ASSERT_FALSE(journal_->append(batch));

  journal_->release_upto(core::Lsn{last_});

  EXPECT_FALSE(journal_->is_low());
  ASSERT_TRUE(journal_->append(batch));
  start(last_);
  EXPECT_EQ(replayed_.size(), 2U);
}

TEST_F(JournalTest, GrowsAgainWhenTheDiskHasRoomAgain) {
  create();
  start();
  disk_.room = 3 * small_segment_bytes;
  while (!journal_->is_low())
    ASSERT_TRUE(append({sent("work", 10)}));

  disk_.room.reset();
  for (int i = 0; i < 7; ++i)
    ASSERT_TRUE(append({sent("work", 10)}));

  EXPECT_FALSE(journal_->is_low());
  EXPECT_EQ(journal_->use().segment_count, 5U);
}

TEST_F(JournalTest, AFailedFlushIsNeverRepeated) {
  create();
  start();
  ASSERT_TRUE(append({sent("good", 10)}));
  disk_.interfere = [](const Call& call) { return call.kind == CallKind::fdatasync ? -EIO : 0; };
  disk_.calls.clear();

  const Status failed = append({sent("doubtful", 10)});
  disk_.interfere = nullptr;
  const Status again = append({sent("never", 10)});

  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, core::Errc::local_failed);
  EXPECT_EQ(count_calls(CallKind::fdatasync), 1U);
  ASSERT_FALSE(again);
  EXPECT_EQ(count_calls(CallKind::pwrite), 1U);
}

TEST_F(JournalTest, AFailedWriteIsFinalEvenIfTheKernelCallsItNoRoom) {
  create();
  start();
  disk_.interfere = [](const Call& call) { return call.kind == CallKind::pwrite ? -ENOSPC : 0; };

  const Status failed = append({sent("doubtful", 10)});
  disk_.interfere = nullptr;

  ASSERT_FALSE(failed);
  EXPECT_FALSE(is_no_room(failed.error()));
  EXPECT_FALSE(append({sent("never", 10)}));
}

TEST_F(JournalTest, SegmentsAreFilledAndFlushedBeforeTheyHaveAName) {
  disk_.calls.clear();
  create();

  bool is_flushed = false;
  std::uint64_t filled = 0;
  for (const Call& call : disk_.calls) {
    if (call.kind == CallKind::pwrite && call.offset + call.byte_count > filled) {
      filled = call.offset + call.byte_count;
      is_flushed = false;
    }
    if (call.kind == CallKind::fsync && call.path.ends_with(".new")) is_flushed = true;
    if (call.kind != CallKind::rename) continue;
    EXPECT_TRUE(is_flushed) << call.path;
    EXPECT_EQ(filled, small_segment_bytes);
    filled = 0;
  }
  EXPECT_EQ(count_calls(CallKind::rename), 3U);
  EXPECT_EQ(disk_.calls.back().kind, CallKind::fsync);
  EXPECT_EQ(disk_.calls.back().path, "/journal");
}

TEST_F(JournalTest, LeftoversOfACreationAreTakenAway) {
  create();
  start();
  ASSERT_TRUE(append({sent("of a life that never was", 10)}));
  journal_.reset();
  const int file = disk_.open("/journal/segment-0009.new", O_CREAT | O_RDWR);
  disk_.close(file);
  last_ = 0;

  create();
  start();

  EXPECT_TRUE(replayed_.empty());
  EXPECT_EQ(disk_.names().size(), 3U);
}

TEST_F(JournalTest, ASegmentOfAnotherJournalIsRefused) {
  create();
  options_.key = key_of(99);

  const auto opened = Journal::open(options_);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, core::Errc::local_corrupt);
  EXPECT_NE(opened.error().detail.find("/journal/segment-0001, offset 0"), std::string::npos)
      << opened.error().detail;
}

// The same on a real file system, as the kernel sees it.
TEST(JournalOnDisk, SurvivesReopening) {
  const TemporaryDirectory directory;
  JournalOptions options;
  options.directory = directory.inner("journal");
  options.key = key_of(1);
  options.segment_bytes = small_segment_bytes;
  options.segment_count = 2;
  ASSERT_TRUE(Journal::create(options, core::Lsn{}));
  std::vector<std::string> seen;
  const auto visit = [&seen](core::Lsn /*lsn*/, core::Record&& record) -> Status {
    seen.push_back(dump(record));
    return core::Nothing{};
  };
  for (std::uint64_t life = 1; life <= 3; ++life) {
    auto opened = Journal::open(options);
    ASSERT_TRUE(opened) << opened.error().detail;
    const std::unique_ptr<Journal> journal = std::move(opened).value();
    seen.clear();
    const auto last = journal->replay(core::Lsn{}, visit);
    ASSERT_TRUE(last) << last.error().detail;
    ASSERT_EQ(last->value(), life - 1);
    ASSERT_EQ(seen.size(), life - 1);
    ASSERT_TRUE(journal->append(std::vector{write(life, sent("life", 10))}));
  }
}

}  // namespace
}  // namespace nemcon::log::test
