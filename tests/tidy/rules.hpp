// Rules of the house that no compiler holds: which folder may include which, which words a folder
// must not say, how long a file may be, and that every numbered protocol rule has a test.
//
// Pure functions of text: what is wrong comes back as findings, one a line for people. A new rule
// goes here, with a planted offence in tidy_test.cpp that shows that it is seen.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nemcon::tests::tidy {

// A file of the source tree. `path` is relative to its root, with forward slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

// "core/queue.cpp:12: ..."
using Findings = std::vector<std::string>;

// Everything about one .hpp or .cpp alone.
[[nodiscard]] Findings check_source(const SourceFile& file);

// What only all of them together tell: how many files see a third party's header.
[[nodiscard]] Findings check_spread(const std::vector<SourceFile>& files);

// Numbers of the rules that a page defines: lines that begin with P-n, whatever markup is
// before it.
[[nodiscard]] std::set<int> rules_defined(std::string_view page);

// Numbers of the rules that a file names, with a line that does.
[[nodiscard]] std::map<int, int> rules_cited(std::string_view text);

// Every rule of `page` must be cited under tests/, and what anybody cites must be there.
[[nodiscard]] Findings check_rules(std::string_view page, const std::vector<SourceFile>& files);

// The line without comments and without what is inside quotes. `in_block` carries a /* over lines.
[[nodiscard]] std::string code_of(std::string_view line, bool& in_block);

}  // namespace nemcon::tests::tidy
