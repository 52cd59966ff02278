// What durability costs: a batch through the real journal, and through the real store, in a
// directory of their own. Once with the flushes of the disk, and once in memory, where what is left
// is our own work.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/check.hpp"
#include "log/journal.hpp"
#include "log/store.hpp"
#include "tests/bench/engine_mesh.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::bench {
namespace {

using Where = log::test::TemporaryDirectory::Where;

constexpr std::size_t body_bytes = 100;

// Records of `count` transactions over two nodes, in the order in which node 0 writes them.
std::vector<core::Record> transaction_records(std::size_t count) {
  EngineMesh mesh({.node_count = 2});
  std::vector<core::Record> records;
  mesh.on_writes = [&](std::span<const core::Write> writes) {
    for (const core::Write& write : writes)
      records.push_back(write.record);
  };
  const std::array<std::size_t, 2> nodes{0, 1};
  while (records.size() < count) {
    mesh.submit(nodes, body_bytes);
    mesh.run();
  }
  records.resize(count);
  return records;
}

std::vector<core::Record> sent_records(std::size_t count) {
  std::vector<core::Record> records;
  for (std::size_t index = 0; index < count; ++index)
    records.push_back(log::test::sent("x", body_bytes));
  return records;
}

void append(benchmark::State& state, Where where, const std::vector<core::Record>& records) {
  const log::test::TemporaryDirectory directory(where);
  log::JournalOptions options;
  options.directory = directory.inner("journal");
  options.key = log::test::key_of(1);
  NEMCON_CHECK(log::Journal::create(options, core::Lsn{}));
  auto opened = log::Journal::open(options);
  NEMCON_CHECK(opened);
  const std::unique_ptr<log::Journal> journal = std::move(opened).value();
  NEMCON_CHECK(journal->replay(
      core::Lsn{}, [](core::Lsn, core::Record&&) -> log::Status { return core::Nothing{}; }));
  std::vector<core::Write> batch;
  for (const core::Record& record : records)
    batch.push_back(log::test::write(0, record));
  std::uint64_t last = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (core::Write& write : batch)
      write.lsn = core::Lsn{++last};
    NEMCON_CHECK(journal->append(batch));
    journal->release_upto(core::Lsn{last});
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(batch.size()) * state.iterations());
  state.counters["bytes_per_record"] =
      static_cast<double>(journal->use().batch_bytes) / static_cast<double>(last);
}

void journal_append_sent(benchmark::State& state, Where where) {
  append(state, where, sent_records(static_cast<std::size_t>(state.range(0))));
}

void journal_append_two_nodes(benchmark::State& state, Where where) {
  append(state, where, transaction_records(static_cast<std::size_t>(state.range(0))));
}

// A queue as a checkpoint sees it: new messages at the end, as many gone at the head.
void store_apply(benchmark::State& state, Where where) {
  const log::test::TemporaryDirectory directory(where);
  log::StoreOptions options;
  options.directory = directory.inner("store");
  options.key = log::test::key_of(1);
  options.ballast_path = directory.path() + "/ballast";
  NEMCON_CHECK(log::Store::create(options, core::Lsn{}));
  auto opened = log::Store::open(options);
  NEMCON_CHECK(opened);
  const std::unique_ptr<log::Store> store = std::move(opened).value();
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const std::string body(body_bytes, 'x');
  std::uint64_t next = 1;
  for ([[maybe_unused]] auto _ : state) {
    core::Checkpoint checkpoint;
    for (std::uint64_t index = 0; index < count; ++index, ++next) {
      core::MessageRow row = log::test::message(1, next, body);
      if (next > count) {
        core::MessageRow gone = log::test::message(1, next - count, "");
        checkpoint.erased.emplace_back(core::MessageKey{gone.queue, gone.position});
      }
      checkpoint.puts.emplace_back(std::move(row));
    }
    checkpoint.upto = core::Lsn{next};
    const auto applied = store->apply(checkpoint);
    NEMCON_CHECK(applied && applied.value() == log::Applied::done);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(count) * state.iterations());
}

BENCHMARK_CAPTURE(journal_append_sent, disk, Where::disk)->Arg(1)->Arg(64)->Arg(512)->UseRealTime();
BENCHMARK_CAPTURE(journal_append_sent, memory, Where::memory)->Arg(64)->Arg(512);
BENCHMARK_CAPTURE(journal_append_two_nodes, disk, Where::disk)
    ->Arg(1)
    ->Arg(64)
    ->Arg(512)
    ->UseRealTime();
BENCHMARK_CAPTURE(journal_append_two_nodes, memory, Where::memory)->Arg(64)->Arg(512);
BENCHMARK_CAPTURE(store_apply, disk, Where::disk)->Arg(64)->Arg(512)->UseRealTime();
BENCHMARK_CAPTURE(store_apply, memory, Where::memory)->Arg(64)->Arg(512);

}  // namespace
}  // namespace nemcon::bench
