// Section: one table of a configuration file, read key by key. It remembers which keys were
// asked for, so that finish() can call everything else unknown; and it is the one place that knows
// how a problem with a key is worded.
//
// Parse time only, on the thread that calls parse_config().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nemcon::node {
// Thrown where the parser would end the process.
struct ParserFault {};

[[noreturn]] void throw_parser_fault();
}  // namespace nemcon::node

// Before the first include of toml++ in every file that includes it: errors are values. For some
// broken files, `[~x]` for one, the version of Debian 12 has an assertion instead of an error; and
// with NDEBUG it relies on it.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::nemcon::node::throw_parser_fault())
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "core/time.hpp"

namespace nemcon::node {

struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

[[nodiscard]] Place place_of(const toml::source_region& source);

// Everything wrong with one file.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}

  void error(const Place& place, const std::string& text);
  void warning(const Place& place, const std::string& text);

  [[nodiscard]] const std::string& file() const { return file_; }

  // In the order of the file.
  [[nodiscard]] std::vector<std::string> errors() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Problem {
    Place place;
    std::string text;
  };

  [[nodiscard]] std::vector<std::string> lines(std::vector<Problem> problems) const;

  std::string file_;
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

struct CountRange {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

struct DurationRange {
  core::Duration least;
  core::Duration most;
};

struct PlacedText {
  std::string text;
  Place place;
};

class Section {
 public:
  // `table` and `problems` must outlive the section; `place` is quoted for what is missing.
  Section(const toml::table& table, std::string_view path, Problems& problems);

  // Each leaves `value` alone when the key is absent, or wrong and then reported. True when the
  // value was taken.
  bool read_text(std::string_view key, std::string& value);
  bool read_flag(std::string_view key, bool& value);
  bool read_count(std::string_view key, const CountRange& range, std::uint64_t& value);
  bool read_bytes(std::string_view key, const CountRange& range, std::uint64_t& value);
  bool read_duration(std::string_view key, const DurationRange& range, core::Duration& value);
  // One string, or an array of at least one.
  bool read_texts(std::string_view key, std::vector<PlacedText>& values);
  // [[key]], any number of times.
  bool read_tables(std::string_view key, std::vector<const toml::table*>& tables);
  // `index` is the place of the value in `choices`.
  bool read_choice(std::string_view key, const std::vector<std::string_view>& choices,
                   std::size_t& index);

  // Not an unknown key, whoever reads it.
  void know(std::string_view key) { known_.emplace_back(key); }

  // Known to the design, not built yet: refused, never ignored.
  void refuse_unsupported(std::string_view key);

  // Reports `key` as missing unless it is there.
  void require(std::string_view key);

  void error(std::string_view key, const std::string& text);
  void error_at(const Place& place, std::string_view key, const std::string& text);
  void warning_at(const Place& place, std::string_view key, const std::string& text);

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

  [[nodiscard]] const std::string& file() const { return problems_.file(); }

  // Of the value; of the section when the key is absent.
  [[nodiscard]] Place place(std::string_view key) const;

  // Reports every key that nobody asked for.
  void finish();

 private:
  const toml::node* find(std::string_view key);
  void wrong_type(std::string_view key, const toml::node& node, std::string_view wanted);
  [[nodiscard]] std::string quoted(std::string_view key) const;

  const toml::table& table_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

// The entry of `names` that `wrong` was most likely meant to be, or empty.
[[nodiscard]] std::string_view nearest_name(std::string_view wrong,
                                            const std::vector<std::string>& names);

}  // namespace nemcon::node
