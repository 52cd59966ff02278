// nemcon-demo: the whole demo in one command. Three nodes, two services, every order one
// transaction, and an audit of what is left. Exit code 0 when all agrees; 1 with the reason, and
// with everything that was written kept; 2 for wrong usage.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "deploy/demo/drive.hpp"
#include "deploy/demo/generator.hpp"
#include "deploy/demo/northwind.hpp"

namespace nemcon::demo {
namespace {

constexpr std::int64_t northwind_order_count = 830;
constexpr int exit_interrupted = 130;

struct Arguments {
  std::string orders;
  std::string details;
  std::string products;
  std::int64_t count = northwind_order_count;
  std::uint64_t seed = 1;
  Mode mode = Mode::x;
  std::int64_t stock_factor = 20;
  std::int64_t in_flight = 256;
  bool kill = false;
  bool keep = false;
  std::string templates = "deploy/demo";
  std::string nemcond = "nemcond";
  std::string log_level = "info";
};

// A new directory of this run, which goes with it unless told otherwise.
class RunDirectory {
 public:
  RunDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nemcon-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(pattern + ": cannot be made");
    path_ = pattern;
  }

  ~RunDirectory() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
  }

  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  RunDirectory(RunDirectory&&) = delete;
  RunDirectory& operator=(RunDirectory&&) = delete;

  void keep() { kept_ = true; }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool kept_ = false;
};

std::string own_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

// Files are named from any directory, and read by processes that may have another one.
std::string absolute(const std::string& file) {
  return std::filesystem::absolute(file).string();
}

DriveOptions drive_options(const Arguments& arguments, const std::string& directory) {
  DriveOptions options;
  options.setting = {.directory = directory,
                     .templates = arguments.templates,
                     .programs = own_directory(),
                     .nemcond = absolute(arguments.nemcond),
                     .log_level = arguments.log_level,
                     .mode = arguments.mode,
                     .orders = directory + "/orders.csv",
                     .details = directory + "/order-details.csv",
                     .products = directory + "/products.csv",
                     .stock_factor = arguments.stock_factor,
                     .in_flight = arguments.in_flight,
                     .seed = arguments.seed};
  if (arguments.orders.empty()) {
    write_generated(generate(arguments.seed, arguments.count), directory);
  } else {
    options.setting.orders = absolute(arguments.orders);
    options.setting.details = absolute(arguments.details);
    options.setting.products = absolute(arguments.products);
  }
  // Read here as well, so that a file that is wrong is said before anything is started.
  options.order_count = read_orders(options.setting.orders, options.setting.details).size();
  (void)read_products(options.setting.products);
  // More orders, more kills: the second and further ones meet nodes with a history.
  constexpr std::size_t orders_per_kill = 4000;
  constexpr std::size_t kills_max = 5;
  if (arguments.kill) {
    options.kills_each =
        std::clamp(options.order_count / orders_per_kill, std::size_t{1}, kills_max);
  }
  return options;
}

int run(const Arguments& arguments) {
  catch_interruptions();
  RunDirectory directory;
  try {
    Drive{drive_options(arguments, directory.path())}.run();
    if (arguments.keep) {
      directory.keep();
      std::cout << "kept " << directory.path() << "\n";
    }
    std::cout << "demo: passed" << std::endl;
    return 0;
  } catch (const Interrupted&) {
    std::cerr << "\ndemo: interrupted, nothing is left behind" << std::endl;
    return exit_interrupted;
  } catch (const std::exception& error) {
    directory.keep();
    std::cerr << "demo: FAILED: " << error.what() << "\n"
              << "demo: seed " << arguments.seed << "; everything is kept in " << directory.path()
              << std::endl;
    return 1;
  }
}

}  // namespace
}  // namespace nemcon::demo

int main(int argc, char** argv) {
  using nemcon::demo::Mode;
  nemcon::demo::Arguments arguments;
  CLI::App app{
      "Runs three nodes and two services, feeds every order as one transaction, and audits."};
  auto* orders = app.add_option("--orders", arguments.orders,
                                "CSV of orders in the Northwind layout; generated without it");
  auto* details = app.add_option("--details", arguments.details, "CSV of their lines");
  auto* products = app.add_option("--products", arguments.products, "CSV of products with stock");
  orders->check(CLI::ExistingFile)->needs(details)->needs(products);
  details->check(CLI::ExistingFile)->needs(orders);
  products->check(CLI::ExistingFile)->needs(orders);
  app.add_option("--count", arguments.count, "Orders to generate")
      ->capture_default_str()
      ->excludes(orders)
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  app.add_option("--seed", arguments.seed, "Of generated orders and of kills")
      ->capture_default_str();
  const std::map<std::string, Mode> modes{{"S", Mode::s}, {"X", Mode::x}, {"C", Mode::c}};
  std::string mode = "X";
  app.add_option("--mode", mode, "S (1 witness), X (3 witnesses), C (coordinator)")
      ->capture_default_str()
      ->check(CLI::IsMember({"S", "X", "C"}));
  app.add_option("--stock-factor", arguments.stock_factor, "Multiplies the stock of the products")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000}));
  app.add_option("--in-flight", arguments.in_flight, "Transactions at a time")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{2000}));
  app.add_flag("--kill", arguments.kill,
               "Kills (SIGKILL) and restarts every node and service while orders flow");
  app.add_flag("--keep", arguments.keep, "Keeps the directory of the run");
  app.add_option("--templates", arguments.templates, "Directory of the configuration files")
      ->capture_default_str();
  app.add_option("--nemcond", arguments.nemcond, "The daemon")->capture_default_str();
  app.add_option("--log-level", arguments.log_level, "Of the nodes: debug, info, warning, error")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  arguments.mode = modes.at(mode);
  return nemcon::demo::run(arguments);
}
