#include "deploy/demo/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nemcon::demo {

namespace {

constexpr std::chrono::milliseconds poll_interval{10};
constexpr int exit_not_started = 127;

// In the child, between fork and exec: only calls that are safe there. Never returns.
[[noreturn]] void become(char** arguments, const char* out, const char* err, int input) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const int out_file = open(out, flags, 0600);
  const int err_file = open(err, flags, 0600);
  const bool is_ready = out_file >= 0 && err_file >= 0 && dup2(input, STDIN_FILENO) >= 0 &&
                        dup2(out_file, STDOUT_FILENO) >= 0 && dup2(err_file, STDERR_FILENO) >= 0;
  if (is_ready) execv(arguments[0], arguments);
  _exit(exit_not_started);
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

// True when nobody listens on it.
bool is_free(int port) {
  const int socket_file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_file < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  sockaddr generic{};
  static_assert(sizeof generic == sizeof address);
  std::memcpy(&generic, &address, sizeof address);
  const bool is_bound = bind(socket_file, &generic, sizeof generic) == 0;
  close(socket_file);
  return is_bound;
}

}  // namespace

Process::Process(const Command& command) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  std::vector<std::string> words = {command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string out = command.output_file + ".out";
  const std::string err = command.output_file + ".err";

  pid_ = fork();
  if (pid_ == 0) become(pointers.data(), out.c_str(), err.c_str(), pipe_ends[0]);
  close(pipe_ends[0]);
  if (pid_ < 0) {
    close(pipe_ends[1]);
    throw std::runtime_error("fork");
  }
  input_ = pipe_ends[1];
}

Process::~Process() {
  kill();
  close(input_);
}

std::optional<std::string> Process::find_end() {
  if (!status_) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  }
  if (!status_) return std::nullopt;
  return end_text(*status_);
}

bool Process::kill() {
  if (find_end()) return false;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = status;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::optional<std::string> Process::stop(int signal, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  if (!find_end()) ::kill(pid_, signal);
  while (!find_end() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(poll_interval);
  return find_end();
}

void Process::tell(const std::string& line) {
  const std::string text = line + "\n";
  // A reader that is gone is noticed by its end, not here; SIGPIPE is ignored by the driver.
  if (write(input_, text.data(), text.size()) < 0 && errno != EPIPE) {
    throw std::runtime_error("write to a child");
  }
}

int free_port(unsigned seed) {
  constexpr unsigned first = 20'000;
  constexpr unsigned count = 12'000;
  for (unsigned i = 0; i < count; ++i) {
    const int port = static_cast<int>(first + (seed + i * 7) % count);
    if (is_free(port)) return port;
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

}  // namespace nemcon::demo
