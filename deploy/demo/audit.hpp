// Audit: does everything that was left behind agree with what the client was told?
//
//   committed    exactly once in orders@shop, invoices@billing, the stock and the accounts, with
//   the
//                right content, under the transaction that the client was told of
//   rolled back  in none of them
//   unknown      a difference by itself: an outcome can always be had in the end
//
// And: stock and accounts add up, nothing is held, prepared, leased or dead-lettered, and the
// messages of a queue come in the order in which their producer committed them.
//
// A pure function of what was found; how it was found is demo-audit's business.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/demo/accounts.hpp"
#include "deploy/demo/northwind.hpp"
#include "deploy/demo/outcomes.hpp"
#include "deploy/demo/stock.hpp"

namespace nemcon::demo {

// A message as it lay in a queue.
struct Found {
  std::string transaction;
  std::uint64_t epoch = 0;     // Of the producer's session,
  std::uint64_t sequence = 0;  // and its place in that.
  bool first_delivery = true;  // A redelivery is outside the order.
  std::string body;
};

struct Facts {
  std::vector<Order> orders;
  std::vector<Product> products;
  std::int64_t stock_factor = 1;
  std::vector<OrderOutcome> outcomes;
  std::vector<Found> orders_queue;    // orders@shop, in the order of delivery.
  std::vector<Found> invoices_queue;  // invoices@billing.
  StockReport stock;
  AccountReport accounts;
  // What should not be there: "shop: transaction ... in doubt", "orders.dead@shop: 1 message".
  std::vector<std::string> leftovers;
};

// The body of the message in invoices@billing.
[[nodiscard]] std::string invoice_text(const Order& order);

// One line for people each; empty when all agrees.
[[nodiscard]] std::vector<std::string> differences(const Facts& facts);

}  // namespace nemcon::demo
