// Actor: a client of the mesh with a thread of its own: what the producers, the consumers and the
// services of a round have in common. It can be killed at any time: its Client goes with whatever
// is under way, and the next life begins.
//
// `stop()` and `join()` belong to one thread, which also makes and destroys it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/chaos/recorder.hpp"
#include "tests/sim/random.hpp"

namespace nemcon::chaos {

// Ids of transactions whose client died: somebody has to ask what became of them.
class Orphans {
 public:
  struct One {
    std::uint32_t transaction = 0;
    TransactionId id;
    std::string client;  // Its name; empty: anonymous.
  };

  void add(One one);
  [[nodiscard]] std::vector<One> take();

 private:
  std::mutex mutex_;
  std::vector<One> all_;
};

// What all actors of a round share.
struct Stage {
  Recorder& recorder;
  Orphans& orphans;
  std::atomic<bool> quiet = false;  // Nothing new is begun; what is there is finished.
  // Large messages are sent to the node whose disk is full, and nobody takes any from it: its store
  // has to grow.
  std::atomic<bool> crowds = false;
};

class Actor {
 public:
  Actor(Stage& stage, std::uint64_t seed) : stage_(stage), random_(seed) {}

  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  void begin();

  // Its Client dies; a new one begins. From any thread.
  void kill() { is_killed_ = true; }

  void stop() { is_stopped_ = true; }

  void join();

  // Transactions whose outcome it waits for. From any thread.
  [[nodiscard]] std::size_t open_count() const { return open_count_; }

 protected:
  // From the first to the last moment of one Client; returns when is_over().
  virtual void live() = 0;

  [[nodiscard]] bool is_over() const { return is_killed_ || is_stopped_; }

  [[nodiscard]] bool is_stopped() const { return is_stopped_; }

  void set_open_count(std::size_t count) { open_count_ = count; }

  // Waits, but not beyond the end of this life.
  void rest(std::chrono::milliseconds time) const;

  Stage& stage_;
  sim::Random random_;

 private:
  std::atomic<bool> is_killed_ = false;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<std::size_t> open_count_ = 0;
  std::thread thread_;
};

}  // namespace nemcon::chaos
