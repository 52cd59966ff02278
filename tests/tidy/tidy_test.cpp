// Goal: the source tree keeps the rules of the house. Method: read all of it as text. Before that,
// each rule is shown a planted offence, so that a rule that sees nothing is itself seen.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tidy/rules.hpp"

namespace nemcon::tests::tidy {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> folders = {"core",   "log",   "transport", "node",
                                          "client", "tests", "deploy",    "docs"};

std::string read(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

// All files of these kinds under the folders of the project. This folder cites rules and words
// only as examples, and is left out by `with_examples` = false.
std::vector<SourceFile> tree(const std::set<std::string>& extensions, bool with_examples) {
  const fs::path root = NEMCON_SOURCE_ROOT;
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
      if (!entry.is_regular_file()) continue;
      const fs::path path = fs::relative(entry.path(), root);
      if (!extensions.contains(path.extension().string())) continue;
      if (!with_examples && path.generic_string().starts_with("tests/tidy/")) continue;
      files.push_back({path.generic_string(), read(entry.path())});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::string joined(const Findings& findings) {
  std::string text;
  for (const std::string& finding : findings)
    text += finding + "\n";
  return text;
}

// A source whose only fault, if any, is the given line.
std::string found(const std::string& path, const std::string& line) {
  const std::string head = path.ends_with(".hpp") ? "// What this is.\n#pragma once\n" : "";
  return joined(check_source({path, head + line + "\n"}));
}

TEST(TidyRules, ArrowsPointDown) {
  EXPECT_EQ(found("core/a.cpp", "#include \"core/b.hpp\""), "");
  EXPECT_NE(found("core/a.cpp", "#include \"log/b.hpp\""), "");
  EXPECT_NE(found("log/a.cpp", "#include \"transport/b.hpp\""), "");
  EXPECT_NE(found("transport/a.cpp", "#include \"log/b.hpp\""), "");
  EXPECT_EQ(found("client/a.cpp", "#include \"transport/b.hpp\""), "");
  EXPECT_NE(found("client/a.cpp", "#include \"node/b.hpp\""), "");
  EXPECT_NE(found("node/a.cpp", "#include \"client/b.hpp\""), "");
  EXPECT_NE(found("node/a.cpp", "#include <nemcon/client.hpp>"), "");
  EXPECT_NE(found("deploy/demo/a.cpp", "#include \"core/b.hpp\""), "");
  EXPECT_EQ(found("tests/node/a.cpp", "#include \"node/b.hpp\""), "");
  EXPECT_NE(found("node/a.cpp", "#include \"b.hpp\""), "");
}

TEST(TidyRules, PublicHeadersShowOnlyTheStandardLibrary) {
  const std::string path = "client/include/nemcon/a.hpp";

  EXPECT_EQ(found(path, "#include <string>"), "");
  EXPECT_EQ(found(path, "#include <nemcon/b.hpp>"), "");
  EXPECT_NE(found(path, "#include \"core/ids.hpp\""), "");
  EXPECT_NE(found(path, "#include \"client/link.hpp\""), "");
  EXPECT_NE(found(path, "#include <zmq.hpp>"), "");
  EXPECT_NE(found(path, "#include <sys/socket.h>"), "");
}

TEST(TidyRules, ThirdPartiesAreSeenWhereTheyAreWrapped) {
  EXPECT_EQ(found("log/store.cpp", "#include <lmdb.h>"), "");
  EXPECT_NE(found("log/store.hpp", "#include <lmdb.h>"), "");
  EXPECT_NE(found("node/a.cpp", "#include <lmdb.h>"), "");
  EXPECT_NE(found("node/a.cpp", "#include <zmq.hpp>"), "");
  EXPECT_NE(found("client/a.cpp", "#include <msgpack.hpp>"), "");
  EXPECT_NE(found("node/a.cpp", "#include <sqlite3.h>"), "");
  EXPECT_NE(found("client/a.cpp", "#include <CLI/CLI.hpp>"), "");
  EXPECT_EQ(found("client/cli/a.cpp", "#include <CLI/CLI.hpp>"), "");
  EXPECT_NE(found("core/a.cpp", "#include <unistd.h>"), "");
  EXPECT_NE(found("node/a.cpp", "#include <gtest/gtest.h>"), "");
}

TEST(TidyRules, EachWrapperIsOneFile) {
  const std::vector<SourceFile> one = {{"log/a.cpp", "#include <lmdb.h>\n"},
                                       {"tests/log/b.cpp", "#include <lmdb.h>\n"}};
  std::vector<SourceFile> two = one;
  two.push_back({"log/c.cpp", "#include <lmdb.h>\n"});

  EXPECT_EQ(joined(check_spread(one)), "");
  EXPECT_NE(joined(check_spread(two)), "");
}

TEST(TidyRules, TheCoreIsToldAndNeverAsks) {
  EXPECT_NE(found("core/a.cpp", "auto t = std::chrono::steady_clock::now();"), "");
  EXPECT_NE(found("core/a.cpp", "throw 1;"), "");
  EXPECT_NE(found("core/a.cpp", "} catch (...) {"), "");
  EXPECT_NE(found("core/a.cpp", "std::unordered_map<int, int> m;"), "");
  EXPECT_NE(found("core/a.cpp", "#include <thread>"), "");
  EXPECT_NE(found("core/a.cpp", "#include <random>"), "");
  EXPECT_NE(found("core/a.cpp", "#include <iostream>"), "");
  EXPECT_NE(found("core/a.cpp", "double share = 0;"), "");
  EXPECT_NE(found("transport/a.cpp", "#include <mutex>"), "");
  EXPECT_EQ(found("core/a.cpp", "// It never throws; see ::now() elsewhere."), "");
  EXPECT_EQ(found("core/a.cpp", "bool try_open(std::string_view text = \"try to catch\");"), "");
  EXPECT_EQ(found("node/a.cpp", "auto t = std::chrono::steady_clock::now();"), "");
}

TEST(TidyRules, VagueNamesAreRefused) {
  EXPECT_NE(found("node/a.cpp", "class LinkManager {"), "");
  EXPECT_NE(found("node/a.cpp", "struct StringHelper {"), "");
  EXPECT_NE(found("node/a.cpp", "class NodeImpl {"), "");
  EXPECT_NE(found("node/string_util.cpp", ""), "");
  EXPECT_EQ(found("client/a.cpp", "class Client::Impl {"), "");
  EXPECT_EQ(found("client/a.cpp", "class Impl;"), "");
}

TEST(TidyRules, MarksOfUnfinishedWorkAreRefused) {
  EXPECT_NE(found("node/a.cpp",
                  "// FIX"
                  "ME soon"),
            "");
  EXPECT_NE(found("node/a.cpp",
                  "// TO"
                  "DO: more"),
            "");
  EXPECT_EQ(found("node/a.cpp",
                  "// TO"
                  "DO(#12): more"),
            "");
}

TEST(TidyRules, FilesFitInTheHead) {
  EXPECT_EQ(found("node/a.cpp", std::string(100, 'x')), "");
  EXPECT_NE(found("node/a.cpp", std::string(101, 'x')), "");
  EXPECT_EQ(found("node/a.cpp", std::string(60, 'x') + "\u00e9\u00e9" + std::string(38, 'x')), "");
  std::string lines;
  for (int i = 0; i < 600; ++i)
    lines += "\n";
  EXPECT_EQ(joined(check_source({"node/a.cpp", lines})), "");
  EXPECT_NE(joined(check_source({"node/a.cpp", lines + "\n"})), "");
}

TEST(TidyRules, HeadersSayWhatTheyAre) {
  EXPECT_NE(joined(check_source({"node/a.hpp", "#pragma once\n"})), "");
  EXPECT_NE(joined(check_source({"node/a.hpp", "// What.\n"})), "");
}

TEST(TidyRules, CommentsAndQuotesAreNotCode) {
  bool in_block = false;

  EXPECT_EQ(code_of("a = 'x'; // throw", in_block), "a = ''; ");
  EXPECT_EQ(code_of("f(\"throw \\\" x\", 1'000);", in_block), "f(\"\", 1'000);");
  EXPECT_EQ(code_of("a /* throw", in_block), "a ");
  EXPECT_TRUE(in_block);
  EXPECT_EQ(code_of("try */ b", in_block), " b");
  EXPECT_FALSE(in_block);
}

TEST(TidyRules, EachProtocolRuleHasATest) {
  const std::string page = "# Protocol\n**P-1** Votes are durable.\n- P-2. More, see P-1.\n";
  const SourceFile source{"core/a.cpp", "// Rule P-1.\n"};
  const SourceFile test{"tests/core/a.cpp", "// Rule P-1.\n// Rule P-2.\n"};
  const SourceFile stray{"core/b.cpp", "\n// Rule P-9.\n"};

  EXPECT_EQ(rules_defined(page), (std::set<int>{1, 2}));
  EXPECT_EQ(joined(check_rules(page, {source, test})), "");
  EXPECT_NE(joined(check_rules(page, {source})), "");
  EXPECT_EQ(joined(check_rules(page, {test, stray})), "core/b.cpp:2: there is no rule P-9\n");
}

TEST(Tidy, SourcesKeepTheRules) {
  const auto files = tree({".hpp", ".cpp"}, true);
  ASSERT_GT(files.size(), 50U) << "the tree was not found";

  Findings findings;
  for (const SourceFile& file : files) {
    const Findings more = check_source(file);
    findings.insert(findings.end(), more.begin(), more.end());
  }
  const Findings spread = check_spread(files);
  findings.insert(findings.end(), spread.begin(), spread.end());

  EXPECT_EQ(joined(findings), "");
}

TEST(Tidy, EveryProtocolRuleIsCitedByATest) {
  const std::string page = read(fs::path{NEMCON_SOURCE_ROOT} / "docs/protocol.md");

  EXPECT_GT(rules_defined(page).size(), 10U) << "docs/protocol.md defines hardly any rule";
  EXPECT_EQ(joined(check_rules(page, tree({".hpp", ".cpp", ".txt"}, false))), "");
}

TEST(Tidy, EveryFolderSaysWhatItIs) {
  for (const std::string& folder : folders) {
    const fs::path readme = fs::path{NEMCON_SOURCE_ROOT} / folder / "README.md";
    EXPECT_TRUE(fs::exists(readme)) << folder << " has no README.md";
    const std::string text = read(readme);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 80) << folder << "/README.md is too long";
  }
}

}  // namespace
}  // namespace nemcon::tests::tidy
