// Interrupt: turns SIGINT and SIGTERM into a call on an ordinary thread.
//
// Make it before any other thread: they inherit that the signals are blocked.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace nemcon::cli {

class Interrupt {
 public:
  // Blocks the signals for this thread and those that it starts.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // From now on a signal calls this, on a thread of its own; once.
  void call(std::function<void()> stop);

 private:
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace nemcon::cli
