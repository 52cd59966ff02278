// nemcon-kill-matrix: kills each role at each step of a transaction, with real processes, and
// finds all or nothing at every branch afterwards. Without arguments everything; `--sample N
// --turn K` a part that rotates with K.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/system/daemon.hpp"
#include "tests/system/matrix_case.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::tests {
namespace {

struct Settings {
  std::vector<std::string> modes = {"S", "X", "C"};
  std::vector<std::string> roles = {"initiator", "participant", "witness"};
  std::string point;  // Only points whose name contains this.
  bool all_points = false;
  std::size_t sample = 0;
  std::size_t turn = 0;
};

std::vector<std::string> all_points() {
  const Workspace workspace;
  const Finished listed = run_daemon(workspace, {"--list-fail-points"});
  std::istringstream lines(listed.output);
  std::vector<std::string> points;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) points.push_back(line);
  return points;
}

// What a transaction without trouble passes at some node, and one that the others have to finish at
// a witness in mode X. The other points are reached by other work, or only when more fails.
bool is_on_the_way(const std::string& point, const Cell& cell) {
  static const std::set<std::string> of_a_ballot = {"query",   "status",   "ask-promise",
                                                    "promise", "promised", "propose"};
  static const std::set<std::string> kinds = {"hello",
                                              "prepare",
                                              "vote",
                                              "accepted",
                                              "decision",
                                              "decision-ack",
                                              "forget",
                                              "forget-ack",
                                              "submit",
                                              "service-vote",
                                              "service-done",
                                              "serve",
                                              "open",
                                              "concluded",
                                              "service-prepare",
                                              "service-decision",
                                              "voted",
                                              "accepted-votes",
                                              "decided",
                                              "all-informed",
                                              "forgotten",
                                              "service-notified",
                                              "peer-seen",
                                              "session-opened",
                                              "started",
                                              "checkpoint"};
  const std::size_t at = point.find(':');
  const std::string kind = at == std::string::npos ? "checkpoint" : point.substr(at + 1);
  return kinds.contains(kind) || (loses_initiator(cell) && of_a_ballot.contains(kind));
}

// A cell whose node does not die shows little; so many must at least, of each mode and role.
std::size_t least_killed(const std::string& role) {
  return role == "witness" ? 12 : 30;
}

std::vector<Cell> cells_of(const Settings& settings) {
  std::vector<Cell> cells;
  const std::vector<std::string> points = all_points();
  for (const std::string& mode : settings.modes) {
    for (const std::string& role : settings.roles) {
      // There the votes' witness is whoever votes.
      if (mode == "S" && role == "witness") continue;
      for (const std::string& point : points) {
        const Cell cell{.mode = mode, .role = role, .point = point};
        if (point.find(settings.point) == std::string::npos) continue;
        if (!settings.all_points && settings.point.empty() && !is_on_the_way(point, cell)) continue;
        cells.push_back(cell);
      }
    }
  }
  if (settings.sample == 0 || settings.sample >= cells.size()) return cells;
  // A stride that visits every cell within cells/sample turns.
  const std::size_t stride = (cells.size() + settings.sample - 1) / settings.sample;
  std::vector<Cell> some;
  for (std::size_t at = settings.turn % stride; at < cells.size(); at += stride)
    some.push_back(cells[at]);
  return some;
}

int run(const Settings& settings) {
  const std::vector<Cell> cells = cells_of(settings);
  std::map<std::string, std::unique_ptr<MatrixMesh>> meshes;
  std::size_t passed = 0;
  std::size_t reached = 0;
  std::map<std::pair<std::string, std::string>, std::size_t> killed;
  std::size_t committed = 0;
  for (std::size_t index = 0; index < cells.size(); ++index) {
    const Cell& cell = cells[index];
    std::unique_ptr<MatrixMesh>& mesh = meshes[cell.mode];
    if (mesh == nullptr) {
      mesh = std::make_unique<MatrixMesh>(cell.mode);
      if (!mesh->start()) {
        std::fprintf(stderr, "kill-matrix: the mesh did not start\n");
        return 1;
      }
    }
    const Verdict verdict = mesh->run(cell);
    reached += verdict.reached ? 1U : 0U;
    killed[{cell.mode, cell.role}] += verdict.reached ? 1U : 0U;
    committed += verdict.committed ? 1U : 0U;
    std::printf("[%zu/%zu] %s %s %s: %s, %s%s\n", index + 1, cells.size(), cell.mode.c_str(),
                cell.role.c_str(), cell.point.c_str(), verdict.reached ? "killed" : "not reached",
                verdict.committed ? "committed" : "rolled back",
                verdict.violation.empty() ? "" : "  VIOLATION");
    std::fflush(stdout);
    if (verdict.violation.empty()) {
      passed += 1;
      continue;
    }
    std::printf("%s\nrepeat: ./dev kill-matrix --mode %s --role %s --point %s\n",
                verdict.violation.c_str(), cell.mode.c_str(), cell.role.c_str(),
                cell.point.c_str());
    mesh.reset();  // The next cell of this mode gets a clean one.
  }
  bool is_telling = reached > 0;
  const bool is_whole = settings.sample == 0 && settings.point.empty();
  for (const auto& [whom, count] : killed) {
    const bool is_enough = !is_whole || count >= least_killed(whom.second);
    is_telling = is_telling && is_enough;
    std::printf("mode %s, %s: %zu killed%s\n", whom.first.c_str(), whom.second.c_str(), count,
                is_enough ? "" : ", too few to tell");
  }
  std::printf("kill matrix: %zu cells, %zu killed, %zu committed; %zu passed, %zu failed\n",
              cells.size(), reached, committed, passed, cells.size() - passed);
  return passed == cells.size() && is_telling ? 0 : 1;
}

}  // namespace
}  // namespace nemcon::tests

int main(int argc, char** argv) {
  nemcon::tests::Settings settings;
  CLI::App app{
      "Kills each role at each step of a transaction, restarts it, and audits.\n"
      "Exit: 0 all or nothing everywhere, 1 a violation or nothing killed, 2 usage."};
  app.add_option("--mode", settings.modes, "S, X, C; repeatable")
      ->check(CLI::IsMember({"S", "X", "C"}));
  app.add_option("--role", settings.roles, "initiator, participant, witness; repeatable")
      ->check(CLI::IsMember({"initiator", "participant", "witness"}));
  app.add_option("--point", settings.point, "only fail points whose name contains this");
  app.add_flag("--all-points", settings.all_points, "also those that such a transaction misses");
  app.add_option("--sample", settings.sample, "about this many cells of all (0: all)");
  app.add_option("--turn", settings.turn, "which part of the cells a sample takes");
  try {
    app.parse(argc, argv);
    return nemcon::tests::run(settings);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kill matrix: %s\n", error.what());
    return 1;
  }
}
