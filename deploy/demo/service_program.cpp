#include "deploy/demo/service_program.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>

#include <nemcon/client.hpp>

namespace nemcon::demo {

namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// True when asked to stop within this time.
bool await_stop(std::chrono::milliseconds patience) {
  const sigset_t signals = stop_signals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  timespec time{};
  time.tv_sec = seconds.count();
  time.tv_nsec = std::chrono::nanoseconds{patience - seconds}.count();
  return sigtimedwait(&signals, nullptr, &time) > 0;
}

// False when asked to stop before any node answered.
bool offer(Client& client, const ServiceProgram& program) {
  constexpr std::chrono::milliseconds pause{200};
  while (true) {
    try {
      const bool active =
          client.serve(program.name, program.service, {.threads = program.threads, .deadline = {}});
      std::cout << "serving " << program.name << (active ? "" : ", standing by") << std::endl;
      return true;
    } catch (const Error& error) {
      if (!error.is_retryable()) throw;
      std::cerr << program.name << ": " << error.what() << ", trying again\n";
    }
    if (await_stop(pause)) return false;
  }
}

}  // namespace

void block_stop_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void serve_until_stopped(const ServiceProgram& program) {
  Client client{{.nodes = {program.node},
                 .name = {},
                 .on_notice = [name = program.name](const Notice& notice) {
                   std::cerr << name << ": " << notice.text << "\n";
                 }}};
  if (!offer(client, program)) return;
  while (!await_stop(std::chrono::minutes{1})) {
  }
  client.unserve(program.name);
}

}  // namespace nemcon::demo
