// StoreWorker: what the store thread does. Owns nothing; carries out reads and checkpoints one
// after the other, in the order in which the loop sent them.
//
// A checkpoint for which the disk has no room is tried again every second until it fits; what
// was asked for after it waits, since its answers would be of a state that the engine has left
// behind. Decisions and acknowledgements go on meanwhile: they need only the journal.
//
// Beside that it reads everything that is in the store, a few rows at a time, from the start of the
// node on and again after each `scrub_interval`: rot is found before somebody asks for the row.
//
// A store that fails or is damaged ends the process (storage_failure.hpp).
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <vector>

#include "log/store.hpp"
#include "node/fail_points.hpp"
#include "node/orders.hpp"
#include "node/trace.hpp"

namespace nemcon::node {

class StoreWorker {
 public:
  // All must outlive the worker.
  StoreWorker(log::Store& store, Mailboxes& mailboxes, const Trace& trace, FailPoints& fail_points,
              core::Duration scrub_interval);

  // Until to_store is closed and everything in it is done. A checkpoint that still does not fit
  // then is left out: the journal has what is in it. On the store thread.
  void run();

 private:
  using Clock = Mailbox<StoreOrder>::Clock;

  // Each is false when there is no room for it now.
  [[nodiscard]] bool try_carry_out(const StoreOrder& order);
  [[nodiscard]] bool try_apply(const core::Checkpoint& checkpoint);
  void read(const core::Read& read);
  void scrub_some();
  void report_room(bool is_short);

  log::Store& store_;
  Mailboxes& mailboxes_;
  const Trace& trace_;
  FailPoints& fail_points_;

  std::vector<StoreOrder> taken_;
  std::deque<StoreOrder> orders_;
  bool was_short_ = false;

  core::Duration scrub_interval_;
  Clock::time_point scrub_at_;
  std::uint64_t scrubbed_row_count_ = 0;  // In this walk.
};

}  // namespace nemcon::node
