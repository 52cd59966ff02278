// demo-orders: the shop's application. Each order is one transaction over three nodes: a message to
// orders@shop, the calls reserve@warehouse and charge@billing, a message to invoices@billing.
//
// Standard output has lines "progress DONE TOTAL COMMITTED ROLLED-BACK REPEATED". With --gated it
// begins only as many orders as the last number on standard input says, and all of them when that
// ends.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nemcon/client.hpp>

#include "deploy/demo/feeder.hpp"
#include "deploy/demo/northwind.hpp"
#include "deploy/demo/outcomes.hpp"
#include "deploy/demo/program.hpp"

namespace nemcon::demo {
namespace {

struct Arguments {
  std::vector<std::string> nodes = {"tcp://127.0.0.1:7411", "tcp://127.0.0.1:7412",
                                    "tcp://127.0.0.1:7413"};
  std::string orders;
  std::string details;
  std::string outcomes = "outcomes.csv";
  std::string name = "checkout";
  std::size_t in_flight = 256;
  std::int64_t patience_seconds = 60;
  bool gated = false;
};

// Reads standard input on a thread of its own, which lasts until that ends.
class Gate {
 public:
  static std::shared_ptr<Gate> open() {
    auto gate = std::make_shared<Gate>();
    std::thread{[gate] {
      for (std::size_t count = 0; std::cin >> count;)
        gate->allowed_ = count;
      gate->allowed_ = std::numeric_limits<std::size_t>::max();
    }}.detach();
    return gate;
  }

  [[nodiscard]] std::size_t allowed() const { return allowed_; }

 private:
  std::atomic<std::size_t> allowed_ = 0;
};

void print(const Progress& progress) {
  std::cout << "progress " << progress.done() << ' ' << progress.total << ' ' << progress.committed
            << ' ' << progress.rolled_back << ' ' << progress.repeated << std::endl;
}

void run(const Arguments& arguments) {
  const std::vector<Order> orders = read_orders(arguments.orders, arguments.details);
  OutcomeFile outcomes{arguments.outcomes};
  Client client{{.nodes = arguments.nodes,
                 .name = arguments.name,
                 .on_notice = [](const Notice& notice) { std::cerr << notice.text << std::endl; }}};
  FeederOptions options{.in_flight_max = arguments.in_flight,
                        .patience = std::chrono::seconds{arguments.patience_seconds},
                        .on_progress = print};
  if (arguments.gated) options.allowed = [gate = Gate::open()] { return gate->allowed(); };
  Feeder feeder{client, orders, outcomes, std::move(options)};
  if (!feeder.run()) {
    throw std::runtime_error("no order got an outcome for " +
                             std::to_string(arguments.patience_seconds) + " s");
  }
}

}  // namespace
}  // namespace nemcon::demo

int main(int argc, char** argv) {
  nemcon::demo::Arguments arguments;
  CLI::App app{"Feeds orders into the mesh, each as one transaction."};
  app.add_option("--node", arguments.nodes, "Addresses of nodes, taken in this order")
      ->capture_default_str();
  app.add_option("--orders", arguments.orders, "CSV of orders")->required();
  app.add_option("--details", arguments.details, "CSV of order lines")->required();
  app.add_option("--outcomes", arguments.outcomes, "File to which outcomes are appended")
      ->capture_default_str();
  app.add_option("--name", arguments.name, "Name of this client")->capture_default_str();
  app.add_option("--in-flight", arguments.in_flight, "Transactions at a time")
      ->capture_default_str();
  app.add_option("--patience", arguments.patience_seconds,
                 "Gives up after so many seconds without an outcome")
      ->capture_default_str();
  app.add_flag("--gated", arguments.gated, "Begins as many orders as standard input says");
  CLI11_PARSE(app, argc, argv);
  return nemcon::demo::run_program("demo-orders", [&] { nemcon::demo::run(arguments); });
}
