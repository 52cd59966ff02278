// Goal: store and journal together give back exactly what was made durable, whatever part of it
// was checkpointed. Method: real files, many lives; a checkpoint is whatever the records say.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/log.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

class OpenLogTest : public testing::Test {
 protected:
  OpenLogTest() {
    options_.directory = directory_.path() + "/data";
    options_.node_name = "shop";
    options_.segment_bytes = 64U << 10U;
    options_.segment_count = 2;
    options_.map_bytes = 1U << 20U;
    options_.ballast_bytes = 64U << 10U;
  }

  Opened open() {
    auto opened = open_log(options_);
    NEMCON_CHECK(opened.has_value(), opened ? "" : opened.error().detail);
    return std::move(opened).value();
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  LogOptions options_;
};

TEST_F(OpenLogTest, ANewLogIsEmpty) {
  const Opened opened = open();

  EXPECT_TRUE(opened.restored.rows.empty());
  EXPECT_TRUE(opened.restored.records.empty());
  EXPECT_EQ(opened.restored.checkpoint, core::Lsn{});
  EXPECT_EQ(opened.last, core::Lsn{});
}

TEST_F(OpenLogTest, RestoresTheCheckpointAndEveryRecordAfterIt) {
  core::PeerRow peer;
  peer.name = "warehouse";
  {
    const Opened opened = open();
    for (std::uint64_t lsn = 1; lsn <= 10; ++lsn) {
      const auto batch = std::vector{write(lsn, sent("record " + std::to_string(lsn), 10))};
      ASSERT_TRUE(opened.journal->append(batch));
    }
    ASSERT_TRUE(opened.store->apply({core::Lsn{7}, {peer}, {}}));
    opened.journal->release_upto(core::Lsn{7});
  }

  const Opened opened = open();

  EXPECT_EQ(opened.restored.checkpoint, core::Lsn{7});
  ASSERT_EQ(opened.restored.rows.size(), 1U);
  EXPECT_EQ(dump(opened.restored.rows[0]), dump(core::Row{peer}));
  ASSERT_EQ(opened.restored.records.size(), 3U);
  EXPECT_EQ(dump(opened.restored.records[0]), dump(sent("record 8", 10)));
  EXPECT_EQ(opened.last, core::Lsn{10});
}

TEST_F(OpenLogTest, ManyLivesWithCheckpointsLoseNothing) {
  Random random{2};
  std::vector<std::string> written = {""};  // By Lsn.
  std::uint64_t checkpoint = 0;
  for (int life = 0; life < 25; ++life) {
    const Opened opened = open();
    ASSERT_EQ(opened.restored.checkpoint.value(), checkpoint);
    ASSERT_EQ(opened.last.value(), written.size() - 1);
    for (std::size_t i = 0; i < opened.restored.records.size(); ++i) {
      ASSERT_EQ(dump(opened.restored.records[i]), written[checkpoint + 1 + i]);
    }
    ASSERT_EQ(checkpoint + opened.restored.records.size() + 1, written.size());
    for (std::uint64_t i = random.below(30); i > 0; --i) {
      const core::Record record = sent(std::to_string(random.next()), random.below(3000));
      ASSERT_TRUE(opened.journal->append(std::vector{write(written.size(), record)}));
      written.push_back(dump(record));
      if (!random.one_in(4)) continue;
      checkpoint += random.below(written.size() - checkpoint);
      ASSERT_TRUE(opened.store->apply({core::Lsn{checkpoint}, {}, {}}));
      opened.journal->release_upto(core::Lsn{checkpoint});
    }
  }
  EXPECT_GT(written.size(), 200U);
}

// An old store put back in place keeps its inode: here the journal is what tells.
TEST_F(OpenLogTest, AStoreThatWasPutBackInPlaceIsRefusedOnceTheJournalHasMovedOn) {
  std::string old;
  {
    const Opened opened = open();
    ASSERT_TRUE(opened.journal->append(std::vector{write(1, sent("first", 10))}));
    ASSERT_TRUE(opened.store->apply({core::Lsn{1}, {}, {}}));
  }
  const std::string file = options_.directory + "/store/data.mdb";
  old = read_file(file);
  {
    const Opened opened = open();
    for (std::uint64_t lsn = 2; lsn <= 60; ++lsn) {
      ASSERT_TRUE(opened.journal->append(std::vector{write(lsn, sent("later", 10))}));
      ASSERT_TRUE(opened.store->apply({core::Lsn{lsn}, {}, {}}));
      opened.journal->release_upto(core::Lsn{lsn});
    }
  }
  write_file(file, old);

  const auto opened = open_log(options_);

  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("is damaged or missing, yet"), std::string::npos)
      << opened.error().detail;
}

}  // namespace
}  // namespace nemcon::log::test
