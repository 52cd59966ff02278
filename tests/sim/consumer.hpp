// Consumer: takes the messages of one queue, in all the ways an application may.
//
//   Delivered ──► ack | nack | reject | extend, then ack | let the lease end
//             └─► a transaction that consumes it and sends its amount on
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/session.hpp"

namespace nemcon::sim {

struct ConsumerHabits {
  std::uint32_t credit = 8;
  Time think_max = std::chrono::milliseconds{20};
  // Parts of a million, of deliveries.
  std::uint32_t nacks = 50'000;
  std::uint32_t rejects = 5'000;
  std::uint32_t forgets = 10'000;  // Lets the lease end.
  std::uint32_t extends = 20'000;
  std::uint32_t transacts = 0;       // Consumes and produces in one transaction.
  std::vector<std::string> targets;  // Where it produces to.
};

struct ConsumerCounts {
  std::uint64_t delivered_count = 0;
  std::uint64_t acked_count = 0;
  std::uint64_t nacked_count = 0;
  std::uint64_t rejected_count = 0;
  std::uint64_t forgotten_count = 0;
  std::uint64_t transacted_count = 0;
  std::uint64_t lost_lease_count = 0;
};

class Consumer {
 public:
  Consumer(World& world, Session& session, std::string queue, std::size_t home,
           ConsumerHabits habits);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // From now on everything that comes is acknowledged at once.
  void drain();

  [[nodiscard]] const ConsumerCounts& counts() const { return counts_; }

  [[nodiscard]] Session& session() { return session_; }

  // For the answer to something that it settled.
  [[nodiscard]] bool waits() const { return !asked_.empty(); }

  [[nodiscard]] std::size_t home() const { return home_; }

 private:
  struct Asked {
    core::Settlement how = core::Settlement::ack;
    std::map<core::LeaseToken, std::uint32_t> messages;
  };

  void on_opened();
  void on_lost();
  void plan_way_home();
  void on_reply(const core::Reply& reply);
  void take(const core::Delivered& delivered);
  void take(const core::Settled& settled);
  void decide(const core::Delivered& delivered);
  void settle(const core::Delivered& delivered, core::Settlement how);
  void transact(const core::Delivered& delivered);
  void return_credit();
  void plan(Time delay, std::function<void()> action);
  void record(Happened what, std::uint32_t message);

  World& world_;      // Must outlive the consumer.
  Session& session_;  // Must outlive the consumer.
  Random random_;
  std::string queue_;
  std::uint32_t queue_index_;
  std::size_t home_;
  ConsumerHabits habits_;
  bool draining_ = false;
  std::uint64_t subscription_ = 0;
  std::uint64_t epoch_ = 0;  // Of the link: what was planned for an older one is void.
  std::map<std::uint64_t, Asked> asked_;
  ConsumerCounts counts_;
};

}  // namespace nemcon::sim
