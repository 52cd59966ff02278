// Stock: what the warehouse has, kept in SQLite, as a service needs it.
//
//                 hold()                take()
//   (nothing) ──────────────> held ──────────────> taken
//       ^                      │
//       └──────────────────────┘ release()
//
// Every change is on stable storage when the call returns. A call is named by the text of its id;
// each function may be repeated for it, and changes nothing the second time.
//
// Any thread. Errors: std::runtime_error from SQLite.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/demo/database.hpp"
#include "deploy/demo/northwind.hpp"

namespace nemcon::demo {

// Which call of which transaction. Values of the client library, as text.
struct CallName {
  std::string call;
  std::string transaction;
};

class Stock {
 public:
  explicit Stock(const std::string& file);

  // Fills an empty stock; does nothing to one that was filled before.
  void fill(const std::vector<Product>& products, std::int64_t factor);

  // Sets the goods of all lines aside. Nothing when that was done (now or before); else why
  // not, and then nothing is held.
  [[nodiscard]] std::optional<std::string> hold(const CallName& name, const Order& order);

  // What is held for the call leaves the stock.
  void take(const std::string& call);

  // What is held for the call is free again, and the call forgotten.
  void release(const std::string& call);

  // Calls that are held and neither taken nor released.
  [[nodiscard]] std::vector<std::string> held_calls();

 private:
  Database database_;
};

struct StockRow {
  std::int64_t product = 0;
  std::int64_t initial = 0;
  std::int64_t stock = 0;
  std::int64_t held = 0;
};

struct StockCall {
  std::string transaction;
  std::int64_t order = 0;
  bool held = false;             // Else taken.
  std::vector<OrderLine> lines;  // Product and quantity only.
};

struct StockReport {
  std::vector<StockRow> products;
  std::vector<StockCall> calls;
};

// Reads the file itself, beside a service that may be running.
[[nodiscard]] StockReport read_stock(const std::string& file);

}  // namespace nemcon::demo
