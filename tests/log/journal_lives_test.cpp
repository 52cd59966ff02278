// Goal: what append() acknowledged is there after any crash, in any later life; what it did not
// acknowledge is there whole or not at all; and a start after a mere crash is never refused.
// Method: thousands of lives on a disk that forgets, dies in the middle of any call, tears
// writes, fails flushes and fills up. A disk that ignores flushes must be found out.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/journal.hpp"
#include "log/journal_format.hpp"
#include "tests/log/samples.hpp"
#include "tests/log/simulated_disk.hpp"

namespace nemcon::log::test {
namespace {

// One journal through many lives, and what it must and may hold.
class Lives {
 public:
  explicit Lives(std::uint64_t seed) : random_(seed), disk_(seed + 1) {
    options_.directory = "/journal";
    options_.key = key_of(static_cast<unsigned char>(seed));
    options_.segment_bytes = (2 + random_.below(6)) * page_bytes;
    options_.segment_count = static_cast<std::uint32_t>(2 + random_.below(3));
    options_.segment_count_max = options_.segment_count + 4;
    options_.files = &disk_;
  }

  SimulatedDisk& disk() { return disk_; }

  // Empty when all went well, else what was wrong.
  std::string run(int life_count) {
    if (!Journal::create(options_, core::Lsn{})) return "cannot create";
    for (int life = 0; life < life_count; ++life) {
      const std::string wrong = live(life);
      if (!wrong.empty()) return "life " + std::to_string(life) + ": " + wrong;
    }
    return "";
  }

  [[nodiscard]] std::size_t acknowledged_count() const { return acknowledged_; }

  [[nodiscard]] std::size_t lost_tail_count() const { return lost_tails_; }

 private:
  std::string live(int life) {
    auto opened = Journal::open(options_);
    if (!opened) return opened.error().detail;
    const std::unique_ptr<Journal> journal = std::move(opened).value();
    std::string wrong = recover(*journal);
    if (!wrong.empty()) return wrong;
    // The recovered state is told to others; from now on it must never be forgotten.
    acknowledged_ = last_;
    if (random_.one_in(4)) {
      die();
      return "";
    }
    plan_trouble();
    const std::uint64_t batch_count = random_.below(30);
    for (std::uint64_t i = 0; i < batch_count; ++i) {
      if (!append(*journal, life)) break;
      if (random_.one_in(3)) checkpoint(*journal);
    }
    die();
    return "";
  }

  std::string recover(Journal& journal) {
    std::uint64_t next = checkpoint_;
    std::string wrong;
    const auto last =
        journal.replay(core::Lsn{checkpoint_}, [&](core::Lsn lsn, core::Record&& record) -> Status {
          ++next;
          if (lsn.value() != next) wrong = "a gap before record " + std::to_string(lsn.value());
          if (dump(record) != written_[next]) wrong = "record " + std::to_string(next) + " is not";
          return core::Nothing{};
        });
    if (!last) return last.error().detail;
    if (!wrong.empty()) return wrong;
    if (last->value() != next) return "the end is wrong";
    if (next < acknowledged_) {
      return "record " + std::to_string(acknowledged_) + " was acknowledged, the end is " +
             std::to_string(next);
    }
    // A batch that nobody was promised is there whole or not at all.
    if (next != acknowledged_ && next != attempted_) return "half a batch";
    if (next < attempted_) ++lost_tails_;
    last_ = next;
    return "";
  }

  bool append(Journal& journal, int life) {
    std::vector<core::Write> batch;
    const std::uint64_t count = 1 + random_.below(4);
    const std::uint64_t room = options_.segment_bytes - page_bytes - batch_head_bytes;
    for (std::uint64_t i = 0; i < count; ++i) {
      // Together they fit in a segment: a batch that is cut may be there in part.
      const std::uint64_t body_max = room / count > 300 ? room / count - 300 : 1;
      core::Record record =
          sent("life " + std::to_string(life) + " " + std::to_string(last_ + 1 + i) + " ",
               random_.below(random_.one_in(2) ? 50 : body_max));
      written_[last_ + 1 + i] = dump(record);
      batch.push_back(write(last_ + 1 + i, std::move(record)));
    }
    attempted_ = last_ + count;
    const Status appended = journal.append(batch);
    if (!appended) return false;
    last_ = attempted_;
    acknowledged_ = last_;
    return true;
  }

  // The store is durable by itself.
  void checkpoint(Journal& journal) {
    checkpoint_ += random_.below(last_ - checkpoint_ + 1);
    journal.release_upto(core::Lsn{checkpoint_});
  }

  void plan_trouble() {
    const std::uint64_t at = random_.below(60);
    const bool fails_flush = random_.one_in(3);
    auto count = std::make_shared<std::uint64_t>(0);
    disk_.interfere = [at, fails_flush, count](const Call& call) {
      if (call.kind == CallKind::pread) return 0;
      const bool is_now = (*count)++ >= at;
      // Past that moment nothing reaches the disk: the process is dead and does not know yet.
      if (!is_now) return 0;
      if (fails_flush && call.kind != CallKind::fdatasync && call.kind != CallKind::fsync) return 0;
      return fails_flush ? -EIO : SimulatedDisk::process_is_dead;
    };
  }

  void die() {
    disk_.interfere = nullptr;
    if (random_.one_in(3)) {
      disk_.kill_process();
    } else {
      disk_.cut_power();
    }
  }

  Random random_;
  SimulatedDisk disk_;
  JournalOptions options_;
  std::map<std::uint64_t, std::string> written_;  // The newest attempt at each Lsn.
  std::uint64_t last_ = 0;
  std::uint64_t attempted_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t checkpoint_ = 0;
  std::size_t lost_tails_ = 0;
};

TEST(JournalLives, WhatWasAcknowledgedOutlivesEveryCrash) {
  std::size_t acknowledged = 0;
  std::size_t lost_tails = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Lives lives{seed};
    ASSERT_EQ(lives.run(30), "") << "seed " << seed;
    acknowledged += lives.acknowledged_count();
    lost_tails += lives.lost_tail_count();
  }
  // Not an empty run.
  EXPECT_GT(acknowledged, 20'000U);
  EXPECT_GT(lost_tails, 500U);
}

// The test has teeth: without flushes it sees losses at once.
TEST(JournalLives, ADiskThatIgnoresFlushesIsFoundOut) {
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Lives lives{seed};
    lives.disk().ignores_flushes = true;
    if (!lives.run(30).empty()) ++found;
  }
  EXPECT_GT(found, 15U);
}

}  // namespace
}  // namespace nemcon::log::test
