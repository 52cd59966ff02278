#include "node/config_toml.hpp"

#include <string>

namespace nemcon::node {

namespace {

// The parser of Debian 12 has undefined behaviour on some characters that are not ASCII. In
// comments they are replaced; elsewhere the line of the first is the result, and strings have
// \uXXXX for them.
std::optional<std::uint32_t> try_make_ascii(std::string& text) {
  // In a string over several lines a # begins no comment.
  const bool has_long_strings =
      text.find("\"\"\"") != std::string::npos || text.find("'''") != std::string::npos;
  std::uint32_t line = 1;
  char quote = 0;  // Of the string, or # in a comment.
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '\n') {
      ++line;
      quote = 0;
    } else if (static_cast<unsigned char>(letter) >= 0x80) {
      if (quote != '#' || has_long_strings) return line;
      text[at] = '?';
    } else if (quote == 0 && (letter == '"' || letter == '\'' || letter == '#')) {
      quote = letter;
    } else if (quote == '"' && letter == '\\' && at + 1 < text.size() && text[at + 1] == '"') {
      ++at;
    } else if (quote != '#' && letter == quote) {
      quote = 0;
    }
  }
  return std::nullopt;
}

std::optional<toml::parse_result> try_parse(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const ParserFault&) {
    return std::nullopt;
  }
}

// The first line with which the parser does not get on.
std::uint32_t find_faulty_line(std::string_view text) {
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\n') continue;
    if (!try_parse(text.substr(0, at))) return line;
    ++line;
  }
  return line;
}

}  // namespace

std::optional<toml::table> try_read_toml(std::string_view text, Problems& problems) {
  const auto refuse = [&](const Place& place, const std::string& why) {
    problems.error(place, "is not TOML: " + why);
    return std::nullopt;
  };
  std::string ascii{text};
  if (const std::optional<std::uint32_t> line = try_make_ascii(ascii)) {
    return refuse({.line = *line, .column = 1},
                  "outside of comments only ASCII characters are allowed; a string may have them "
                  "as \\uXXXX");
  }
  std::optional<toml::parse_result> parsed = try_parse(ascii);
  if (!parsed) {
    return refuse({.line = find_faulty_line(ascii), .column = 1},
                  "a key or the name of a table begins with what no name may begin with");
  }
  if (!*parsed) {
    return refuse(place_of(parsed->error().source()), std::string(parsed->error().description()));
  }
  return std::move(parsed->table());
}

}  // namespace nemcon::node
