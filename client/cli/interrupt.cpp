#include "client/cli/interrupt.hpp"

#include <csignal>
#include <utility>

namespace nemcon::cli {

namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Interrupt::~Interrupt() {
  if (!thread_.joinable()) return;
  is_over_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void Interrupt::call(std::function<void()> stop) {
  thread_ = std::thread([this, stop = std::move(stop)] {
    const sigset_t set = ending_signals();
    int signal = 0;
    sigwait(&set, &signal);
    if (!is_over_) stop();
  });
}

}  // namespace nemcon::cli
