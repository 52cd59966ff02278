#include "tests/bench/runs.hpp"

#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/meter.hpp"
#include "tests/bench/started.hpp"
#include "tests/bench/workload.hpp"

namespace nemcon::bench {

bool run_enqueue(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  return started.measure("enqueue",
                         [&](Result& result) { enqueue(started.load("inbox"), result); });
}

bool run_consume(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  return started.measure(
      "consume", [&](Result& result) { enqueue_consume_ack(started.load("inbox"), result); });
}

bool run_commit(const RunSettings& settings) {
  const bool has_three = settings.witnesses > 1;
  Started started(settings, has_three ? std::vector<std::string>{"one", "two", "three"}
                                      : std::vector<std::string>{"one", "two"});
  if (!started) return false;
  return started.measure("commit", [&](Result& result) {
    commit(started.load("inbox"), {"inbox@one", "inbox@two"}, result);
  });
}

}  // namespace nemcon::bench
