// ServiceWorker: the threads of one service, and what is known of each of its calls.
//
//             prepare            voted yes            decision            returned
//   (unknown) ───────► preparing ─────────► prepared ─────────► deciding ─────────► (done)
//                          │ voted no, read-only                  │   ▲
//                          └──────────► (unknown)                 └───┘ threw: again, later
//
// Promises:
//   - The functions of one call never overlap.
//   - A decision goes on until its function has returned, whatever link comes or goes.
//   - What the node is told to be in doubt is whole: no function of an older link runs while
//     it is collected.
//   - Repeated requests do not reach the application: a prepared call answers with the same vote,
//     one that was done lately with "done".
//
// Threads: calls from the loop; reports come on the worker's own threads, which begin with the
// first link.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nemcon/service.hpp>

#include "client/timing.hpp"
#include "core/request.hpp"

namespace nemcon::client {

class ServiceWorker {
 public:
  // What is in doubt is looked up for a link, and for the node that asked to look again.
  struct Look {
    std::uint64_t link = 0;
    std::uint64_t number = 0;  // Of the node's question, or 0.

    friend bool operator==(const Look&, const Look&) = default;
  };

  struct Reports {
    // `link` is what prepare() was called with.
    std::function<void(core::ServiceVote vote, std::uint64_t link)> voted;
    std::function<void(core::ServiceDone done)> done;
    std::function<void(std::vector<core::CallKey> in_doubt, Look look)> collected;
    std::function<void(std::string text)> trouble;
  };

  ServiceWorker(std::string name, Service service, std::size_t thread_count, Timing timing,
                Reports reports);
  ~ServiceWorker();
  ServiceWorker(const ServiceWorker&) = delete;
  ServiceWorker& operator=(const ServiceWorker&) = delete;

  void prepare(const core::ServicePrepare& request, std::uint64_t link);
  void decide(const core::ServiceDecision& request);

  // Forgets what is to be prepared and was not begun: the node asks for it again. Then collects
  // what is in doubt.
  void collect(Look look);

  // No function begins any more.
  void request_stop();

  // Waits for the functions that run. Not from one of them.
  void stop();

  [[nodiscard]] bool is_stopping();
  [[nodiscard]] bool is_own_thread();

 private:
  enum class Phase : std::uint8_t { preparing, prepared, deciding };

  struct Call {
    Phase phase = Phase::preparing;
    core::ServiceVote vote;  // prepared.
  };

  struct Task {
    core::CallKey key;
    Branch branch;
    bool is_prepare = false;
    bool is_commit = false;
    std::uint64_t link = 0;  // prepare.
    core::Instant not_before{};
    core::Duration gap{};
  };

  void run();
  void collect_now(std::unique_lock<std::mutex>& lock);
  void run_prepare(std::unique_lock<std::mutex>& lock, const Task& task);
  void run_decision(std::unique_lock<std::mutex>& lock, Task task);
  [[nodiscard]] std::deque<Task>::iterator find_ready();
  [[nodiscard]] std::optional<core::Instant> find_next_time() const;
  void remember_done(const core::CallKey& key);

  const std::string name_;
  const Service service_;
  const std::size_t thread_count_;
  const Timing timing_;
  const Reports reports_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<core::CallKey, Call> calls_;  // Guarded by mutex_, as all below.
  std::deque<Task> tasks_;
  std::set<core::CallKey> running_;
  std::set<core::CallKey> done_;  // The last ones, so that a repetition is not run.
  std::deque<core::CallKey> done_order_;
  std::optional<Look> collect_for_;
  bool is_collecting_ = false;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // Guarded by mutex_ until stopping_.
};

}  // namespace nemcon::client
