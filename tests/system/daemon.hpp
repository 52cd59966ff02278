// Daemon: one nemcond as a process of its own. Whatever becomes of the test, the process is ended
// with it, and no other ever is.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/system/workspace.hpp"

namespace nemcon::tests {

// Long enough for the slowest machine; a test that waits for it has failed.
constexpr std::chrono::seconds patience{30};

struct Exit {
  int code = -1;   // When it ended by itself.
  int signal = 0;  // When a signal ended it.

  friend bool operator==(const Exit&, const Exit&) = default;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Exit& exit, std::ostream* out);

struct DaemonOptions {
  std::string name;                    // Of its output files: NAME.out, NAME.err in the workspace.
  std::vector<std::string> arguments;  // Of nemcond.
  std::vector<std::string> wrapper;    // A program that runs it, such as strace, and its arguments.
  std::string directory;               // Where it runs; empty: the workspace.
  std::string program = {};            // Empty: the nemcond of this build.
};

class Daemon {
 public:
  Daemon(const Workspace& workspace, const DaemonOptions& options);
  ~Daemon();  // SIGKILL, if it still runs.
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // True when the ready line came in time; false when the process ended before.
  [[nodiscard]] bool wait_until_ready();

  // From the ready line.
  [[nodiscard]] std::string endpoint() const;

  // Waits for a text among the diagnostics.
  [[nodiscard]] bool wait_for(const std::string& text);

  void signal(int number) const;

  // Waits for the end, and takes it by SIGKILL (and `{-1, 0}`) when it does not come in time.
  [[nodiscard]] Exit wait();

  // SIGTERM, and wait().
  [[nodiscard]] Exit stop();

  // SIGKILL, and wait().
  void kill();

  [[nodiscard]] bool is_running();

  [[nodiscard]] pid_t process() const { return process_; }

  [[nodiscard]] std::string output() const;       // Standard output so far.
  [[nodiscard]] std::string diagnostics() const;  // Standard error so far.

 private:
  void collect(int status);

  const Workspace& workspace_;
  std::string name_;
  pid_t process_ = -1;
  std::optional<Exit> exit_;
};

// Runs nemcond to its end.
struct Finished {
  Exit exit;
  std::string output;
  std::string diagnostics;
};

[[nodiscard]] Finished run_daemon(const Workspace& workspace,
                                  const std::vector<std::string>& arguments);

}  // namespace nemcon::tests
