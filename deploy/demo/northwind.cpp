#include "deploy/demo/northwind.hpp"

#include <charconv>
#include <cstddef>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "deploy/demo/csv.hpp"

namespace nemcon::demo {

namespace {

constexpr std::int64_t whole_basis_points = 10'000;

// A CSV file with a header, read column by column. What is wrong is thrown with file and line.
class Table {
 public:
  explicit Table(const std::string& file) : file_(file), in_(file), reader_(in_) {
    if (!in_) throw std::runtime_error(file + ": cannot be read");
    const auto header = reader_.next();
    if (!header) fail("has no header");
    for (std::size_t i = 0; i < header->size(); ++i)
      columns_.emplace((*header)[i], i);
    width_ = header->size();
  }

  [[nodiscard]] bool next() {
    auto row = reader_.next();
    if (!row) return false;
    row_ = std::move(*row);
    if (row_.size() < width_) fail("has too few fields");
    return true;
  }

  // Rows may not be wider than the header from here on, as free text comes before what is used.
  void require_width() const {
    if (row_.size() != width_) fail("has too many fields; quote those with a comma");
  }

  [[nodiscard]] const std::string& text(const std::string& column) const {
    const auto found = columns_.find(column);
    if (found == columns_.end()) fail("has no column " + column);
    return row_[found->second];
  }

  [[nodiscard]] std::int64_t number(const std::string& column, int digits) const {
    const auto value = parse_decimal(text(column), digits);
    if (!value || *value < 0) fail(column + " is no number: \"" + text(column) + "\"");
    return *value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(file_ + ":" + std::to_string(reader_.line()) + ": " + what);
  }

 private:
  std::string file_;
  std::ifstream in_;
  CsvReader reader_;
  std::map<std::string, std::size_t> columns_;
  std::size_t width_ = 0;
  CsvRow row_;
};

std::optional<std::int64_t> parse_whole(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end || value < 0) return std::nullopt;
  return value;
}

// All fields of a row after its first as numbers that are not negative.
std::optional<std::vector<std::int64_t>> parse_numbers(const CsvRow& row) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 1; i < row.size(); ++i) {
    const auto number = parse_whole(row[i]);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<Order> parse_rows(CsvReader& reader) {
  const auto head = reader.next();
  if (!head || head->size() != 4 || head->front() != "order") return std::nullopt;
  const auto id = parse_whole((*head)[1]);
  const auto freight = parse_whole((*head)[3]);
  if (!id || !freight) return std::nullopt;

  Order order{*id, (*head)[2], *freight, {}};
  while (const auto row = reader.next()) {
    const auto numbers = parse_numbers(*row);
    if (row->front() != "line" || !numbers || numbers->size() != 4) return std::nullopt;
    order.lines.push_back({(*numbers)[0], (*numbers)[1], (*numbers)[2], (*numbers)[3]});
  }
  if (order.lines.empty()) return std::nullopt;
  return order;
}

}  // namespace

std::int64_t OrderLine::amount_cents() const {
  const std::int64_t gross = unit_price_cents * quantity;
  return (gross * (whole_basis_points - discount_basis_points) + whole_basis_points / 2) /
         whole_basis_points;
}

std::int64_t Order::total_cents() const {
  std::int64_t total = freight_cents;
  for (const OrderLine& line : lines)
    total += line.amount_cents();
  return total;
}

std::vector<Order> read_orders(const std::string& orders_file, const std::string& details_file) {
  std::vector<Order> orders;
  std::map<std::int64_t, std::size_t> places;
  Table heads{orders_file};
  while (heads.next()) {
    // Known exports of these orders leave the commas of ship names and addresses unquoted. All
    // that is used here comes before them.
    Order order{
        heads.number("orderID", 0), heads.text("customerID"), heads.number("freight", 2), {}};
    if (order.customer.empty()) heads.fail("customerID is empty");
    if (!places.emplace(order.id, orders.size()).second) heads.fail("this order is there twice");
    orders.push_back(std::move(order));
  }

  Table details{details_file};
  while (details.next()) {
    details.require_width();
    const auto place = places.find(details.number("orderID", 0));
    if (place == places.end()) details.fail("no such order: " + details.text("orderID"));
    const OrderLine line{details.number("productID", 0), details.number("unitPrice", 2),
                         details.number("quantity", 0), details.number("discount", 4)};
    if (line.quantity == 0) details.fail("quantity is 0");
    if (line.discount_basis_points > whole_basis_points) details.fail("discount is more than 1");
    orders[place->second].lines.push_back(line);
  }
  for (const Order& order : orders) {
    if (order.lines.empty()) {
      throw std::runtime_error(details_file + ": order " + std::to_string(order.id) +
                               " has no line");
    }
  }
  return orders;
}

std::vector<Product> read_products(const std::string& file) {
  std::vector<Product> products;
  std::set<std::int64_t> seen;
  Table table{file};
  while (table.next()) {
    table.require_width();
    Product product{table.number("productID", 0), table.text("productName"),
                    table.number("unitPrice", 2), table.number("unitsInStock", 0)};
    if (!seen.insert(product.id).second) table.fail("this product is there twice");
    products.push_back(std::move(product));
  }
  return products;
}

std::string order_text(const Order& order) {
  std::string text = csv_line(
      {"order", std::to_string(order.id), order.customer, std::to_string(order.freight_cents)});
  for (const OrderLine& line : order.lines) {
    text += csv_line({"line", std::to_string(line.product), std::to_string(line.unit_price_cents),
                      std::to_string(line.quantity), std::to_string(line.discount_basis_points)});
  }
  return text;
}

std::optional<Order> parse_order(std::string_view text) {
  std::istringstream in{std::string{text}};
  CsvReader reader{in};
  try {
    return parse_rows(reader);
  } catch (const std::runtime_error&) {
    return std::nullopt;  // Not CSV at all.
  }
}

}  // namespace nemcon::demo
