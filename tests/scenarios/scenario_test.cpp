// Goal: the stories of this folder go as they are written down. Method: every command of a script
// is played anew, and all that happens is compared, line by line, with the text below the command.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/scenarios/stage.hpp"

namespace nemcon::scenarios {
namespace {

std::vector<std::string> scripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(NEMCON_SCENARIOS)) {
    if (entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

bool is_output(const std::string& line) {
  return line.rfind("  ", 0) == 0;
}

// The script with the output that its commands have now.
std::vector<std::string> play(const std::vector<std::string>& script) {
  Stage stage;
  std::vector<std::string> played;
  for (const std::string& line : script) {
    if (is_output(line)) continue;
    played.push_back(line);
    if (line.empty() || line.front() == '#') continue;
    for (const std::string& told : stage.play(line))
      played.push_back("  " + told);
  }
  return played;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, GoesAsItIsWritten) {
  const std::string path = std::string{NEMCON_SCENARIOS} + '/' + GetParam() + ".txt";
  const std::vector<std::string> written = read_lines(path);

  const std::vector<std::string> played = play(written);

  if (std::getenv("NEMCON_SCENARIO_WRITE") != nullptr) {
    std::ofstream file(path);
    for (const std::string& line : played)
      file << line << '\n';
  }
  for (std::size_t at = 0; at < std::max(written.size(), played.size()); ++at) {
    const std::string was = at < written.size() ? written[at] : "(the end)";
    const std::string is = at < played.size() ? played[at] : "(the end)";
    ASSERT_EQ(is, was) << path << ':' << at + 1;
  }
}

// A script without rules shows nothing that anybody asked for, and one with an error nothing at
// all.
TEST_P(Scenario, NamesItsRulesAndHasNoErrors) {
  const std::vector<std::string> lines =
      read_lines(std::string{NEMCON_SCENARIOS} + '/' + GetParam() + ".txt");
  bool has_rule = false;
  for (const std::string& line : lines) {
    has_rule = has_rule || line.rfind("# Rule", 0) == 0;
    EXPECT_EQ(line.rfind("  error:", 0), std::string::npos) << line;
  }
  EXPECT_TRUE(has_rule);
}

std::string name_of(const testing::TestParamInfo<std::string>& script) {
  std::string name = script.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Of, Scenario, testing::ValuesIn(scripts()), name_of);

}  // namespace
}  // namespace nemcon::scenarios
