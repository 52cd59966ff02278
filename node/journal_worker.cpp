#include "node/journal_worker.hpp"

#include <iterator>

#include "core/check.hpp"
#include "log/error.hpp"
#include "node/storage_failure.hpp"

namespace nemcon::node {

JournalWorker::JournalWorker(log::Journal& journal, Mailboxes& mailboxes, const Trace& trace,
                             FailPoints& fail_points)
    : journal_(journal), mailboxes_(mailboxes), trace_(trace), fail_points_(fail_points) {}

void JournalWorker::run() {
  bool is_open = true;
  while (is_open) {
    is_open = mailboxes_.to_journal.wait_and_take(orders_, append_at_);
    take_orders();
    NEMCON_CHECK(batch_.empty() != append_at_.has_value(), batch_.size());
    const bool due = append_at_ && Clock::now() >= *append_at_;
    if (!batch_.empty() && (urgent_ || due || !is_open) && !try_append()) append_at_ = retry_time();
    report_room();
  }
  // Nobody was promised what is left; the engine did not listen when room became short.
  if (!batch_.empty()) trace_.error("stopping without room in the journal", {});
}

void JournalWorker::take_orders() {
  for (JournalOrder& order : orders_) {
    if (order.release_upto.value() != 0) {
      journal_.release_upto(order.release_upto);
      // A batch that had no room may have it now.
      if (append_at_) append_at_ = Clock::now();
    }
    if (order.writes.empty()) continue;
    urgent_ = urgent_ || order.urgent;
    if (!append_at_) append_at_ = Clock::now() + journal_patience;
    if (batch_.empty()) {
      batch_.swap(order.writes);
    } else {
      batch_.insert(batch_.end(), std::make_move_iterator(order.writes.begin()),
                    std::make_move_iterator(order.writes.end()));
    }
  }
  orders_.clear();
}

JournalWorker::Clock::time_point JournalWorker::retry_time() {
  return Clock::now() + room_patience;
}

bool JournalWorker::try_append() {
  if (fail_points_.is_armed()) {
    for (const core::Write& write : batch_) {
      fail_points_.hit(Moment::before_append, kind_of(write.record));
    }
  }
  const core::Status status = journal_.append(batch_);
  if (!status) {
    if (!log::is_no_room(status.error())) {
      end_after_storage_failure(trace_, "journal", status.error());
    }
    urgent_ = false;
    return false;
  }
  if (fail_points_.is_armed()) {
    for (const core::Write& write : batch_) {
      fail_points_.hit(Moment::after_append, kind_of(write.record));
    }
  }
  mailboxes_.tell_loop(JournalDurable{batch_.back().lsn});
  batch_.clear();
  urgent_ = false;
  append_at_.reset();
  return true;
}

void JournalWorker::report_room() {
  if (journal_.is_low() == was_low_) return;
  was_low_ = !was_low_;
  mailboxes_.tell_loop(RoomShort{RoomShort::Where::journal, was_low_});
}

}  // namespace nemcon::node
