#include "deploy/demo/generator.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <random>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "deploy/demo/csv.hpp"

namespace nemcon::demo {

namespace {

constexpr std::int64_t northwind_orders = 830;
constexpr std::int64_t first_order = 10'248;
constexpr std::int64_t product_count = 77;
constexpr std::int64_t customer_count = 91;
constexpr std::int64_t orders_per_day = 2;

constexpr std::array<std::string_view, 8> first_words = {
    "Northwoods", "Chef's", "Old", "Grandma \"Ann\"", "Alpine", "Genen", "Sir", "Aniseed"};
constexpr std::array<std::string_view, 7> second_words = {
    "Syrup", "Cranberry Sauce", "Chai", "Crab, canned", "Marmalade", "Tofu", "Gorgonzola"};
constexpr std::array<std::string_view, 4> packings = {"24 - 12 oz bottles", "10 boxes x 20 bags",
                                                      "12 - 550 ml jars, assorted", "1 kg pkg."};
constexpr std::array<std::string_view, 5> streets = {"59 rue de l'Abbaye", "Rua do Pa\u00e7o, 67",
                                                     "Luisenstr. 48", "2, rue du Commerce",
                                                     "\"The Mill\", Garden House"};
constexpr std::array<std::string_view, 5> cities = {"Reims", "M\u00fcnster", "Lyon", "Bern",
                                                    "Rio de Janeiro"};
constexpr std::array<std::string_view, 5> discounts = {"0.05", "0.1", "0.15", "0.2", "0.25"};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // 0 <= value < bound. Own arithmetic: what std distributions give differs between libraries.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(bound));
  }

  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + below(most - least + 1);
  }

  template <std::size_t N>
  std::string_view of(const std::array<std::string_view, N>& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<std::int64_t>(N)))];
  }

 private:
  std::mt19937_64 engine_;
};

// Five capital letters; distinct, since 4999 * customer_count is below 26^4.
std::string customer_name(std::int64_t index) {
  std::string name(1, static_cast<char>('A' + index % 26));
  for (std::int64_t rest = index * 4999; name.size() < 5; rest /= 26)
    name.push_back(static_cast<char>('A' + rest % 26));
  return name;
}

// Days after 1996-07-04, in months of 28 days: a date for the column, not a calendar.
std::string date_text(std::int64_t day) {
  const std::int64_t months = 6 + (3 + day) / 28;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04" PRId64 "-%02" PRId64 "-%02" PRId64 " 00:00:00.000",
                1996 + months / 12, months % 12 + 1, (3 + day) % 28 + 1);
  return text.data();
}

std::vector<std::int64_t> write_products(Random& random, std::int64_t order_count,
                                         std::string& text) {
  const std::int64_t factor =
      std::max<std::int64_t>(1, (order_count + northwind_orders / 2) / northwind_orders);
  std::vector<std::int64_t> prices;
  text = csv_line({"productID", "productName", "supplierID", "categoryID", "quantityPerUnit",
                   "unitPrice", "unitsInStock", "unitsOnOrder", "reorderLevel", "discontinued"});
  for (std::int64_t id = 1; id <= product_count; ++id) {
    prices.push_back(random.between(5, 300) * 50);
    const std::string name = std::string{random.of(first_words)} + " " +
                             std::string{random.of(second_words)} + " " + std::to_string(id);
    text +=
        csv_line({std::to_string(id), name, std::to_string(random.between(1, 29)),
                  std::to_string(random.between(1, 8)), std::string{random.of(packings)},
                  decimal_text(prices.back(), 2), std::to_string(random.between(5, 90) * factor),
                  std::to_string(random.below(5) * 10), std::to_string(random.below(7) * 5), "0"});
  }
  return prices;
}

void write_lines(Random& random, const std::string& order, const std::vector<std::int64_t>& prices,
                 std::string& text) {
  std::set<std::int64_t> chosen;
  const auto wanted = static_cast<std::size_t>(random.between(1, 4));
  while (chosen.size() < wanted)
    chosen.insert(random.between(1, product_count));
  for (const std::int64_t product : chosen) {
    const bool discounted = random.below(5) < 2;
    text += csv_line({order, std::to_string(product),
                      decimal_text(prices[static_cast<std::size_t>(product - 1)], 2),
                      std::to_string(random.between(2, 45)),
                      discounted ? std::string{random.of(discounts)} : "0"});
  }
}

}  // namespace

GeneratedFiles generate(std::uint64_t seed, std::int64_t order_count) {
  Random random{seed};
  GeneratedFiles files;
  const std::vector<std::int64_t> prices = write_products(random, order_count, files.products);

  files.details = csv_line({"orderID", "productID", "unitPrice", "quantity", "discount"});
  files.orders = csv_line({"orderID", "customerID", "employeeID", "orderDate", "requiredDate",
                           "shippedDate", "shipVia", "freight", "shipName", "shipAddress",
                           "shipCity", "shipRegion", "shipPostalCode", "shipCountry"});
  for (std::int64_t i = 0; i < order_count; ++i) {
    const std::string id = std::to_string(first_order + i);
    const std::int64_t day = i / orders_per_day;
    const std::string name = customer_name(random.below(customer_count));
    files.orders += csv_line(
        {id, name, std::to_string(random.between(1, 9)), date_text(day), date_text(day + 28),
         random.below(40) == 0 ? "NULL" : date_text(day + random.between(2, 20)),
         std::to_string(random.between(1, 3)), decimal_text(random.between(2, 20'000), 2),
         name + " & Co.", std::string{random.of(streets)}, std::string{random.of(cities)}, "NULL",
         std::to_string(random.between(10'000, 99'999)), "Elsewhere"});
    write_lines(random, id, prices, files.details);
  }
  return files;
}

void write_generated(const GeneratedFiles& files, const std::string& directory) {
  const std::array<std::pair<const char*, const std::string*>, 3> texts = {
      {{"/orders.csv", &files.orders},
       {"/order-details.csv", &files.details},
       {"/products.csv", &files.products}}};
  for (const auto& [name, text] : texts) {
    std::ofstream out{directory + name, std::ios::binary | std::ios::trunc};
    out << *text << std::flush;
    if (!out) throw std::runtime_error(directory + name + ": cannot be written");
  }
}

}  // namespace nemcon::demo
