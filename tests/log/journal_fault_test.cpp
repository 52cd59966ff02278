// Goal: a call that fails costs a start or an append, never a record; what is no batch, no record
// and no segment is called so. Method: each call of a simulated disk is made to fail once.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "log/journal.hpp"
#include "log/journal_format.hpp"
#include "log/segment.hpp"
#include "tests/log/samples.hpp"
#include "tests/log/simulated_disk.hpp"

namespace nemcon::log::test {
namespace {

constexpr std::uint64_t segment_bytes = 4 * page_bytes;  // Head and 3 pages.

class JournalFaultTest : public testing::Test {
 protected:
  JournalFaultTest() {
    options_.directory = "/journal";
    options_.key = key_of(1);
    options_.segment_bytes = segment_bytes;
    options_.segment_count = 2;
    options_.segment_count_max = 4;
    options_.files = &disk_;
  }

  // Why the journal does not start; "" when it does. Records go to replayed_.
  std::string start(std::uint64_t after = 0) {
    journal_.reset();
    replayed_.clear();
    auto opened = Journal::open(options_);
    if (!opened) return opened.error().detail;
    std::unique_ptr<Journal> journal = std::move(opened).value();
    const auto last =
        journal->replay(core::Lsn{after}, [this](core::Lsn /*lsn*/, core::Record&& record) {
          replayed_.push_back(dump(record));
          return Status{core::Nothing{}};
        });
    if (!last) return last.error().detail;
    last_ = last->value();
    journal_ = std::move(journal);
    return "";
  }

  void append(const std::string& text) {
    const core::Record record = sent(text, 30);
    ASSERT_TRUE(journal_->append(std::vector{write(last_ + 1, record)}));
    ++last_;
    truth_.push_back(dump(record));
  }

  void create_and_fill() {
    ASSERT_TRUE(Journal::create(options_, core::Lsn{}));
    ASSERT_EQ(start(), "");
    for (int i = 0; i < 5; ++i)
      append("record " + std::to_string(i));
    journal_.reset();
  }

  // From now on the call of this number, from 1 on, fails; which one it was is in failed_.
  void fail_call(std::size_t number, int result) {
    failed_.reset();
    disk_.interfere = [this, number, result, count = std::size_t{0}](const Call& call) mutable {
      if (++count != number) return 0;
      failed_ = call;
      return result;
    };
  }

  SimulatedDisk disk_{1};
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> replayed_;
  std::vector<std::string> truth_;
  std::uint64_t last_ = 0;
  std::optional<Call> failed_;
};

// ---- each call fails once ---------------------------------------------------------------------

TEST_F(JournalFaultTest, ACallThatFailsWhileItIsMadeIsAnErrorAndTheNextTimeItIsMade) {
  for (const int result : {-EIO, -ENOSPC}) {
    std::size_t number = 0;
    do {
      // A leftover, to be taken away first.
      disk_.interfere = nullptr;
      disk_.close(disk_.open("/journal/segment-0007.new", O_CREAT | O_RDWR));
      fail_call(++number, result);
      const Status created = Journal::create(options_, core::Lsn{});
      ASSERT_EQ(created.has_value(), !failed_.has_value()) << number;
      if (!created) {
        EXPECT_NE(created.error().detail.find("/journal"), std::string::npos)
            << created.error().detail;
        const bool is_filling = failed_->kind == CallKind::pwrite;
        if (is_filling) {
          EXPECT_EQ(is_no_room(created.error()), result == -ENOSPC);
        }
      }
      disk_.interfere = nullptr;
      ASSERT_TRUE(Journal::create(options_, core::Lsn{}));
      ASSERT_EQ(start(), "");
      ASSERT_TRUE(replayed_.empty());
    } while (failed_);
    EXPECT_GT(number, 15U);
  }
}

// Only what the leftovers of a crash cost is not worth a word.
TEST_F(JournalFaultTest, ACallThatFailsAtAStartIsAnErrorAndTheNextStartHasEveryRecord) {
  create_and_fill();
  std::size_t number = 0;
  std::size_t harmless = 0;
  do {
    disk_.interfere = nullptr;
    disk_.close(disk_.open("/journal/segment-0007.new", O_CREAT | O_RDWR));
    fail_call(++number, -EIO);
    const std::string error = start();
    if (failed_ && error.empty()) {
      ++harmless;
      EXPECT_TRUE(failed_->kind == CallKind::list || failed_->path.ends_with(".new"))
          << failed_->path;
    }
    if (!error.empty()) {
      EXPECT_NE(error.find("/journal"), std::string::npos) << error;
      EXPECT_NE(error.find("Input/output error"), std::string::npos) << error;
      EXPECT_EQ(journal_, nullptr);
    }
    disk_.interfere = nullptr;
    ASSERT_EQ(start(), "") << number;
    ASSERT_EQ(replayed_, truth_) << number;
  } while (failed_);
  EXPECT_EQ(harmless, 2U);
  EXPECT_GT(number, 15U);
}

// The configuration asks for one segment more than there are.
TEST_F(JournalFaultTest, ASegmentThatCannotBeMadeAtAStartIsAnErrorUnlessThereIsNoRoom) {
  create_and_fill();
  options_.segment_count = 4;
  std::size_t number = 0;
  std::size_t making = 0;
  for (const int result : {-EIO, -ENOSPC}) {
    number = 0;
    do {
      disk_.interfere = nullptr;
      for (const char* name : {"/journal/segment-0003", "/journal/segment-0004"})
        static_cast<void>(disk_.unlink(name));
      fail_call(++number, result);
      const std::string error = start();
      const bool is_filling = failed_ && failed_->kind == CallKind::pwrite;
      if (is_filling) {
        ++making;
        EXPECT_EQ(error.empty(), result == -ENOSPC) << number << " " << error;
        if (error.empty()) {
          EXPECT_LT(journal_->use().segment_count, 4U) << "it does not try on";
        }
      }
      disk_.interfere = nullptr;
      ASSERT_EQ(start(), "") << number;
      ASSERT_EQ(replayed_, truth_) << number;
      ASSERT_EQ(journal_->use().segment_count, 4U);
      ASSERT_FALSE(journal_->is_low());
    } while (failed_);
  }
  EXPECT_EQ(making, 8U) << "zeros and a head, twice, in two ways";
}

// A full disk is told apart from a broken one also where a segment is added while work goes on.
TEST_F(JournalFaultTest, AReserveThatCannotBeMadeForWantOfRoomIsLowAndOtherwiseFinal) {
  for (const int result : {-ENOSPC, -EDQUOT, -EFBIG, -EIO}) {
    ASSERT_TRUE(Journal::create(options_, core::Lsn{}));
    ASSERT_EQ(start(), "");
    truth_.clear();
    for (int i = 0; i < 3; ++i)
      append("first segment");
    disk_.interfere = [result](const Call& call) {
      return call.kind == CallKind::pwrite && call.path.ends_with(".new") ? result : 0;
    };
    // The batch itself begins the second segment and is in; what comes after is the reserve.
    const Status appended = journal_->append(std::vector{write(4, sent("second", 30))});
    disk_.interfere = nullptr;
    if (result == -EIO) {
      EXPECT_FALSE(appended);
      EXPECT_FALSE(journal_->append(std::vector{write(5, sent("never", 30))}));
    } else {
      EXPECT_TRUE(appended) << result;
      EXPECT_TRUE(journal_->is_low());
      EXPECT_TRUE(journal_->append(std::vector{write(5, sent("decision", 30))}));
    }
  }
}

// ---- batches ----------------------------------------------------------------------------------

// 1. A batch of three segments 2. two are in 3. no room 4. a checkpoint makes room 5. once more.
TEST_F(JournalFaultTest, WhatWentInOfABatchBeforeNoRoomIsNotWrittenTwice) {
  ASSERT_TRUE(Journal::create(options_, core::Lsn{}));
  ASSERT_EQ(start(), "");
  append("before");
  disk_.room = 2 * segment_bytes;
  std::vector<core::Write> batch;
  for (std::uint64_t lsn = 2; lsn <= 5; ++lsn) {
    const core::Record record = sent("large " + std::to_string(lsn), 10'000);
    truth_.push_back(dump(record));
    batch.push_back(write(lsn, record));
  }
  const Status first = journal_->append(batch);
  ASSERT_FALSE(first);
  ASSERT_TRUE(is_no_room(first.error())) << first.error().detail;
  ASSERT_TRUE(journal_->is_low());

  disk_.room.reset();
  ASSERT_TRUE(journal_->append(batch));

  ASSERT_EQ(start(), "");
  EXPECT_EQ(replayed_, truth_);
}

TEST_F(JournalFaultTest, AWriteThatComesBackShortIsFinishedAndOneThatWritesNothingIsFinal) {
  disk_.write_bytes_max = 1000;
  create_and_fill();
  ASSERT_EQ(start(), "");
  EXPECT_EQ(replayed_, truth_);

  disk_.write_bytes_max = 0;
  const Status appended = journal_->append(std::vector{write(last_ + 1, sent("lost", 30))});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, core::Errc::local_failed);
  const Status created = Journal::create(options_, core::Lsn{});
  ASSERT_FALSE(created);
  EXPECT_TRUE(is_no_room(created.error())) << created.error().detail;
}

TEST_F(JournalFaultTest, WhoVisitsMayStopAStart) {
  create_and_fill();
  auto opened = Journal::open(options_);
  ASSERT_TRUE(opened);
  std::size_t seen = 0;
  const auto visit = [&seen](core::Lsn, core::Record&&) -> Status {
    if (++seen == 2) return refused("enough");
    return core::Nothing{};
  };

  const auto last = std::move(opened).value()->replay(core::Lsn{}, visit);

  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().detail, "enough");
  EXPECT_EQ(seen, 2U);
}

// Whole, in its place, with the right checksum: only a newer program can have written it.
TEST_F(JournalFaultTest, ARecordThatThisVersionDoesNotKnowIsRefusedAndNotSkipped) {
  create_and_fill();
  const std::string whole = disk_.content("/journal/segment-0001");
  const auto change_first_batch = [&](const std::function<void(std::string&)>& change) {
    const auto head = parse_batch(options_.key, 1, first_batch_offset,
                                  std::string_view{whole}.substr(first_batch_offset));
    ASSERT_TRUE(head);
    std::string batch = whole.substr(first_batch_offset, head->byte_count);
    change(batch);
    const std::uint64_t sum = checksum(options_.key, std::string_view{batch}.substr(sizeof sum));
    std::memcpy(batch.data(), &sum, sizeof sum);
    std::string content = whole;
    disk_.set_content("/journal/segment-0001",
                      content.replace(first_batch_offset, batch.size(), batch));
  };
  const std::string words =
      "/journal/segment-0001, offset 4096: record 1 is not one that this "
      "version of the program writes (";

  change_first_batch([](std::string& batch) {
    batch[batch_head_bytes + record_head_bytes] = '\x7e';  // The kind of the record.
  });
  EXPECT_TRUE(start().starts_with(words)) << start();

  change_first_batch([](std::string& batch) {
    const std::uint32_t length = 1U << 30U;
    std::memcpy(batch.data() + batch_head_bytes, &length, sizeof length);
  });
  EXPECT_EQ(start(), words + "it is missing); use the version that wrote it");
  EXPECT_TRUE(replayed_.empty());

  // Whom the store has it from does not have to read it, but then the next batch is another's.
  disk_.set_content("/journal/segment-0001", whole);
  EXPECT_EQ(start(), "");
  EXPECT_EQ(replayed_, truth_);
}

TEST_F(JournalFaultTest, AFirstBatchThatClaimsMoreThanItsSegmentIsNone) {
  ASSERT_TRUE(Journal::create(options_, core::Lsn{}));
  ASSERT_EQ(start(), "");
  append("the only one");
  std::string content = disk_.content("/journal/segment-0001");
  constexpr std::size_t byte_count_at = 48;  // In the head of a batch.
  const auto claimed = static_cast<std::uint32_t>(segment_bytes);
  std::memcpy(content.data() + first_batch_offset + byte_count_at, &claimed, sizeof claimed);
  disk_.set_content("/journal/segment-0001", content);

  EXPECT_EQ(start(), "");
  EXPECT_TRUE(replayed_.empty()) << "torn: nothing newer is there";
}

TEST_F(JournalFaultTest, BytesThatEndTooEarlyAreNeitherHeadNorBatchNorRecord) {
  create_and_fill();
  const std::string content = disk_.content("/journal/segment-0001");
  const std::string_view head = std::string_view{content}.substr(0, page_bytes);
  const std::string_view batch = std::string_view{content}.substr(first_batch_offset, page_bytes);
  ASSERT_TRUE(parse_head(options_.key, head));
  const auto whole = parse_batch(options_.key, 1, first_batch_offset, batch);
  ASSERT_TRUE(whole);

  EXPECT_FALSE(parse_head(options_.key, head.substr(1)));
  EXPECT_FALSE(parse_head(options_.key, head.substr(0, page_bytes - 1)));
  EXPECT_EQ(claimed_byte_count(batch.substr(0, batch_head_bytes)), whole->byte_count);
  EXPECT_EQ(claimed_byte_count(batch.substr(0, batch_head_bytes - 1)), 0U);
  for (std::uint32_t count = 0; count < whole->byte_count; ++count) {
    ASSERT_FALSE(parse_batch(options_.key, 1, first_batch_offset, batch.substr(0, count)));
  }
  for (std::uint32_t count = batch_head_bytes; count < whole->byte_count; ++count) {
    ASSERT_FALSE(RecordCursor{batch.substr(0, count)}.next()) << count;
  }
  EXPECT_TRUE(RecordCursor{batch.substr(0, whole->byte_count)}.next());
}

// ---- segments ---------------------------------------------------------------------------------

TEST_F(JournalFaultTest, ASegmentUnderAnothersNameOrCutShortIsRefused) {
  create_and_fill();
  ASSERT_EQ(disk_.rename("/journal/segment-0002", "/journal/segment-0009"), 0);
  EXPECT_EQ(start(),
            "/journal/segment-0009, offset 0: the segment head is damaged or of another "
            "journal");
  ASSERT_EQ(disk_.rename("/journal/segment-0009", "/journal/segment-0002"), 0);
  ASSERT_EQ(start(), "");

  const std::string whole = disk_.content("/journal/segment-0002");
  disk_.set_content("/journal/segment-0002", whole.substr(0, page_bytes - 1));
  EXPECT_EQ(start(),
            "/journal/segment-0002, offset 0: the segment head is damaged or of another "
            "journal");
  disk_.set_content("/journal/segment-0002", whole.substr(0, page_bytes));
  EXPECT_EQ(start(), "/journal/segment-0002, offset 4096: the file is shorter than it was made");
}

TEST_F(JournalFaultTest, WhatIsNotOursInItsDirectoryIsLeftAlone) {
  create_and_fill();
  const std::vector<std::string> foreign = {"/journal/notes.txt", "/journal/segment-12",
                                            "/journal/segment-00x1", "/journal/notes.new",
                                            "/journal/segment-12.new"};
  for (const std::string& name : foreign)
    disk_.close(disk_.open(name, O_CREAT | O_RDWR));
  disk_.close(disk_.open("/journal/segment-0008.new", O_CREAT | O_RDWR));

  ASSERT_EQ(start(), "");

  EXPECT_EQ(replayed_, truth_);
  const std::vector<std::string> left = disk_.names();
  for (const std::string& name : foreign)
    EXPECT_EQ(std::ranges::count(left, name), 1) << name;
  EXPECT_EQ(std::ranges::count(left, "/journal/segment-0008.new"), 0) << "of a crash, and ours";
}

TEST_F(JournalFaultTest, SegmentsAreListedByNumber) {
  const SegmentHead head{.segment = 0, .byte_count = 2 * page_bytes, .base = core::Lsn{}};
  for (const std::uint32_t number : {10'000U, 2U, 9999U, 123'456U, 1U}) {
    SegmentHead one = head;
    one.segment = number;
    ASSERT_TRUE(make_segment(disk_, "/journal", options_.key, one));
  }

  const auto names = list_segments(disk_, "/journal");

  ASSERT_TRUE(names);
  const std::vector<std::string> expected = {"/journal/segment-0001", "/journal/segment-0002",
                                             "/journal/segment-9999", "/journal/segment-10000",
                                             "/journal/segment-123456"};
  EXPECT_EQ(names->whole, expected);
}

}  // namespace
}  // namespace nemcon::log::test
