// What the core costs: time inside Engine::step, over all nodes, for one transaction.
#include <array>
#include <chrono>
#include <cstdint>

#include <benchmark/benchmark.h>

#include "tests/bench/engine_mesh.hpp"

namespace nemcon::bench {
namespace {

// Runs waves of `in_flight` transactions; the time of a wave is what the engines took for it.
void measure(benchmark::State& state, EngineMesh& mesh, std::span<const std::size_t> nodes) {
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t body_bytes = 100;
  const auto wave = [&] {
    for (std::size_t count = 0; count < in_flight; ++count)
      mesh.submit(nodes, body_bytes);
    mesh.run();
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up)
    wave();
  for ([[maybe_unused]] auto _ : state) {
    const std::chrono::nanoseconds before = mesh.step_time();
    wave();
    state.SetIterationTime(std::chrono::duration<double>(mesh.step_time() - before).count());
  }
  const auto count = static_cast<std::int64_t>(in_flight) * state.iterations();
  state.SetItemsProcessed(count);
  state.counters["per_transaction"] = benchmark::Counter(
      static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void engine_send_to_own_queue(benchmark::State& state) {
  EngineMesh mesh({.node_count = 1});
  measure(state, mesh, std::array<std::size_t, 1>{0});
}

void engine_send_consume_ack(benchmark::State& state) {
  EngineMesh mesh({.node_count = 1});
  mesh.consume(0, 4096);
  measure(state, mesh, std::array<std::size_t, 1>{0});
}

void engine_two_nodes_mode_s(benchmark::State& state) {
  EngineMesh mesh({.node_count = 2});
  measure(state, mesh, std::array<std::size_t, 2>{0, 1});
}

void engine_two_nodes_mode_x(benchmark::State& state) {
  EngineMesh mesh({.node_count = 3, .witnesses = 3});
  measure(state, mesh, std::array<std::size_t, 2>{0, 1});
}

// Beside transactions of the other node that wait for a third one, which is gone.
void engine_two_nodes_beside_doubt(benchmark::State& state) {
  EngineMesh mesh({.node_count = 3});
  for (std::int64_t count = 0; count < state.range(1); ++count)
    mesh.submit(std::array<std::size_t, 3>{1, 0, 2}, 100);
  mesh.lose(2);
  mesh.run();
  measure(state, mesh, std::array<std::size_t, 2>{0, 1});
}

BENCHMARK(engine_send_to_own_queue)->Arg(1)->Arg(64)->Arg(1000)->UseManualTime();
BENCHMARK(engine_send_consume_ack)->Arg(1)->Arg(64)->Arg(1000)->UseManualTime();
BENCHMARK(engine_two_nodes_mode_s)->Arg(1)->Arg(64)->Arg(1000)->UseManualTime();
BENCHMARK(engine_two_nodes_mode_x)->Arg(1)->Arg(64)->Arg(1000)->UseManualTime();
BENCHMARK(engine_two_nodes_beside_doubt)->Args({64, 0})->Args({64, 1000})->UseManualTime();

}  // namespace
}  // namespace nemcon::bench
