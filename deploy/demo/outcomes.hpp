// Outcomes: what the client that feeds the orders was told, one line an order, in a file.
//
// CSV without a header: order, state, transaction id, reason, who objected, attempts. Flushed to
// the kernel line by line, so that it outlives the process but not the machine.
//
// One thread at a time. Errors: std::runtime_error.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace nemcon::demo {

enum class OrderState : std::uint8_t { committed, rolled_back, unknown };

struct OrderOutcome {
  std::int64_t order = 0;
  OrderState state = OrderState::unknown;
  std::string transaction;  // Of the last attempt.
  std::string reason;       // "service refused: sold out: Chai"; empty when committed.
  std::string by;           // The node that objected.
  std::int64_t attempts = 1;

  friend bool operator==(const OrderOutcome&, const OrderOutcome&) = default;
};

class OutcomeFile {
 public:
  explicit OutcomeFile(const std::string& file);

  void write(const OrderOutcome& outcome);

 private:
  std::string file_;
  std::ofstream out_;
};

[[nodiscard]] std::vector<OrderOutcome> read_outcomes(const std::string& file);

}  // namespace nemcon::demo
