// nemcon-bench: starts its own daemons on loopback, in a directory of its own, and prints one
// line of JSON for each run. Figures of a shared machine drift by factors: compare ratios of one
// run, against the flush probe that stands in every line.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/bench/meter.hpp"
#include "tests/bench/workload.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::bench {
namespace {

struct Settings {
  std::string directory = ".";
  double seconds = 3;
  std::vector<std::size_t> in_flight = {1, 64, 1000};
  std::vector<std::size_t> body_bytes = {100};
  std::vector<std::string> modes = {"S", "X"};
  std::string only;
};

class Bench {
 public:
  explicit Bench(const Settings& settings) : settings_(settings) {}

  int run() {
    for (const std::size_t bytes : settings_.body_bytes) {
      for (const std::size_t in_flight : settings_.in_flight) {
        run_one("enqueue", "-", {"one"}, in_flight, bytes);
        run_one("enqueue+consume+ack", "-", {"one"}, in_flight, bytes);
        for (const std::string& mode : settings_.modes) {
          const bool three = mode != "S";
          run_one("two-node commit", mode,
                  three ? std::vector<std::string>{"one", "two", "three"}
                        : std::vector<std::string>{"one", "two"},
                  in_flight, bytes);
        }
      }
    }
    return failed_ ? 1 : 0;
  }

 private:
  static std::string transactions_of(const std::string& mode) {
    if (mode == "X") return "witnesses = 3";
    if (mode == "C") return "coordinator = 'three'";
    return "witnesses = 1";
  }

  void run_one(const std::string& name, const std::string& mode,
               const std::vector<std::string>& nodes, std::size_t in_flight, std::size_t bytes) {
    if (!settings_.only.empty() && name.find(settings_.only) == std::string::npos) return;
    tests::Mesh mesh(nodes, transactions_of(mode));
    if (!mesh.start_all()) {
      std::fprintf(stderr, "nemcon-bench: the mesh did not start\n%s", mesh.diagnostics().c_str());
      failed_ = true;
      return;
    }
    std::vector<pid_t> processes;
    for (const std::string& node : nodes)
      processes.push_back(mesh.daemon(node).process());
    Result result{.name = name, .mode = mode, .in_flight = in_flight, .body_bytes = bytes};
    result.flush_seconds = flush_probe(settings_.directory);
    const Load load{
        .endpoint = mesh.endpoint("one"),
        .in_flight = in_flight,
        .body_bytes = bytes,
        .duration = std::chrono::milliseconds{static_cast<long>(settings_.seconds * 1000)}};
    const Cost before = cost_of(processes);
    if (name == "enqueue") {
      enqueue(load, result);
    } else if (name == "two-node commit") {
      commit(load, {"inbox@one", "inbox@two"}, result);
    } else {
      enqueue_consume_ack(load, result);
    }
    const Cost after = cost_of(processes);
    result.cost = {.cpu_seconds = after.cpu_seconds - before.cpu_seconds,
                   .flushes = after.flushes - before.flushes,
                   .resident = after.resident};
    if (result.refused > 0) failed_ = true;
    std::printf("%s\n", to_json(std::move(result)).c_str());
    std::fflush(stdout);
  }

  Settings settings_;
  bool failed_ = false;
};

}  // namespace
}  // namespace nemcon::bench

int main(int argc, char** argv) {
  nemcon::bench::Settings settings;
  CLI::App app{
      "Measures a mesh on this machine; one line of JSON for each run.\n"
      "Exit: 0 done, 1 an operation was refused or a daemon did not start, 2 usage."};
  app.add_option("--seconds", settings.seconds, "length of each run")->capture_default_str();
  app.add_option("--in-flight", settings.in_flight, "operations under way")->capture_default_str();
  app.add_option("--body-bytes", settings.body_bytes, "size of a body")->capture_default_str();
  app.add_option("--modes", settings.modes, "S (one witness), X (three), C (coordinator)")
      ->check(CLI::IsMember({"S", "X", "C"}))
      ->capture_default_str();
  app.add_option("--only", settings.only, "runs whose name contains this");
  app.add_option("--directory", settings.directory, "where the flush probe writes")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return nemcon::bench::Bench(settings).run();
}
