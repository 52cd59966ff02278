// Callbacks: the thread that runs the application's callbacks, one after the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace nemcon::client {

class Callbacks {
 public:
  Callbacks();
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  // Any thread. `call` must not throw. Runs even when stop() comes first, but not after it has
  // returned.
  void post(std::function<void()> call);

  // Runs what was posted, then ends the thread. Not from a callback.
  void stop();

  [[nodiscard]] bool is_this_thread() const;

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;  // Guarded by mutex_, as stopping_.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nemcon::client
