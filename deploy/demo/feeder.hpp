// Feeder: feeds every order into the mesh as one transaction, many at a time, until each has a
// final outcome, whichever node or service dies meanwhile.
//
//   rolled back, retryable   begun again, as a new transaction, after a pause
//   unknown                  committed again under the same id, after a pause
//   committed, rolled back   final: written down
//
// Blocks the thread that calls run(); the client's callbacks only hand outcomes over to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nemcon/client.hpp>
#include <nemcon/transaction.hpp>

#include "deploy/demo/northwind.hpp"
#include "deploy/demo/outcomes.hpp"

namespace nemcon::demo {

struct Progress {
  std::size_t total = 0;
  std::size_t committed = 0;
  std::size_t rolled_back = 0;
  std::size_t repeated = 0;  // Attempts beyond the first, of all orders.

  [[nodiscard]] std::size_t done() const { return committed + rolled_back; }
};

struct FeederOptions {
  std::size_t in_flight_max = 256;
  // Without any order getting its outcome for so long, run() gives up.
  std::chrono::seconds patience{60};
  std::chrono::milliseconds progress_interval{100};
  std::function<void(const Progress&)> on_progress{};
  // How many orders may be begun by now; without it, all of them.
  std::function<std::size_t()> allowed{};
};

class Feeder {
 public:
  // All of them must outlive the feeder; `orders` must not change.
  Feeder(Client& client, const std::vector<Order>& orders, OutcomeFile& outcomes,
         FeederOptions options);

  // True when every order has its final outcome; false when it gave up. Those without are written
  // down as unknown then.
  bool run();

  [[nodiscard]] const Progress& progress() const { return progress_; }

 private:
  using Clock = std::chrono::steady_clock;

  // One order on its way.
  struct Attempt {
    std::size_t order = 0;  // Index.
    std::int64_t number = 1;
    std::optional<Transaction> transaction;
    TransactionId id;  // As last heard of.
  };

  struct Answer {
    std::size_t order;
    Outcome outcome;
  };

  // Where callbacks put what they heard. It outlives the feeder when callbacks do.
  struct Inbox {
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<Answer> answers;  // Guarded by mutex.
  };

  void begin(Attempt& attempt);
  void commit(Attempt& attempt);
  void begin_new_orders();
  void repeat_due();
  void take_answers();
  void on_answer(const Answer& answer);
  void finish(const Attempt& attempt, OrderState state, const Outcome& outcome);
  void give_up();
  void report_when_due(Clock::time_point now);
  static std::chrono::milliseconds pause_after(std::int64_t attempts);

  Client& client_;
  const std::vector<Order>& orders_;
  OutcomeFile& outcomes_;
  const FeederOptions options_;

  Progress progress_;
  std::size_t next_ = 0;                                   // The first order that was not begun.
  std::map<std::size_t, Attempt> under_way_;               // By index of the order.
  std::multimap<Clock::time_point, std::size_t> waiting_;  // To be repeated then.
  Clock::time_point last_answer_;
  Clock::time_point last_report_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

}  // namespace nemcon::demo
