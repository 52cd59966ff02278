// Process: a program that this one started, and the only kind that it ever ends.
//
// A child dies with its parent, whatever happens to that, and does not get the terminal's Ctrl-C:
// the parent decides. One thread at a time. Errors: std::runtime_error.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nemcon::demo {

struct Command {
  std::string program;
  std::vector<std::string> arguments;
  // Standard output is appended to FILE.out, standard error to FILE.err.
  std::string output_file;
};

class Process {
 public:
  // Returns when the program was started; that it could not be shows as exit code 127.
  explicit Process(const Command& command);

  // Kills it when it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process(Process&&) = delete;
  Process& operator=(Process&&) = delete;

  // How it ended: "exit code 3", "signal 9"; nothing while it runs.
  [[nodiscard]] std::optional<std::string> find_end();

  // SIGKILL; returns when it is gone. True when it was this that ended it.
  bool kill();

  // Sends a signal and waits. How it ended; nothing when it has not within that time.
  [[nodiscard]] std::optional<std::string> stop(int signal, std::chrono::milliseconds patience);

  // A line to its standard input.
  void tell(const std::string& line);

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  std::optional<int> status_;
};

constexpr const char* exited_well = "exit code 0";

// A port of loopback that nobody listens on, outside the range that the kernel hands out to
// connections: nobody is given it by chance while its owner is down.
[[nodiscard]] int free_port(unsigned seed);

}  // namespace nemcon::demo
