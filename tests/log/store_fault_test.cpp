// Goal: a store on a disk that fails says so and loses nothing; a row that is not what was written
// is named and never handed out. Method: each call that changes the disk is made to fail below
// LMDB; rows that no program of ours would write are put under the store.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "log/store.hpp"
#include "log/store_rows.hpp"
#include "log/tables.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

using crash::Deed;
using crash::Fate;

class StoreFaultTest : public testing::Test {
 protected:
  StoreFaultTest() {
    options_.directory = directory_.inner("store");
    options_.key = key_of(1);
    options_.map_bytes = 1U << 20U;
    options_.map_bytes_max = 1U << 24U;
    options_.ballast_bytes = 0;
  }

  ~StoreFaultTest() override { static_cast<void>(crash::tap::end()); }

  void create() {
    const Status created = Store::create(options_, core::Lsn{});
    ASSERT_TRUE(created) << created.error().detail;
    open();
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

  Result<Applied> put(const std::string& body) {
    return store_->apply({core::Lsn{upto_ + 1}, {message(1, upto_ + 1, body)}, {}});
  }

  std::vector<std::string> bodies() {
    std::vector<std::string> all;
    const auto done = store_->read({core::QueueId{1}, std::nullopt, 100});
    EXPECT_TRUE(done) << done.error().detail;
    for (const core::MessageRow& row : done->rows)
      all.emplace_back(row.message.content.body.view());
    return all;
  }

  // The call of this number fails, from 1 on. True once it has.
  void fail_call(std::size_t number, Fate fate) {
    has_failed_ = false;
    crash::tap::begin(directory_.path());
    crash::tap::decide([this, number, fate](const crash::tap::TappedCall& call) {
      if (call.number != number) return Fate::carry_out;
      has_failed_ = true;
      return fate;
    });
  }

  // Writes and flushes end as this says, one after the other; what it does not say is carried out.
  static void script_writes(std::vector<Fate> fates) {
    crash::tap::decide([fates = std::move(fates),
                        next = std::size_t{0}](const crash::tap::TappedCall& call) mutable {
      return call.deed == Deed::write && next < fates.size() ? fates[next++] : Fate::carry_out;
    });
  }

  enum class Fitting : std::uint8_t { sums, nothing };

  // Puts bytes under the store, as they are, and has the sums fit them unless told otherwise.
  void plant(Table table, const std::string& key, const std::string& bytes,
             Fitting fitting = Fitting::sums) {
    store_.reset();
    auto tables = Tables::open({.directory = options_.directory,
                                .map_bytes = options_.map_bytes,
                                .map_bytes_max = options_.map_bytes_max});
    ASSERT_TRUE(tables);
    const std::unique_ptr<Tables> open = std::move(tables).value();
    const auto value_at = [&](Table place, std::string_view wanted) {
      std::string found;
      EXPECT_TRUE(open->scan(place, wanted, [&](std::string_view at, std::string_view value) {
        if (at == wanted) found = value;
        return Result<Tables::Step>{Tables::Step::stop};
      }));
      return found;
    };
    const std::string stated = value_at(Table::sums, sums_key);
    Sums sums = *decode_sums(options_.key, {Table::sums, sums_key, nullptr, stated});
    if (fitting == Fitting::sums) {
      sums.of(table) += checksum_of(bytes) - checksum_of(value_at(table, key));
    }
    const std::string stating = sums_value(options_.key, sums);
    const std::vector<Change> changes = {
        {.table = table, .key = key, .byte_count = bytes.size(), .index = 0},
        {.table = Table::sums,
         .key = std::string{sums_key},
         .byte_count = stating.size(),
         .index = 1}};
    FilledBy scribe([&](const Change& change, std::span<char> into) {
      std::ranges::copy(change.index == 0 ? bytes : stating, into.begin());
    });
    ASSERT_EQ(open->write(changes, scribe), Written::done);
    auto opened = Store::open(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(opened).value();
  }

  static core::QueueRow orders_with(std::uint64_t message_count) {
    core::QueueRow orders;
    orders.queue = core::QueueId{1};
    orders.name = "orders";
    orders.message_count = message_count;
    return orders;
  }

  // The row as it would be stored at another place, with a checksum that is right there.
  [[nodiscard]] std::string sealed(const RowPlace& place, const core::Row& row) const {
    std::string value(value_byte_count(row), '\0');
    encode_value(options_.key, place, row, value);
    return value;
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::uint64_t upto_ = 0;
  bool has_failed_ = false;
};

// ---- calls that fail --------------------------------------------------------------------------

TEST_F(StoreFaultTest, ACallThatFailsWhileAStoreIsMadeIsAnErrorAndTheNextTimeItIsMade) {
  for (const Fate fate : {Fate::fail_io, Fate::fail_no_room, Fate::fail_after}) {
    std::size_t number = 0;
    do {
      fail_call(++number, fate);
      const Status created = Store::create(options_, core::Lsn{7});
      static_cast<void>(crash::tap::end());
      ASSERT_EQ(created.has_value(), !has_failed_) << number;
      if (!created) {
        EXPECT_NE(created.error().detail.find(options_.directory), std::string::npos)
            << created.error().detail;
        EXPECT_TRUE(created.error().code == core::Errc::local_failed ||
                    (is_no_room(created.error()) && fate == Fate::fail_no_room))
            << created.error().detail;
      }
      ASSERT_TRUE(Store::create(options_, core::Lsn{7}));
      open();
      ASSERT_EQ(upto_, 7U);
      store_.reset();
    } while (has_failed_);
    EXPECT_GT(number, 8U) << "pages, flushes, the directory and its parent";
  }
}

// LMDB flushes neither its first pages nor a name.
TEST_F(StoreFaultTest, AStoreThatIsMadeIsFlushedAndSoAreItsNameAndThatOfItsDirectory) {
  crash::tap::begin(directory_.path());
  ASSERT_TRUE(Store::create(options_, core::Lsn{}));
  const crash::Tape tape = crash::tap::end();

  for (const std::string& path :
       {Store::file_of(options_.directory), options_.directory, directory_.path()}) {
    bool is_flushed = false;
    for (const crash::Event& event : tape.events) {
      if (event.deed == Deed::write) is_flushed = false;
      if (event.deed == Deed::flush && tape.files[event.file] == path) is_flushed = true;
    }
    EXPECT_TRUE(is_flushed) << path;
  }
}

// Done is what is durable; "no room" is what has not happened; after an Error the disk knows.
TEST_F(StoreFaultTest, ACallThatFailsInACheckpointLeavesTheOldOrTheNewState) {
  create();
  ASSERT_TRUE(put("old"));
  const std::vector<std::string> old = {"old"};
  const std::vector<std::string> both = {"old", "new"};
  for (const Fate fate : {Fate::fail_io, Fate::fail_no_room, Fate::fail_after}) {
    std::size_t number = 0;
    do {
      open();
      fail_call(++number, fate);
      const auto applied = put("new");
      static_cast<void>(crash::tap::end());
      ASSERT_EQ(applied && *applied == Applied::done, !has_failed_) << number;
      if (applied && *applied == Applied::no_room) {
        EXPECT_EQ(fate, Fate::fail_no_room);
        EXPECT_EQ(bodies(), old);
        ASSERT_TRUE(put("new")) << "the same may be applied again";
        ASSERT_EQ(bodies(), both);
      }
      if (!applied) {
        EXPECT_EQ(applied.error().code, core::Errc::local_failed);
      }
      open();
      const std::vector<std::string> found = bodies();
      ASSERT_TRUE(found == both || found == old) << number;
      ASSERT_EQ(upto_, found.size());
      if (found == both) {
        upto_ = 1;
        plant(Table::messages, message_key(core::QueueId{1}, {.at = core::Hlc{2}}), "");
        plant(Table::meta, std::string{upto_key}, upto_value(options_.key, core::Lsn{1}));
      }
    } while (has_failed_);
    EXPECT_GT(number, 3U);
  }
}

TEST_F(StoreFaultTest, AWriteThatFailsOnADiskWithRoomIsNoWantOfRoom) {
  options_.ballast_bytes = 64U << 10U;
  create();
  crash::tap::begin(directory_.path());
  script_writes({Fate::fail_io});

  const auto applied = put("lost");

  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, core::Errc::local_failed);
  EXPECT_EQ(applied.error().detail,
            "cannot write to " + Store::file_of(options_.directory) + ": Input/output error");
  EXPECT_FALSE(store_->is_low());
}

// LMDB says EIO where a write came back short: a probe of the disk tells which it was.
TEST_F(StoreFaultTest, TheBallastIsGivenUpWhenTheDiskIsFullAndTheWriteGoesIn) {
  options_.ballast_bytes = 64U << 10U;
  create();
  for (const std::vector<Fate>& fates :
       {std::vector{Fate::fail_no_room}, std::vector{Fate::fail_io, Fate::fail_no_room}}) {
    crash::tap::begin(directory_.path());
    script_writes(fates);
    const auto applied = put("kept");
    const std::vector<crash::Event> events = crash::tap::end().events;
    ASSERT_TRUE(applied) << applied.error().detail;
    ASSERT_EQ(*applied, Applied::done);
    ++upto_;
    EXPECT_EQ(bodies().size(), upto_);
  }
}

TEST_F(StoreFaultTest, WithoutBallastAFullDiskIsLowAndChangesNothing) {
  options_.ballast_bytes = 64U << 10U;
  create();
  crash::tap::begin(directory_.path());
  // Short and full; the ballast is given up; short and full once more.
  script_writes({Fate::fail_io, Fate::fail_no_room, Fate::fail_io, Fate::fail_no_room});
  const auto applied = put("not yet");
  ASSERT_TRUE(applied) << applied.error().detail;
  EXPECT_EQ(*applied, Applied::no_room);
  EXPECT_TRUE(store_->is_low());
  EXPECT_TRUE(bodies().empty());
  EXPECT_FALSE(::access((directory_.path() + "/ballast.probe").c_str(), F_OK) == 0);

  // While the ballast cannot be made again it stays low; by a failing write, and by a failing
  // flush.
  script_writes({Fate::fail_no_room});
  store_->look_for_room();
  EXPECT_TRUE(store_->is_low());
  crash::tap::decide([](const crash::tap::TappedCall& call) {
    return call.deed == Deed::flush ? Fate::fail_io : Fate::carry_out;
  });
  store_->look_for_room();
  EXPECT_TRUE(store_->is_low());
  EXPECT_EQ(read_file(directory_.path() + "/ballast").size(), 0U) << "half a ballast is none";

  crash::tap::decide(nullptr);
  store_->look_for_room();
  EXPECT_FALSE(store_->is_low());
  const auto later = put("now");
  EXPECT_TRUE(later && *later == Applied::done);
}

// 1. full, the ballast goes 2. the second try fails otherwise: nothing is promised.
TEST_F(StoreFaultTest, ADiskThatBreaksAfterTheBallastWasGivenUpIsAnError) {
  options_.ballast_bytes = 64U << 10U;
  create();
  crash::tap::begin(directory_.path());
  script_writes({Fate::fail_no_room, Fate::fail_io});

  const auto applied = put("lost");

  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, core::Errc::local_failed);
}

TEST_F(StoreFaultTest, WithoutAPlaceForTheBallastTheStoreIsLow) {
  options_.ballast_bytes = 64U << 10U;
  options_.ballast_path = directory_.path() + "/nowhere/ballast";
  create();
  EXPECT_TRUE(store_->is_low());

  // A full disk is still told from a broken one as well as it can be.
  crash::tap::begin(directory_.path());
  script_writes({Fate::fail_no_room});
  const auto full = put("not yet");
  EXPECT_TRUE(full && *full == Applied::no_room);
  script_writes({Fate::fail_io});
  EXPECT_FALSE(put("lost"));
}

// ---- rows that are not what was written -------------------------------------------------------

TEST_F(StoreFaultTest, AStoreThatDoesNotSayWhichRecordItHoldsIsRefused) {
  create();
  plant(Table::meta, std::string{upto_key}, "");
  const auto loaded = store_->load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, core::Errc::local_corrupt);
  EXPECT_EQ(loaded.error().detail, "the store does not say which record it holds");
}

TEST_F(StoreFaultTest, ARecordNumberThatIsNotWhatWasWrittenIsRefusedAndReported) {
  create();
  const std::string right = upto_value(options_.key, core::Lsn{5});
  std::string flipped = right;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  const std::string place = "table meta, key 7570746f: ";
  const std::string foreign = sealed({Table::meta, std::string{upto_key}}, message(1, 1, "x"));
  const std::vector<std::pair<std::string, std::string>> all = {
      {flipped, place + "the value is not what was written"},
      {"short", place + "the value is too short"},
      {foreign, place}};
  for (const auto& [value, words] : all) {
    plant(Table::meta, std::string{upto_key}, value);
    const auto loaded = store_->load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, core::Errc::local_corrupt);
    EXPECT_TRUE(loaded.error().detail.starts_with(words)) << loaded.error().detail;
    const auto found = store_->check();
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, std::vector<std::string>{loaded.error().detail});
  }
}

// With a right checksum: a newer program wrote it, or a row of another kind.
TEST_F(StoreFaultTest, ARowThatThisVersionDoesNotWriteIsRefusedByName) {
  create();
  const core::Row foreign = message(1, 1, std::string(300, '\xff'));
  const std::string words = ": this version of the program does not write such rows";
  for (const Table table : {Table::meta, Table::queues, Table::returned, Table::sessions,
                            Table::transactions, Table::peers}) {
    plant(table, "k", sealed({table, "k"}, foreign));
    const auto loaded = store_->load();
    ASSERT_FALSE(loaded) << to_text(table);
    EXPECT_EQ(loaded.error().code, core::Errc::local_corrupt);
    EXPECT_EQ(loaded.error().detail, std::string{"table "} + to_text(table) + ", key 6b" + words);
    EXPECT_EQ(store_->check()->size(), 1U);
    plant(table, "k", "");
  }
  open();
  EXPECT_TRUE(store_->check()->empty());
}

TEST_F(StoreFaultTest, AMessageThatIsNotWhatWasWrittenEndsEveryReadBeforeIt) {
  create();
  const core::QueueRow orders = orders_with(3);
  ASSERT_TRUE(store_->apply(
      {core::Lsn{1}, {orders, message(1, 1, "a"), message(1, 2, "b"), message(1, 3, "c")}, {}}));
  const RowPlace place = place_of(core::Row{message(1, 2, "")});
  const std::string words = "table messages, key 000000010000000000000002000000: ";
  core::PeerRow peer;
  peer.name = std::string(300, 'p');
  for (const std::string& value :
       {std::string{"short"}, std::string(40, 'x'), sealed(place, peer)}) {
    plant(Table::messages, place.key, value);
    const auto read = store_->read({core::QueueId{1}, std::nullopt, 100});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, core::Errc::local_corrupt);
    EXPECT_TRUE(read.error().detail.starts_with(words)) << read.error().detail;
    // Who asks for less than that gets it, and who asks beyond it too.
    EXPECT_EQ(store_->read({core::QueueId{1}, std::nullopt, 1})->rows.size(), 1U);
    const core::Position second{.at = core::Hlc{2}, .tie = {}, .part = 0};
    EXPECT_EQ(store_->read({core::QueueId{1}, second, 100})->rows.size(), 1U);
    const Status visited =
        store_->for_each_message("orders", [](core::MessageRow&&) { return true; });
    ASSERT_FALSE(visited);
    EXPECT_EQ(visited.error().detail, read.error().detail);
    const std::vector<std::string> found = *store_->check();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0], read.error().detail);
    EXPECT_EQ(found[1], "queue 1: 1 messages are missing");
  }
}

TEST_F(StoreFaultTest, AKeyThatIsNoPlaceOfAMessageIsRefused) {
  create();
  const core::MessageRow row = message(1, 2, "body");
  core::Position tied = row.position;
  tied.tie.sequence = core::Sequence{9};
  const std::string plain = message_key(row.queue, row.position);
  const std::string with_tie = message_key(row.queue, tied);
  constexpr std::size_t tie_at = 12;
  std::string third = plain;
  third[tie_at] = 2;
  std::string no_tie = with_tie;  // It says that it has one, and it is zero.
  std::fill(no_tie.begin() + tie_at + 1, no_tie.end(), '\0');
  ASSERT_TRUE(parse_message_key(with_tie));
  for (const std::string& key :
       {std::string{"k"}, plain.substr(0, plain.size() - 1), plain.substr(0, plain.size() - 2),
        plain + "x", third, no_tie, with_tie.substr(0, with_tie.size() - 1)}) {
    EXPECT_FALSE(parse_message_key(key));
    plant(Table::messages, key, sealed({Table::messages, key}, row));
    const std::vector<std::string> found = *store_->check();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].find("this version of the program does not write such rows"),
              std::string::npos)
        << found[0];
    plant(Table::messages, key, "");
  }
}

// As when LMDB finds an old page in the place of a newer one: each row is whole.
TEST_F(StoreFaultTest, OldRowsAreRefusedAndReported) {
  create();
  core::QueueRow orders = orders_with(1);
  const RowPlace place = place_of(core::Row{orders});
  const std::string old = sealed(place, orders);
  ASSERT_TRUE(store_->apply({core::Lsn{1}, {orders, message(1, 1, "a")}, {}}));
  orders.message_count = 2;
  ASSERT_TRUE(store_->apply({core::Lsn{2}, {orders, message(1, 2, "b")}, {}}));
  EXPECT_TRUE(store_->check()->empty());

  plant(place.table, place.key, old, Fitting::nothing);
  const auto loaded = store_->load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().detail, "table queues: its rows are not those that were written last");
  plant(place.table, place.key, sealed(place, orders), Fitting::nothing);
  EXPECT_TRUE(store_->load());

  // One message in the place of another: as many as before.
  const auto place_of_message = [](std::uint64_t at) {
    return message_key(core::QueueId{1}, message(1, at, "").position);
  };
  plant(Table::messages, place_of_message(1), "", Fitting::nothing);
  plant(Table::messages, place_of_message(3),
        sealed({Table::messages, place_of_message(3)}, message(1, 3, "c")), Fitting::nothing);
  EXPECT_EQ(*store_->check(), std::vector<std::string>{
                                  "table messages: its rows are not those that were written last"});
}

struct Changes {
  int count = 0;
  std::uint64_t places = 0;
  std::uint64_t body_bytes_max = 0;
};

// Messages of queue 4 that are put or erased; some of them have a longer key.
core::Checkpoint drawn(Random& random, std::uint64_t upto, const Changes& changes) {
  core::Checkpoint checkpoint;
  checkpoint.upto = core::Lsn{upto};
  std::set<std::uint64_t> places;
  for (int i = 0; i < changes.count; ++i)
    places.insert(1 + random.below(changes.places));
  for (const std::uint64_t at : places) {
    core::MessageRow row = message(4, at, random.bytes(random.below(changes.body_bytes_max)));
    if (at % 3 == 0) row.position.tie.sequence = core::Sequence{at};
    if (random.one_in(2)) {
      checkpoint.erased.emplace_back(core::MessageKey{row.queue, row.position});
    } else {
      checkpoint.puts.emplace_back(std::move(row));
    }
  }
  return checkpoint;
}

// Sums are of what was written, also where it had to be begun once more.
TEST_F(StoreFaultTest, SumsFitAfterEveryKindOfChange) {
  create();
  Random random{5};
  std::uint64_t upto = 0;
  for (int round = 0; round < 60; ++round) {
    const core::Checkpoint checkpoint =
        drawn(random, ++upto, {.count = 20, .places = 200, .body_bytes_max = 3000});
    ASSERT_TRUE(store_->apply(checkpoint));
    if (random.one_in(3)) {
      ASSERT_TRUE(store_->apply(checkpoint)) << "once more is harmless";
    }
    if (random.one_in(4)) open();
    const std::vector<std::string> all = *store_->check();
    for (const std::string& found : all)
      EXPECT_EQ(found.find("table"), std::string::npos) << found << " in round " << round;
  }
}

// Rows are changed before and behind the place that it has come to.
TEST_F(StoreFaultTest, AScrubGoesAlongWithWhatChanges) {
  create();
  Random random{6};
  std::uint64_t upto = 0;
  std::uint64_t row_count = 0;
  int walk_count = 0;
  for (int round = 0; round < 600; ++round) {
    core::Checkpoint checkpoint =
        drawn(random, ++upto, {.count = 5, .places = 100, .body_bytes_max = 300});
    checkpoint.puts.emplace_back(orders_with(upto));
    ASSERT_TRUE(store_->apply(checkpoint));
    if (random.one_in(50)) open();
    const auto some = store_->scrub(1 + random.below(20));
    ASSERT_TRUE(some) << some.error().detail << " in round " << round;
    row_count += some->row_count;
    if (some->is_end) ++walk_count;
  }
  EXPECT_GT(walk_count, 10);
  EXPECT_GT(row_count, 1000U);
}

TEST_F(StoreFaultTest, AScrubFindsWhatIsNotAsItWasWritten) {
  create();
  core::Checkpoint checkpoint{core::Lsn{1}, {orders_with(20)}, {}};
  for (std::uint64_t at = 1; at <= 20; ++at)
    checkpoint.puts.emplace_back(message(1, at, "body"));
  ASSERT_TRUE(store_->apply(checkpoint));
  const RowPlace place = place_of(core::Row{message(1, 7, "")});
  const auto walk = [&]() -> std::string {
    for (;;) {
      const auto some = store_->scrub(3);
      if (!some) return some.error().detail;
      if (some->is_end) return {};
    }
  };
  EXPECT_EQ(walk(), "");
  EXPECT_EQ(walk(), "");
  const std::string whole = sealed(place, message(1, 7, "body"));
  const std::string old = sealed(place, message(1, 7, "older"));
  const std::string others = "table messages: its rows are not those that were written last";
  for (const auto& [value, words] : std::vector<std::pair<std::string, std::string>>{
           {std::string(40, 'x'), "the value is not what was written"},
           {"", others},
           {old, others}}) {
    plant(place.table, place.key, value, Fitting::nothing);
    const std::string found = walk();
    EXPECT_NE(found.find(words), std::string::npos) << found;
    plant(place.table, place.key, whole, Fitting::nothing);
    EXPECT_EQ(walk(), "");
  }
}

TEST_F(StoreFaultTest, ACheckFindsARowUnderAnothersKeyAndMessagesThatNobodyCounts) {
  create();
  core::QueueRow queue;
  queue.queue = core::QueueId{2};
  const std::string key = "\x01\x02\x03\x04";
  plant(Table::queues, key, sealed({Table::queues, key}, queue));
  EXPECT_EQ(*store_->check(), std::vector<std::string>{"a row lies under another's key"});

  plant(Table::queues, key, "");
  open();
  ASSERT_TRUE(store_->apply({core::Lsn{1}, {message(4, 1, "a"), message(4, 2, "b")}, {}}));
  EXPECT_EQ(*store_->check(), std::vector<std::string>{"queue 4: 2 messages more than it counts"});
}

TEST_F(StoreFaultTest, AnAuditStopsWhenItsVisitorHasSeenEnough) {
  create();
  core::QueueRow orders;
  orders.queue = core::QueueId{1};
  orders.name = "orders";
  ASSERT_TRUE(store_->apply({core::Lsn{1}, {orders, message(1, 1, "a"), message(1, 2, "b")}, {}}));
  int seen = 0;
  const Status visited = store_->for_each_message("orders", [&seen](core::MessageRow&&) {
    ++seen;
    return false;
  });
  EXPECT_TRUE(visited);
  EXPECT_EQ(seen, 1);

  plant(Table::meta, std::string{upto_key}, "");
  const Status damaged =
      store_->for_each_message("orders", [](core::MessageRow&&) { return true; });
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().detail, "the store does not say which record it holds");
}

}  // namespace
}  // namespace nemcon::log::test
