// Goal: docs/client.md shows nothing that does not compile.
// Method: every C++ block names the example that it is from, and stands there line by line.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nemcon::tests {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream stream(file);
  EXPECT_TRUE(stream.is_open()) << file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

struct Block {
  std::size_t line = 0;
  std::string file;
  std::vector<std::string> lines;
};

// "<!-- client/examples/send.cpp -->" stands before each block.
std::vector<Block> blocks_of(const fs::path& document) {
  std::vector<Block> blocks;
  std::string file;
  bool is_inside = false;
  const std::vector<std::string> lines = lines_of(document);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (is_inside && line == "```") {
      is_inside = false;
      file.clear();
    } else if (is_inside) {
      blocks.back().lines.push_back(line);
    } else if (line == "```cpp") {
      is_inside = true;
      blocks.push_back({.line = i + 1, .file = file});
    } else if (line.starts_with("<!-- client/")) {
      file = line.substr(5, line.size() - 9);
    }
  }
  return blocks;
}

// Is the block there, all of it moved to the right by the same number of blanks?
bool stands_in(const std::vector<std::string>& block, const std::vector<std::string>& file) {
  for (std::size_t begin = 0; begin + block.size() <= file.size(); ++begin) {
    for (std::size_t indent = 0; indent <= 8; ++indent) {
      const std::string blanks(indent, ' ');
      bool is_same = true;
      for (std::size_t i = 0; is_same && i < block.size(); ++i) {
        const std::string& there = file[begin + i];
        is_same = block[i].empty() ? there.empty() : there == blanks + block[i];
      }
      if (is_same) return true;
    }
  }
  return false;
}

TEST(ClientDocs, QuoteTheExamplesWordForWord) {
  const fs::path source = NEMCON_SOURCE;
  const std::vector<Block> blocks = blocks_of(source / "docs" / "client.md");
  ASSERT_GE(blocks.size(), 6U);
  for (const Block& block : blocks) {
    ASSERT_FALSE(block.file.empty()) << "docs/client.md:" << block.line << " names no file";
    EXPECT_TRUE(stands_in(block.lines, lines_of(source / block.file)))
        << "docs/client.md:" << block.line << " is not what " << block.file << " says";
  }
}

TEST(ClientDocs, ShowEveryExample) {
  const fs::path source = NEMCON_SOURCE;
  std::string shown;
  for (const Block& block : blocks_of(source / "docs" / "client.md"))
    shown += block.file + "\n";
  for (const auto& entry : fs::directory_iterator(source / "client" / "examples")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string name = "client/examples/" + entry.path().filename().string();
    EXPECT_NE(shown.find(name), std::string::npos) << name << " is not in docs/client.md";
  }
}

}  // namespace
}  // namespace nemcon::tests
