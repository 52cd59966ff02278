#include "deploy/demo/accounts.hpp"

namespace nemcon::demo {

namespace {

constexpr const char* schema = R"(
  CREATE TABLE IF NOT EXISTS account (customer TEXT PRIMARY KEY, owed INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS charge (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL,
    order_id INTEGER NOT NULL, customer TEXT NOT NULL, amount INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'charged')));
  CREATE INDEX IF NOT EXISTS reserved_charge ON charge (state) WHERE state = 'reserved';
)";

}  // namespace

Accounts::Accounts(const std::string& file) : database_(file, schema) {}

void Accounts::reserve(const CallName& name, const Order& order) {
  database_.write([&](Connection& connection) {
    Statement insert{connection,
                     "INSERT INTO charge (id, transaction_id, order_id, customer, amount, state) "
                     "VALUES (?, ?, ?, ?, ?, 'reserved') ON CONFLICT (id) DO NOTHING"};
    insert.bind(1, name.call).bind(2, name.transaction).bind(3, order.id);
    insert.bind(4, order.customer).bind(5, order.total_cents());
    connection.change(insert);
    return true;
  });
}

void Accounts::charge(const std::string& call) {
  database_.write([&](Connection& connection) {
    Statement find{connection,
                   "SELECT customer, amount FROM charge WHERE id = ? AND state = 'reserved'"};
    if (!find.bind(1, call).step()) return false;
    Statement owe{connection,
                  "INSERT INTO account (customer, owed) VALUES (?, ?) "
                  "ON CONFLICT (customer) DO UPDATE SET owed = owed + excluded.owed"};
    connection.change(owe.bind(1, find.text(0)).bind(2, find.number(1)));
    Statement note{connection, "UPDATE charge SET state = 'charged' WHERE id = ?"};
    connection.change(note.bind(1, call));
    return true;
  });
}

void Accounts::release(const std::string& call) {
  database_.write([&](Connection& connection) {
    Statement forget{connection, "DELETE FROM charge WHERE id = ? AND state = 'reserved'"};
    connection.change(forget.bind(1, call));
    return true;
  });
}

std::vector<std::string> Accounts::reserved_calls() {
  std::vector<std::string> calls;
  database_.write([&](Connection& connection) {
    Statement reserved{connection, "SELECT id FROM charge WHERE state = 'reserved'"};
    while (reserved.step())
      calls.push_back(reserved.text(0));
    return true;
  });
  return calls;
}

AccountReport read_accounts(const std::string& file) {
  Connection connection{file, Connection::Access::read_only};
  // One snapshot for both tables.
  connection.run("BEGIN");
  AccountReport report;
  Statement accounts{connection, "SELECT customer, owed FROM account ORDER BY customer"};
  while (accounts.step())
    report.accounts.push_back({accounts.text(0), accounts.number(1)});
  Statement calls{connection,
                  "SELECT transaction_id, order_id, customer, amount, state FROM charge "
                  "ORDER BY number"};
  while (calls.step()) {
    report.calls.push_back({calls.text(0), calls.number(1), calls.text(2), calls.number(3),
                            calls.text(4) == "reserved"});
  }
  return report;
}

}  // namespace nemcon::demo
