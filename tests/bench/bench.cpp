// nemcon-bench: one run on daemons of its own. ./dev bench calls it, and its peers, in turn.
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include <CLI/CLI.hpp>

#include "tests/bench/runs.hpp"

int main(int argc, char** argv) {
  namespace bench = nemcon::bench;
  const std::map<std::string, bool (*)(const bench::RunSettings&)> runs = {
      {"enqueue", bench::run_enqueue},   {"consume", bench::run_consume},
      {"commit", bench::run_commit},     {"backlog", bench::run_backlog},
      {"in-doubt", bench::run_in_doubt}, {"restart", bench::run_restart},
      {"idle", bench::run_idle},
  };
  bench::RunSettings settings;
  std::string run;
  double seconds = 3;
  CLI::App app{
      "Measures nodes on this machine; one line of JSON for each figure.\n"
      "enqueue  a message to a queue of one node\n"
      "consume  the same, delivered and acknowledged\n"
      "commit   a transaction over two nodes\n"
      "backlog  enqueue and consume with --count messages waiting, and with none\n"
      "in-doubt commit with --count transactions in doubt that wait for a third node\n"
      "restart  time to the first commit after SIGKILL with --count bytes in the store\n"
      "idle     what a node costs that has nothing to do\n"
      "Exit: 0 done, 1 an operation was refused or a daemon did not start, 2 usage."};
  app.add_option("run", run, "which")->required()->check(CLI::IsMember(runs));
  app.add_option("--seconds", seconds, "length of the run")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str();
  app.add_option("--witnesses", settings.witnesses, "1 (mode S) or 3 (mode X)")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  app.add_option("--links", settings.links, "plain, or curve: encrypted, with keys")
      ->check(CLI::IsMember({"plain", "curve"}))
      ->capture_default_str();
  app.add_option("--in-flight", settings.in_flight, "operations under way")
      ->check(CLI::Range(1, 4000))
      ->capture_default_str();
  app.add_option("--body-bytes", settings.body_bytes, "size of a body")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--count", settings.count, "of what the run is about")->capture_default_str();
  app.add_option("--nodes", settings.nodes, "idle: of the mesh")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--directory", settings.directory, "where the flush probe writes")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  settings.duration = std::chrono::milliseconds{static_cast<long>(seconds * 1000)};
  return runs.at(run)(settings) ? 0 : 1;
}
