// nemcon keygen, nemcon reload: what a node or a client needs once its keys change.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"

namespace nemcon::cli {

namespace {

// What tells one writing of a file from the next.
struct Version {
  ino_t inode = 0;
  timespec changed{};

  [[nodiscard]] bool is_other(const Version& before) const {
    return inode != before.inode || changed.tv_sec != before.changed.tv_sec ||
           changed.tv_nsec != before.changed.tv_nsec;
  }
};

Version version_of(const std::string& file) {
  struct stat facts {};

  if (::stat(file.c_str(), &facts) != 0) return {};
  return {.inode = facts.st_ino, .changed = facts.st_mtim};
}

// Of the node that runs on this directory. One that does not run any more has left the number of
// some other process behind.
pid_t process_of(const std::string& data) {
  const std::string file = data + "/lock";
  std::ifstream stream(file);
  long process = 0;
  const int lock = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0 || !(stream >> process) || process <= 1) {
    if (lock >= 0) ::close(lock);
    throw Refusal(data + " is no data directory of a node; give the `data` of its configuration");
  }
  const bool is_running = ::flock(lock, LOCK_SH | LOCK_NB) != 0;
  ::close(lock);
  if (!is_running) throw Refusal("no node runs on " + data + "; a start reads the file anyway");
  return static_cast<pid_t>(process);
}

// The first line is "reloaded" or "refused".
std::vector<std::string> read_lines(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

}  // namespace

Exit run_keygen(const Globals& globals, const KeygenArguments& arguments) {
  keep_memory_private();
  std::string key;
  try {
    key = arguments.show ? public_key_of(arguments.file) : make_key_file(arguments.file);
  } catch (const std::runtime_error& error) {
    throw Refusal(error.what());
  }
  if (globals.json) {
    std::cout << Json{}.text("file", arguments.file).text("public_key", key).str() << "\n";
  } else {
    std::cout << key << "\n";
  }
  return Exit::done;
}

Exit run_reload(const Globals& globals, const std::string& data) {
  const pid_t process = process_of(data);
  const std::string file = data + "/reloaded";
  const Version before = version_of(file);
  if (::kill(process, SIGHUP) != 0) {
    throw Refusal("the node of " + data + " (process " + std::to_string(process) +
                  ") cannot be told: " + std::strerror(errno));
  }
  const auto give_up = std::chrono::steady_clock::now() + globals.timeout;
  while (!version_of(file).is_other(before)) {
    if (std::chrono::steady_clock::now() > give_up) {
      std::cerr << "nemcon: the node of " << data << " did not say that it has read its file\n"
                << "  Look into its diagnostics; wait longer with --timeout.\n";
      return Exit::unknown;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  std::vector<std::string> lines = read_lines(file);
  const bool is_done = !lines.empty() && lines.front() == "reloaded";
  if (!lines.empty()) lines.erase(lines.begin());
  if (globals.json) {
    std::cout << Json{}.truth("reloaded", is_done).texts("lines", lines).str() << "\n";
  } else {
    std::cout << (is_done ? "reloaded\n" : "refused, nothing has changed\n");
    for (const std::string& line : lines)
      std::cout << "  " << line << "\n";
  }
  return is_done ? Exit::done : Exit::refused;
}

}  // namespace nemcon::cli
