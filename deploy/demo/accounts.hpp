// Accounts: what each customer owes, kept in SQLite, as a service needs it.
//
//                reserve()              charge()
//   (nothing) ──────────────> reserved ──────────────> charged
//       ^                        │
//       └────────────────────────┘ release()
//
// Every change is on stable storage when the call returns. Each function may be repeated for a
// call, and changes nothing the second time. An account is opened with its first charge.
//
// Any thread. Errors: std::runtime_error from SQLite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/demo/database.hpp"
#include "deploy/demo/northwind.hpp"
#include "deploy/demo/stock.hpp"

namespace nemcon::demo {

class Accounts {
 public:
  explicit Accounts(const std::string& file);

  // Promises the charge; nobody sees it yet.
  void reserve(const CallName& name, const Order& order);

  // The customer owes what was promised.
  void charge(const std::string& call);

  // The promise is taken back, and the call forgotten.
  void release(const std::string& call);

  // Calls that are reserved and neither charged nor released.
  [[nodiscard]] std::vector<std::string> reserved_calls();

 private:
  Database database_;
};

struct AccountRow {
  std::string customer;
  std::int64_t owed_cents = 0;
};

struct AccountCall {
  std::string transaction;
  std::int64_t order = 0;
  std::string customer;
  std::int64_t amount_cents = 0;
  bool reserved = false;  // Else charged.
};

struct AccountReport {
  std::vector<AccountRow> accounts;
  std::vector<AccountCall> calls;
};

// Reads the file itself, beside a service that may be running.
[[nodiscard]] AccountReport read_accounts(const std::string& file);

}  // namespace nemcon::demo
