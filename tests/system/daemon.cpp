#include "tests/system/daemon.hpp"

#include <cerrno>
#include <csignal>
#include <ostream>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::tests {

namespace {

constexpr std::chrono::milliseconds look_again{2};

// Asks until it is so or patience is over.
template <class Condition>
bool wait_until(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

void PrintTo(const Exit& exit, std::ostream* out) {
  *out << "{code " << exit.code << ", signal " << exit.signal << "}";
}

Daemon::Daemon(const Workspace& workspace, const DaemonOptions& options)
    : workspace_(workspace), name_(options.name) {
  std::vector<std::string> command = options.wrapper;
  command.push_back(options.program.empty() ? NEMCOND : options.program);
  command.insert(command.end(), options.arguments.begin(), options.arguments.end());
  const std::string directory = options.directory.empty() ? workspace.path() : options.directory;
  const std::string out = workspace.path(name_ + ".out");
  const std::string err = workspace.path(name_ + ".err");
  // What an earlier life has said is not to be mistaken for this one's.
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), flags, 0600);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  std::vector<char*> arguments = pointers(command);
  const int failed =
      posix_spawnp(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  NEMCON_CHECK(failed == 0, failed, command[0]);
}

Daemon::~Daemon() {
  if (!exit_) kill();
}

bool Daemon::wait_until_ready() {
  (void)wait_until([this] { return output().find('\n') != std::string::npos || !is_running(); });
  return output().starts_with("ready node=");
}

std::string Daemon::endpoint() const {
  const std::string line = output();
  const std::size_t begin = line.find(" listen=");
  NEMCON_CHECK(begin != std::string::npos, line);
  const std::size_t first = begin + std::string(" listen=").size();
  return line.substr(first, line.find_first_of(",\n", first) - first);
}

bool Daemon::wait_for(const std::string& text) {
  return wait_until([&] { return diagnostics().find(text) != std::string::npos; });
}

void Daemon::signal(int number) const {
  NEMCON_CHECK(!exit_);
  NEMCON_CHECK(::kill(process_, number) == 0, errno);
}

bool Daemon::is_running() {
  if (exit_) return false;
  int status = 0;
  const pid_t ended = waitpid(process_, &status, WNOHANG);
  if (ended == process_) collect(status);
  return ended == 0;
}

void Daemon::collect(int status) {
  exit_ = WIFSIGNALED(status) ? Exit{.code = -1, .signal = WTERMSIG(status)}
                              : Exit{.code = WEXITSTATUS(status), .signal = 0};
}

Exit Daemon::wait() {
  if (wait_until([this] { return !is_running(); })) return *exit_;
  kill();
  return Exit{};
}

Exit Daemon::stop() {
  signal(SIGTERM);
  return wait();
}

void Daemon::kill() {
  if (!is_running()) return;
  signal(SIGKILL);
  int status = 0;
  NEMCON_CHECK(waitpid(process_, &status, 0) == process_, errno);
  collect(status);
}

std::string Daemon::output() const {
  return workspace_.read(name_ + ".out");
}

std::string Daemon::diagnostics() const {
  return workspace_.read(name_ + ".err");
}

Finished run_daemon(const Workspace& workspace, const std::vector<std::string>& arguments) {
  Daemon daemon(workspace, {.name = "run", .arguments = arguments, .wrapper = {}, .directory = {}});
  const Exit exit = daemon.wait();
  return {exit, daemon.output(), daemon.diagnostics()};
}

}  // namespace nemcon::tests
