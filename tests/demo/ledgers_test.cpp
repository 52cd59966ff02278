// Goal: stock and accounts keep what they promised, and change nothing the second time. Method:
// the calls of a service in every order that a mesh may bring them, on a real SQLite file.
#include <atomic>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "deploy/demo/accounts.hpp"
#include "deploy/demo/database.hpp"
#include "deploy/demo/stock.hpp"
#include "tests/demo/directory.hpp"

namespace nemcon::demo {
namespace {

using tests::TemporaryDirectory;

const std::vector<Product> products = {{1, "Chai", 1800, 10}, {2, "Chang", 1900, 5}};

Order order_of(std::int64_t id, std::vector<OrderLine> lines) {
  return {id, "VINET", 0, std::move(lines)};
}

CallName name_of(int number) {
  return {"call " + std::to_string(number), "transaction " + std::to_string(number)};
}

class StockTest : public testing::Test {
 protected:
  StockTest() { stock_->fill(products, 1); }

  // The service dies and starts again on the same file.
  void restart() {
    stock_.reset();
    stock_.emplace(file_);
    stock_->fill(products, 1);
  }

  [[nodiscard]] StockRow row(std::size_t index) const { return read_stock(file_).products[index]; }

  TemporaryDirectory directory_;
  std::string file_ = directory_.file("stock.sqlite");
  std::optional<Stock> stock_{file_};
};

TEST_F(StockTest, AHoldIsKeptOverARestartAndThenTaken) {
  EXPECT_EQ(stock_->hold(name_of(1), order_of(7, {{1, 0, 4, 0}})), std::nullopt);
  restart();

  EXPECT_EQ(stock_->held_calls(), std::vector<std::string>{"call 1"});
  EXPECT_EQ(row(0).stock, 10);
  EXPECT_EQ(row(0).held, 4);
  stock_->take("call 1");
  EXPECT_EQ(row(0).stock, 6);
  EXPECT_EQ(row(0).held, 0);
  EXPECT_TRUE(stock_->held_calls().empty());
}

TEST_F(StockTest, NothingHappensTwice) {
  const Order order = order_of(7, {{1, 0, 4, 0}});
  EXPECT_EQ(stock_->hold(name_of(1), order), std::nullopt);
  EXPECT_EQ(stock_->hold(name_of(1), order), std::nullopt);
  EXPECT_EQ(row(0).held, 4);

  stock_->take("call 1");
  stock_->take("call 1");
  stock_->release("call 1");
  EXPECT_EQ(stock_->hold(name_of(1), order), std::nullopt);

  EXPECT_EQ(row(0).stock, 6);
  EXPECT_EQ(row(0).held, 0);
  const StockReport report = read_stock(file_);
  ASSERT_EQ(report.calls.size(), 1U);
  EXPECT_EQ(report.calls[0].transaction, "transaction 1");
  EXPECT_EQ(report.calls[0].order, 7);
  EXPECT_FALSE(report.calls[0].held);
}

TEST_F(StockTest, AReleasedHoldIsFreeForOthers) {
  EXPECT_EQ(stock_->hold(name_of(1), order_of(7, {{2, 0, 5, 0}})), std::nullopt);
  EXPECT_EQ(stock_->hold(name_of(2), order_of(8, {{2, 0, 1, 0}})), "sold out: Chang");

  stock_->release("call 1");
  stock_->release("call 1");

  EXPECT_EQ(stock_->hold(name_of(2), order_of(8, {{2, 0, 1, 0}})), std::nullopt);
  EXPECT_EQ(row(1).held, 1);
  EXPECT_EQ(read_stock(file_).calls.size(), 1U);
}

TEST_F(StockTest, ARefusalHoldsNothing) {
  EXPECT_EQ(stock_->hold(name_of(1), order_of(7, {{1, 0, 10, 0}, {2, 0, 6, 0}})),
            "sold out: Chang");
  EXPECT_EQ(stock_->hold(name_of(2), order_of(8, {{1, 0, 1, 0}, {99, 0, 1, 0}})),
            "no such product: 99");

  EXPECT_EQ(row(0).held, 0);
  EXPECT_TRUE(read_stock(file_).calls.empty());
}

TEST_F(StockTest, LinesOfOneProductAddUp) {
  EXPECT_EQ(stock_->hold(name_of(1), order_of(7, {{2, 0, 3, 0}, {2, 0, 3, 0}})), "sold out: Chang");
  EXPECT_EQ(stock_->hold(name_of(2), order_of(8, {{2, 0, 3, 0}, {2, 0, 2, 0}})), std::nullopt);

  stock_->take("call 2");

  EXPECT_EQ(row(1).stock, 0);
  EXPECT_EQ(row(1).held, 0);
}

TEST_F(StockTest, UnknownCallsAreNoMatter) {
  stock_->take("nobody");
  stock_->release("nobody");

  EXPECT_EQ(row(0).stock, 10);
}

TEST_F(StockTest, ManyThreadsNeverSellMoreThanThereIs) {
  std::atomic<int> held = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 4; ++i) {
        const CallName name = name_of(thread * 100 + i);
        if (stock_->hold(name, order_of(thread, {{1, 0, 1, 0}}))) continue;
        ++held;
        stock_->take(name.call);
      }
    });
  }
  threads.clear();

  EXPECT_EQ(held, 10);
  EXPECT_EQ(row(0).stock, 0);
}

TEST(AccountsTest, AChargeIsKeptOverARestartAndMadeOnce) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("accounts.sqlite");
  const Order order = order_of(7, {{1, 100, 3, 0}});
  {
    Accounts accounts{file};
    accounts.reserve(name_of(1), order);
    accounts.reserve(name_of(1), order);
  }
  Accounts accounts{file};
  EXPECT_EQ(accounts.reserved_calls(), std::vector<std::string>{"call 1"});
  EXPECT_TRUE(read_accounts(file).accounts.empty());

  accounts.charge("call 1");
  accounts.charge("call 1");
  accounts.release("call 1");
  accounts.reserve(name_of(1), order);

  const AccountReport report = read_accounts(file);
  ASSERT_EQ(report.accounts.size(), 1U);
  EXPECT_EQ(report.accounts[0].owed_cents, 300);
  ASSERT_EQ(report.calls.size(), 1U);
  EXPECT_FALSE(report.calls[0].reserved);
  EXPECT_EQ(report.calls[0].transaction, "transaction 1");
}

TEST(AccountsTest, AReleasedChargeLeavesNothing) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("accounts.sqlite");
  Accounts accounts{file};
  accounts.reserve(name_of(1), order_of(7, {{1, 100, 3, 0}}));

  accounts.release("call 1");
  accounts.charge("call 1");

  EXPECT_TRUE(read_accounts(file).calls.empty());
  EXPECT_TRUE(read_accounts(file).accounts.empty());
}

TEST(DatabaseTest, WhatThrowsIsUndoneAloneAndThrownToItsCaller) {
  const TemporaryDirectory directory;
  Database database{directory.file("a.sqlite"), "CREATE TABLE IF NOT EXISTS t (x INTEGER UNIQUE)"};
  const auto insert = [](Connection& connection, std::int64_t value) {
    Statement statement{connection, "INSERT INTO t VALUES (?)"};
    connection.change(statement.bind(1, value));
  };

  EXPECT_TRUE(database.write([&](Connection& c) { return insert(c, 1), true; }));
  EXPECT_FALSE(database.write([&](Connection& c) { return insert(c, 2), false; }));
  EXPECT_THROW(database.write([&](Connection& c) { return insert(c, 3), insert(c, 1), true; }),
               std::runtime_error);

  database.write([](Connection& connection) {
    Statement sum{connection, "SELECT sum(x) FROM t"};
    EXPECT_TRUE(sum.step());
    EXPECT_EQ(sum.number(0), 1);
    return true;
  });
}

}  // namespace
}  // namespace nemcon::demo
