// Goal: what a table was told is there whole or not at all; a file that LMDB would read wrongly, or
// die of, is refused in words and not touched. Method: real LMDB files, whose pages are changed at
// known places; real limits of the process and calls that are made to fail.
#include "log/tables.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/check.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/file_size_limit.hpp"
#include "tests/log/lmdb_picture.hpp"
#include "tests/log/random.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

using crash::Deed;
using crash::Fate;

class TablesTest : public testing::Test {
 protected:
  TablesTest() {
    options_.directory = directory_.inner("store");
    options_.map_bytes = 1U << 20U;
    options_.map_bytes_max = 1U << 24U;
  }

  ~TablesTest() override { static_cast<void>(crash::tap::end()); }

  [[nodiscard]] std::string file() const { return Tables::file_of(options_.directory); }

  void create() {
    auto made = Tables::create(options_);
    ASSERT_TRUE(made) << made.error().detail;
    tables_ = std::move(made).value();
  }

  void open() {
    tables_.reset();
    auto opened = Tables::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    tables_ = std::move(opened).value();
  }

  // Why it is not opened.
  [[nodiscard]] Error refusal() const {
    const auto opened = Tables::open(options_);
    return opened ? refused("it was opened") : opened.error();
  }

  [[nodiscard]] std::uint64_t size() const {
    struct stat status {};

    NEMCON_CHECK(::stat(file().c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_size);
  }

  // Puts rows whose values are `byte_count` times the last letter of their key; 0 erases.
  Written write(Table table, const std::vector<std::string>& keys, std::size_t byte_count) {
    std::vector<Change> changes;
    for (const std::string& key : keys)
      changes.push_back({.table = table, .key = key, .byte_count = byte_count, .index = 0});
    FilledBy scribe([](const Change& change, std::span<char> into) {
      std::ranges::fill(into, change.key.back());
    });
    return tables_->write(changes, scribe);
  }

  // Keys in their order; "damaged" or another Error ends the list.
  std::vector<std::string> keys(Table table, std::string_view from = "") {
    std::vector<std::string> all;
    const auto visitor = [&](std::string_view key, std::string_view value) -> Result<Tables::Step> {
      EXPECT_EQ(value.find_first_not_of(key.back()), std::string_view::npos) << key;
      all.emplace_back(key);
      return Tables::Step::next;
    };
    const Status scanned = tables_->scan(table, from, visitor);
    if (!scanned) all.push_back(scanned.error().detail);
    return all;
  }

  // Many rows, so that there are several pages of them.
  static std::vector<std::string> many_keys(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back("key " + std::to_string(1000 + i));
    return all;
  }

  // Puts and erasures all over three tables.
  static std::vector<Change> random_changes(Random& random) {
    std::vector<Change> changes;
    const std::uint64_t odds = 1 + random.below(6);
    std::uint64_t large = 20'000;
    if (!random.one_in(3)) large = random.one_in(2) ? 2000 : 200;
    for (const Table table : {Table::queues, Table::messages, Table::returned}) {
      for (const std::string& key : many_keys(random.one_in(3) ? 40 : 400)) {
        if (random.one_in(10)) continue;
        const std::size_t byte_count = random.one_in(odds) ? 1 + random.below(large) : 0;
        changes.push_back({.table = table, .key = key, .byte_count = byte_count, .index = 0});
      }
    }
    return changes;
  }

  // What a store has whose newest pages were taken and given back in one transaction.
  void make_tail_of_free_pages() {
    tables_.reset();
    add_tail_of_free_pages(options_.directory);
    ASSERT_LT(size(), LmdbPicture{file()}.counted_bytes()) << "the trap is not there";
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  TablesOptions options_;
  std::unique_ptr<Tables> tables_;
};

// ---- what may be opened -----------------------------------------------------------------------

TEST_F(TablesTest, AMissingOrEmptyFileIsNoNewOne) {
  const auto missing = Tables::open(options_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, core::Errc::local_failed);
  EXPECT_EQ(missing.error().detail, "cannot open " + file() + ": No such file or directory");

  write_file(file(), "");
  const auto empty = Tables::open(options_);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, core::Errc::local_corrupt);
  EXPECT_EQ(empty.error().detail, file() + " is empty");
  EXPECT_EQ(size(), 0U);
}

TEST_F(TablesTest, WhatIsNoFileIsSaidSo) {
  const std::string elsewhere = directory_.path() + "/elsewhere";
  options_.directory = elsewhere;
  const auto nowhere = Tables::create(options_);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().detail, "cannot make " + file() + ": No such file or directory");

  ASSERT_EQ(::mkdir(elsewhere.c_str(), 0700), 0);
  ASSERT_EQ(::mkdir(file().c_str(), 0700), 0);
  write_file(file() + "/inside", "x");
  const auto made = Tables::create(options_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().detail, "cannot make " + file() + ": Is a directory");
  const Error why = refusal();
  EXPECT_EQ(why.code, core::Errc::local_failed);
  EXPECT_EQ(why.detail, "cannot open " + file() + ": Is a directory");
}

// The file and every page that says where something begins, each made wrong.
TEST_F(TablesTest, WhatLmdbFindsDamagedIsCalledDamagedAndNotTouched) {
  create();
  ASSERT_EQ(write(Table::messages, {"a", "b"}, 10), Written::done);
  tables_.reset();
  const std::string whole = read_file(file());

  struct Damage {
    std::function<void(LmdbPicture&)> make;
    std::string words;
  };

  const std::vector<Damage> all = {
      {[](LmdbPicture& p) { p.set_version(7); }, "MDB_VERSION_MISMATCH"},
      {[](LmdbPicture& p) { p.set_main_root(1'000'000); }, "MDB_PAGE_NOTFOUND"},
      {[](LmdbPicture& p) { p.spoil_main_page(); }, "MDB_CORRUPTED"},
      {[](LmdbPicture& p) { p.rename_table("messages", "messagez"); }, "MDB_NOTFOUND"},
      {[](LmdbPicture& p) { p.make_plain_row("messages"); }, "MDB_INCOMPATIBLE"},
      {[](LmdbPicture& p) { p.bytes() = Random{9}.bytes(100'000); }, "MDB_INVALID"},
  };
  for (const Access access : {Access::read_write, Access::read_only}) {
    options_.access = access;
    for (const Damage& damage : all) {
      write_file(file(), whole);
      LmdbPicture picture{file()};
      damage.make(picture);
      write_file(file(), picture.bytes());

      const Error why = refusal();

      EXPECT_EQ(why.code, core::Errc::local_corrupt) << why.detail;
      EXPECT_NE(why.detail.find(file()), std::string::npos) << why.detail;
      EXPECT_NE(why.detail.find(damage.words), std::string::npos) << why.detail;
      EXPECT_EQ(read_file(file()), picture.bytes()) << damage.words << ": touched";
    }
  }
}

// ---- a file that is shorter than it says ------------------------------------------------------

// Reading what is missing would end the process by SIGBUS.
TEST_F(TablesTest, AFileThatLacksAPageInUseIsRefusedAndNotTouched) {
  create();
  ASSERT_EQ(write(Table::messages, many_keys(300), 100), Written::done);
  tables_.reset();
  const std::string whole = read_file(file());
  const std::uint64_t counted = LmdbPicture{file()}.counted_bytes();
  ASSERT_EQ(whole.size(), counted);
  for (const Access access : {Access::read_write, Access::read_only}) {
    options_.access = access;
    for (const std::uint64_t missing : {1ULL, 4095ULL, 4096ULL, 4097ULL, 20'000ULL}) {
      const std::string cut = whole.substr(0, whole.size() - missing);
      write_file(file(), cut);

      const Error why = refusal();

      EXPECT_EQ(why.code, core::Errc::local_corrupt) << missing;
      EXPECT_EQ(why.detail, file() + ": the file has " + std::to_string(cut.size()) +
                                " bytes, its last page ends at " + std::to_string(counted));
      EXPECT_EQ(read_file(file()), cut) << "touched";
    }
  }
}

TEST_F(TablesTest, AFileThatLacksOnlyFreePagesIsMadeAsLongAsItCounts) {
  create();
  ASSERT_EQ(write(Table::messages, many_keys(300), 100), Written::done);
  make_tail_of_free_pages();
  const std::uint64_t short_bytes = size();

  // Who may not write cannot mend it.
  options_.access = Access::read_only;
  EXPECT_EQ(refusal().code, core::Errc::local_corrupt);
  EXPECT_EQ(size(), short_bytes);

  options_.access = Access::read_write;
  open();
  EXPECT_EQ(size(), LmdbPicture{file()}.counted_bytes());
  EXPECT_EQ(keys(Table::messages), many_keys(300));
  EXPECT_GE(tables_->free_bytes(), size() - short_bytes);
}

TEST_F(TablesTest, AFileThatLacksFreePagesAndOneInUseIsRefused) {
  create();
  ASSERT_EQ(write(Table::messages, many_keys(300), 100), Written::done);
  make_tail_of_free_pages();
  const std::string cut = read_file(file()).substr(0, size() - 4096);
  write_file(file(), cut);

  EXPECT_EQ(refusal().code, core::Errc::local_corrupt);
  EXPECT_EQ(read_file(file()), cut) << "touched";
}

// Which pages are free is not known any more: none is.
TEST_F(TablesTest, ADamagedListOfFreePagesFreesNothing) {
  create();
  ASSERT_EQ(write(Table::messages, many_keys(300), 100), Written::done);
  make_tail_of_free_pages();
  const std::string whole = read_file(file());
  const std::vector<std::function<void(LmdbPicture&)>> damages = {
      [](LmdbPicture& p) { p.set_free_root(1'000'000); },
      [](LmdbPicture& p) { p.set_free_count(1'000'000); },
      [](LmdbPicture& p) { p.set_free_row_bytes(4); },
  };
  for (const auto& damage : damages) {
    LmdbPicture picture{file()};
    damage(picture);
    write_file(file(), picture.bytes());
    EXPECT_EQ(refusal().code, core::Errc::local_corrupt);
    EXPECT_EQ(read_file(file()), picture.bytes()) << "touched";

    // As long as it counts nothing has to be known of them.
    std::string extended = picture.bytes();
    extended.resize(picture.counted_bytes());
    write_file(file(), extended);
    open();
    EXPECT_EQ(tables_->free_bytes(), 0U);
    EXPECT_EQ(keys(Table::messages), many_keys(300));
    tables_.reset();
    write_file(file(), whole);
  }
}

TEST_F(TablesTest, AFileThatCannotBeMadeAsLongAsItCountsIsLeftAsItIs) {
  create();
  ASSERT_EQ(write(Table::messages, many_keys(300), 100), Written::done);
  make_tail_of_free_pages();
  const std::string before = read_file(file());
  Error why;
  {
    const FileSizeLimit limit{before.size()};
    const auto opened = Tables::open(options_);
    if (!opened) why = opened.error();
  }

  EXPECT_EQ(why.detail, "cannot extend " + file() + ": File too large");
  EXPECT_EQ(read_file(file()), before);
}

// LMDB does not write what it takes and gives back in one transaction, not even at the end of the
// file. Rare: of 3,000 writes like these it happened in three, whose seeds are here.
TEST_F(TablesTest, TheFileIsAsLongAsItCountsAfterEveryWrite) {
  std::size_t shorter_count = 0;
  for (const std::uint64_t seed : {1U, 48U, 92U}) {
    create();
    Random random{seed};
    for (int round = 0; round < 5; ++round) {
      const std::vector<Change> changes = random_changes(random);
      const std::uint64_t before = size();
      crash::tap::begin(directory_.path());
      FilledBy scribe([](const Change&, std::span<char> into) { std::ranges::fill(into, 'x'); });
      const Written written = tables_->write(changes, scribe);
      std::uint64_t written_upto = before;
      for (const crash::Event& event : crash::tap::end().events)
        written_upto = std::max(written_upto, event.offset + event.bytes.size());
      if (written != Written::done) break;
      if (written_upto < tables_->used_bytes()) ++shorter_count;
      ASSERT_GE(size(), tables_->used_bytes()) << "seed " << seed << " round " << round;
    }
    tables_.reset();
  }
  EXPECT_EQ(shorter_count, 3U) << "the trap is not there";
}

// ---- rows -------------------------------------------------------------------------------------

TEST_F(TablesTest, AScanBeginsWhereItIsToldAndEndsWhenTheVisitorSaysSo) {
  create();
  ASSERT_EQ(write(Table::queues, {"b", "d", "f"}, 3), Written::done);
  ASSERT_EQ(write(Table::queues, {"a", "g"}, 3), Written::done);
  EXPECT_EQ(tables_->row_count(Table::queues), 5U);
  EXPECT_EQ(keys(Table::queues), (std::vector<std::string>{"a", "b", "d", "f", "g"}));
  EXPECT_EQ(keys(Table::queues, "c"), (std::vector<std::string>{"d", "f", "g"}));
  EXPECT_TRUE(keys(Table::queues, "h").empty());
  EXPECT_TRUE(keys(Table::peers).empty());

  int seen = 0;
  const auto visitor = [&](std::string_view, std::string_view) -> Result<Tables::Step> {
    if (++seen == 2) return corrupt("the second one");
    return Tables::Step::next;
  };
  const Status scanned = tables_->scan(Table::queues, "", visitor);
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().detail, "the second one");
}

TEST_F(TablesTest, RowsThatAreMissingAreMissed) {
  create();
  const std::vector<std::string> all = many_keys(300);
  ASSERT_EQ(write(Table::messages, all, 100), Written::done);
  ASSERT_EQ(write(Table::queues, {"a"}, 10), Written::done);
  tables_.reset();
  const std::string words = file() + ", table messages: rows are missing or out of order";
  const std::string whole = read_file(file());
  for (const std::uint64_t claimed : {299U, 301U}) {
    LmdbPicture picture{file()};
    picture.set_row_count("messages", claimed);
    write_file(file(), picture.bytes());
    open();
    EXPECT_EQ(keys(Table::messages).back(), words) << claimed;
    EXPECT_EQ(keys(Table::queues), std::vector<std::string>{"a"});
    // Who does not read from the beginning cannot know.
    EXPECT_EQ(keys(Table::messages, all[10]).size(), 290U);
    tables_.reset();
    write_file(file(), whole);
  }
}

TEST_F(TablesTest, RowsOutOfOrderAreNotShown) {
  create();
  std::vector<std::string> all = many_keys(300);
  ASSERT_EQ(write(Table::messages, all, 100), Written::done);
  tables_.reset();
  const std::string words = file() + ", table messages: rows are missing or out of order";
  const std::string whole = read_file(file());
  // A row in the midst of a page, and the first one of a page that is read after another.
  LmdbPicture picture{file()};
  const std::string first_of_second = picture.first_key_of_second_leaf("messages");
  for (const std::string& victim : {all[2], first_of_second}) {
    LmdbPicture damaged{file()};
    damaged.replace_key(victim, "key 0" + victim.substr(5));
    write_file(file(), damaged.bytes());
    open();
    const std::vector<std::string> before(all.begin(), std::ranges::find(all, victim));
    std::vector<std::string> expected = before;
    expected.push_back(words);
    EXPECT_EQ(keys(Table::messages), expected);
    // Nor when the reading begins just before the first one of a page.
    const std::vector<std::string> later = keys(Table::messages, before.back() + "!");
    EXPECT_EQ(std::ranges::count(later, victim), 0);
    if (victim == first_of_second) {
      EXPECT_EQ(later, std::vector<std::string>{words});
    }
    tables_.reset();
    write_file(file(), whole);
  }
}

TEST_F(TablesTest, ATableWhosePagesAreGoneIsNeitherReadNorWritten) {
  create();
  ASSERT_EQ(write(Table::queues, {"a"}, 10), Written::done);
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);
  tables_.reset();
  LmdbPicture picture{file()};
  picture.set_root("messages", 1'000'000);
  write_file(file(), picture.bytes());
  open();

  EXPECT_EQ(
      keys(Table::messages),
      std::vector<std::string>{file() + ", table messages: rows are missing or out of order"});
  EXPECT_EQ(write(Table::messages, {"b"}, 10), Written::failed);
  EXPECT_TRUE(tables_->trouble().starts_with("cannot write to " + file() + ": MDB_"))
      << tables_->trouble();
  EXPECT_EQ(keys(Table::queues), std::vector<std::string>{"a"});
  tables_.reset();
  EXPECT_EQ(read_file(file()), picture.bytes()) << "touched";
}

// ---- no room ----------------------------------------------------------------------------------

TEST_F(TablesTest, AWriteBeyondTheLimitOfTheProcessChangesNothing) {
  create();
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);
  Written written = Written::done;
  {
    const FileSizeLimit limit{size()};
    written = write(Table::messages, {"b"}, 100'000);
  }

  EXPECT_EQ(written, Written::disk_full);
  EXPECT_EQ(tables_->trouble(), "cannot write to " + file() + ": File too large");
  EXPECT_EQ(keys(Table::messages), std::vector<std::string>{"a"});
  EXPECT_EQ(write(Table::messages, {"b"}, 100'000), Written::done);
  open();
  EXPECT_EQ(keys(Table::messages), (std::vector<std::string>{"a", "b"}));
}

// At the lock file whole or in part, at the first pages, at the tables.
TEST_F(TablesTest, WithoutRoomForTheFirstPagesNothingIsMadeAndThatIsSaid) {
  for (const std::uint64_t bytes : {0U, 6000U, 8192U}) {
    std::string words;
    bool is_room_missed = false;
    {
      const FileSizeLimit limit{bytes};
      const auto made = Tables::create(options_);
      if (!made) words = made.error().detail;
      is_room_missed = !made && is_no_room(made.error());
    }
    EXPECT_TRUE(is_room_missed) << bytes << " " << words;
    EXPECT_TRUE(words.ends_with(": no room on the disk")) << bytes << " " << words;
    EXPECT_NE(words.find(options_.directory), std::string::npos) << words;
  }
  {
    // The lock file is there from another time.
    const FileSizeLimit limit{0};
    const auto made = Tables::create(options_);
    EXPECT_TRUE(!made && is_no_room(made.error()));
  }
  {
    // A page and a bit: LMDB calls that an input/output error.
    std::string words;
    const FileSizeLimit limit{9000};
    const auto made = Tables::create(options_);
    if (!made) words = made.error().detail;
    EXPECT_EQ(words, "cannot make " + file() +
                         ": no room on the disk, or it is broken: Input/output error");
  }
  create();
  EXPECT_EQ(write(Table::messages, {"a"}, 10), Written::done);
}

TEST_F(TablesTest, ALockFileThatCannotBeOneIsNamed) {
  const std::string lock = options_.directory + "/lock.mdb";
  ASSERT_EQ(::mkdir(lock.c_str(), 0700), 0);
  const auto directory = Tables::create(options_);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().detail, "cannot open " + lock + ": Is a directory");

  ASSERT_EQ(::rmdir(lock.c_str()), 0);
  ASSERT_EQ(::mkfifo(lock.c_str(), 0600), 0);
  const auto pipe = Tables::create(options_);
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, core::Errc::local_failed);
  EXPECT_EQ(pipe.error().detail, "cannot make " + lock + ": Illegal seek");
}

// ---- calls that fail --------------------------------------------------------------------------

// After a failed flush the cache shows what the disk may not have.
TEST_F(TablesTest, AFileThatCannotBeFlushedIsNotOpened) {
  create();
  tables_.reset();
  crash::tap::begin(options_.directory);
  crash::tap::decide([](const crash::tap::TappedCall&) { return Fate::fail_io; });

  const auto opened = Tables::open(options_);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, core::Errc::local_failed);
  EXPECT_EQ(opened.error().detail, "cannot flush " + file() + ": Input/output error");
}

// The last step says where the new state begins. Before it nothing has happened; of itself nobody
// knows, so nothing is read or written any more before a new start has looked.
TEST_F(TablesTest, AFailureBeforeTheLastStepChangesNothingAndOneOfItIsFinal) {
  create();
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);
  for (const Deed failing : {Deed::write, Deed::flush, Deed::synced_write}) {
    for (const Fate fate : {Fate::fail_io, Fate::fail_no_room, Fate::fail_after}) {
      crash::tap::begin(options_.directory);
      crash::tap::decide([failing, fate](const crash::tap::TappedCall& call) {
        return call.deed == failing ? fate : Fate::carry_out;
      });
      const Written written = write(Table::messages, {"b"}, 10);
      static_cast<void>(crash::tap::end());

      if (failing != Deed::synced_write) {
        EXPECT_EQ(written, fate == Fate::fail_no_room ? Written::disk_full : Written::short_write);
        EXPECT_EQ(keys(Table::messages), std::vector<std::string>{"a"});
        continue;
      }
      EXPECT_EQ(written, Written::failed);
      EXPECT_EQ(write(Table::messages, {"c"}, 10), Written::failed);
      EXPECT_TRUE(tables_->trouble().starts_with("cannot write to " + file() + ": MDB_PANIC"))
          << tables_->trouble();
      EXPECT_TRUE(keys(Table::messages).at(0).starts_with("cannot read " + file()));
      EXPECT_EQ(tables_->row_count(Table::messages), 0U);
      EXPECT_EQ(tables_->free_bytes(), 0U);
      open();
      EXPECT_EQ(keys(Table::messages).front(), "a");
      EXPECT_EQ(std::ranges::count(keys(Table::messages), "c"), 0);
      ASSERT_EQ(write(Table::messages, {"b"}, 0), Written::done);
    }
  }
}

// 1. The last step is carried out, yet an error 2. LMDB puts the old page back, and cannot.
TEST_F(TablesTest, AnErrorOfTheLastStepDoesNotSayThatNothingWasWritten) {
  create();
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);
  bool has_failed = false;
  crash::tap::begin(options_.directory);
  crash::tap::decide([&has_failed](const crash::tap::TappedCall& call) {
    if (has_failed) return Fate::fail_io;
    has_failed = call.deed == Deed::synced_write;
    return has_failed ? Fate::fail_after : Fate::carry_out;
  });
  const Written written = write(Table::messages, {"b"}, 10);
  static_cast<void>(crash::tap::end());

  EXPECT_EQ(written, Written::failed);
  open();
  EXPECT_EQ(keys(Table::messages), (std::vector<std::string>{"a", "b"}));
}

// There is no more address space than this; without a map there is nothing to go on with.
TEST_F(TablesTest, AMapThatCannotGrowIsFinalAndLosesNothing) {
  options_.map_bytes_max = 1ULL << 60U;
  create();
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);

  EXPECT_EQ(write(Table::messages, {"b"}, 1ULL << 48U), Written::failed);

  EXPECT_EQ(tables_->trouble(), "cannot map more of " + file() + ": Cannot allocate memory");
  options_.map_bytes_max = 1U << 24U;
  open();
  EXPECT_EQ(keys(Table::messages), std::vector<std::string>{"a"});
}

TEST_F(TablesTest, AMapThatMayNotGrowRefusesWhatDoesNotFitAndChangesNothing) {
  options_.map_bytes_max = options_.map_bytes;
  create();
  ASSERT_EQ(write(Table::messages, {"a"}, 10), Written::done);

  EXPECT_EQ(write(Table::messages, {"b", "c"}, 600'000), Written::map_full);

  EXPECT_EQ(tables_->map_bytes(), options_.map_bytes);
  EXPECT_EQ(keys(Table::messages), std::vector<std::string>{"a"});
  EXPECT_FALSE(tables_->is_map_low());
  EXPECT_EQ(write(Table::messages, {"b"}, 600'000), Written::done);
}

}  // namespace
}  // namespace nemcon::log::test
