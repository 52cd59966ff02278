#include "node/store_worker.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "node/storage_failure.hpp"

namespace nemcon::node {

namespace {

// About a thousand rows a second: a hundredth of a processor, and at most a moment's wait for who
// wants to read.
constexpr std::size_t scrub_rows_at_once = 100;
constexpr std::chrono::milliseconds scrub_pause{100};

}  // namespace

StoreWorker::StoreWorker(log::Store& store, Mailboxes& mailboxes, const Trace& trace,
                         FailPoints& fail_points, core::Duration scrub_interval)
    : store_(store),
      mailboxes_(mailboxes),
      trace_(trace),
      fail_points_(fail_points),
      scrub_interval_(scrub_interval),
      scrub_at_(Clock::now() + scrub_pause) {}

void StoreWorker::run() {
  bool is_open = true;
  while (is_open) {
    const Clock::time_point look_again =
        was_short_ ? Clock::now() + room_patience : Clock::time_point::max();
    is_open = mailboxes_.to_store.wait_and_take(taken_, std::min(look_again, scrub_at_));
    for (StoreOrder& order : taken_)
      orders_.push_back(std::move(order));
    taken_.clear();
    if (was_short_) store_.look_for_room();
    bool is_stuck = false;
    while (!orders_.empty() && !is_stuck) {
      if (try_carry_out(orders_.front())) {
        orders_.pop_front();
      } else {
        is_stuck = true;
      }
    }
    report_room(is_stuck || store_.is_low());
    if (Clock::now() >= scrub_at_) scrub_some();
  }
}

bool StoreWorker::try_carry_out(const StoreOrder& order) {
  if (const auto* const checkpoint = std::get_if<core::Checkpoint>(&order)) {
    return try_apply(*checkpoint);
  }
  read(std::get<core::Read>(order));
  return true;
}

bool StoreWorker::try_apply(const core::Checkpoint& checkpoint) {
  fail_points_.hit(Moment::before_checkpoint, "");
  const core::Result<log::Applied> applied = store_.apply(checkpoint);
  if (!applied) end_after_storage_failure(trace_, "store", applied.error());
  if (*applied == log::Applied::no_room) return false;
  fail_points_.hit(Moment::after_checkpoint, "");
  mailboxes_.tell_loop(core::CheckpointDone{checkpoint.upto});
  return true;
}

void StoreWorker::read(const core::Read& read) {
  core::Result<core::ReadDone> rows = store_.read(read);
  if (!rows) end_after_storage_failure(trace_, "store", rows.error());
  mailboxes_.tell_loop(std::move(rows).value());
}

void StoreWorker::scrub_some() {
  const core::Result<log::Scrubbed> some = store_.scrub(scrub_rows_at_once);
  if (!some) end_after_storage_failure(trace_, "store", some.error());
  scrubbed_row_count_ += some->row_count;
  scrub_at_ = Clock::now() + scrub_pause;
  if (!some->is_end) return;
  trace_.info("scrubbed", {{"rows", std::to_string(scrubbed_row_count_)}});
  scrubbed_row_count_ = 0;
  scrub_at_ = Clock::now() + scrub_interval_;
}

void StoreWorker::report_room(bool is_short) {
  if (is_short == was_short_) return;
  was_short_ = is_short;
  mailboxes_.tell_loop(RoomShort{RoomShort::Where::store, is_short});
}

}  // namespace nemcon::node
