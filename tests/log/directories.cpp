#include "tests/log/directories.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::log::test {

namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory(Where where) {
  const fs::path memory = "/dev/shm";
  const bool in_memory = where == Where::memory && ::access(memory.c_str(), W_OK) == 0;
  path_ = ((in_memory ? memory : fs::temp_directory_path()) / "nemcon-log-XXXXXX").string();
  NEMCON_CHECK(::mkdtemp(path_.data()) != nullptr, path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryDirectory::inner(const std::string& name) const {
  fs::create_directories(path_ + "/" + name);
  return path_ + "/" + name;
}

std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  NEMCON_CHECK(in.good(), path);
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out << bytes;
  out.close();
  NEMCON_CHECK(out.good(), path);
}

std::string picture_of(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator{directory}) {
    paths.push_back(entry.path().string());
  }
  paths.push_back(directory);
  std::ranges::sort(paths);
  std::ostringstream out;
  for (const std::string& path : paths) {
    struct stat status {};

    NEMCON_CHECK(::stat(path.c_str(), &status) == 0, path);
    out << path << ' ' << status.st_ino << ' ' << status.st_mode << ' ' << status.st_size << ' '
        << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec << ' ';
    if (S_ISREG(status.st_mode)) out << std::hash<std::string>{}(read_file(path));
    out << '\n';
  }
  return out.str();
}

}  // namespace nemcon::log::test
