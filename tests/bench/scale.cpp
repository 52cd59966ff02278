// nemcon-scale: what a transaction costs as the mesh around it grows: messages, and processor time
// of the engines. Simulated: real engines, in memory, in virtual time. One line of JSON for each
// mesh.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/check.hpp"
#include "tests/bench/engine_mesh.hpp"
#include "tests/bench/meter.hpp"

namespace nemcon::bench {
namespace {

constexpr std::size_t body_bytes = 100;
constexpr std::size_t in_flight = 64;  // Of those nodes that work together.
constexpr std::size_t waves = 20;
constexpr int idle_seconds = 10;

double microseconds(std::chrono::nanoseconds time) {
  return 1e-3 * static_cast<double>(time.count());
}

template <class Kind>
std::uint64_t count_of(const EngineMesh& mesh) {
  return mesh.sent_by_kind()[core::Message(Kind{}).index()];
}

// Those that Rule P-3 and the figure of docs/protocol.md speak of: up to the decision, told.
std::uint64_t until_decided(const EngineMesh& mesh) {
  return count_of<core::Prepare>(mesh) + count_of<core::Vote>(mesh) +
         count_of<core::Accepted>(mesh) + count_of<core::Decision>(mesh);
}

struct Share {
  double until_decided = 0;
  double all = 0;
  double cpu_us = 0;  // The least of the waves: the one that was disturbed least.
};

// Waves of transactions over `participants` nodes each. `spread`: every node works, as much as each
// of the few that otherwise do all, and of which the others only know.
Share measure(EngineMesh& mesh, std::size_t node_count, std::size_t participants, bool spread) {
  const std::size_t wave_count =
      spread ? std::max(in_flight, in_flight * node_count / participants) : in_flight;
  Share share;
  share.cpu_us = 1e9;
  const std::uint64_t decided_before = until_decided(mesh);
  const std::uint64_t sent_before = mesh.sent_count();
  const std::uint64_t committed_before = mesh.committed_count();
  std::size_t first = 0;
  for (std::size_t wave = 0; wave < waves; ++wave) {
    const std::chrono::nanoseconds before = mesh.step_time();
    for (std::size_t index = 0; index < wave_count; ++index) {
      std::vector<std::size_t> nodes;
      for (std::size_t node = 0; node < participants; ++node)
        nodes.push_back((first + node) % node_count);
      mesh.submit(nodes, body_bytes);
      if (spread) first = (first + participants) % node_count;
    }
    mesh.run();
    share.cpu_us = std::min(
        share.cpu_us, microseconds(mesh.step_time() - before) / static_cast<double>(wave_count));
  }
  // What is lazy, too.
  for (int round = 0; round < 1000; ++round)
    mesh.run();
  const auto count = static_cast<double>(mesh.committed_count() - committed_before);
  NEMCON_CHECK(count == static_cast<double>(waves * wave_count), count);
  share.until_decided = static_cast<double>(until_decided(mesh) - decided_before) / count;
  share.all = static_cast<double>(mesh.sent_count() - sent_before) / count;
  return share;
}

void print(std::size_t node_count, std::uint32_t witnesses, std::size_t participants) {
  EngineMesh mesh({.node_count = node_count, .witnesses = witnesses});
  const std::uint64_t idle_before = mesh.sent_count();
  for (int round = 0; round < idle_seconds * 1000; ++round)
    mesh.run();
  const auto idle = static_cast<double>(mesh.sent_count() - idle_before);
  const Share same = measure(mesh, node_count, participants, false);
  const Share spread = measure(mesh, node_count, participants, true);
  const std::size_t expected = witnesses == 1 ? 3 * participants - 3 : 3 * participants - 1;
  JsonLine line;
  line.put("system", std::string("simulated"));
  line.put("run", std::string("scale"));
  line.put("mode", std::string(witnesses == 1 ? "S" : "X"));
  line.put("nodes", std::uint64_t{node_count});
  line.put("participants", std::uint64_t{participants});
  line.put("messages_until_decided", same.until_decided);
  line.put("messages_expected", std::uint64_t{expected});
  line.put("messages", same.all);
  line.put("cpu_us_per_operation", same.cpu_us);
  line.put("messages_until_decided_spread", spread.until_decided);
  line.put("cpu_us_per_operation_spread", spread.cpu_us);
  line.put("idle_messages_per_node_second", idle / static_cast<double>(node_count) / idle_seconds);
  line.put("forming_messages_per_node",
           static_cast<double>(mesh.forming_sent_count()) / static_cast<double>(node_count));
  line.put("forming_cpu_us_per_node",
           microseconds(mesh.forming_step_time()) / static_cast<double>(node_count));
  std::printf("%s\n", line.text().c_str());
  std::fflush(stdout);
}

}  // namespace
}  // namespace nemcon::bench

int main(int argc, char** argv) {
  std::vector<std::size_t> nodes = {3, 10, 30, 100, 300};
  CLI::App app{
      "Messages and processor time of a transaction in simulated meshes; a line of JSON for each.\n"
      "Exit: 0 done, 2 usage."};
  app.add_option("--nodes", nodes, "sizes of the meshes")
      ->check(CLI::Range(3, 1000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  {
    // The first mesh of a process pays for memory that the later ones find.
    nemcon::bench::EngineMesh first({.node_count = 10, .witnesses = 3});
    (void)nemcon::bench::measure(first, 10, 2, true);
  }
  for (const std::size_t count : nodes) {
    for (const std::size_t participants : {2U, 3U}) {
      nemcon::bench::print(count, 1, participants);
      nemcon::bench::print(count, 3, participants);
    }
  }
  return 0;
}
