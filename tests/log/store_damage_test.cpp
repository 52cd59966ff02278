// Goal: a byte that we did not write is never handed out, and a file that is not whole is not
// read. Method: a small store whose file is flipped, cut and replaced; each damaged one is opened
// in a process of its own, since LMDB may end it, which is an answer too.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/store.hpp"
#include "log/store_rows.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/lmdb_picture.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

constexpr std::uint64_t message_count = 60;

// What a process that reads a damaged store finds.
enum class Finding : int {
  as_written = 0,  // Every row, nothing noticed.
  noticed = 1,     // An Error, or a line of check(); no wrong row before it.
  crashed = 2,     // LMDB ended the process.
  wrong = 3,       // A row that nobody wrote, or rows missing without a word.
};

class StoreDamageTest : public testing::Test {
 protected:
  StoreDamageTest() {
    options_.directory = directory_.inner("store");
    options_.key = key_of(1);
    options_.map_bytes = 1U << 20U;
    options_.map_bytes_max = 1U << 24U;
    options_.ballast_bytes = 0;
    EXPECT_TRUE(Store::create(options_, core::Lsn{}));
    auto opened = Store::open(options_);
    EXPECT_TRUE(opened);
    const std::unique_ptr<Store> store = std::move(opened).value();
    Random random{3};
    core::QueueRow queue;
    queue.queue = core::QueueId{1};
    queue.name = "orders";
    queue.message_count = message_count;
    std::vector<core::Row> rows = all_rows(random);
    std::erase_if(rows, [](const core::Row& row) {
      return std::holds_alternative<core::MessageRow>(row) ||
             std::holds_alternative<core::QueueRow>(row);
    });
    rows.emplace_back(queue);
    for (std::uint64_t at = 1; at <= message_count; ++at) {
      rows.emplace_back(message(1, at, random.bytes(at == 30 ? 9000 : 300)));
    }
    // In several checkpoints, so that old pages lie about as they do in life.
    std::uint64_t upto = 0;
    for (const core::Row& row : rows) {
      const auto applied = store->apply({core::Lsn{++upto}, {row}, {}});
      EXPECT_TRUE(applied);
    }
    options_.access = Access::read_only;
    truth_ = contents(*store).first;
    bytes_ = read_file(file());
  }

  [[nodiscard]] std::string file() const { return Store::file_of(options_.directory); }

  // All rows as texts, and whether an Error ended the reading.
  static std::pair<std::vector<std::string>, bool> contents(Store& store) {
    std::vector<std::string> all;
    const auto loaded = store.load();
    if (!loaded) return {all, true};
    for (const core::Row& row : loaded->rows)
      all.push_back(dump(row));
    all.push_back(std::to_string(loaded->upto.value()));
    core::Read next{.queue = core::QueueId{1}, .after = std::nullopt, .count_max = 16};
    for (bool end = false; !end;) {
      const auto done = store.read(next);
      if (!done) return {all, true};
      for (const core::MessageRow& row : done->rows)
        all.push_back(dump(core::Row{row}));
      if (!done->rows.empty()) next.after = done->rows.back().position;
      end = done->end;
    }
    return {all, false};
  }

  [[nodiscard]] Finding look() const {
    auto opened = Store::open(options_);
    if (!opened) return Finding::noticed;
    const std::unique_ptr<Store> store = std::move(opened).value();
    const auto [rows, has_error] = contents(*store);
    std::size_t at = 0;
    for (const std::string& row : rows) {
      while (at < truth_.size() && truth_[at] != row)
        ++at;
      if (at == truth_.size()) return Finding::wrong;
      ++at;
    }
    const auto found = store->check();
    const bool is_noticed = has_error || !found || !found->empty();
    if (is_noticed) return Finding::noticed;
    return rows == truth_ ? Finding::as_written : Finding::wrong;
  }

  // Looks in a child process.
  [[nodiscard]] Finding finding() const {
    const pid_t child = ::fork();
    if (child == 0) {
      const int nowhere = ::open("/dev/null", O_WRONLY);
      ::dup2(nowhere, 2);
      ::_exit(static_cast<int>(look()));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? static_cast<Finding>(WEXITSTATUS(status)) : Finding::crashed;
  }

  void poke(std::size_t offset, char byte) const {
    const int data = ::open(file().c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(data, &byte, 1, static_cast<off_t>(offset)), 1);
    ::close(data);
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  StoreOptions options_;
  std::vector<std::string> truth_;
  std::string bytes_;
};

TEST_F(StoreDamageTest, TheUndamagedStoreIsAsWritten) {
  EXPECT_EQ(truth_.size(), 6 + 1 + message_count);
  EXPECT_EQ(finding(), Finding::as_written);
}

TEST_F(StoreDamageTest, AFlippedBitIsHarmlessOrNoticedAndNeverHandedOut) {
  Random random{7};
  std::size_t noticed = 0;
  std::size_t crashed = 0;
  for (int i = 0; i < 400; ++i) {
    const std::size_t at = random.below(bytes_.size());
    poke(at, static_cast<char>(bytes_[at] ^ static_cast<char>(1U << random.below(8))));
    const Finding found = finding();
    poke(at, bytes_[at]);
    ASSERT_NE(found, Finding::wrong) << "byte " << at << " of " << bytes_.size();
    if (found == Finding::noticed) ++noticed;
    if (found == Finding::crashed) ++crashed;
  }
  EXPECT_GT(noticed, 30U);
  EXPECT_LT(crashed, 40U);
}

// LMDB checks nothing of this: the body would be handed out as it is.
TEST_F(StoreDamageTest, EveryFlippedByteOfAMessageIsNoticed) {
  const core::Row row = message(1, 7, "");
  std::string body;
  {
    auto opened = Store::open(options_);
    ASSERT_TRUE(opened);
    const auto done = std::move(opened).value()->read(
        {core::QueueId{1}, core::Position{.at = core::Hlc{6}, .tie = {}, .part = 0}, 1});
    ASSERT_TRUE(done);
    body = done->rows.at(0).message.content.body.view();
  }
  // The newest copy is the one in use; older pages may hold others.
  std::size_t noticed = 0;
  for (std::size_t at = bytes_.find(body); at != std::string::npos;
       at = bytes_.find(body, at + 1)) {
    for (std::size_t i = 0; i < body.size(); i += 7) {
      poke(at + i, static_cast<char>(bytes_[at + i] ^ 4));
      const Finding found = finding();
      poke(at + i, bytes_[at + i]);
      ASSERT_TRUE(found == Finding::noticed || found == Finding::as_written);
      if (found == Finding::noticed) ++noticed;
    }
  }
  EXPECT_EQ(noticed, (body.size() + 6) / 7);
}

TEST_F(StoreDamageTest, TheErrorNamesTableAndKey) {
  const core::Row row = message(1, 7, "body");
  const RowPlace place = place_of(row);
  std::string value(value_byte_count(row), '\0');
  encode_value(options_.key, place, row, value);
  const StoredBytes stored{
      .table = place.table, .key = place.key, .owner = nullptr, .bytes = value};
  ASSERT_TRUE(decode_row(options_.key, stored));

  value.back() = static_cast<char>(value.back() ^ 1);
  const auto read = decode_row(options_.key, stored);

  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, core::Errc::local_corrupt);
  EXPECT_EQ(read.error().detail,
            "table messages, key 000000010000000000000007000000: the value is not what was "
            "written");
}

TEST_F(StoreDamageTest, AValueOfAnotherKeyTableOrStoreIsNotBelieved) {
  const core::Row row = message(1, 7, "body");
  const RowPlace place = place_of(row);
  std::string value(value_byte_count(row), '\0');
  encode_value(options_.key, place, row, value);
  const RowPlace other = place_of(core::Row{message(1, 8, "body")});

  EXPECT_TRUE(decode_row(options_.key, {place.table, place.key, nullptr, value}));
  EXPECT_FALSE(decode_row(options_.key, {place.table, other.key, nullptr, value}));
  EXPECT_FALSE(decode_row(options_.key, {Table::returned, place.key, nullptr, value}));
  EXPECT_FALSE(decode_row(key_of(2), {place.table, place.key, nullptr, value}));
}

TEST_F(StoreDamageTest, ACutFileIsRefusedAndNotTouched) {
  options_.access = Access::read_write;
  std::size_t harmless = 0;
  for (std::size_t kept = 0; kept + 1 < bytes_.size(); kept += 2048) {
    write_file(file(), bytes_.substr(0, kept));

    const Finding found = finding();

    if (kept == 0) continue;  // An empty file is a new one to LMDB; the next test has it.
    if (found == Finding::as_written) {
      ++harmless;  // Only free pages are missing.
    } else {
      ASSERT_EQ(found, Finding::noticed) << kept;
      ASSERT_EQ(read_file(file()), bytes_.substr(0, kept)) << "not touched";
    }
  }
  EXPECT_LE(harmless, 8U);
}

TEST_F(StoreDamageTest, AnEmptyOrMissingFileIsNoNewStore) {
  options_.access = Access::read_write;
  write_file(file(), "");
  EXPECT_EQ(finding(), Finding::noticed);
  ASSERT_EQ(::unlink(file().c_str()), 0);
  EXPECT_EQ(finding(), Finding::noticed);
}

TEST_F(StoreDamageTest, GarbageIsNoStore) {
  Random random{9};
  write_file(file(), random.bytes(100'000));

  EXPECT_EQ(finding(), Finding::noticed);
}

TEST_F(StoreDamageTest, ADamagedLockFileDoesNotStopAStart) {
  options_.access = Access::read_write;
  Random random{9};
  write_file(options_.directory + "/lock.mdb", random.bytes(8192));

  EXPECT_EQ(finding(), Finding::as_written);
}

TEST_F(StoreDamageTest, AFileThatIsShorterByFreePagesIsWhole) {
  ASSERT_NO_FATAL_FAILURE(add_tail_of_free_pages(options_.directory));
  const std::uint64_t counted = LmdbPicture{file()}.counted_bytes();
  ASSERT_LT(read_file(file()).size(), counted) << "the trap is not there";

  options_.access = Access::read_write;

  EXPECT_EQ(finding(), Finding::as_written);
  EXPECT_GE(read_file(file()).size(), counted);
  options_.access = Access::read_only;
  EXPECT_EQ(finding(), Finding::as_written);
}

}  // namespace
}  // namespace nemcon::log::test
