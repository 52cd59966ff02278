// Load: honest transactions over two queues, some at a time, until it is told to stop; how long
// each took, and which were committed.
//
// Its own threads; its calls may come from any one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nemcon/nemcon.hpp>

namespace nemcon::tests {

struct LoadOptions {
  ClientOptions client;
  // Both get one message of each transaction, with the same body, which no other transaction has.
  std::string first;
  std::string second;
  std::size_t at_once = 1;
};

class Load {
 public:
  explicit Load(LoadOptions options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void stop();

  // Waits for so many more; false when they do not come.
  [[nodiscard]] bool wait_for(std::uint64_t count) const;

  // Returns when nothing is under way.
  void pause();
  void resume();

  [[nodiscard]] std::uint64_t committed() const { return committed_; }

  // One that was committed; none before the first.
  [[nodiscard]] TransactionId newest() const;

  // How long each committed one took, since this was asked last.
  [[nodiscard]] std::vector<std::chrono::nanoseconds> take_times();

  // What did not commit, in words.
  [[nodiscard]] std::string failed() const;

  // Of all that are known to be committed.
  [[nodiscard]] std::set<std::string> bodies() const;

 private:
  void run();
  void commit_one(const std::string& body);

  LoadOptions options_;
  Client client_;
  std::atomic<bool> is_over_ = false;
  std::atomic<std::uint64_t> begun_ = 0;
  std::atomic<std::uint64_t> committed_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_paused_ = false;
  std::size_t under_way_ = 0;
  std::string failed_;
  std::set<std::string> bodies_;
  TransactionId newest_;
  std::vector<std::chrono::nanoseconds> times_;
  std::vector<std::thread> threads_;  // Last: they use everything above.
};

}  // namespace nemcon::tests
