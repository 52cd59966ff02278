#include "tests/chaos/command.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::chaos {
namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() {
    std::array<int, 2> ends{};
    NEMCON_CHECK(pipe2(ends.data(), O_CLOEXEC) == 0, errno);
    read_end = ends[0];
    write_end = ends[1];
  }
};

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t count = read(file, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::string text_of(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Ended run(std::vector<std::string> command, const std::string& input) {
  const Pipe in;
  const Pipe out;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : command)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t process = -1;
  const int failed =
      posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in.read_end);
  close(out.write_end);
  Ended ended;
  // Short enough for the pipe: nobody has to read before it is written.
  if (failed == 0 && !input.empty()) {
    NEMCON_CHECK(
        write(in.write_end, input.data(), input.size()) == static_cast<ssize_t>(input.size()),
        errno);
  }
  close(in.write_end);
  ended.output = read_all(out.read_end);
  close(out.read_end);
  if (failed != 0) return {false, "not found"};
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  ended.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ended;
}

void run_or_throw(const std::vector<std::string>& command) {
  const Ended ended = run(command);
  if (!ended.ok) throw std::runtime_error(text_of(command) + ": " + ended.output);
}

}  // namespace nemcon::chaos
