// Script: what a node writes, and what must be there after every record of it. The records are
// those of one node in a simulated mesh under faults (tests/sim); the checkpoints are made of them
// by core::State, as in a node. What must be there is told by the records alone, without journal or
// store. A value; the same seed gives the same script. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"
#include "tests/sim/disk.hpp"

namespace nemcon::crash {

// A hash of everything durable: equal pictures are equal states.
using Picture = std::uint64_t;

[[nodiscard]] Picture picture_of(const sim::StoreImage& image, sim::StoreImage::Messages messages);

struct Step {
  std::vector<core::Write> batch;
  std::optional<core::Checkpoint> checkpoint;  // After the batch.
};

class Script {
 public:
  // At most `record_count_max` records, the first of a node of the simulation with this seed.
  Script(std::uint64_t seed, std::size_t record_count_max);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

  // By Lsn, from 0 (nothing) on.
  [[nodiscard]] const std::vector<Picture>& pictures() const { return pictures_; }

  // The same without the messages.
  [[nodiscard]] const std::vector<Picture>& pictures_of_rest() const { return pictures_of_rest_; }

  // Whether this message, as it is here, was ever written to this place in this queue.
  [[nodiscard]] bool was_written(const core::MessageRow& message) const;

  // Where the last batches begin, for which the journal has room without a checkpoint.
  [[nodiscard]] core::Lsn first_of_last() const;

  // The same but for one bit of what that record, one of these, is written as, and without the
  // checkpoints that would stand for it; what must be there stays. Nothing where no record is
  // written so.
  [[nodiscard]] std::optional<Script> with_flipped_bit(core::Lsn lsn, std::uint64_t bit) const;

  // Written from the first start of a node on, into a journal that grows (small_log()).
  [[nodiscard]] Script growing() const {
    Script other = *this;
    other.grows_ = true;
    return other;
  }

  [[nodiscard]] bool grows() const { return grows_; }

  [[nodiscard]] const core::Options& options() const { return options_; }

  [[nodiscard]] core::Lsn last() const { return core::Lsn{pictures_.size() - 1}; }

 private:
  void cut_into_steps(const std::vector<core::Record>& records, std::uint64_t seed);
  void draw_pictures(const std::vector<core::Record>& records);
  void draw(sim::StoreImage& image, const core::Checkpoint& changes);

  core::Options options_;
  bool grows_ = false;
  std::vector<Step> steps_;
  std::vector<Picture> pictures_;
  std::vector<Picture> pictures_of_rest_;
  std::unordered_set<std::string> written_;  // Every message with its place.
};

}  // namespace nemcon::crash
