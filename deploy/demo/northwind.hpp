// Orders, their lines and the products they are of, in the layout of the Northwind sample database.
//
// Money is in cents, a discount in hundredths of a percent; nothing is floating point. Values; any
// thread. Errors: std::runtime_error that names file and line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nemcon::demo {

struct OrderLine {
  std::int64_t product = 0;
  std::int64_t unit_price_cents = 0;
  std::int64_t quantity = 0;
  std::int64_t discount_basis_points = 0;

  // Rounded half up.
  [[nodiscard]] std::int64_t amount_cents() const;

  friend bool operator==(const OrderLine&, const OrderLine&) = default;
};

struct Order {
  std::int64_t id = 0;
  std::string customer;
  std::int64_t freight_cents = 0;
  std::vector<OrderLine> lines;

  // What the customer pays: all lines and the freight.
  [[nodiscard]] std::int64_t total_cents() const;

  friend bool operator==(const Order&, const Order&) = default;
};

struct Product {
  std::int64_t id = 0;
  std::string name;
  std::int64_t unit_price_cents = 0;
  std::int64_t units_in_stock = 0;

  friend bool operator==(const Product&, const Product&) = default;
};

// Every order has at least one line, every line an order; ids are unique. In the order of the file.
[[nodiscard]] std::vector<Order> read_orders(const std::string& orders_file,
                                             const std::string& details_file);

[[nodiscard]] std::vector<Product> read_products(const std::string& file);

// An order as the body of a message, and back. Nothing for any other text.
[[nodiscard]] std::string order_text(const Order& order);
[[nodiscard]] std::optional<Order> parse_order(std::string_view text);

}  // namespace nemcon::demo
