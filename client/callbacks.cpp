#include "client/callbacks.hpp"

#include <utility>

namespace nemcon::client {

Callbacks::Callbacks() : thread_([this] { run(); }) {}

Callbacks::~Callbacks() {
  stop();
}

void Callbacks::post(std::function<void()> call) {
  const std::lock_guard lock{mutex_};
  calls_.push_back(std::move(call));
  changed_.notify_one();
}

void Callbacks::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool Callbacks::is_this_thread() const {
  return std::this_thread::get_id() == thread_.get_id();
}

void Callbacks::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !calls_.empty(); });
    if (calls_.empty()) return;
    {
      const std::function<void()> call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
    }  // What the call holds is let go without the lock.
    lock.lock();
  }
}

}  // namespace nemcon::client
