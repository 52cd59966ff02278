// Consumer and Delivery: taking messages out of a queue.
//
//   for (nemcon::Delivery& delivery : client.consume("orders@shop")) {
//     handle(delivery.body());
//     delivery.ack();
//   }
//
// A delivery is leased: hidden from others until it is settled (acked, given back, rejected) or
// its lease ends, after which it is delivered again, to anybody. So every message is seen at
// least once; ack it in a transaction together with its effects to make the effect exactly once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nemcon/export.hpp>
#include <nemcon/message.hpp>
#include <nemcon/outcome.hpp>

namespace nemcon {
inline namespace v0 {

class Transaction;
class Client;

// One hand-over of a message. Move-only; destroying it unsettled leaves the message to its
// lease. Its calls may come from any thread, one at a time; it may outlive its Consumer, and
// its Client, after which settling answers false.
//
// The settling calls have two forms. The blocking one returns true when it is durable at the node,
// and false when the lease had ended, the link was lost, or the client's deadline passed: then the
// message may be delivered again. The asynchronous one returns at once (its future may be
// dropped) and goes with others in one batch.
class NEMCON_EXPORT Delivery {
 public:
  Delivery(Delivery&& other) noexcept;
  Delivery& operator=(Delivery&& other) noexcept;
  ~Delivery();

  [[nodiscard]] const std::string& body() const;
  [[nodiscard]] const Headers& headers() const;
  [[nodiscard]] const Message& message() const;

  // "order@shop" as it was given to consume().
  [[nodiscard]] const std::string& queue() const;

  // 1 for the first hand-over of this message, which is only then not a repetition.
  [[nodiscard]] std::uint32_t delivery_count() const;

  // The producer's name; of an anonymous one its id.
  [[nodiscard]] const std::string& producer() const;

  // Names the message: the same in every delivery of it. The transaction that sent it, and the
  // place among what that sent.
  [[nodiscard]] const std::string& message_id() const;

  // Its place in the queue.
  [[nodiscard]] Timestamp at() const;

  // When the lease ends, by this process's clock, unless it is extended.
  [[nodiscard]] std::chrono::steady_clock::time_point lease_end() const;

  // Done: the message leaves the queue.
  bool ack();
  std::future<bool> ack_async();

  // Give it back; it is delivered again after `delay`, which loses its place in the order.
  bool nack(std::chrono::milliseconds delay = std::chrono::milliseconds{0});
  std::future<bool> nack_async(std::chrono::milliseconds delay = std::chrono::milliseconds{0});

  // To the queue's dead-letter queue, with the reason in a header.
  bool reject(std::string_view why);
  std::future<bool> reject_async(std::string_view why);

  // A new lease of this length, from now.
  bool extend(std::chrono::milliseconds lease);
  std::future<bool> extend_async(std::chrono::milliseconds lease);

  class Impl;

 private:
  friend class Consumer;
  friend class Transaction;
  explicit Delivery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ConsumeOptions {
  // How many deliveries the application and the library may hold unsettled at a time.
  std::uint32_t credit = 64;
  // How many deliveries are wanted in all; zero: no end to it. Who takes a few and leaves says it:
  // else the node has sent more by then, and these come again, with a higher count.
  std::uint64_t count_max = 0;
  // Zero: the queue's own.
  std::chrono::milliseconds lease{0};
};

// A subscription to one queue of the node that the client is connected to. It survives the loss
// of the link: the client comes back, and what was leased is delivered again.
//
// Any number of threads may take from one consumer. Every taking call throws a retryable Error
// when the node turned the subscription down (no such queue there, not allowed): the text says
// what to do.
class NEMCON_EXPORT Consumer {
 public:
  Consumer(Consumer&& other) noexcept;
  Consumer& operator=(Consumer&& other) noexcept;

  // Ends the subscription. What was not handed out is given back at once.
  ~Consumer();

  // Blocks until there is a delivery; nothing once stop() was called.
  [[nodiscard]] std::optional<Delivery> receive();

  // As receive(), but nothing also when `patience` has passed.
  [[nodiscard]] std::optional<Delivery> receive(std::chrono::milliseconds patience);

  // Ends all waiting and every loop over this consumer. From any thread, and from a signal
  // handler's thread (not from the handler itself).
  void stop();

  // The input range of what receive() gives. One loop at a time.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::input_iterator_tag;
    using value_type = Delivery;
    using difference_type = std::ptrdiff_t;
    using pointer = Delivery*;
    using reference = Delivery&;

    Iterator() = default;

    reference operator*() const { return **current_; }

    pointer operator->() const { return &**current_; }

    Iterator& operator++() {
      *current_ = consumer_->receive();
      return *this;
    }

    void operator++(int) { ++*this; }

    friend bool operator==(const Iterator& a, std::default_sentinel_t) {
      return a.current_ == nullptr || !a.current_->has_value();
    }

   private:
    friend class Consumer;

    explicit Iterator(Consumer* consumer)
        : consumer_(consumer), current_(std::make_shared<std::optional<Delivery>>()) {
      *current_ = consumer_->receive();
    }

    Consumer* consumer_ = nullptr;
    std::shared_ptr<std::optional<Delivery>> current_;
  };

  [[nodiscard]] Iterator begin() { return Iterator{this}; }

  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

  class Impl;

 private:
  friend class Client;
  explicit Consumer(std::shared_ptr<Impl> impl);
  [[nodiscard]] std::optional<Delivery> take(
      std::optional<std::chrono::steady_clock::time_point> deadline);
  std::shared_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace nemcon
