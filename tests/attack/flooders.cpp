#include "tests/attack/flooders.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/request.hpp"
#include "tests/attack/greedy_clients.hpp"
#include "tests/attack/victim.hpp"
#include "tests/transport/stranger.hpp"
#include "transport/codec.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using transport::Stranger;

namespace {

// Twice a link's window, some thousand frames; and for those that stay far more than any bound of
// what may wait.
constexpr std::size_t flood_bytes = std::size_t{32} << 20U;
constexpr std::size_t stay_bytes = std::size_t{256} << 20U;
constexpr auto flood_patience = 1500ms;
constexpr auto stay_patience = 5s;
constexpr auto answer_patience = 1s;
constexpr int stays_every = 4;

// ZeroMQ keeps its descriptors to itself: all of this process that are connected to that port. What
// such a connection ends with is a reset, and whatever has not been read by then is lost.
void reset_when_closed(std::uint16_t port) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const int descriptor = std::stoi(entry.path().filename().string());
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.sin_family != AF_INET || ntohs(address.sin_port) != port) continue;
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
}

// Of several KiB: questions that it may not ask, or sessions and what they have not got.
std::string frame_of(int turn, const core::Limits& limits) {
  std::vector<core::Request> requests;
  for (std::uint64_t i = 1; i <= 80; ++i) {
    if (turn / stays_every % 2 == 0) {
      requests.emplace_back(core::Inspect{.request = i, .topic = core::Topic::queues, .id = {}});
    } else {
      add_idle_session(requests, i);
    }
  }
  transport::FrameBuffer out;
  const auto count = transport::encode_requests(out, requests, transport::decode_limits(limits));
  if (!count || *count != requests.size()) throw std::runtime_error("too large a frame");
  return std::string{out.view()};
}

bool is_over(const Stranger& stranger) {
  return stranger.end.has_value() || !stranger.refusals.empty();
}

bool is_let_in(Stranger& stranger, const std::string& name) {
  stranger.greet({.role = transport::Role::client, .frame_bytes_max = 1U << 20U, .name = name});
  const Clock::time_point give_up = Clock::now() + 3s;
  while (stranger.welcome_count == 0 && !is_over(stranger) && Clock::now() < give_up) {
    std::this_thread::sleep_for(1ms);
    stranger.turn();
  }
  return stranger.welcome_count > 0 && !is_over(stranger);
}

// How many bytes ZeroMQ took.
std::size_t flood(Stranger& stranger, const std::string& frame, std::size_t byte_count_max,
                  std::chrono::milliseconds patience) {
  std::size_t byte_count = 0;
  const Clock::time_point give_up = Clock::now() + patience;
  while (byte_count < byte_count_max && Clock::now() < give_up) {
    if (stranger.try_send(frame)) {
      byte_count += frame.size();
      continue;
    }
    stranger.turn();
    if (is_over(stranger)) break;
    std::this_thread::sleep_for(100us);
  }
  return byte_count;
}

// What it is told lies behind what it has sent.
bool is_stopped(Stranger& stranger) {
  const Clock::time_point give_up = Clock::now() + answer_patience;
  while (!is_over(stranger) && Clock::now() < give_up) {
    stranger.turn();
    std::this_thread::sleep_for(5ms);
  }
  return is_over(stranger);
}

}  // namespace

std::string flooder_name(int number) {
  return "flooder-" + std::to_string(number);
}

Tally flood_and_leave(const Order& order) {
  const Victim victim(order.directory());
  const std::string port = victim.endpoint.substr(victim.endpoint.rfind(':') + 1);
  std::vector<transport::KeyPair> keys;
  for (int i = 0; i < flooder_count; ++i)
    keys.push_back(victim.keys_of(flooder_name(i)));
  Tally tally{{"floods", 0}, {"MiB", 0}, {"refused", 0}, {"stopped", 0}, {"not stopped", 0}};
  int turn = 0;
  std::size_t byte_count = 0;
  const auto act = [&] {
    const int number = ++turn % flooder_count;
    Stranger stranger(victim.endpoint_from_elsewhere, keys[static_cast<std::size_t>(number)],
                      victim.public_key);
    if (!is_let_in(stranger, flooder_name(number))) {
      ++tally["refused"];
      std::this_thread::sleep_for(20ms);
      return;
    }
    const std::string frame = frame_of(turn, victim.rogue.limits);
    if (turn % stays_every == 0) {
      byte_count += flood(stranger, frame, stay_bytes, stay_patience);
      ++tally[is_stopped(stranger) ? "stopped" : "not stopped"];
    } else {
      byte_count += flood(stranger, frame, flood_bytes, flood_patience);
    }
    tally["MiB"] = byte_count >> 20U;
    reset_when_closed(static_cast<std::uint16_t>(std::stoi(port)));
    ++tally["floods"];
  };
  obey(order, act, [] {});
  return tally;
}

}  // namespace nemcon::attack
