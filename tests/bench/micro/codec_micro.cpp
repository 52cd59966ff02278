// What frames cost: encoding and decoding of messages as engines really send them.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/check.hpp"
#include "tests/bench/engine_mesh.hpp"
#include "transport/codec.hpp"

namespace nemcon::bench {
namespace {

constexpr std::size_t body_bytes = 100;

struct Captured {
  core::FrameHeader header;
  std::vector<core::Message> messages;
};

// `count` messages of this kind, from transactions over two nodes in mode X.
Captured capture(const std::string& kind, std::size_t count) {
  EngineMesh mesh({.node_count = 3, .witnesses = 3});
  Captured captured;
  mesh.on_frame = [&](std::size_t, std::size_t, const core::FrameHeader& header,
                      std::span<const core::Message> messages) {
    for (const core::Message& message : messages) {
      if (kind_of(message) != kind || captured.messages.size() == count) continue;
      captured.header = header;
      captured.messages.push_back(message);
    }
  };
  const std::array<std::size_t, 2> nodes{0, 1};
  for (std::size_t index = 0; index < count; ++index)
    mesh.submit(nodes, body_bytes);
  for (int round = 0; round < 100 && captured.messages.size() < count; ++round)
    mesh.run();
  NEMCON_CHECK(captured.messages.size() == count, kind);
  return captured;
}

std::vector<core::Request> submissions(std::size_t count) {
  std::vector<core::Request> requests;
  for (std::size_t index = 0; index < count; ++index) {
    core::Submit submit{.request = index, .id = {{7, 1}, {8, 2}, {}, core::Sequence{index}}};
    for (const char* const queue : {"inbox@one", "inbox@two"}) {
      submit.parts.push_back(
          {.target = queue,
           .content = {.headers = {}, .body = core::Bytes{std::string(body_bytes, 'x')}}});
    }
    requests.emplace_back(std::move(submit));
  }
  return requests;
}

const transport::DecodeLimits& limits() {
  static const transport::DecodeLimits value = transport::decode_limits(core::Limits{});
  return value;
}

transport::ReceivedFrame received(const transport::FrameBuffer& buffer) {
  auto owner = std::make_shared<std::string>(buffer.view());
  const std::string_view view = *owner;
  return {.owner = std::move(owner), .view = view};
}

void count(benchmark::State& state, std::size_t items, std::size_t bytes) {
  state.SetItemsProcessed(static_cast<std::int64_t>(items) * state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void encode_messages(benchmark::State& state, const std::string& kind) {
  const Captured captured = capture(kind, static_cast<std::size_t>(state.range(0)));
  transport::FrameBuffer buffer;
  for ([[maybe_unused]] auto _ : state) {
    const auto encoded =
        transport::encode_peer(buffer, captured.header, captured.messages, limits());
    NEMCON_CHECK(encoded && encoded.value() == captured.messages.size());
    benchmark::DoNotOptimize(buffer.view().data());
  }
  count(state, captured.messages.size(), buffer.byte_count());
}

void decode_messages(benchmark::State& state, const std::string& kind) {
  const Captured captured = capture(kind, static_cast<std::size_t>(state.range(0)));
  transport::FrameBuffer buffer;
  NEMCON_CHECK(transport::encode_peer(buffer, captured.header, captured.messages, limits()));
  const transport::ReceivedFrame frame = received(buffer);
  for ([[maybe_unused]] auto _ : state) {
    auto decoded = transport::decode_peer(frame, limits());
    NEMCON_CHECK(decoded);
    benchmark::DoNotOptimize(decoded.value().messages.data());
  }
  count(state, captured.messages.size(), buffer.byte_count());
}

void encode_submissions(benchmark::State& state) {
  const std::vector<core::Request> requests = submissions(static_cast<std::size_t>(state.range(0)));
  transport::FrameBuffer buffer;
  for ([[maybe_unused]] auto _ : state) {
    const auto encoded = transport::encode_requests(buffer, requests, limits());
    NEMCON_CHECK(encoded && encoded.value() == requests.size());
    benchmark::DoNotOptimize(buffer.view().data());
  }
  count(state, requests.size(), buffer.byte_count());
}

void decode_submissions(benchmark::State& state) {
  const std::vector<core::Request> requests = submissions(static_cast<std::size_t>(state.range(0)));
  transport::FrameBuffer buffer;
  NEMCON_CHECK(transport::encode_requests(buffer, requests, limits()));
  const transport::ReceivedFrame frame = received(buffer);
  for ([[maybe_unused]] auto _ : state) {
    auto decoded = transport::decode_requests(frame, limits());
    NEMCON_CHECK(decoded);
    benchmark::DoNotOptimize(decoded.value().data());
  }
  count(state, requests.size(), buffer.byte_count());
}

BENCHMARK_CAPTURE(encode_messages, prepare, "prepare")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(decode_messages, prepare, "prepare")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(encode_messages, vote, "vote")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(decode_messages, vote, "vote")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(encode_messages, decision, "decision")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(decode_messages, decision, "decision")->Arg(1)->Arg(64);
BENCHMARK(encode_submissions)->Arg(1)->Arg(64);
BENCHMARK(decode_submissions)->Arg(1)->Arg(64);

}  // namespace
}  // namespace nemcon::bench
