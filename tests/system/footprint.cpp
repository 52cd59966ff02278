#include "tests/system/footprint.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include <unistd.h>

namespace nemcon::tests {

namespace {

// Fields 14 and 15 of proc(5)'s stat; the second one may hold blanks.
double processor_time(const std::string& directory) {
  std::ifstream stream(directory + "/stat");
  std::string text;
  if (!std::getline(stream, text)) return 0;
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int i = 3; rest >> word; ++i) {
    if (i == 14 || i == 15) ticks += std::stod(word);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Footprint footprint_of(pid_t process) {
  const std::string directory = "/proc/" + std::to_string(process);
  Footprint footprint;
  footprint.processor_time = processor_time(directory);
  std::ifstream stream(directory + "/status");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("VmRSS:")) footprint.resident_kib = std::stoul(line.substr(6));
    if (line.starts_with("RssAnon:")) footprint.anonymous_kib = std::stoul(line.substr(8));
  }
  std::error_code error;
  const std::filesystem::directory_iterator all(directory + "/fd", error);
  if (!error)
    footprint.descriptor_count = static_cast<std::size_t>(std::distance(begin(all), end(all)));
  return footprint;
}

}  // namespace nemcon::tests
