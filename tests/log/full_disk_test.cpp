// Goal: on a full disk nothing that was there is lost, erasing still works, the store says that
// it is low, and it goes on by itself when there is room. Method: a small tmpfs that is really
// full. Skipped where mounting is not permitted.
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "log/log.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

constexpr const char* skip_reason = "mounting a tmpfs is not permitted here";

class FullDiskTest : public testing::Test {
 protected:
  FullDiskTest() : mount_point_(directory_.inner("disk")) {
    is_mounted_ = ::mount("tmpfs", mount_point_.c_str(), "tmpfs", 0, "size=6m") == 0;
    options_.directory = mount_point_ + "/store";
    options_.key = key_of(1);
    options_.ballast_bytes = 512U << 10U;
  }

  ~FullDiskTest() override {
    store_.reset();
    if (is_mounted_) ::umount2(mount_point_.c_str(), MNT_DETACH);
  }

  void open() {
    store_.reset();
    auto opened = Store::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(opened).value();
    const auto loaded = store_->load();
    ASSERT_TRUE(loaded) << loaded.error().detail;
    upto_ = loaded->upto.value();
  }

  void create() {
    ASSERT_EQ(::mkdir(options_.directory.c_str(), 0700), 0);
    const Status created = Store::create(options_, core::Lsn{});
    ASSERT_TRUE(created) << created.error().detail;
    open();
  }

  Applied apply(std::vector<core::Row> puts, std::vector<core::RowKey> erased) {
    const auto applied = store_->apply({core::Lsn{upto_ + 1}, std::move(puts), std::move(erased)});
    EXPECT_TRUE(applied) << applied.error().detail;
    if (!applied) return Applied::no_room;
    if (*applied == Applied::done) ++upto_;
    return *applied;
  }

  // A checkpoint with one message of `byte_count`; its place is its number.
  Applied put(std::size_t byte_count) {
    const Applied applied = apply({message(1, upto_ + 1, std::string(byte_count, 'm'))}, {});
    if (applied == Applied::done) stored_.push_back(upto_);
    return applied;
  }

  Applied erase(std::uint64_t at) {
    return apply({},
                 {core::MessageKey{core::QueueId{1}, {.at = core::Hlc{at}, .tie = {}, .part = 0}}});
  }

  std::vector<std::uint64_t> places() {
    std::vector<std::uint64_t> all;
    core::Read next{.queue = core::QueueId{1}, .after = std::nullopt, .count_max = 100};
    for (bool end = false; !end;) {
      const auto done = store_->read(next);
      EXPECT_TRUE(done) << done.error().detail;
      if (!done) return all;
      for (const core::MessageRow& row : done->rows)
        all.push_back(row.position.at.value());
      if (!done->rows.empty()) next.after = done->rows.back().position;
      end = done->end;
    }
    return all;
  }

  // Takes every byte that is left on the disk.
  void fill_disk() {
    const int file =
        ::open((mount_point_ + "/filler").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    const std::string chunk(4096, 'f');
    while (::write(file, chunk.data(), chunk.size()) > 0)
      continue;
    ::close(file);
  }

  void free_disk() { ::unlink((mount_point_ + "/filler").c_str()); }

  TemporaryDirectory directory_;
  std::string mount_point_;
  bool is_mounted_ = false;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::uint64_t upto_ = 0;
  std::vector<std::uint64_t> stored_;
};

// One size of message ends in a write that is refused, another in one that comes back short.
TEST_F(FullDiskTest, NothingIsLostAndErasingGoesOnWhenTheStoreFillsTheDisk) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  create();
  ASSERT_FALSE(store_->is_low());
  for (const std::size_t byte_count : {3000U, 50'000U, 9000U}) {
    // New work is refused as soon as the store is low.
    while (!store_->is_low())
      ASSERT_EQ(put(byte_count), Applied::done);
    ASSERT_EQ(places(), stored_);

    while (store_->is_low() && !stored_.empty()) {
      ASSERT_EQ(erase(stored_.front()), Applied::done);
      stored_.erase(stored_.begin());
    }

    ASSERT_FALSE(store_->is_low()) << "erasing made room in the file";
    ASSERT_EQ(places(), stored_);
  }
}

TEST_F(FullDiskTest, WithoutAnyRoomACheckpointIsRefusedWholeAndGoesInLater) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  create();
  ASSERT_EQ(put(10'000), Applied::done);
  fill_disk();
  // The ballast goes first, then there is nothing left.
  while (put(100'000) == Applied::done)
    continue;
  EXPECT_TRUE(store_->is_low());
  EXPECT_EQ(places(), stored_);
  EXPECT_EQ(store_->load()->upto, core::Lsn{upto_});
  EXPECT_EQ(put(100'000), Applied::no_room);

  free_disk();
  store_->look_for_room();

  EXPECT_FALSE(store_->is_low());
  EXPECT_EQ(put(100'000), Applied::done);
  EXPECT_EQ(places(), stored_);
}

TEST_F(FullDiskTest, AFullDiskDoesNotStopAStart) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  create();
  fill_disk();
  while (put(100'000) == Applied::done)
    continue;

  open();

  EXPECT_TRUE(store_->is_low());
  EXPECT_EQ(places(), stored_);
}

TEST_F(FullDiskTest, CreatingAStoreWithoutRoomIsAnErrorInWords) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  ASSERT_EQ(::mkdir(options_.directory.c_str(), 0700), 0);
  fill_disk();

  const Status created = Store::create(options_, core::Lsn{});

  ASSERT_FALSE(created);
  EXPECT_TRUE(is_no_room(created.error())) << created.error().detail;
}

TEST_F(FullDiskTest, ADataDirectoryThatCouldNotBeMadeIsMadeLater) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  LogOptions options;
  options.directory = mount_point_ + "/data";
  options.node_name = "shop";
  options.segment_bytes = 1U << 20U;
  options.segment_count = 2;
  options.ballast_bytes = 64U << 10U;
  fill_disk();
  ASSERT_FALSE(open_log(options));

  free_disk();

  const auto opened = open_log(options);
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->last, core::Lsn{});
}

// The journal's segments are there before they are needed.
TEST_F(FullDiskTest, TheJournalWritesOnAFullDisk) {
  if (!is_mounted_) GTEST_SKIP() << skip_reason;
  JournalOptions options;
  options.directory = mount_point_ + "/journal";
  options.key = key_of(1);
  options.segment_bytes = 64U << 10U;
  options.segment_count = 4;
  options.segment_count_max = 100;
  ASSERT_EQ(::mkdir(options.directory.c_str(), 0700), 0);
  ASSERT_TRUE(Journal::create(options, core::Lsn{}));
  auto opened = Journal::open(options);
  ASSERT_TRUE(opened);
  const std::unique_ptr<Journal> journal = std::move(opened).value();
  const auto visit = [](core::Lsn, core::Record&&) -> Status { return core::Nothing{}; };
  ASSERT_TRUE(journal->replay(core::Lsn{}, visit));
  fill_disk();

  std::uint64_t lsn = 0;
  while (!journal->is_low()) {
    ++lsn;
    ASSERT_TRUE(journal->append(std::vector{write(lsn, sent("work", 10))}));
  }
  EXPECT_EQ(lsn, 3U * 15 + 1);
  for (int i = 0; i < 14; ++i) {
    ++lsn;
    ASSERT_TRUE(journal->append(std::vector{write(lsn, sent("decision", 10))}));
  }
  journal->release_upto(core::Lsn{lsn});

  EXPECT_FALSE(journal->is_low());
}

}  // namespace
}  // namespace nemcon::log::test
