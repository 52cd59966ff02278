// Goal: the store is exactly the sum of its checkpoints, in the order of the queues, in bounded
// portions, whatever is opened and closed in between. Method: real LMDB files in a temporary
// directory, compared with a plain map.
#include "log/store.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/overloaded.hpp"
#include "log/store_rows.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    options_.directory = directory_.inner("store");
    options_.key = key_of(1);
    options_.map_bytes = 1U << 20U;
    options_.map_bytes_max = 1U << 30U;
    options_.ballast_bytes = 64U << 10U;
    const Status created = Store::create(options_, core::Lsn{});
    EXPECT_TRUE(created) << created.error().detail;
    open();
  }

  void open() {
    store_.reset();
    auto opened = Store::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(opened).value();
    const auto loaded = store_->load();
    ASSERT_TRUE(loaded) << loaded.error().detail;
  }

  void apply(std::uint64_t upto, std::vector<core::Row> puts,
             std::vector<core::RowKey> erased = {}) {
    const auto applied = store_->apply({core::Lsn{upto}, std::move(puts), std::move(erased)});
    ASSERT_TRUE(applied) << applied.error().detail;
    ASSERT_EQ(*applied, Applied::done);
  }

  core::ReadDone read(std::uint32_t queue, std::optional<core::Position> after,
                      std::uint32_t count_max = 1000) {
    auto done = store_->read({core::QueueId{queue}, after, count_max});
    EXPECT_TRUE(done) << done.error().detail;
    return std::move(done).value();
  }

  std::vector<std::string> bodies(std::uint32_t queue) {
    std::vector<std::string> all;
    for (const core::MessageRow& row : read(queue, std::nullopt).rows) {
      all.emplace_back(row.message.content.body.view());
    }
    return all;
  }

  std::vector<std::string> loaded_dumps() {
    const auto loaded = store_->load();
    EXPECT_TRUE(loaded) << loaded.error().detail;
    std::vector<std::string> dumps;
    for (const core::Row& row : loaded->rows)
      dumps.push_back(dump(row));
    std::ranges::sort(dumps);
    return dumps;
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, ANewStoreIsEmptyAndSaysSo) {
  const auto loaded = store_->load();

  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->upto, core::Lsn{});
  EXPECT_TRUE(loaded->rows.empty());
  EXPECT_TRUE(read(1, std::nullopt).end);
  EXPECT_FALSE(store_->is_low());
}

TEST_F(StoreTest, AStoreMayBeginAfterARecord) {
  store_.reset();
  ASSERT_TRUE(Store::create(options_, core::Lsn{77}));
  open();

  EXPECT_EQ(store_->load()->upto, core::Lsn{77});
}

TEST_F(StoreTest, EveryKindOfRowComesBackAfterReopening) {
  Random random{4};
  const std::vector<core::Row> rows = all_rows(random);
  apply(9, rows);

  open();

  std::vector<std::string> expected;
  for (const core::Row& row : rows) {
    if (!std::holds_alternative<core::MessageRow>(row)) expected.push_back(dump(row));
  }
  std::ranges::sort(expected);
  EXPECT_EQ(loaded_dumps(), expected);
  EXPECT_EQ(store_->load()->upto, core::Lsn{9});
  for (const core::Row& row : rows) {
    const auto* message = std::get_if<core::MessageRow>(&row);
    if (message == nullptr) continue;
    const core::ReadDone done = read(message->queue.value(), std::nullopt);
    ASSERT_EQ(done.rows.size(), 1U);
    EXPECT_EQ(dump(core::Row{done.rows[0]}), dump(row));
  }
}

TEST_F(StoreTest, ErasedRowsAreGone) {
  core::ReturnedRow returned;
  returned.queue = core::QueueId{1};
  returned.position.at = core::Hlc{5};
  core::SessionRow session;
  session.client.high = 3;
  core::TransactionRow transaction;
  transaction.transaction.number = core::RowNumber{8};
  apply(1, {message(1, 5, "a"), message(1, 6, "b"), returned, session, transaction});

  apply(2, {},
        {core::MessageKey{core::QueueId{1}, {.at = core::Hlc{5}, .tie = {}, .part = 0}},
         core::ReturnedKey{returned.queue, returned.position}, core::SessionKey{session.client},
         core::TransactionRowKey{core::RowNumber{8}}});

  EXPECT_EQ(bodies(1), std::vector<std::string>{"b"});
  EXPECT_TRUE(loaded_dumps().empty());
}

TEST_F(StoreTest, ErasingWhatNeverCameIsHarmless) {
  apply(1, {message(1, 5, "a")}, {core::TransactionRowKey{core::RowNumber{8}}});

  EXPECT_EQ(bodies(1), std::vector<std::string>{"a"});
}

TEST_F(StoreTest, ApplyingACheckpointTwiceIsHarmless) {
  for (int i = 0; i < 2; ++i) {
    apply(5, {message(1, 5, "a")},
          {core::MessageKey{core::QueueId{1}, {.at = core::Hlc{4}, .tie = {}, .part = 0}}});
  }

  EXPECT_EQ(bodies(1), std::vector<std::string>{"a"});
}

TEST_F(StoreTest, QueuesDoNotMix) {
  apply(1, {message(1, 9, "one"), message(2, 1, "two"), message(256, 1, "far")});

  EXPECT_EQ(bodies(1), std::vector<std::string>{"one"});
  EXPECT_EQ(bodies(2), std::vector<std::string>{"two"});
  EXPECT_EQ(bodies(256), std::vector<std::string>{"far"});
  EXPECT_TRUE(bodies(3).empty());
}

TEST_F(StoreTest, ReadsGoOnAfterAPositionInPortions) {
  std::vector<core::Row> rows;
  for (std::uint64_t at = 1; at <= 10; ++at) {
    rows.emplace_back(message(1, at * 1000, std::to_string(at)));
  }
  apply(1, rows);

  const core::ReadDone first = read(1, std::nullopt, 4);
  const core::ReadDone second = read(1, first.rows.back().position, 6);
  const core::ReadDone third = read(1, second.rows.back().position, 4);

  EXPECT_EQ(first.rows.size(), 4U);
  EXPECT_FALSE(first.end);
  EXPECT_EQ(second.rows.size(), 6U);
  EXPECT_EQ(second.rows.front().message.content.body.view(), "5");
  EXPECT_TRUE(second.end);
  EXPECT_TRUE(third.rows.empty());
  EXPECT_TRUE(third.end);
}

TEST_F(StoreTest, ReadsGoOnAfterAPositionThatIsGone) {
  apply(1, {message(1, 10, "a"), message(1, 30, "c")});

  const core::ReadDone done = read(1, core::Position{.at = core::Hlc{20}, .tie = {}, .part = 0});

  ASSERT_EQ(done.rows.size(), 1U);
  EXPECT_EQ(done.rows[0].message.content.body.view(), "c");
}

TEST_F(StoreTest, APortionHasAboutAMebibyteAndAtLeastOneMessage) {
  std::vector<core::Row> rows;
  for (std::uint64_t at = 1; at <= 5; ++at) {
    rows.emplace_back(message(1, at, std::string(400'000, static_cast<char>('a' + at))));
  }
  rows.emplace_back(message(1, 6, std::string(3'000'000, 'x')));
  apply(1, rows);

  const core::ReadDone first = read(1, std::nullopt);
  const core::ReadDone last = read(1, core::Position{.at = core::Hlc{5}, .tie = {}, .part = 0});

  EXPECT_EQ(first.rows.size(), 2U);
  EXPECT_FALSE(first.end);
  ASSERT_EQ(last.rows.size(), 1U);
  EXPECT_EQ(last.rows[0].message.content.body.byte_count(), 3'000'000U);
  EXPECT_TRUE(last.end);
}

// The order of the bytes of the keys is the order of the positions.
TEST_F(StoreTest, TheOrderOfKeysIsTheOrderOfPositions) {
  Random random{8};
  const auto small_or_large = [&random] {
    return random.one_in(2) ? random.below(3) : random.next();
  };
  std::vector<core::Position> positions;
  for (int i = 0; i < 400; ++i) {
    core::Position position;
    position.at = core::Hlc{small_or_large()};
    if (!random.one_in(3)) {
      position.tie = {.initiator = {small_or_large(), small_or_large()},
                      .client = {small_or_large(), small_or_large()},
                      .epoch = core::Epoch{small_or_large()},
                      .sequence = core::Sequence{small_or_large()}};
    }
    position.part = static_cast<std::uint16_t>(small_or_large());
    positions.push_back(position);
  }
  for (const core::Position& a : positions) {
    const auto parsed = parse_message_key(message_key(core::QueueId{7}, a));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->queue, core::QueueId{7});
    EXPECT_EQ(parsed->position, a);
    for (const core::Position& b : positions) {
      ASSERT_EQ(a < b, message_key(core::QueueId{7}, a) < message_key(core::QueueId{7}, b));
    }
  }
  EXPECT_LE(
      message_key(core::QueueId{7}, {.at = {}, .tie = {.sequence = core::Sequence{1}}}).size(),
      511U);
}

TEST_F(StoreTest, TheMapGrowsByItself) {
  EXPECT_EQ(store_->use().map_bytes, 1U << 20U);

  for (std::uint64_t i = 1; i <= 40; ++i) {
    apply(i, {message(1, i, std::string(500'000, 'x'))});
    const StoreUse use = store_->use();
    EXPECT_GE(use.map_bytes - use.used_bytes, use.map_bytes / 20) << i;
  }

  EXPECT_GT(store_->use().map_bytes, 20'000'000U);
  EXPECT_EQ(store_->use().message_count, 40U);
  open();  // With less map than there is data.
  EXPECT_EQ(store_->use().message_count, 40U);
}

TEST_F(StoreTest, AFullMapRefusesWholeCheckpointsAndGoesOnWhenThereIsRoom) {
  store_.reset();
  options_.map_bytes_max = 2U << 20U;
  open();
  std::uint64_t upto = 0;
  Applied applied = Applied::done;
  while (applied == Applied::done && upto < 100) {
    ++upto;
    const auto result =
        store_->apply({core::Lsn{upto}, {message(1, upto, std::string(100'000, 'x'))}, {}});
    ASSERT_TRUE(result) << result.error().detail;
    applied = *result;
  }
  ASSERT_EQ(applied, Applied::no_room);
  EXPECT_TRUE(store_->is_low());
  EXPECT_EQ(store_->load()->upto, core::Lsn{upto - 1});
  EXPECT_EQ(store_->use().message_count, upto - 1);

  store_.reset();
  options_.map_bytes_max = 8U << 20U;
  open();

  apply(upto, {message(1, upto, std::string(100'000, 'x'))});
  EXPECT_FALSE(store_->is_low());
  EXPECT_EQ(store_->use().message_count, upto);
}

// Against a plain map, through erasures, overwrites and reopenings. The file is as long as LMDB
// counts whenever it is closed, so that a shorter one can be told from a cut one.
TEST_F(StoreTest, IsTheSumOfItsCheckpoints) {
  Random random{6};
  std::map<std::string, std::string> model;  // Key to dump, messages of queue 1.
  for (std::uint64_t upto = 1; upto <= 150; ++upto) {
    std::map<std::string, core::Row> puts;
    std::map<std::string, core::RowKey> erased;
    for (std::uint64_t i = random.below(40); i > 0; --i) {
      const core::MessageRow row = message(1, random.below(200), random.bytes(random.below(6000)));
      const std::string key = message_key(row.queue, row.position);
      if (random.one_in(2)) {
        puts.insert_or_assign(key, row);
        erased.erase(key);
      } else {
        erased.insert_or_assign(key, core::MessageKey{row.queue, row.position});
        puts.erase(key);
      }
    }
    core::Checkpoint checkpoint;
    checkpoint.upto = core::Lsn{upto};
    for (const auto& [key, row] : puts) {
      checkpoint.puts.push_back(row);
      model[key] = dump(row);
    }
    for (const auto& [key, row_key] : erased) {
      checkpoint.erased.push_back(row_key);
      model.erase(key);
    }
    ASSERT_TRUE(store_->apply(checkpoint));
    if (random.one_in(10)) open();

    struct stat status {};

    ASSERT_EQ(::stat(Store::file_of(options_.directory).c_str(), &status), 0);
    ASSERT_GE(static_cast<std::uint64_t>(status.st_size), store_->use().used_bytes);
    std::vector<std::string> expected;
    for (const auto& [key, text] : model)
      expected.push_back(text);
    std::vector<std::string> actual;
    core::ReadDone done{.queue = core::QueueId{1}, .rows = {}, .end = false};
    while (!done.end) {
      done =
          read(1, done.rows.empty() ? std::nullopt : std::optional{done.rows.back().position}, 7);
      for (const core::MessageRow& row : done.rows)
        actual.push_back(dump(core::Row{row}));
    }
    ASSERT_EQ(actual, expected) << upto;
  }
}

TEST_F(StoreTest, AnAuditVisitsTheMessagesOfAQueueInOrder) {
  core::QueueRow orders;
  orders.queue = core::QueueId{2};
  orders.name = "orders";
  orders.message_count = 3000;
  std::vector<core::Row> rows = {orders};
  for (std::uint64_t at = 3000; at >= 1; --at)
    rows.emplace_back(message(2, at, std::to_string(at)));
  apply(1, rows);
  store_.reset();
  options_.access = Access::read_only;
  const std::string before = picture_of(directory_.path());
  open();

  std::uint64_t count = 0;
  const Status visited = store_->for_each_message("orders", [&](core::MessageRow&& row) {
    ++count;
    return row.message.content.body.view() == std::to_string(count);
  });

  ASSERT_TRUE(visited) << visited.error().detail;
  EXPECT_EQ(count, 3000U);
  const auto found = store_->check();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
  EXPECT_FALSE(store_->for_each_message("invoices", [](core::MessageRow&&) { return true; }));
  store_.reset();
  EXPECT_EQ(picture_of(directory_.path()), before) << "an audit leaves no trace";
}

TEST_F(StoreTest, ACheckFindsAQueueThatMiscounts) {
  core::QueueRow orders;
  orders.queue = core::QueueId{2};
  orders.message_count = 2;
  apply(1, {orders, message(2, 1, "only one")});

  const auto found = store_->check();

  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front(), "queue 2: 1 messages are missing");
}

TEST_F(StoreTest, FilesAreForTheOwnerOnly) {
  for (const char* name : {"store/data.mdb", "store/lock.mdb", "ballast"}) {
    struct stat status {};

    ASSERT_EQ(::stat((directory_.path() + "/" + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

}  // namespace
}  // namespace nemcon::log::test
