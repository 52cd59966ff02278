#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <regex>
#include <sstream>

namespace nemcon::tests::tidy {

namespace {

constexpr std::size_t line_columns_max = 100;
constexpr int file_lines_max = 600;

// Arrows point down: folder -> what its files may include with quotes.
const std::map<std::string, std::set<std::string>, std::less<>>& arrows() {
  static const std::map<std::string, std::set<std::string>, std::less<>> value = {
      {"core", {"core"}},
      {"log", {"log", "core"}},
      {"transport", {"transport", "core"}},
      {"client", {"client", "transport", "core", "nemcon"}},
      {"node", {"node", "log", "transport", "core"}},
      {"deploy", {"deploy", "nemcon"}},
      {"tests", {"tests", "deploy", "client", "node", "log", "transport", "core", "nemcon"}},
  };
  return value;
}

// A third party's header, the paths that may see it, and in how many .cpp files outside of tests
// it may be seen (0: any number).
struct ThirdParty {
  std::regex header;
  std::regex path;
  std::size_t files_max;
  std::string name;
};

const std::vector<ThirdParty>& third_parties() {
  static const std::vector<ThirdParty> value = {
      {std::regex{"^lmdb\\.h$"}, std::regex{"^(log/[a-z_]+\\.cpp|tests/.*)$"}, 1, "lmdb.h"},
      {std::regex{"^zmq\\.h(pp)?$"}, std::regex{"^(transport/[a-z_]+\\.cpp|tests/.*)$"}, 3,
       "zmq.hpp"},
      {std::regex{"^msgpack(\\.hpp|/.*)$"}, std::regex{"^(transport/[a-z_]+\\.cpp|tests/.*)$"}, 1,
       "msgpack.hpp"},
      {std::regex{"^sodium\\.h$"}, std::regex{"^((log|transport)/[a-z_]+\\.cpp|tests/.*)$"}, 0,
       "sodium.h"},
      {std::regex{"^toml\\+\\+/.*$"}, std::regex{"^(node|client/cli|tests)/.*$"}, 0, "toml++"},
      {std::regex{"^spdlog/.*$"}, std::regex{"^(node|tests)/.*$"}, 0, "spdlog"},
      {std::regex{"^CLI/.*$"}, std::regex{"^(node|client/cli|deploy|tests)/.*$"}, 0, "CLI11"},
      {std::regex{"^sqlite3\\.h$"}, std::regex{"^(deploy/demo|tests)/.*$"}, 0, "sqlite3.h"},
      {std::regex{"^(gtest|gmock|benchmark|rapidcheck)[./].*$"}, std::regex{"^tests/.*$"}, 0,
       "a test library"},
  };
  return value;
}

struct BannedWord {
  std::regex path;
  std::regex word;
  std::string reason;
};

const std::vector<BannedWord>& banned_words() {
  static const std::vector<BannedWord> value = {
      {std::regex{"^core/.*"}, std::regex{"::now\\("}, "time enters the core as Input::now"},
      {std::regex{"^core/.*"}, std::regex{"\\b(throw|try|catch)\\b"},
       "errors of the core are values"},
      {std::regex{"^core/(?!hashed_map\\.hpp$).*"}, std::regex{"\\bunordered_"},
       "the order of iteration must not depend on the library"},
      {std::regex{"^core/.*"},
       std::regex{"#include <(thread|mutex|shared_mutex|atomic|condition_variable|future|random|"
                  "iostream|fstream|filesystem)>"},
       "the core has no threads, no randomness and no I/O"},
      {std::regex{"^core/.*"}, std::regex{"\\b(double|float)\\b"}, "no floating point in the core"},
      {std::regex{"^(log/|transport/(?!(resolution|gatekeeper)\\.cpp)).*"},
       std::regex{"#include <(thread|mutex|shared_mutex|atomic|condition_variable|future)>"},
       "threads live in node, the client, and resolution.cpp and gatekeeper.cpp of transport"},
      {std::regex{".*"},
       std::regex{"\\b(class|struct|enum|union|namespace)[^;{(]*(Manager|Helper|Util)"},
       "name it after what it does"},
      // A PImpl is called Impl and nothing else.
      {std::regex{".*"}, std::regex{"\\b(class|struct)\\s+(\\w+\\s+)?\\w+Impl\\b"},
       "Impl is for PImpl only"},
  };
  return value;
}

// A word that no file may say, wherever it stands. Written in halves, since this file is read too.
const std::regex& banned_mark() {
  static const std::regex value{
      "\\bFIX"
      "ME\\b"};
  return value;
}

const std::regex& open_mark() {
  static const std::regex value{
      "\\bTO"
      "DO\\b"};
  return value;
}

const std::regex& numbered_mark() {
  static const std::regex value{
      "\\bTO"
      "DO\\(#[0-9]+\\)"};
  return value;
}

struct Include {
  std::string target;
  bool quoted;
};

std::optional<Include> include_of(const std::string& line) {
  static const std::regex pattern{"^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]"};
  std::smatch match;
  if (!std::regex_search(line, match, pattern)) return std::nullopt;
  return Include{match[2].str(), match[1].str() == "\""};
}

std::string_view folder_of(std::string_view path) {
  return path.substr(0, path.find('/'));
}

bool is_public_header(std::string_view path) {
  return path.starts_with("client/include/");
}

bool is_header(std::string_view path) {
  return path.ends_with(".hpp");
}

// Columns as a person counts them: bytes that continue a UTF-8 character have none.
std::size_t columns_of(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

class Reader {
 public:
  explicit Reader(const SourceFile& file) : file_(file) {}

  Findings read();

 private:
  void find(const std::string& what) {
    findings_.push_back(file_.path + ":" + std::to_string(number_) + ": " + what);
  }

  void read_include(const Include& include);
  void read_marks(const std::string& line);
  void read_words(const std::string& line, const std::string& code);
  void read_whole(const std::vector<std::string>& lines);

  const SourceFile& file_;
  int number_ = 0;
  Findings findings_;
};

// Whether the end of the line is inside a raw string.
bool is_in_raw_string(const std::string& line, bool before) {
  std::size_t at = 0;
  bool inside = before;
  for (;;) {
    at = line.find(inside ? ")\"" : "R\"(", at);
    if (at == std::string::npos) return inside;
    inside = !inside;
    at += 2;
  }
}

Findings Reader::read() {
  const std::vector<std::string> lines = lines_of(file_.text);
  bool in_block = false;
  bool in_raw = false;  // Text of another language keeps its own lines.
  for (const std::string& line : lines) {
    ++number_;
    const bool was_in_raw = in_raw;
    in_raw = is_in_raw_string(line, in_raw);
    if (!was_in_raw && columns_of(line) > line_columns_max) find("more than 100 columns");
    read_marks(line);
    if (const auto include = include_of(line)) {
      read_include(*include);
      read_words(line, line);
      continue;
    }
    read_words(line, code_of(line, in_block));
  }
  read_whole(lines);
  return findings_;
}

void Reader::read_include(const Include& include) {
  const std::string_view folder = folder_of(file_.path);
  if (include.quoted) {
    const auto allowed = arrows().find(folder);
    const std::string_view target = folder_of(include.target);
    if (include.target.find('/') == std::string::npos) {
      find("\"" + include.target + "\" does not name its folder");
    } else if (allowed != arrows().end() && !allowed->second.contains(std::string{target})) {
      find(std::string{folder} + " must not include \"" + include.target + "\"");
    }
    if (is_public_header(file_.path) && target != "nemcon") {
      find("a public header includes only <...> and nemcon/..., not \"" + include.target + "\"");
    }
    return;
  }
  for (const ThirdParty& library : third_parties()) {
    if (!std::regex_match(include.target, library.header)) continue;
    if (!std::regex_match(file_.path, library.path)) {
      find("<" + include.target + "> is not to be seen here");
    }
    if (is_header(file_.path) && library.files_max > 0 && folder != "tests") {
      find("<" + include.target + "> in a header is seen by everybody");
    }
  }
  // What is not the standard library's has a dot or a slash in its name.
  const bool is_ours = include.target.starts_with("nemcon/");
  const bool is_standard = include.target.find_first_of("./") == std::string::npos;
  if (folder == "core" && !is_standard) find("the core sees the standard library only");
  if (is_public_header(file_.path) && !is_standard && !is_ours) {
    find("a public header shows <" + include.target + "> to everybody");
  }
  if (is_ours && folder != "client" && folder != "deploy" && folder != "tests") {
    find(std::string{folder} + " must not include the client library");
  }
}

void Reader::read_marks(const std::string& line) {
  if (std::regex_search(line, banned_mark())) find("mend it now");
  if (std::regex_search(line, open_mark()) && !std::regex_search(line, numbered_mark())) {
    find("what is left to do needs the number of its issue");
  }
}

void Reader::read_words(const std::string& line, const std::string& code) {
  for (const BannedWord& banned : banned_words()) {
    if (!std::regex_match(file_.path, banned.path)) continue;
    if (std::regex_search(code, banned.word)) find(banned.reason + ": " + line);
  }
}

void Reader::read_whole(const std::vector<std::string>& lines) {
  static const std::regex vague{".*(manager|helper|util)[^/]*$"};
  number_ = static_cast<int>(lines.size());
  if (number_ > file_lines_max) find("more than 600 lines");
  number_ = 1;
  if (std::regex_match(file_.path, vague)) find("name the file after what it holds");
  if (!is_header(file_.path)) return;
  if (lines.empty() || !lines.front().starts_with("//")) {
    find("a header opens with what it is, its promise, threads, units, errors");
  }
  if (std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
    find("a header says #pragma once");
  }
}

}  // namespace

std::string code_of(std::string_view line, bool& in_block) {
  std::string code;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char here = line[i];
    const char next = i + 1 < line.size() ? line[i + 1] : '\0';
    if (in_block) {
      if (here == '*' && next == '/') {
        in_block = false;
        ++i;
      }
    } else if (quote != 0) {
      if (here == '\\') {
        ++i;
      } else if (here == quote) {
        quote = 0;
        code.push_back(here);
      }
    } else if (here == '/' && next == '/') {
      break;
    } else if (here == '/' && next == '*') {
      in_block = true;
      ++i;
    } else {
      // An apostrophe inside a number is a separator, not a quote.
      const bool separates = here == '\'' && !code.empty() &&
                             (std::isxdigit(static_cast<unsigned char>(code.back())) != 0);
      if ((here == '"' || here == '\'') && !separates) quote = here;
      code.push_back(here);
    }
  }
  return code;
}

Findings check_source(const SourceFile& file) {
  return Reader{file}.read();
}

Findings check_spread(const std::vector<SourceFile>& files) {
  Findings findings;
  for (const ThirdParty& library : third_parties()) {
    if (library.files_max == 0) continue;
    std::vector<std::string> seen_by;
    for (const SourceFile& file : files) {
      if (folder_of(file.path) == "tests") continue;
      for (const std::string& line : lines_of(file.text)) {
        const auto include = include_of(line);
        if (!include || include->quoted) continue;
        if (!std::regex_match(include->target, library.header)) continue;
        seen_by.push_back(file.path);
        break;
      }
    }
    if (seen_by.size() <= library.files_max) continue;
    std::string text = library.name + " is seen by " + std::to_string(seen_by.size()) +
                       " files, not at most " + std::to_string(library.files_max) + ":";
    for (const std::string& path : seen_by)
      text += " " + path;
    findings.push_back(text);
  }
  return findings;
}

std::set<int> rules_defined(std::string_view page) {
  static const std::regex definition{"^[#*|>\\-\\s]*P-([0-9]+)\\b"};
  std::set<int> rules;
  std::smatch match;
  for (const std::string& line : lines_of(page)) {
    if (std::regex_search(line, match, definition)) rules.insert(std::stoi(match[1].str()));
  }
  return rules;
}

std::map<int, int> rules_cited(std::string_view text) {
  static const std::regex citation{"\\bP-([0-9]+)\\b"};
  std::map<int, int> cited;
  int number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    for (auto it = std::sregex_iterator{line.begin(), line.end(), citation};
         it != std::sregex_iterator{}; ++it) {
      cited.try_emplace(std::stoi((*it)[1].str()), number);
    }
  }
  return cited;
}

Findings check_rules(std::string_view page, const std::vector<SourceFile>& files) {
  const std::set<int> defined = rules_defined(page);
  std::set<int> tested;
  Findings findings;
  for (const SourceFile& file : files) {
    for (const auto& [rule, line] : rules_cited(file.text)) {
      if (folder_of(file.path) == "tests") tested.insert(rule);
      if (defined.contains(rule)) continue;
      findings.push_back(file.path + ":" + std::to_string(line) + ": there is no rule P-" +
                         std::to_string(rule));
    }
  }
  for (const int rule : defined) {
    if (tested.contains(rule)) continue;
    findings.push_back("docs/protocol.md: no test cites rule P-" + std::to_string(rule));
  }
  return findings;
}

}  // namespace nemcon::tests::tidy
