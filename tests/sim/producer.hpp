// Producer: a client that makes transactions: single sends, several queues, transfers of an
// amount, calls of services, checks, and now and then something that cannot work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/session.hpp"

namespace nemcon::sim {

// Relative frequencies.
struct Mix {
  std::uint32_t single = 3;
  std::uint32_t several = 4;
  std::uint32_t transfer = 2;
  std::uint32_t call = 2;
  std::uint32_t check = 1;
  std::uint32_t impossible = 1;  // A queue or service that does not exist.
};

struct ProducerPlan {
  std::string name;  // Empty: anonymous.
  std::vector<std::size_t> homes;
  std::uint32_t window = 1;  // Transactions under way at a time.
  std::uint32_t quota = 20;
  Time think_max = std::chrono::milliseconds{50};
  std::size_t filling_bytes_max = 0;
  std::uint32_t own_deadlines = 0;  // Parts of a million.
  Mix mix;
};

class Producer {
 public:
  Producer(World& world, Session& session, ProducerPlan plan, std::vector<std::string> queues,
           std::vector<std::string> services);
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void begin();

  [[nodiscard]] bool is_done() const { return quota_ == 0 && session_.unfinished_count() == 0; }

  // No new transactions from now on.
  void stop() { quota_ = 0; }

  [[nodiscard]] const std::string& session_label() const { return session_.label(); }

  [[nodiscard]] std::string unfinished_text() const { return session_.unfinished_text(); }

  [[nodiscard]] const ProducerPlan& plan() const { return plan_; }

 private:
  void fill_window();
  void plan_next();
  TransactionPlan make();
  TransactionPlan make_several();
  void add_send(TransactionPlan& plan, std::int64_t amount);
  void add_call(TransactionPlan& plan);
  void add_impossible(TransactionPlan& plan);

  World& world_;      // Must outlive the producer.
  Session& session_;  // Must outlive the producer.
  Random random_;
  ProducerPlan plan_;
  std::vector<std::string> queues_;
  std::vector<std::string> services_;
  std::uint32_t quota_;
};

}  // namespace nemcon::sim
