#include "tests/bench/runs.hpp"

#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/meter.hpp"
#include "tests/bench/started.hpp"
#include "tests/bench/workload.hpp"

namespace nemcon::bench {

namespace {

Load load_of(const RunSettings& settings, Started& started) {
  return {.endpoint = started.mesh().endpoint("one"),
          .queue = "inbox",
          .in_flight = settings.in_flight,
          .body_bytes = settings.body_bytes,
          .duration = settings.duration};
}

}  // namespace

bool run_enqueue(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  return started.measure("enqueue",
                         [&](Result& result) { enqueue(load_of(settings, started), result); });
}

bool run_consume(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  return started.measure(
      "consume", [&](Result& result) { enqueue_consume_ack(load_of(settings, started), result); });
}

bool run_commit(const RunSettings& settings) {
  const bool has_three = settings.witnesses > 1;
  Started started(settings, has_three ? std::vector<std::string>{"one", "two", "three"}
                                      : std::vector<std::string>{"one", "two"});
  if (!started) return false;
  return started.measure("commit", [&](Result& result) {
    commit(load_of(settings, started), {"inbox@one", "inbox@two"}, result);
  });
}

}  // namespace nemcon::bench
