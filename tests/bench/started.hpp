// Started: a mesh of daemons of one run, and what measuring on it has in common for all runs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/bench/meter.hpp"
#include "tests/bench/runs.hpp"
#include "tests/bench/workload.hpp"
#include "tests/system/mesh.hpp"

namespace nemcon::bench {

class Started {
 public:
  // Starts the nodes, each with a queue "inbox" and one "deep" that takes any number of messages.
  // What went wrong is on standard error.
  Started(const RunSettings& settings, const std::vector<std::string>& nodes);

  // False when they did not start.
  explicit operator bool() const { return is_started_; }

  [[nodiscard]] tests::Mesh& mesh() { return mesh_; }

  // What the run does to node "one", at a queue there.
  [[nodiscard]] Load load(const std::string& queue) const;

  // Those that run.
  [[nodiscard]] std::vector<pid_t> processes();

  // Probes the disk, runs `work` and prints the line. False when an operation was refused.
  [[nodiscard]] bool measure(const std::string& name, const std::function<void(Result&)>& work);

  // Goes into every further line.
  std::map<std::string, double> more;

 private:
  RunSettings settings_;
  std::vector<std::string> nodes_;
  tests::Mesh mesh_;
  bool is_started_ = false;
};

}  // namespace nemcon::bench
