// Mailbox: a bounded queue of orders from one thread to another.
//
// Promise: items arrive once, in the order in which their sender put them. The bound is kept by
// the sender: it asks count() before it takes on work that will make items, and puts what work
// already under way makes even then. So there is never more in it than its capacity and what one
// turn of the sender makes, and a put never blocks or fails. A full mailbox is back-pressure to
// whoever feeds the sender, never growth. Ten times the capacity is a bug of the sender.
//
// Any number of sender threads, one receiver thread; close() may come from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace nemcon::node {

template <class T>
class Mailbox {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Mailbox(std::size_t capacity) : capacity_(capacity) { NEMCON_CHECK(capacity > 0); }

  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  [[nodiscard]] std::size_t count() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return items_.size();
  }

  [[nodiscard]] bool is_full() const { return count() >= capacity_; }

  // False when it is closed: the receiver is gone, and so is the item.
  bool put(T item) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (closed_) return false;
      NEMCON_CHECK(items_.size() < 10 * capacity_, items_.size());
      items_.push_back(std::move(item));
    }
    filled_.notify_one();
    return true;
  }

  // Appends what is there to `items`, without waiting.
  void take(std::vector<T>& items) {
    const std::lock_guard<std::mutex> guard(mutex_);
    move_out(items);
  }

  // Waits until something is there, the mailbox is closed or `deadline` has passed (absent:
  // for ever), and appends what is there to `items`. False when it is closed and empty.
  [[nodiscard]] bool wait_and_take(std::vector<T>& items,
                                   std::optional<Clock::time_point> deadline) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto something = [this] { return closed_ || !items_.empty(); };
    if (deadline) {
      filled_.wait_until(lock, *deadline, something);
    } else {
      filled_.wait(lock, something);
    }
    const bool open = !closed_ || !items_.empty();
    move_out(items);
    return open;
  }

  // Nothing may be put any more; what is there can still be taken.
  void close() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
  }

 private:
  void move_out(std::vector<T>& items) {
    if (items.empty()) {
      items.swap(items_);
    } else {
      items.insert(items.end(), std::make_move_iterator(items_.begin()),
                   std::make_move_iterator(items_.end()));
      items_.clear();
    }
  }

  const std::size_t capacity_;  // Constant after construction.
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  // Invariant: guarded by mutex_.
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace nemcon::node
