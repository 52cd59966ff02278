#include "tests/system/load.hpp"

#include <utility>

#include "tests/system/daemon.hpp"

namespace nemcon::tests {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Load::Load(LoadOptions options) : options_(std::move(options)), client_(options_.client) {
  for (std::size_t i = 0; i < options_.at_once; ++i)
    threads_.emplace_back([this] { run(); });
}

Load::~Load() {
  stop();
}

void Load::stop() {
  is_over_ = true;
  resume();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

bool Load::wait_for(std::uint64_t count) const {
  const std::uint64_t seen = committed_;
  const Clock::time_point give_up = Clock::now() + patience;
  while (committed_ < seen + count) {
    if (Clock::now() >= give_up) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

void Load::pause() {
  std::unique_lock lock(mutex_);
  is_paused_ = true;
  changed_.wait(lock, [this] { return under_way_ == 0; });
}

void Load::resume() {
  const std::lock_guard lock(mutex_);
  is_paused_ = false;
  changed_.notify_all();
}

TransactionId Load::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::vector<std::chrono::nanoseconds> Load::take_times() {
  const std::lock_guard lock(mutex_);
  return std::exchange(times_, {});
}

std::string Load::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

std::set<std::string> Load::bodies() const {
  const std::lock_guard lock(mutex_);
  return bodies_;
}

void Load::run() {
  while (!is_over_) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !is_paused_; });
      ++under_way_;
    }
    commit_one("order " + std::to_string(++begun_));
    const std::lock_guard lock(mutex_);
    --under_way_;
    changed_.notify_all();
  }
}

void Load::commit_one(const std::string& body) {
  const Clock::time_point began = Clock::now();
  std::string failure;
  TransactionId id;
  try {
    const Outcome outcome =
        client_.begin().send(options_.first, body).send(options_.second, body).commit();
    id = outcome.id;
    if (!outcome.committed()) failure = outcome.summary();
  } catch (const Error& error) {
    failure = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (!failure.empty()) {
    failed_ += body + ": " + failure + "\n";
    return;
  }
  ++committed_;
  newest_ = id;
  bodies_.insert(body);
  times_.push_back(Clock::now() - began);
}

}  // namespace nemcon::tests
