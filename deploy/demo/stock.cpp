#include "deploy/demo/stock.hpp"

#include <map>

namespace nemcon::demo {

namespace {

constexpr const char* schema = R"(
  CREATE TABLE IF NOT EXISTS product (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, initial INTEGER NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0),
    held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0 AND held <= stock));
  CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL,
    order_id INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('held', 'taken')));
  CREATE TABLE IF NOT EXISTS line (
    call INTEGER NOT NULL REFERENCES call (number), product INTEGER NOT NULL REFERENCES product (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0));
  CREATE INDEX IF NOT EXISTS line_of_call ON line (call);
  CREATE INDEX IF NOT EXISTS held_call ON call (state) WHERE state = 'held';
)";

// The row of a held call.
std::optional<std::int64_t> find_held(Connection& connection, const std::string& call) {
  Statement find{connection, "SELECT number FROM call WHERE id = ? AND state = 'held'"};
  if (!find.bind(1, call).step()) return std::nullopt;
  return find.number(0);
}

std::int64_t insert_call(Connection& connection, const CallName& name, std::int64_t order) {
  Statement insert{connection,
                   "INSERT INTO call (id, transaction_id, order_id, state) "
                   "VALUES (?, ?, ?, 'held') RETURNING number"};
  insert.bind(1, name.call).bind(2, name.transaction).bind(3, order);
  insert.step();
  const std::int64_t number = insert.number(0);
  insert.step();
  return number;
}

std::string name_of(Connection& connection, std::int64_t product) {
  Statement find{connection, "SELECT name FROM product WHERE id = ?"};
  return find.bind(1, product).step() ? find.text(0) : "";
}

// Why a line cannot be held; nothing when it was.
std::optional<std::string> hold_line(Connection& connection, std::int64_t call,
                                     const OrderLine& line) {
  Statement hold{connection,
                 "UPDATE product SET held = held + ?1 WHERE id = ?2 AND stock - held >= ?1"};
  if (connection.change(hold.bind(1, line.quantity).bind(2, line.product)) == 0) {
    const std::string product = name_of(connection, line.product);
    if (product.empty()) return "no such product: " + std::to_string(line.product);
    return "sold out: " + product;
  }
  Statement note{connection, "INSERT INTO line (call, product, quantity) VALUES (?, ?, ?)"};
  connection.change(note.bind(1, call).bind(2, line.product).bind(3, line.quantity));
  return std::nullopt;
}

}  // namespace

Stock::Stock(const std::string& file) : database_(file, schema) {}

void Stock::fill(const std::vector<Product>& products, std::int64_t factor) {
  database_.write([&](Connection& connection) {
    Statement any{connection, "SELECT 1 FROM product LIMIT 1"};
    if (any.step()) return false;
    for (const Product& product : products) {
      Statement insert{connection,
                       "INSERT INTO product (id, name, initial, stock) VALUES (?, ?, ?3, ?3)"};
      connection.change(insert.bind(1, product.id)
                            .bind(2, product.name)
                            .bind(3, product.units_in_stock * factor));
    }
    return true;
  });
}

std::optional<std::string> Stock::hold(const CallName& name, const Order& order) {
  std::optional<std::string> refusal;
  database_.write([&](Connection& connection) {
    Statement known{connection, "SELECT 1 FROM call WHERE id = ?"};
    if (known.bind(1, name.call).step()) return true;
    const std::int64_t call = insert_call(connection, name, order.id);
    for (const OrderLine& line : order.lines) {
      refusal = hold_line(connection, call, line);
      if (refusal) return false;
    }
    return true;
  });
  return refusal;
}

void Stock::take(const std::string& call) {
  database_.write([&](Connection& connection) {
    const auto number = find_held(connection, call);
    if (!number) return false;
    Statement take{connection,
                   "UPDATE product SET stock = stock - goods, held = held - goods FROM "
                   "(SELECT product AS wanted, sum(quantity) AS goods FROM line WHERE call = ? "
                   "GROUP BY product) WHERE id = wanted"};
    connection.change(take.bind(1, *number));
    Statement note{connection, "UPDATE call SET state = 'taken' WHERE number = ?"};
    connection.change(note.bind(1, *number));
    return true;
  });
}

void Stock::release(const std::string& call) {
  database_.write([&](Connection& connection) {
    const auto number = find_held(connection, call);
    if (!number) return false;
    Statement free{connection,
                   "UPDATE product SET held = held - goods FROM "
                   "(SELECT product AS wanted, sum(quantity) AS goods FROM line WHERE call = ? "
                   "GROUP BY product) WHERE id = wanted"};
    connection.change(free.bind(1, *number));
    Statement lines{connection, "DELETE FROM line WHERE call = ?"};
    connection.change(lines.bind(1, *number));
    Statement forget{connection, "DELETE FROM call WHERE number = ?"};
    connection.change(forget.bind(1, *number));
    return true;
  });
}

std::vector<std::string> Stock::held_calls() {
  std::vector<std::string> calls;
  database_.write([&](Connection& connection) {
    Statement held{connection, "SELECT id FROM call WHERE state = 'held'"};
    while (held.step())
      calls.push_back(held.text(0));
    return true;
  });
  return calls;
}

StockReport read_stock(const std::string& file) {
  Connection connection{file, Connection::Access::read_only};
  // One snapshot for the three tables.
  connection.run("BEGIN");
  StockReport report;
  Statement products{connection, "SELECT id, initial, stock, held FROM product ORDER BY id"};
  while (products.step()) {
    report.products.push_back(
        {products.number(0), products.number(1), products.number(2), products.number(3)});
  }
  std::map<std::int64_t, std::size_t> places;
  Statement calls{connection,
                  "SELECT number, transaction_id, order_id, state FROM call ORDER BY number"};
  while (calls.step()) {
    places.emplace(calls.number(0), report.calls.size());
    report.calls.push_back({calls.text(1), calls.number(2), calls.text(3) == "held", {}});
  }
  Statement lines{connection, "SELECT call, product, quantity FROM line ORDER BY rowid"};
  while (lines.step()) {
    OrderLine line;
    line.product = lines.number(1);
    line.quantity = lines.number(2);
    report.calls.at(places.at(lines.number(0))).lines.push_back(line);
  }
  return report;
}

}  // namespace nemcon::demo
