// demo-reserve: the service `reserve` at warehouse. It votes yes when all goods of an order can be
// set aside, and keeps them in SQLite from then on, whatever dies.
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nemcon/service.hpp>

#include "deploy/demo/northwind.hpp"
#include "deploy/demo/program.hpp"
#include "deploy/demo/service_program.hpp"
#include "deploy/demo/stock.hpp"

namespace nemcon::demo {
namespace {

struct Arguments {
  std::string node = "tcp://127.0.0.1:7412";
  std::string database = "stock.sqlite";
  std::string products;
  std::int64_t stock_factor = 20;
  std::size_t threads = 32;
};

Vote prepare(Stock& stock, const Branch& branch) {
  const std::optional<Order> order = parse_order(branch.request.body);
  if (!order) return Vote::no("this is no order");
  const CallName name{branch.id.text(), branch.id.transaction().text()};
  const std::optional<std::string> refusal = stock.hold(name, *order);
  return refusal ? Vote::no(*refusal) : Vote::yes();
}

std::vector<CallId> in_doubt(Stock& stock) {
  std::vector<CallId> calls;
  for (const std::string& text : stock.held_calls()) {
    if (const auto call = CallId::parse(text)) calls.push_back(*call);
  }
  return calls;
}

void run(const Arguments& arguments) {
  block_stop_signals();
  Stock stock{arguments.database};
  stock.fill(read_products(arguments.products), arguments.stock_factor);
  serve_until_stopped({
      .node = arguments.node,
      .name = "reserve",
      .service = {.prepare = [&](const Branch& branch) { return prepare(stock, branch); },
                  .commit = [&](const Branch& branch) { stock.take(branch.id.text()); },
                  .roll_back = [&](const Branch& branch) { stock.release(branch.id.text()); },
                  .in_doubt = [&] { return in_doubt(stock); }},
      .threads = arguments.threads,
  });
}

}  // namespace
}  // namespace nemcon::demo

int main(int argc, char** argv) {
  nemcon::demo::Arguments arguments;
  CLI::App app{"Keeps the stock of the demo, as the service `reserve`."};
  app.add_option("--node", arguments.node, "Address of the node")->capture_default_str();
  app.add_option("--database", arguments.database, "SQLite file")->capture_default_str();
  app.add_option("--products", arguments.products, "CSV that an empty stock is filled from")
      ->required();
  app.add_option("--stock-factor", arguments.stock_factor, "Multiplies that stock")
      ->capture_default_str();
  app.add_option("--threads", arguments.threads, "Calls at a time")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return nemcon::demo::run_program("demo-reserve", [&] { nemcon::demo::run(arguments); });
}
