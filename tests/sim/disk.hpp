// Disk: journal and store of one node, with what a power cut leaves of them.
//
//   append() ──► waiting ──► batch in flight ──flush──► history      (durable)
//   checkpoint(), read() ──► FIFO ──latency──► store image           (durable, atomic)
//
// A crash loses what waits; the batch in flight and the checkpoint in flight are kept whole or
// lost whole (a torn batch fails its checksum, LMDB swaps its root page). So does a flush that
// fails: nobody knows what of it is there, and the process ends.
//
// A full disk takes no checkpoints, and of the journal only what fits in its reserve.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/rot.hpp"
#include "tests/sim/schedule.hpp"

namespace nemcon::sim {

// The rows of the store after one checkpoint.
struct StoreImage {
  using Place = std::pair<core::QueueId, core::Position>;

  core::Lsn upto;
  std::map<std::size_t, core::MetaRow> meta;  // At most one.
  std::map<core::QueueId, core::QueueRow> queues;
  std::map<Place, core::MessageRow> messages;
  std::map<Place, core::ReturnedRow> returned;
  std::map<core::ClientId, core::SessionRow> sessions;
  std::map<core::RowNumber, core::TransactionRow> transactions;
  std::map<core::NodeId, core::PeerRow> peers;
  std::optional<RottenRow> rotten;  // Until it is written anew.

  void apply(const core::Checkpoint& checkpoint);

  enum class Messages { with, without };
  [[nodiscard]] std::vector<core::Row> rows(Messages messages) const;

  // Nothing where a row is damaged.
  [[nodiscard]] std::optional<core::ReadDone> read(const core::Read& order) const;
};

// What survives a crash. Copying one is taking a backup.
struct DiskImage {
  core::Incarnation incarnation;
  StoreImage store;
  std::vector<core::Record> history;  // The record with lsn n is history[n - 1].
  std::optional<RottenRecord> rotten;

  [[nodiscard]] core::Lsn durable() const { return core::Lsn{history.size()}; }

  // A start is refused: the log finds something damaged that it has to read.
  [[nodiscard]] bool is_damaged() const;

  // As log would find it: the last checkpoint and what the journal has after it. Not damaged.
  [[nodiscard]] core::Restored restored() const;

  // As if there had never been a checkpoint.
  [[nodiscard]] core::Restored restored_from_history(core::Lsn upto) const;
};

struct DiskSpeed {
  Time flush_min = std::chrono::microseconds{200};
  Time flush_max = std::chrono::microseconds{900};
  Time store_min = std::chrono::microseconds{100};
  Time store_max = std::chrono::milliseconds{5};
};

struct DiskCounts {
  std::uint64_t batch_count = 0;
  std::uint64_t lost_batch_count = 0;
  std::uint64_t lost_record_count = 0;
  std::uint64_t checkpoint_count = 0;
  std::uint64_t lost_checkpoint_count = 0;
  std::uint64_t full_count = 0;
  std::uint64_t failed_flush_count = 0;
  std::uint64_t damaged_read_count = 0;
};

class Disk {
 public:
  struct Listener {
    std::function<void(core::Event)> event;
    std::function<void(core::Lsn, const core::Record&)> durable;
    std::function<void(const std::string&)> violation;
    std::function<void()> failed;  // The process has to end.
  };

  Disk(Schedule& schedule, Random random, Listener listener);

  DiskSpeed speed;
  DiskImage image;
  bool shuffles = true;  // Splits what waits into batches at random places.

  void append(core::Write write);
  void read(core::Read order);
  void checkpoint(core::Checkpoint checkpoint);
  void set_full(bool full);

  [[nodiscard]] bool is_full() const { return full_; }

  // The next flush fails.
  void fail_flush() { fails_flush_ = true; }

  void mend() { fails_flush_ = false; }

  [[nodiscard]] bool fails_flush() const { return fails_flush_; }

  // Flips a bit of something that will be read again; false when there is nothing yet.
  [[nodiscard]] bool rot();

  // The power is cut. `keep_in_flight` decides about the batch and the checkpoint under way.
  void crash();

  // Before the next life.
  void begin_life();

  [[nodiscard]] const DiskCounts& counts() const { return counts_; }

 private:
  using Order = std::variant<core::Read, core::Checkpoint>;

  void take_from_reserve(const core::Record& record);
  void start_batch_if_due();
  void start_batch();
  void finish_batch();
  void keep_batch();
  void start_order();
  void finish_order();
  void apply_checkpoint(const core::Checkpoint& checkpoint);
  Time between(Time low, Time high);

  Schedule& schedule_;  // Must outlive the disk.
  Random random_;
  Listener listener_;
  std::uint64_t life_ = 0;
  std::uint64_t next_lsn_ = 1;
  std::vector<core::Write> waiting_;
  std::vector<core::Write> batch_;
  bool linger_planned_ = false;
  std::deque<Order> orders_;
  bool order_busy_ = false;
  bool full_ = false;
  std::size_t reserve_used_ = 0;  // Bytes, since it is full.
  bool fails_flush_ = false;
  // Rot in the last batch cannot be told from a torn one: what is before it.
  core::Lsn before_last_batch_;
  DiskCounts counts_;
};

}  // namespace nemcon::sim
