#include "tests/client/process.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nemcon::tests {

namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<char*> pointers_of(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A directory of our own, gone with us. Files, not pipes: nobody has to read while it runs.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "nemcon-run-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }

  ~Scratch() { fs::remove_all(path_); }

  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

}  // namespace

Ran run(const std::vector<std::string>& words, const std::string& input,
        const std::vector<std::string>& variables) {
  const Scratch scratch;
  const std::string in = scratch.file("in");
  const std::string out = scratch.file("out");
  const std::string err = scratch.file("err");
  std::ofstream{in, std::ios::binary} << input;

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), flags, 0600);

  std::vector<std::string> arguments = words;
  std::vector<std::string> settings = variables;  // The first of a name counts.
  for (char** at = environ; *at != nullptr; ++at)
    settings.emplace_back(*at);
  pid_t process = 0;
  const int failed = ::posix_spawn(&process, words.at(0).c_str(), &actions, nullptr,
                                   pointers_of(arguments).data(), pointers_of(settings).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + words.at(0));

  int status = 0;
  ::waitpid(process, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.exit_code = code, .out = read_all(out), .err = read_all(err)};
}

}  // namespace nemcon::tests
