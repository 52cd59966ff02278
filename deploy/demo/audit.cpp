#include "deploy/demo/audit.hpp"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "deploy/demo/csv.hpp"

namespace nemcon::demo {

namespace {

// Product -> quantity, whatever the order of the lines.
using Goods = std::map<std::int64_t, std::int64_t>;

Goods goods_of(const std::vector<OrderLine>& lines) {
  Goods goods;
  for (const OrderLine& line : lines)
    goods[line.product] += line.quantity;
  return goods;
}

// Which order a body speaks of: the number in its second field.
std::optional<std::int64_t> order_of(const std::string& body) {
  const std::size_t begin = body.find(',');
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t end = body.find_first_of(",\n", begin + 1);
  return parse_decimal(body.substr(begin + 1, end - begin - 1), 0);
}

class Auditor {
 public:
  explicit Auditor(const Facts& facts) : facts_(facts) {}

  std::vector<std::string> run();

 private:
  // What one place (a queue, the stock, the accounts) has of the orders.
  using Place = std::multimap<std::int64_t, std::string>;  // order -> transaction

  void find(const std::string& what) { differences_.push_back(what); }

  static std::string order_name(std::int64_t order) { return "order " + std::to_string(order); }

  void index_orders();
  Place read_queue(const std::string& name, const std::vector<Found>& messages,
                   std::string (*body_of)(const Order&));
  void check_sequence(const std::string& name, const std::vector<Found>& messages);
  Place read_stock_calls();
  Place read_account_calls();
  void check_place(const std::string& name, const Place& place);
  void check_stock();
  void check_accounts();

  const Facts& facts_;
  std::map<std::int64_t, const Order*> orders_;
  std::map<std::int64_t, const OrderOutcome*> outcomes_;
  std::vector<std::string> differences_;
};

std::vector<std::string> Auditor::run() {
  differences_ = facts_.leftovers;
  index_orders();
  check_place("orders@shop", read_queue("orders@shop", facts_.orders_queue, order_text));
  check_place("invoices@billing",
              read_queue("invoices@billing", facts_.invoices_queue, invoice_text));
  check_place("the stock", read_stock_calls());
  check_place("the accounts", read_account_calls());
  check_stock();
  check_accounts();
  return std::move(differences_);
}

void Auditor::index_orders() {
  for (const Order& order : facts_.orders)
    orders_.emplace(order.id, &order);
  for (const OrderOutcome& outcome : facts_.outcomes) {
    if (!orders_.contains(outcome.order)) find(order_name(outcome.order) + " was never placed");
    if (!outcomes_.emplace(outcome.order, &outcome).second) {
      find(order_name(outcome.order) + " has two outcomes");
    }
    if (outcome.state == OrderState::unknown) {
      find(order_name(outcome.order) + ": the outcome of " + outcome.transaction + " is unknown");
    }
  }
  for (const Order& order : facts_.orders) {
    if (!outcomes_.contains(order.id)) find(order_name(order.id) + " has no outcome");
  }
}

Auditor::Place Auditor::read_queue(const std::string& name, const std::vector<Found>& messages,
                                   std::string (*body_of)(const Order&)) {
  Place place;
  for (const Found& message : messages) {
    const auto id = order_of(message.body);
    const auto order = id ? orders_.find(*id) : orders_.end();
    if (order == orders_.end()) {
      find(name + " has a message of no order, of transaction " + message.transaction);
      continue;
    }
    place.emplace(*id, message.transaction);
    if (message.body != body_of(*order->second)) {
      find(order_name(*id) + ": its message in " + name + " has another content");
    }
  }
  check_sequence(name, messages);
  return place;
}

void Auditor::check_sequence(const std::string& name, const std::vector<Found>& messages) {
  const Found* before = nullptr;
  for (const Found& message : messages) {
    if (!message.first_delivery) continue;
    if (before != nullptr &&
        std::pair{message.epoch, message.sequence} <= std::pair{before->epoch, before->sequence}) {
      find(name + ": transaction " + message.transaction + " came after " + before->transaction +
           ", which its producer committed later");
    }
    before = &message;
  }
}

Auditor::Place Auditor::read_stock_calls() {
  Place place;
  for (const StockCall& call : facts_.stock.calls) {
    if (call.held) {
      find(order_name(call.order) + ": the stock is in doubt about " + call.transaction);
      continue;
    }
    place.emplace(call.order, call.transaction);
    const auto order = orders_.find(call.order);
    if (order != orders_.end() && goods_of(call.lines) != goods_of(order->second->lines)) {
      find(order_name(call.order) + ": other goods were taken than ordered");
    }
  }
  return place;
}

Auditor::Place Auditor::read_account_calls() {
  Place place;
  for (const AccountCall& call : facts_.accounts.calls) {
    if (call.reserved) {
      find(order_name(call.order) + ": the accounts are in doubt about " + call.transaction);
      continue;
    }
    place.emplace(call.order, call.transaction);
    const auto order = orders_.find(call.order);
    if (order == orders_.end()) continue;
    if (call.customer != order->second->customer ||
        call.amount_cents != order->second->total_cents()) {
      find(order_name(call.order) + ": " + call.customer + " was charged " +
           decimal_text(call.amount_cents, 2) + ", not " + order->second->customer + " " +
           decimal_text(order->second->total_cents(), 2));
    }
  }
  return place;
}

void Auditor::check_place(const std::string& name, const Place& place) {
  for (const auto& [order, outcome] : outcomes_) {
    const auto count = place.count(order);
    if (outcome->state == OrderState::committed && count != 1) {
      find(order_name(order) + " is committed and " + std::to_string(count) + " times in " + name);
    }
    if (outcome->state == OrderState::rolled_back && count != 0) {
      find(order_name(order) + " is rolled back and " + std::to_string(count) + " times in " +
           name);
    }
  }
  for (const auto& [order, transaction] : place) {
    const auto outcome = outcomes_.find(order);
    if (outcome == outcomes_.end()) {
      find(order_name(order) + " is in " + name + " without an outcome");
    } else if (outcome->second->state == OrderState::committed &&
               outcome->second->transaction != transaction) {
      find(order_name(order) + " is in " + name + " by transaction " + transaction + ", not " +
           outcome->second->transaction);
    }
  }
}

void Auditor::check_stock() {
  Goods taken;
  for (const StockCall& call : facts_.stock.calls) {
    if (call.held) continue;
    for (const OrderLine& line : call.lines)
      taken[line.product] += line.quantity;
  }
  std::map<std::int64_t, const StockRow*> rows;
  for (const StockRow& row : facts_.stock.products)
    rows.emplace(row.product, &row);

  for (const Product& product : facts_.products) {
    const std::string name = "product " + std::to_string(product.id);
    const auto found = rows.find(product.id);
    if (found == rows.end()) {
      find(name + " is not in the stock");
      continue;
    }
    const StockRow& row = *found->second;
    const std::int64_t initial = product.units_in_stock * facts_.stock_factor;
    if (row.initial != initial || row.initial - taken[product.id] != row.stock || row.stock < 0) {
      find(name + ": " + std::to_string(initial) + " units less " +
           std::to_string(taken[product.id]) + " taken are not " + std::to_string(row.stock));
    }
    if (row.held != 0) find(name + ": " + std::to_string(row.held) + " units are still held");
  }
}

void Auditor::check_accounts() {
  std::map<std::string, std::int64_t> charged;
  for (const AccountCall& call : facts_.accounts.calls) {
    if (!call.reserved) charged[call.customer] += call.amount_cents;
  }
  for (const AccountRow& account : facts_.accounts.accounts) {
    const auto found = charged.find(account.customer);
    const std::int64_t sum = found == charged.end() ? 0 : found->second;
    if (sum != account.owed_cents) {
      find("account " + account.customer + " owes " + decimal_text(account.owed_cents, 2) +
           ", and its charges are " + decimal_text(sum, 2));
    }
    if (found != charged.end()) charged.erase(found);
  }
  for (const auto& [customer, sum] : charged)
    find("account " + customer + " is missing, and its charges are " + decimal_text(sum, 2));
}

}  // namespace

std::string invoice_text(const Order& order) {
  return csv_line(
      {"invoice", std::to_string(order.id), order.customer, std::to_string(order.total_cents())});
}

std::vector<std::string> differences(const Facts& facts) {
  return Auditor{facts}.run();
}

}  // namespace nemcon::demo
