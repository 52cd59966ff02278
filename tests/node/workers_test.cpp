// Goal: the journal thread batches what arrives while the disk is busy, and tells of nothing that
// is not durable; the store thread keeps the order of its orders, and waits for room. Method: the
// workers run on threads of their own against a journal and a store that the test controls.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/check.hpp"
#include "node/journal_worker.hpp"
#include "node/node.hpp"
#include "node/store_worker.hpp"

namespace nemcon::node {
namespace {

using namespace std::chrono_literals;
using core::Lsn;
using Lsns = std::vector<std::uint64_t>;

const core::Error disk_error{core::Errc::local_failed, "write segment-0001: Input/output error"};

// The kernel's files, but a flush waits while it is held, or fails.
class HeldFiles final : public log::FileOperations {
 public:
  int open(const std::string& path, int flags) override { return kernel_.open(path, flags); }

  ssize_t pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) override {
    return kernel_.pread(file, into, byte_count, offset);
  }

  ssize_t pwrite(int file, const char* from, std::size_t byte_count,
                 std::uint64_t offset) override {
    return kernel_.pwrite(file, from, byte_count, offset);
  }

  int fdatasync(int file) override {
    if (holds) {
      flushing.put(0);
      std::vector<int> go;
      NEMCON_CHECK(release.wait_and_take(go, std::nullopt));
    }
    return fails ? -EIO : kernel_.fdatasync(file);
  }

  int fsync(int file) override { return kernel_.fsync(file); }

  int ftruncate(int file, std::uint64_t byte_count) override {
    return kernel_.ftruncate(file, byte_count);
  }

  int rename(const std::string& from, const std::string& to) override {
    return kernel_.rename(from, to);
  }

  int unlink(const std::string& path) override { return kernel_.unlink(path); }

  int list(const std::string& directory, std::vector<std::string>& names) override {
    return kernel_.list(directory, names);
  }

  void drop_cache(int file) override { kernel_.drop_cache(file); }

  void close(int file) override { kernel_.close(file); }

  // Set before the journal thread begins.
  bool holds = false;
  bool fails = false;
  Mailbox<int> flushing{100};  // One for each flush that begins, while held.
  Mailbox<int> release{100};   // One for each flush that may end.

 private:
  log::KernelFiles kernel_;
};

JournalOrder order(const Lsns& lsns, bool urgent, std::size_t body_bytes) {
  JournalOrder made;
  for (const std::uint64_t lsn : lsns) {
    core::Sent sent;
    sent.content.body = core::Bytes(std::string(body_bytes, 'x'));
    made.writes.push_back({.lsn = Lsn{lsn}, .record = std::move(sent), .urgent = urgent});
  }
  made.urgent = urgent;
  return made;
}

JournalOrder urgent(const Lsns& lsns) {
  return order(lsns, true, 100);
}

JournalOrder patient(const Lsns& lsns) {
  return order(lsns, false, 100);
}

template <class T>
std::vector<T> next(Mailbox<T>& mailbox) {
  std::vector<T> items;
  const auto deadline = Mailbox<T>::Clock::now() + 10s;
  EXPECT_TRUE(mailbox.wait_and_take(items, deadline));
  EXPECT_FALSE(items.empty()) << "nothing came within 10 s";
  return items;
}

// "durable 5", "read 3", "checkpoint 7", "short", "room".
std::string describe(const LoopFact& fact) {
  if (const auto* const durable = std::get_if<JournalDurable>(&fact)) {
    return "durable " + std::to_string(durable->upto.value());
  }
  if (const auto* const done = std::get_if<core::ReadDone>(&fact)) {
    return "read " + std::to_string(done->queue.value());
  }
  if (const auto* const done = std::get_if<core::CheckpointDone>(&fact)) {
    return "checkpoint " + std::to_string(done->upto.value());
  }
  if (const auto* const room = std::get_if<RoomShort>(&fact)) {
    return room->is_short ? "short" : "room";
  }
  return "something else";
}

// The next `count` facts for the loop.
std::vector<std::string> facts(Mailboxes& mailboxes, std::size_t count) {
  std::vector<std::string> texts;
  while (texts.size() < count) {
    const std::vector<LoopFact> taken = next(mailboxes.to_loop);
    if (taken.empty()) break;
    for (const LoopFact& fact : taken)
      texts.push_back(describe(fact));
  }
  return texts;
}

class JournalWorkerTest : public testing::Test {
 protected:
  JournalWorkerTest() {
    std::string path = testing::TempDir() + "/nemcon_workers_test.XXXXXX";
    NEMCON_CHECK(mkdtemp(path.data()) != nullptr);
    options_.directory = path;
    options_.segment_bytes = 64 << 10;
    options_.segment_count = 2;
    options_.segment_count_max = 2;
    options_.files = &files_;
    NEMCON_CHECK(log::Journal::create(options_, Lsn{0}).has_value());
    journal_ = log::Journal::open(options_).value();
    const auto ignore = [](Lsn, core::Record&&) { return core::Status{core::Nothing{}}; };
    NEMCON_CHECK(journal_->replay(Lsn{0}, ignore).has_value());
    worker_ = std::make_unique<JournalWorker>(*journal_, mailboxes_, trace_, points_);
  }

  ~JournalWorkerTest() override {
    journal_.reset();
    std::filesystem::remove_all(options_.directory);
  }

  void start() {
    thread_ = std::thread([this] { worker_->run(); });
  }

  void stop() {
    mailboxes_.to_journal.close();
    thread_.join();
  }

  Trace trace_{Trace::Options{.level = TraceLevel::error, .format = TraceFormat::text}};
  FailPoints points_;
  HeldFiles files_;
  log::JournalOptions options_;
  std::unique_ptr<log::Journal> journal_;
  Mailboxes mailboxes_;
  std::unique_ptr<JournalWorker> worker_;
  std::thread thread_;
};

TEST_F(JournalWorkerTest, MakesAnUrgentWriteDurableAtOnce) {
  start();
  mailboxes_.to_journal.put(urgent({1, 2}));

  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 2"});
  stop();
  EXPECT_EQ(journal_->use().flush_count, 1u);
}

TEST_F(JournalWorkerTest, WhatArrivesDuringAFlushIsTheNextBatch) {
  files_.holds = true;
  start();
  mailboxes_.to_journal.put(urgent({1}));
  next(files_.flushing);

  mailboxes_.to_journal.put(urgent({2, 3}));
  mailboxes_.to_journal.put(patient({4}));
  mailboxes_.to_journal.put(urgent({5}));
  // Nothing may be told of while the first flush is under way.
  EXPECT_EQ(mailboxes_.to_loop.count(), 0u);
  files_.release.put(0);
  next(files_.flushing);
  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 1"});
  files_.release.put(0);

  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 5"});
  stop();
  EXPECT_EQ(journal_->use().flush_count, 2u);
}

TEST_F(JournalWorkerTest, WritesNobodyWaitsForAreDurableSoonAllTheSame) {
  start();
  const auto before = std::chrono::steady_clock::now();
  mailboxes_.to_journal.put(patient({1}));

  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 1"});
  EXPECT_GE(std::chrono::steady_clock::now() - before, journal_patience);
  stop();
}

TEST_F(JournalWorkerTest, StopMakesTheRestDurableFirst) {
  mailboxes_.to_journal.put(patient({1}));
  mailboxes_.to_journal.put(patient({2}));
  mailboxes_.to_journal.close();
  worker_->run();

  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 2"});
}

TEST_F(JournalWorkerTest, TellsWhenRoomIsShortAndWhenItIsNotAnyMore) {
  start();
  // Two segments of 64 KiB, and no more: the second one is begun with the second order.
  mailboxes_.to_journal.put(order({1}, true, 40 << 10));
  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"durable 1"});
  mailboxes_.to_journal.put(order({2}, true, 40 << 10));
  EXPECT_EQ(facts(mailboxes_, 2), (std::vector<std::string>{"durable 2", "short"}));

  JournalOrder release;
  release.release_upto = Lsn{2};
  mailboxes_.to_journal.put(std::move(release));
  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"room"});
  stop();
}

TEST_F(JournalWorkerTest, RingsTheBellOfTheLoop) {
  mailboxes_.to_journal.put(urgent({1}));
  mailboxes_.to_journal.close();
  worker_->run();

  std::uint64_t rings = 0;
  EXPECT_EQ(read(mailboxes_.loop_bell.descriptor(), &rings, sizeof rings), 8);
}

TEST_F(JournalWorkerTest, FailedFlushEndsTheProcessAndTellsNobodyElse) {
  files_.fails = true;
  mailboxes_.to_journal.put(urgent({1}));
  mailboxes_.to_journal.close();

  EXPECT_EXIT(worker_->run(), testing::ExitedWithCode(exit_storage_failed),
              "error \"storage failed, stopping at once\" what=journal "
              "why=\"cannot flush .*/segment-0001: Input/output error\"");
}

// Answers every read with the queue asked for; has room while `room` says so.
class FakeStore final : public log::Store {
 public:
  core::Result<Loaded> load() override { return Loaded{}; }

  core::Result<log::Applied> apply(const core::Checkpoint& checkpoint) override {
    if (fails) return disk_error;
    if (!room) return log::Applied::no_room;
    applied.push_back(checkpoint.upto.value());
    return log::Applied::done;
  }

  core::Result<core::ReadDone> read(const core::Read& read) override {
    if (fails) return disk_error;
    return core::ReadDone{.queue = read.queue, .rows = {}, .end = true};
  }

  [[nodiscard]] bool is_low() const override { return low; }

  void look_for_room() override {
    ++look_count;
    if (room_at_look != 0 && look_count >= room_at_look) {
      room = true;
      low = false;
    }
  }

  core::Status for_each_message(const std::string& /*queue*/,
                                const MessageVisitor& /*visitor*/) override {
    return core::Nothing{};
  }

  core::Result<std::vector<std::string>> check() override { return std::vector<std::string>{}; }

  // Three rows in all; the walk ends with them.
  core::Result<log::Scrubbed> scrub(std::size_t row_count_max) override {
    if (damaged) return core::Error{core::Errc::local_corrupt, "table messages: rotten"};
    EXPECT_GT(row_count_max, 0u);
    ++scrub_count;
    return log::Scrubbed{.row_count = 1, .is_end = scrub_count % 3 == 0};
  }

  [[nodiscard]] log::StoreUse use() const override { return {}; }

  bool room = true;
  bool low = false;
  bool fails = false;
  bool damaged = false;
  std::atomic<int> scrub_count = 0;
  int look_count = 0;
  int room_at_look = 0;  // 0: it stays as it is.
  Lsns applied;
};

core::Read read_of(std::uint32_t queue) {
  return {.queue = core::QueueId{queue}, .after = {}, .count_max = 1};
}

core::Checkpoint checkpoint_at(std::uint64_t lsn) {
  return {.upto = Lsn{lsn}, .puts = {}, .erased = {}};
}

class StoreWorkerTest : public testing::Test {
 protected:
  Trace trace_{Trace::Options{.level = TraceLevel::error, .format = TraceFormat::text}};
  FailPoints points_;
  FakeStore store_;
  Mailboxes mailboxes_;
  StoreWorker worker_{store_, mailboxes_, trace_, points_, std::chrono::milliseconds{50}};
};

TEST_F(StoreWorkerTest, CarriesOutItsOrdersInTheirOrder) {
  mailboxes_.to_store.put(read_of(1));
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.put(read_of(2));
  mailboxes_.to_store.put(checkpoint_at(20));
  mailboxes_.to_store.close();
  worker_.run();

  EXPECT_EQ(facts(mailboxes_, 4),
            (std::vector<std::string>{"read 1", "checkpoint 10", "read 2", "checkpoint 20"}));
  EXPECT_EQ(store_.applied, (Lsns{10, 20}));
}

TEST_F(StoreWorkerTest, TriesACheckpointAgainUntilThereIsRoomAndKeepsTheOrder) {
  store_.room = false;
  store_.room_at_look = 2;
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.put(read_of(1));
  std::thread thread([this] { worker_.run(); });

  EXPECT_EQ(facts(mailboxes_, 4),
            (std::vector<std::string>{"short", "checkpoint 10", "read 1", "room"}));
  mailboxes_.to_store.close();
  thread.join();
  EXPECT_EQ(store_.applied, Lsns{10});
}

TEST_F(StoreWorkerTest, LooksForRoomWhileTheStoreIsLow) {
  store_.low = true;
  store_.room_at_look = 1;
  mailboxes_.to_store.put(checkpoint_at(10));
  std::thread thread([this] { worker_.run(); });

  EXPECT_EQ(facts(mailboxes_, 3), (std::vector<std::string>{"checkpoint 10", "short", "room"}));
  mailboxes_.to_store.close();
  thread.join();
}

TEST_F(StoreWorkerTest, StopDoesNotWaitForRoom) {
  store_.room = false;
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.close();
  worker_.run();

  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"short"});
  EXPECT_TRUE(store_.applied.empty());
}

TEST_F(StoreWorkerTest, FailedCheckpointEndsTheProcess) {
  store_.fails = true;
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.close();

  EXPECT_EXIT(worker_.run(), testing::ExitedWithCode(exit_storage_failed),
              "storage failed, stopping at once\" what=store");
}

TEST_F(StoreWorkerTest, FailedReadEndsTheProcess) {
  store_.fails = true;
  mailboxes_.to_store.put(read_of(1));
  mailboxes_.to_store.close();

  EXPECT_EXIT(worker_.run(), testing::ExitedWithCode(exit_storage_failed),
              "storage failed, stopping at once\" what=store");
}

TEST_F(StoreWorkerTest, ScrubsAgainAndAgainWhileThereIsNothingElse) {
  std::thread thread([this] { worker_.run(); });
  while (store_.scrub_count < 7)
    std::this_thread::yield();
  mailboxes_.to_store.put(read_of(1));
  EXPECT_EQ(facts(mailboxes_, 1), std::vector<std::string>{"read 1"});
  mailboxes_.to_store.close();
  thread.join();
}

TEST_F(StoreWorkerTest, DamageThatTheScrubFindsEndsTheProcess) {
  store_.damaged = true;
  EXPECT_EXIT(worker_.run(), testing::ExitedWithCode(exit_storage_failed),
              "what=store why=\"table messages: rotten; .*A damaged data directory");
}

}  // namespace
}  // namespace nemcon::node
