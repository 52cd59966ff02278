// Goal: the journal thread batches what arrives while the disk is busy, and tells of nothing that
// is not durable; the store thread keeps the order of its orders, and waits for room. Method: the
// workers run on threads of their own against a journal and a store that the test controls.
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

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

// Remembers every batch. While it is held, append() does not return.
class FakeJournal final : public log::Journal {
 public:
  core::Result<Lsn> replay(Lsn after, const Visitor& /*visitor*/) override { return after; }

  core::Status append(std::span<const core::Write> batch) override {
    Lsns lsns;
    for (const core::Write& write : batch)
      lsns.push_back(write.lsn.value());
    appending.put(lsns);
    if (holds) {
      std::vector<int> go;
      NEMCON_CHECK(release.wait_and_take(go, std::nullopt));
    }
    if (fails) return disk_error;
    return core::Nothing{};
  }

  void release_upto(Lsn upto) override {
    released = upto;
    low = false;
  }

  [[nodiscard]] bool is_low() const override { return low; }

  [[nodiscard]] log::JournalUse use() const override { return {}; }

  bool holds = false;
  bool fails = false;
  bool low = false;
  Lsn released;
  Mailbox<Lsns> appending{100};  // Each batch, when its append begins.
  Mailbox<int> release{100};     // One batch each, while `holds`.
};

core::Write write(std::uint64_t lsn) {
  return {.lsn = Lsn{lsn}, .record = {}, .urgent = true};
}

JournalOrder order(const Lsns& lsns, bool urgent) {
  JournalOrder made;
  for (const std::uint64_t lsn : lsns)
    made.writes.push_back(write(lsn));
  made.urgent = urgent;
  return made;
}

template <class T>
std::vector<T> next(Mailbox<T>& mailbox) {
  std::vector<T> items;
  const auto deadline = Mailbox<T>::Clock::now() + 10s;
  EXPECT_TRUE(mailbox.wait_and_take(items, deadline));
  EXPECT_FALSE(items.empty()) << "nothing came within 10 s";
  return items;
}

class JournalWorkerTest : public testing::Test {
 protected:
  void start() {
    thread_ = std::thread([this] { worker_.run(); });
  }

  void stop() {
    mailboxes_.to_journal.close();
    thread_.join();
  }

  Lsn next_durable() {
    for (;;) {
      for (const LoopFact& fact : next(mailboxes_.to_loop)) {
        if (const auto* const durable = std::get_if<JournalDurable>(&fact)) return durable->upto;
      }
    }
  }

  Trace trace_{{.level = TraceLevel::error, .format = TraceFormat::text}};
  FailPoints points_;
  FakeJournal journal_;
  Mailboxes mailboxes_;
  JournalWorker worker_{journal_, mailboxes_, trace_, points_};
  std::thread thread_;
};

TEST_F(JournalWorkerTest, MakesAnUrgentWriteDurableAtOnce) {
  start();
  mailboxes_.to_journal.put(order({1, 2}, true));

  EXPECT_EQ(next_durable(), Lsn{2});
  EXPECT_EQ(next(journal_.appending), (std::vector<Lsns>{{1, 2}}));
  stop();
}

TEST_F(JournalWorkerTest, WhatArrivesDuringAFlushIsTheNextBatch) {
  journal_.holds = true;
  start();
  mailboxes_.to_journal.put(order({1}, true));
  EXPECT_EQ(next(journal_.appending), (std::vector<Lsns>{{1}}));

  mailboxes_.to_journal.put(order({2, 3}, true));
  mailboxes_.to_journal.put(order({4}, false));
  mailboxes_.to_journal.put(order({5}, true));
  // Nothing may be told of while the first flush is under way.
  EXPECT_EQ(mailboxes_.to_loop.count(), 0u);
  journal_.release.put(0);
  EXPECT_EQ(next(journal_.appending), (std::vector<Lsns>{{2, 3, 4, 5}}));
  journal_.release.put(0);

  EXPECT_EQ(next_durable().value() == 1 ? next_durable() : Lsn{5}, Lsn{5});
  stop();
}

TEST_F(JournalWorkerTest, WritesNobodyWaitsForAreDurableSoonAllTheSame) {
  start();
  const auto before = std::chrono::steady_clock::now();
  mailboxes_.to_journal.put(order({1}, false));

  EXPECT_EQ(next_durable(), Lsn{1});
  EXPECT_GE(std::chrono::steady_clock::now() - before, journal_patience);
  stop();
}

TEST_F(JournalWorkerTest, StopMakesTheRestDurableFirst) {
  mailboxes_.to_journal.put(order({1}, false));
  mailboxes_.to_journal.put(order({2}, false));
  mailboxes_.to_journal.close();
  worker_.run();

  EXPECT_EQ(next(journal_.appending), (std::vector<Lsns>{{1, 2}}));
  EXPECT_EQ(next_durable(), Lsn{2});
}

TEST_F(JournalWorkerTest, TellsWhenRoomIsShortAndWhenItIsNotAnyMore) {
  journal_.low = true;
  mailboxes_.to_journal.put(order({1}, true));
  start();
  std::vector<LoopFact> facts;
  while (facts.size() < 2) {
    for (LoopFact& fact : next(mailboxes_.to_loop))
      facts.push_back(std::move(fact));
  }
  EXPECT_TRUE(std::get<RoomShort>(facts[1]).is_short);

  JournalOrder release;
  release.release_upto = Lsn{1};
  mailboxes_.to_journal.put(std::move(release));
  facts = next(mailboxes_.to_loop);
  EXPECT_FALSE(std::get<RoomShort>(facts[0]).is_short);
  stop();
  EXPECT_EQ(journal_.released, Lsn{1});
}

TEST_F(JournalWorkerTest, RingsTheBellOfTheLoop) {
  mailboxes_.to_journal.put(order({1}, true));
  mailboxes_.to_journal.close();
  worker_.run();

  std::uint64_t rings = 0;
  EXPECT_EQ(read(mailboxes_.loop_bell.descriptor(), &rings, sizeof rings), 8);
}

TEST_F(JournalWorkerTest, FailedFlushEndsTheProcessAndTellsNobodyElse) {
  journal_.fails = true;
  mailboxes_.to_journal.put(order({1}, true));
  mailboxes_.to_journal.close();

  EXPECT_EXIT(worker_.run(), testing::ExitedWithCode(exit_storage_failed),
              "error \"storage failed, stopping at once\" what=journal "
              "why=\"write segment-0001: Input/output error\"");
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

  [[nodiscard]] log::StoreUse use() const override { return {}; }

  bool room = true;
  bool low = false;
  bool fails = false;
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

// "read 3", "checkpoint 7", "short", "room".
std::string describe(const LoopFact& fact) {
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

class StoreWorkerTest : public testing::Test {
 protected:
  std::vector<std::string> facts(std::size_t count) {
    std::vector<std::string> texts;
    while (texts.size() < count) {
      const std::vector<LoopFact> taken = next(mailboxes_.to_loop);
      if (taken.empty()) break;
      for (const LoopFact& fact : taken)
        texts.push_back(describe(fact));
    }
    return texts;
  }

  Trace trace_{{.level = TraceLevel::error, .format = TraceFormat::text}};
  FailPoints points_;
  FakeStore store_;
  Mailboxes mailboxes_;
  StoreWorker worker_{store_, mailboxes_, trace_, points_};
};

TEST_F(StoreWorkerTest, CarriesOutItsOrdersInTheirOrder) {
  mailboxes_.to_store.put(read_of(1));
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.put(read_of(2));
  mailboxes_.to_store.put(checkpoint_at(20));
  mailboxes_.to_store.close();
  worker_.run();

  EXPECT_EQ(facts(4),
            (std::vector<std::string>{"read 1", "checkpoint 10", "read 2", "checkpoint 20"}));
  EXPECT_EQ(store_.applied, (Lsns{10, 20}));
}

TEST_F(StoreWorkerTest, TriesACheckpointAgainUntilThereIsRoomAndKeepsTheOrder) {
  store_.room = false;
  store_.room_at_look = 2;
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.put(read_of(1));
  std::thread thread([this] { worker_.run(); });

  EXPECT_EQ(facts(4), (std::vector<std::string>{"short", "checkpoint 10", "read 1", "room"}));
  mailboxes_.to_store.close();
  thread.join();
  EXPECT_EQ(store_.applied, Lsns{10});
}

TEST_F(StoreWorkerTest, LooksForRoomWhileTheStoreIsLow) {
  store_.low = true;
  store_.room_at_look = 1;
  mailboxes_.to_store.put(checkpoint_at(10));
  std::thread thread([this] { worker_.run(); });

  EXPECT_EQ(facts(3), (std::vector<std::string>{"checkpoint 10", "short", "room"}));
  mailboxes_.to_store.close();
  thread.join();
}

TEST_F(StoreWorkerTest, StopDoesNotWaitForRoom) {
  store_.room = false;
  mailboxes_.to_store.put(checkpoint_at(10));
  mailboxes_.to_store.close();
  worker_.run();

  EXPECT_EQ(facts(1), std::vector<std::string>{"short"});
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

}  // namespace
}  // namespace nemcon::node
