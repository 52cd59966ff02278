// demo-audit: reads the queues and the SQLite files, and says whether they agree with what the
// client was told. Exit code 0 when they do; 1 with the differences.
//
// It takes the messages out of the queues, and keeps them in the directory of the outcomes: a
// second audit of the same mesh finds them there.
#include <chrono>
#include <cstddef>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <nemcon/client.hpp>

#include "deploy/demo/audit.hpp"
#include "deploy/demo/collect.hpp"
#include "deploy/demo/program.hpp"

namespace nemcon::demo {
namespace {

// Differences beyond these are only counted.
constexpr std::size_t printed_max = 20;

struct Arguments {
  std::string shop = "tcp://127.0.0.1:7411";
  std::string warehouse = "tcp://127.0.0.1:7412";
  std::string billing = "tcp://127.0.0.1:7413";
  std::string orders;
  std::string details;
  std::string products;
  std::string outcomes = "outcomes.csv";
  std::string stock = "stock.sqlite";
  std::string accounts = "accounts.sqlite";
  std::int64_t stock_factor = 20;
  std::int64_t settle_seconds = 60;
};

struct Mesh {
  explicit Mesh(const Arguments& arguments)
      : shop({.nodes = {arguments.shop}, .name = {}}),
        warehouse({.nodes = {arguments.warehouse}, .name = {}}),
        billing({.nodes = {arguments.billing}, .name = {}}) {}

  Client shop;
  Client warehouse;
  Client billing;
};

void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// What nodes and services are still at, a line each.
std::vector<std::string> unsettled(Mesh& mesh, const Arguments& arguments) {
  std::vector<std::string> lines;
  for (Client* client : {&mesh.shop, &mesh.warehouse, &mesh.billing})
    append(lines, find_unfinished(*client));
  for (const StockCall& call : read_stock(arguments.stock).calls) {
    if (call.held) lines.push_back("the stock holds " + call.transaction);
  }
  for (const AccountCall& call : read_accounts(arguments.accounts).calls) {
    if (call.reserved) lines.push_back("the accounts hold " + call.transaction);
  }
  return lines;
}

// Services are told after the client, and a transaction is forgotten after that: it takes a
// moment. What is there when the patience ends is a difference.
std::vector<std::string> await_settled(Mesh& mesh, const Arguments& arguments) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds{arguments.settle_seconds};
  while (true) {
    std::vector<std::string> lines = unsettled(mesh, arguments);
    if (lines.empty() || std::chrono::steady_clock::now() > end) return lines;
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
  }
}

Facts collect(const Arguments& arguments) {
  Facts facts;
  facts.orders = read_orders(arguments.orders, arguments.details);
  facts.products = read_products(arguments.products);
  facts.stock_factor = arguments.stock_factor;
  facts.outcomes = read_outcomes(arguments.outcomes);

  Mesh mesh{arguments};
  facts.leftovers = await_settled(mesh, arguments);
  constexpr std::chrono::seconds patience{45};  // Longer than a lease that somebody left behind.
  facts.orders_queue = drain_queue(mesh.shop, "orders", arguments.outcomes + ".orders", patience);
  facts.invoices_queue =
      drain_queue(mesh.billing, "invoices", arguments.outcomes + ".invoices", patience);
  for (Client* client : {&mesh.shop, &mesh.warehouse, &mesh.billing})
    append(facts.leftovers, find_waiting(*client));
  facts.stock = read_stock(arguments.stock);
  facts.accounts = read_accounts(arguments.accounts);
  return facts;
}

void run(const Arguments& arguments) {
  const Facts facts = collect(arguments);
  const std::vector<std::string> all = differences(facts);
  for (std::size_t i = 0; i < all.size() && i < printed_max; ++i)
    std::cout << "difference: " << all[i] << "\n";
  if (all.size() > printed_max) {
    std::cout << "difference: " << all.size() - printed_max << " more\n";
  }
  if (!all.empty()) {
    throw std::runtime_error(std::to_string(all.size()) + " differences");
  }
  std::cout << "audit: " << facts.outcomes.size() << " orders, " << facts.orders_queue.size()
            << " in orders@shop, " << facts.invoices_queue.size() << " in invoices@billing, "
            << facts.stock.calls.size() << " in the stock, " << facts.accounts.calls.size()
            << " in the accounts: all agree, nothing in doubt" << std::endl;
}

}  // namespace
}  // namespace nemcon::demo

int main(int argc, char** argv) {
  nemcon::demo::Arguments arguments;
  CLI::App app{"Audits queues, stock and accounts after the orders were fed."};
  app.add_option("--shop", arguments.shop, "Address of the node")->capture_default_str();
  app.add_option("--warehouse", arguments.warehouse, "Address of the node")->capture_default_str();
  app.add_option("--billing", arguments.billing, "Address of the node")->capture_default_str();
  app.add_option("--orders", arguments.orders, "CSV of orders")->required();
  app.add_option("--details", arguments.details, "CSV of order lines")->required();
  app.add_option("--products", arguments.products, "CSV of products")->required();
  app.add_option("--outcomes", arguments.outcomes, "What demo-orders wrote")->capture_default_str();
  app.add_option("--stock", arguments.stock, "SQLite file of demo-reserve")->capture_default_str();
  app.add_option("--accounts", arguments.accounts, "SQLite file of demo-charge")
      ->capture_default_str();
  app.add_option("--stock-factor", arguments.stock_factor, "As for demo-reserve")
      ->capture_default_str();
  app.add_option("--settle", arguments.settle_seconds,
                 "How many seconds everything may take to come to rest")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return nemcon::demo::run_program("demo-audit", [&] { nemcon::demo::run(arguments); });
}
