// JournalWorker: what the journal thread does. Owns nothing; makes writes durable in batches.
//
// Group commit without a timer: while the disk flushes one batch, the loop fills the mailbox;
// everything in it is the next batch. So a batch is one record when the node is idle, and
// grows by itself under load. There is exactly one batch in flight. Writes for which nobody waits
// get up to 5 ms for company.
//
// A failed append ends the process (storage_failure.hpp). One for which there is no room is tried
// again, when the store has given room back and every second.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "log/journal.hpp"
#include "node/fail_points.hpp"
#include "node/orders.hpp"
#include "node/trace.hpp"

namespace nemcon::node {

constexpr std::chrono::milliseconds journal_patience{5};

class JournalWorker {
 public:
  // All must outlive the worker.
  JournalWorker(log::Journal& journal, Mailboxes& mailboxes, const Trace& trace,
                FailPoints& fail_points);

  // Until to_journal is closed and everything in it is durable. On the journal thread.
  void run();

 private:
  using Clock = Mailbox<JournalOrder>::Clock;

  void take_orders();
  // False when there is no room for the batch now.
  [[nodiscard]] bool try_append();
  [[nodiscard]] static Clock::time_point retry_time();
  void report_room();

  log::Journal& journal_;
  Mailboxes& mailboxes_;
  const Trace& trace_;
  FailPoints& fail_points_;

  std::vector<JournalOrder> orders_;
  std::vector<core::Write> batch_;
  bool urgent_ = false;
  // Invariant: set iff the batch is not empty. By then it is appended, whoever waits for it.
  std::optional<Clock::time_point> append_at_;
  bool was_low_ = false;
};

}  // namespace nemcon::node
