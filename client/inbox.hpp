// Inbox: between the loop, which puts deliveries in, and the application, which takes them out.
//
// Any thread. Bounded by the credit that the loop gives to the node.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nemcon/consumer.hpp>
#include <nemcon/error.hpp>

#include "core/ids.hpp"

namespace nemcon::client {

struct Arrived {
  Message message;
  std::uint32_t delivery_count = 0;
  std::string producer;
  std::string message_id;
  Timestamp at;
  std::chrono::steady_clock::time_point lease_end;
  core::LeaseToken token;
  std::uint64_t subscription = 0;
  std::uint64_t link = 0;
  std::string target;  // "queue@node", for a transaction.
};

class Inbox {
 public:
  Inbox(std::string queue, ConsumeOptions options) : queue_(std::move(queue)), options_(options) {}

  [[nodiscard]] const std::string& queue() const { return queue_; }

  [[nodiscard]] const ConsumeOptions& options() const { return options_; }

  // ---- the loop -------------------------------------------------------------------------------

  // A new subscription at the node; what came by an older one is dropped. Returns the credit to
  // begin it with.
  [[nodiscard]] std::uint32_t restart(std::uint64_t subscription);
  void put(Arrived arrived);

  // Whoever takes gets this error from now on.
  void fail(const Error& error);

  // ---- the application ------------------------------------------------------------------------

  struct Taken {
    std::optional<Arrived> arrived;  // Nothing: stopped, or too late.
    // To be given back to the node for the subscription: what was dropped since its lease had
    // ended.
    std::uint32_t credit = 0;
    std::uint64_t subscription = 0;
  };

  // Throws what fail() was given.
  [[nodiscard]] Taken take(std::optional<std::chrono::steady_clock::time_point> deadline);

  // A delivery of this subscription is in nobody's hands any more. Returns how much credit the
  // node should get now, which is given back in batches.
  [[nodiscard]] std::uint32_t return_credit(std::uint64_t subscription);

  void stop();

  // What was never handed out.
  [[nodiscard]] std::deque<Arrived> take_rest();

 private:
  [[nodiscard]] std::uint32_t collect_credit();

  const std::string queue_;
  const ConsumeOptions options_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Arrived> arrived_;  // Guarded by mutex_, as all below.
  std::uint64_t subscription_ = 0;
  std::uint32_t returned_ = 0;
  std::uint64_t handed_ = 0;   // Deliveries that the application got.
  std::uint64_t granted_ = 0;  // And those that the node may still send.
  bool stopped_ = false;
  std::optional<Error> error_;
};

}  // namespace nemcon::client
