// demo-generate: writes orders.csv, order-details.csv and products.csv in the Northwind layout.
#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

#include "deploy/demo/generator.hpp"
#include "deploy/demo/program.hpp"

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::int64_t count = 830;
  std::string directory = ".";
  CLI::App app{"Writes orders, order lines and products in the Northwind layout."};
  app.add_option("--count", count, "Orders")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{10'000'000}));
  app.add_option("--seed", seed, "The same seed gives the same files")->capture_default_str();
  app.add_option("--directory", directory, "Where to")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return nemcon::demo::run_program("demo-generate", [&] {
    nemcon::demo::write_generated(nemcon::demo::generate(seed, count), directory);
  });
}
