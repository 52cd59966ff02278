#include "tests/crash/script.hpp"

#include <algorithm>
#include <functional>
#include <sstream>
#include <utility>
#include <variant>

#include "core/check.hpp"
#include "core/state.hpp"
#include "log/archive.hpp"
#include "tests/log/random.hpp"
#include "tests/sim/run.hpp"

namespace nemcon::crash {

namespace {

// With more the small journal of this test would be full.
constexpr int batches_per_checkpoint_max = 8;

// The disk of the node that wrote most.
sim::KeptDisk busiest_disk(std::uint64_t seed) {
  sim::RunOptions run;
  run.seed = seed;
  run.keeps_disks = true;
  std::ostringstream story;
  sim::RunResult result = sim::run_seed(run, story);
  NEMCON_CHECK(!result.disks.empty(), seed);
  return std::move(*std::ranges::max_element(
      result.disks, {}, [](const sim::KeptDisk& disk) { return disk.image.history.size(); }));
}

}  // namespace

Picture picture_of(const sim::StoreImage& image, sim::StoreImage::Messages messages) {
  std::string all;
  for (const core::Row& row : image.rows(messages))
    all += log::encoded(row);
  return std::hash<std::string>{}(all);
}

Script::Script(std::uint64_t seed, std::size_t record_count_max) {
  sim::KeptDisk disk = busiest_disk(seed);
  options_ = disk.options;
  std::vector<core::Record> records = std::move(disk.image.history);
  if (records.size() > record_count_max) {
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(record_count_max), records.end());
  }
  draw_pictures(records);
  cut_into_steps(records, seed);
}

bool Script::was_written(const core::MessageRow& message) const {
  return written_.contains(log::encoded(core::Row{message}));
}

core::Lsn Script::first_of_last() const {
  const std::size_t count = std::min<std::size_t>(steps_.size(), batches_per_checkpoint_max);
  return steps_.at(steps_.size() - count).batch.front().lsn;
}

std::optional<Script> Script::with_flipped_bit(core::Lsn lsn, std::uint64_t bit) const {
  Script other = *this;
  bool is_written = false;
  for (Step& step : other.steps_) {
    if (step.batch.front().lsn >= first_of_last()) step.checkpoint.reset();
    for (core::Write& write : step.batch) {
      if (write.lsn != lsn) continue;
      std::string bytes = log::encoded(write.record);
      char& byte = bytes[bit / 8 % bytes.size()];
      byte = static_cast<char>(byte ^ (1 << (bit % 8)));
      core::Record record;
      if (!log::decode(bytes, record)) return std::nullopt;
      write.record = std::move(record);
      is_written = true;
    }
  }
  return is_written ? std::optional{std::move(other)} : std::nullopt;
}

void Script::draw_pictures(const std::vector<core::Record>& records) {
  core::State state(options_);
  sim::StoreImage image;
  core::Lsn lsn;
  draw(image, state.collect(lsn));
  for (const core::Record& record : records) {
    lsn = core::Lsn{lsn.value() + 1};
    state.apply(record, lsn);
    draw(image, state.collect(lsn));
    state.on_checkpoint_done();
  }
}

void Script::draw(sim::StoreImage& image, const core::Checkpoint& changes) {
  image.apply(changes);
  pictures_.push_back(picture_of(image, sim::StoreImage::Messages::with));
  pictures_of_rest_.push_back(picture_of(image, sim::StoreImage::Messages::without));
  for (const core::Row& row : changes.puts) {
    if (std::holds_alternative<core::MessageRow>(row)) written_.insert(log::encoded(row));
  }
}

void Script::cut_into_steps(const std::vector<core::Record>& records, std::uint64_t seed) {
  log::test::Random random(seed);
  core::State state(options_);
  Step step;
  std::uint64_t wanted = 1 + random.below(12);
  int batches_since_checkpoint = 0;
  for (std::size_t index = 0; index < records.size(); ++index) {
    const core::Lsn lsn{index + 1};
    state.apply(records[index], lsn);
    step.batch.push_back({.lsn = lsn, .record = records[index], .urgent = true});
    if (step.batch.size() < wanted && index + 1 < records.size()) continue;
    if (random.one_in(5) || ++batches_since_checkpoint == batches_per_checkpoint_max) {
      batches_since_checkpoint = 0;
      step.checkpoint = state.collect(lsn);
      state.on_checkpoint_done();
    }
    steps_.push_back(std::exchange(step, Step{}));
    wanted = 1 + random.below(12);
  }
}

}  // namespace nemcon::crash
