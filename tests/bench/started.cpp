#include "tests/bench/started.hpp"

#include <cstdio>

namespace nemcon::bench {

namespace {

constexpr const char* deep_queue =
    "[[queue]]\nname = 'deep'\nmax_messages = 1_000_000_000\nmax_bytes = '1TiB'\n";

std::string transactions_of(const RunSettings& settings) {
  return "witnesses = " + std::to_string(settings.witnesses);
}

}  // namespace

Started::Started(const RunSettings& settings, const std::vector<std::string>& nodes)
    : settings_(settings),
      nodes_(nodes),
      mesh_(nodes, transactions_of(settings), deep_queue,
            settings.links == "curve" ? tests::MeshLinks::curve : tests::MeshLinks::plain) {
  is_started_ = mesh_.start_all();
  if (!is_started_) {
    std::fprintf(stderr, "nemcon-bench: the mesh did not start\n%s", mesh_.diagnostics().c_str());
  }
}

Load Started::load(const std::string& queue) const {
  return {.endpoint = mesh_.endpoint("one"),
          .key_file = mesh_.client_key_file(),
          .node_key = mesh_.public_key("one"),
          .queue = queue,
          .in_flight = settings_.in_flight,
          .body_bytes = settings_.body_bytes,
          .duration = settings_.duration};
}

std::vector<pid_t> Started::processes() {
  std::vector<pid_t> all;
  for (const std::string& node : nodes_) {
    if (mesh_.daemon(node).is_running()) all.push_back(mesh_.daemon(node).process());
  }
  return all;
}

bool Started::measure(const std::string& name, const std::function<void(Result&)>& work) {
  Result result;
  result.name = name;
  result.mode = nodes_.size() == 1 ? "-" : settings_.witnesses == 1 ? "S" : "X";
  result.links = settings_.links;
  result.settings = "flush before every acknowledgement";
  result.in_flight = settings_.in_flight;
  result.body_bytes = settings_.body_bytes;
  result.more = more;
  result.flush_seconds = flush_probe(settings_.directory);
  const std::vector<pid_t> all = processes();
  result.before = cost_of(all);
  work(result);
  result.after = cost_of(all);
  const bool is_sound = result.refused == 0;
  if (!is_sound) {
    std::fprintf(stderr, "nemcon-bench: %s: %llu operations were not committed\n%s", name.c_str(),
                 static_cast<unsigned long long>(result.refused), mesh_.diagnostics().c_str());
  }
  std::printf("%s\n", to_json(std::move(result)).c_str());
  std::fflush(stdout);
  return is_sound;
}

}  // namespace nemcon::bench
