#include "client/service_worker.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "client/convert.hpp"
#include "client/headers.hpp"
#include "core/check.hpp"

namespace nemcon::client {

namespace {

constexpr std::size_t done_count_max = 4096;

// Runs the application's function; the text of what it threw, or nothing.
template <class Function>
std::optional<std::string> try_run(Function function) {
  try {
    function();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace

ServiceWorker::ServiceWorker(std::string name, Service service, std::size_t thread_count,
                             Timing timing, Reports reports)
    : name_(std::move(name)),
      service_(std::move(service)),
      thread_count_(std::max<std::size_t>(1, thread_count)),
      timing_(timing),
      reports_(std::move(reports)) {}

ServiceWorker::~ServiceWorker() {
  stop();
}

// ---- from the loop ----------------------------------------------------------------------------

void ServiceWorker::prepare(const core::ServicePrepare& request, std::uint64_t link) {
  std::unique_lock lock{mutex_};
  const core::CallKey& key = request.call;
  if (done_.contains(key)) {
    lock.unlock();
    reports_.voted({.call = key, .yes = false, .text = "it is finished already"}, link);
    return;
  }
  const auto known = calls_.find(key);
  if (known != calls_.end()) {
    // Preparing: its vote is on the way. Deciding: nobody asks for the vote any more.
    if (known->second.phase != Phase::prepared) return;
    core::ServiceVote vote = known->second.vote;
    lock.unlock();
    reports_.voted(std::move(vote), link);
    return;
  }
  calls_[key].phase = Phase::preparing;
  const auto remaining = std::chrono::milliseconds{request.remaining_ms};
  tasks_.push_back({.key = key,
                    .branch = {.id = to_public(key),
                               .service = name_,
                               .caller = request.principal,
                               .request = to_message(request.content),
                               .at = {},
                               .deadline = std::chrono::steady_clock::now() + remaining},
                    .is_prepare = true,
                    .link = link});
  changed_.notify_all();
}

void ServiceWorker::decide(const core::ServiceDecision& request) {
  std::unique_lock lock{mutex_};
  const core::CallKey& key = request.call;
  if (done_.contains(key)) {
    lock.unlock();
    reports_.done({.call = key});
    return;
  }
  // A prepare that has not begun is not wanted any more; one that runs is followed by this.
  std::erase_if(tasks_, [&](const Task& task) { return task.is_prepare && task.key == key; });
  const bool is_repeated =
      std::any_of(tasks_.begin(), tasks_.end(), [&](const Task& task) { return task.key == key; });
  const auto known = calls_.find(key);
  if (is_repeated || (known != calls_.end() && known->second.phase == Phase::deciding)) return;
  tasks_.push_back({.key = key,
                    .branch = {.id = to_public(key),
                               .service = name_,
                               .caller = {},
                               .request = to_message(request.content),
                               .at = Timestamp{request.at.value()},
                               .deadline = {}},
                    .is_prepare = false,
                    .is_commit = request.commit});
  changed_.notify_all();
}

void ServiceWorker::collect(Look look) {
  const std::lock_guard lock{mutex_};
  std::erase_if(tasks_, [&](const Task& task) {
    if (task.is_prepare) calls_.erase(task.key);
    return task.is_prepare;
  });
  collect_for_ = look;
  if (!stopping_ && threads_.empty()) {
    for (std::size_t i = 0; i < thread_count_; ++i)
      threads_.emplace_back([this] { run(); });
  }
  changed_.notify_all();
}

void ServiceWorker::request_stop() {
  const std::lock_guard lock{mutex_};
  stopping_ = true;
  changed_.notify_all();
}

bool ServiceWorker::is_stopping() {
  const std::lock_guard lock{mutex_};
  return stopping_;
}

bool ServiceWorker::is_own_thread() {
  const std::lock_guard lock{mutex_};
  return std::any_of(threads_.begin(), threads_.end(), [](const std::thread& thread) {
    return thread.get_id() == std::this_thread::get_id();
  });
}

void ServiceWorker::stop() {
  request_stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

// ---- on the worker's threads ------------------------------------------------------------------

std::deque<ServiceWorker::Task>::iterator ServiceWorker::find_ready() {
  const core::Instant at = now();
  return std::find_if(tasks_.begin(), tasks_.end(), [&](const Task& task) {
    return task.not_before <= at && !running_.contains(task.key);
  });
}

std::optional<core::Instant> ServiceWorker::find_next_time() const {
  std::optional<core::Instant> next;
  for (const Task& task : tasks_) {
    if (running_.contains(task.key)) continue;
    if (!next || task.not_before < *next) next = task.not_before;
  }
  return next;
}

void ServiceWorker::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (is_collecting_) {
      changed_.wait(lock);
      continue;
    }
    if (collect_for_) {
      if (running_.empty()) {
        collect_now(lock);
      } else {
        changed_.wait(lock);
      }
      continue;
    }
    const auto ready = find_ready();
    if (ready == tasks_.end()) {
      const std::optional<core::Instant> next = find_next_time();
      if (next) {
        changed_.wait_for(lock, *next - now());
      } else {
        changed_.wait(lock);
      }
      continue;
    }
    Task task = std::move(*ready);
    tasks_.erase(ready);
    running_.insert(task.key);
    const core::CallKey key = task.key;
    if (task.is_prepare) {
      run_prepare(lock, task);
    } else {
      run_decision(lock, std::move(task));
    }
    running_.erase(key);
    changed_.notify_all();
  }
}

void ServiceWorker::collect_now(std::unique_lock<std::mutex>& lock) {
  const Look look = *collect_for_;
  is_collecting_ = true;
  lock.unlock();
  std::vector<CallId> kept;
  const std::optional<std::string> trouble = try_run([&] {
    if (service_.in_doubt) kept = service_.in_doubt();
  });
  if (trouble) reports_.trouble(name_ + ": in_doubt threw, and is asked again: " + *trouble);
  lock.lock();
  is_collecting_ = false;
  changed_.notify_all();
  if (trouble) {
    // Without the list the node must not call: it could leave something prepared for ever.
    changed_.wait_for(lock, timing_.service_retry_max / 5, [&] { return stopping_; });
    return;
  }
  if (collect_for_ != look) return;  // Another one was asked for meanwhile.
  collect_for_.reset();
  std::set<core::CallKey> in_doubt;
  for (const CallId& id : kept) {
    const core::CallKey key = to_core(id);
    if (!done_.contains(key)) in_doubt.insert(key);
  }
  // The node knows nothing of some of them: another instance may have finished what this one
  // promised, and only the application's own records say so.
  const bool is_known_better = look.number != 0 && service_.in_doubt != nullptr;
  std::erase_if(calls_, [&](const auto& item) {
    return is_known_better && item.second.phase == Phase::prepared &&
           !in_doubt.contains(item.first);
  });
  for (const auto& [key, call] : calls_) {
    if (call.phase == Phase::prepared) in_doubt.insert(key);
  }
  lock.unlock();
  reports_.collected({in_doubt.begin(), in_doubt.end()}, look);
  lock.lock();
}

void ServiceWorker::run_prepare(std::unique_lock<std::mutex>& lock, const Task& task) {
  lock.unlock();
  core::ServiceVote answer{.call = task.key};
  const std::optional<std::string> trouble = try_run([&] {
    const Vote vote = service_.prepare(task.branch);
    answer.reply = to_content(vote.reply());
    answer.text = vote.text();
    answer.read_only = vote.is_read_only();
    answer.yes = vote.is_yes();
  });
  if (trouble) answer.text = *trouble;
  lock.lock();
  if (answer.yes && !answer.read_only) {
    calls_[task.key] = {.phase = Phase::prepared, .vote = answer};
  } else {
    calls_.erase(task.key);
  }
  lock.unlock();
  reports_.voted(std::move(answer), task.link);
  lock.lock();
}

void ServiceWorker::run_decision(std::unique_lock<std::mutex>& lock, Task task) {
  calls_[task.key].phase = Phase::deciding;
  const auto& function = task.is_commit ? service_.commit : service_.roll_back;
  lock.unlock();
  const std::optional<std::string> trouble = try_run([&] {
    if (function) function(task.branch);
  });
  if (trouble) {
    reports_.trouble(name_ + ": " + (task.is_commit ? "commit" : "roll_back") + " of " +
                     task.branch.id.text() + " threw, and is called again: " + *trouble);
  } else {
    reports_.done({.call = task.key});
  }
  lock.lock();
  if (!trouble) {
    calls_.erase(task.key);
    remember_done(task.key);
    return;
  }
  task.gap = task.gap == core::Duration{} ? timing_.service_retry_first
                                          : std::min(task.gap * 2, timing_.service_retry_max);
  task.not_before = now() + task.gap;
  tasks_.push_back(std::move(task));
}

void ServiceWorker::remember_done(const core::CallKey& key) {
  if (!done_.insert(key).second) return;
  done_order_.push_back(key);
  if (done_order_.size() <= done_count_max) return;
  done_.erase(done_order_.front());
  done_order_.pop_front();
}

}  // namespace nemcon::client
