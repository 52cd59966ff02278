// Goal: orders come out of the files as they are, real or generated, or with the reason why not.
#include "deploy/demo/northwind.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "deploy/demo/generator.hpp"
#include "tests/demo/directory.hpp"

namespace nemcon::demo {
namespace {

using tests::TemporaryDirectory;

const std::string orders_head =
    "orderID,customerID,employeeID,orderDate,requiredDate,shippedDate,shipVia,freight,shipName,"
    "shipAddress,shipCity,shipRegion,shipPostalCode,shipCountry\n";
const std::string order_row =
    "7,VINET,5,1996-07-04 00:00:00.000,1996-08-01 00:00:00.000,NULL,3,32.38,Vins et alcools,"
    "\"59, rue de l'Abbaye\",Reims,NULL,51100,France\n";
const std::string details_head = "orderID,productID,unitPrice,quantity,discount\n";

// What reading these texts says is wrong.
std::string problem(const std::string& orders, const std::string& details) {
  const TemporaryDirectory directory;
  const std::string orders_file = directory.write("orders.csv", orders);
  const std::string details_file = directory.write("details.csv", details);
  try {
    (void)read_orders(orders_file, details_file);
  } catch (const std::runtime_error& error) {
    return std::string{error.what()}.substr(directory.path().size() + 1);
  }
  return "";
}

TEST(Northwind, OrdersHaveTheirLinesAndTotals) {
  const TemporaryDirectory directory;
  const auto orders = read_orders(
      directory.write("orders.csv", orders_head + order_row),
      directory.write("details.csv", details_head + "7,11,14.00,12,0\n7,42,9.80,3,0.15\n"));

  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0], (Order{7, "VINET", 3238, {{11, 1400, 12, 0}, {42, 980, 3, 1500}}}));
  EXPECT_EQ(orders[0].lines[1].amount_cents(), 2499);
  EXPECT_EQ(orders[0].total_cents(), 3238 + 16'800 + 2499);
}

TEST(Northwind, UnquotedCommasInAnAddressDoNoHarm) {
  std::string row = order_row;
  row.erase(row.find('"'), 1);
  row.erase(row.find('"'), 1);

  EXPECT_EQ(problem(orders_head + row, details_head + "7,11,14.00,12,0\n"), "");
}

TEST(Northwind, WhatIsWrongIsSaidWithFileAndLine) {
  const std::string orders = orders_head + order_row;

  EXPECT_EQ(problem(orders, details_head), "details.csv: order 7 has no line");
  EXPECT_EQ(problem(orders, details_head + "8,11,14.00,12,0\n"), "details.csv:2: no such order: 8");
  EXPECT_EQ(problem(orders, details_head + "7,11,14.00,x,0\n"),
            "details.csv:2: quantity is no number: \"x\"");
  EXPECT_EQ(problem(orders, details_head + "7,11,14.00,0,0\n"), "details.csv:2: quantity is 0");
  EXPECT_EQ(problem(orders, details_head + "7,11,14.00,-1,0\n"),
            "details.csv:2: quantity is no number: \"-1\"");
  EXPECT_EQ(problem(orders, details_head + "7,11,14.00\n"), "details.csv:2: has too few fields");
  EXPECT_EQ(problem(orders, details_head + "7,11,14,00,1,0\n"),
            "details.csv:2: has too many fields; quote those with a comma");
  EXPECT_EQ(problem(orders + order_row, details_head), "orders.csv:3: this order is there twice");
  EXPECT_EQ(problem("a,b\n1,2\n", details_head), "orders.csv:2: has no column orderID");
  EXPECT_EQ(problem("", details_head), "orders.csv:0: has no header");
}

TEST(Northwind, AnOrderSurvivesBeingAMessage) {
  const Order order{10'248, "A \"quoted\", name", 5, {{1, 2, 3, 0}, {4, 5, 6, 2500}}};

  EXPECT_EQ(parse_order(order_text(order)), order);
  for (const char* text : {"", "order", "order,1,A,5\n", "order,1,A,5\nline,1,2,x,0\n",
                           "order,1,A,-5\nline,1,2,3,0\n", "order,1,\"A", "line,1,2,3,0\n"}) {
    EXPECT_FALSE(parse_order(text)) << text;
  }
}

TEST(Generator, WritesWhatTheReaderReads) {
  const TemporaryDirectory directory;
  write_generated(generate(7, 500), directory.path());

  const auto orders =
      read_orders(directory.file("orders.csv"), directory.file("order-details.csv"));
  const auto products = read_products(directory.file("products.csv"));

  ASSERT_EQ(orders.size(), 500U);
  ASSERT_EQ(products.size(), 77U);
  std::set<std::int64_t> known;
  for (const Product& product : products)
    known.insert(product.id);
  for (const Order& order : orders) {
    EXPECT_GT(order.total_cents(), 0);
    for (const OrderLine& line : order.lines)
      EXPECT_TRUE(known.contains(line.product));
  }
}

TEST(Generator, TheSeedDecidesEverything) {
  EXPECT_EQ(generate(1, 50).orders, generate(1, 50).orders);
  EXPECT_EQ(generate(1, 50).details, generate(1, 50).details);
  EXPECT_EQ(generate(1, 50).products, generate(1, 50).products);
  EXPECT_NE(generate(1, 50).details, generate(2, 50).details);
}

// With the stock as it is most orders cannot be served, with 20 times that some still cannot.
TEST(Generator, DemandIsMoreThanTheStockAndNotTwentyTimesMore) {
  const TemporaryDirectory directory;
  for (const std::int64_t count : {830, 20'000}) {
    write_generated(generate(3, count), directory.path());
    std::map<std::int64_t, std::int64_t> wanted;
    for (const Order& order :
         read_orders(directory.file("orders.csv"), directory.file("order-details.csv"))) {
      for (const OrderLine& line : order.lines)
        wanted[line.product] += line.quantity;
    }
    int short_of_one = 0;
    int short_of_twenty = 0;
    for (const Product& product : read_products(directory.file("products.csv"))) {
      if (wanted[product.id] > product.units_in_stock) ++short_of_one;
      if (wanted[product.id] > product.units_in_stock * 20) ++short_of_twenty;
    }
    EXPECT_GT(short_of_one, 70) << count;
    EXPECT_GT(short_of_twenty, 5) << count;
    EXPECT_LT(short_of_twenty, 70) << count;
  }
}

}  // namespace
}  // namespace nemcon::demo
