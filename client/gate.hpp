// Gate: at most so many transactions and bytes are under way; who comes later waits.
//
// Any thread. A Pass holds one place until it is destroyed; it may outlive the Gate's Client,
// never the Gate (both are kept by shared_ptr).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace nemcon::client {

class Gate : public std::enable_shared_from_this<Gate> {
 public:
  class Pass {
   public:
    Pass() = default;
    Pass(std::shared_ptr<Gate> gate, std::uint64_t bytes);
    Pass(Pass&& other) noexcept;
    Pass& operator=(Pass&& other) noexcept;
    ~Pass();

   private:
    std::shared_ptr<Gate> gate_;
    std::uint64_t bytes_ = 0;
  };

  Gate(std::size_t count_max, std::uint64_t bytes_max)
      : count_max_(count_max), bytes_max_(bytes_max) {}

  // Waits until there is room. False when the time is over or the gate was closed.
  [[nodiscard]] bool try_enter(std::uint64_t bytes, std::chrono::steady_clock::time_point deadline,
                               Pass& pass);

  // For callbacks: they must not wait for themselves.
  [[nodiscard]] Pass enter_at_once(std::uint64_t bytes);

  // Waits until nobody is inside.
  [[nodiscard]] bool wait_until_empty(std::chrono::steady_clock::time_point deadline);

  // Nobody gets in by try_enter any more.
  void close();

 private:
  void leave(std::uint64_t bytes);
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;

  const std::size_t count_max_;
  const std::uint64_t bytes_max_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;  // Guarded by mutex_, as all below.
  std::uint64_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace nemcon::client
