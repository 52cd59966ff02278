#include "node/config_section.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "node/units.hpp"

namespace nemcon::node {

void throw_parser_fault() {
  throw ParserFault{};
}

namespace {

constexpr std::string_view duration_form =
    R"(a whole number and a unit (ms, s, m, h), such as "30s")";
constexpr std::string_view bytes_form =
    R"(a whole number and a unit (B, KiB, MiB, GiB, TiB), such as "64KiB")";

// Edits (insert, delete, replace) that turn one into the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string type_text(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none:
      return "nothing";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time of day";
    case toml::node_type::date_time:
      return "a date and time";
  }
  return "something else";
}

template <class Strings>
std::string joined_list(const Strings& texts) {
  std::string list;
  for (const auto& text : texts) {
    if (!list.empty()) list += ", ";
    list += text;
  }
  return list;
}

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

}  // namespace

Place place_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

std::string_view nearest_name(std::string_view wrong, const std::vector<std::string>& names) {
  // Two letters exchanged are two edits; with more than a third wrong it is another word.
  std::size_t best = (wrong.size() <= 3 ? 1 : std::max<std::size_t>(wrong.size() / 3, 2)) + 1;
  std::string_view nearest;
  for (const std::string& name : names) {
    const std::size_t edits = distance(wrong, name);
    if (edits < best) {
      best = edits;
      nearest = name;
    }
  }
  return nearest;
}

// ---- Problems -------------------------------------------------------------------------------

void Problems::error(const Place& place, const std::string& text) {
  errors_.push_back({place, text});
}

void Problems::warning(const Place& place, const std::string& text) {
  warnings_.push_back({place, text});
}

std::vector<std::string> Problems::errors() const {
  return lines(errors_);
}

std::vector<std::string> Problems::warnings() const {
  return lines(warnings_);
}

std::vector<std::string> Problems::lines(std::vector<Problem> problems) const {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  std::vector<std::string> texts;
  for (const Problem& problem : problems) {
    std::ostringstream line;
    line << file_ << ':' << problem.place.line << ':' << problem.place.column << ": "
         << problem.text;
    texts.push_back(line.str());
  }
  return texts;
}

// ---- Section --------------------------------------------------------------------------------

Section::Section(const toml::table& table, std::string_view path, Problems& problems)
    : table_(table), path_(path), problems_(problems) {}

std::string Section::quoted(std::string_view key) const {
  const std::string full = path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
  return "key `" + full + "`: ";
}

const toml::node* Section::find(std::string_view key) {
  know(key);
  return table_.get(key);
}

Place Section::place(std::string_view key) const {
  const toml::node* const node = table_.get(key);
  return place_of(node == nullptr ? table_.source() : node->source());
}

void Section::error(std::string_view key, const std::string& text) {
  error_at(place(key), key, text);
}

void Section::error_at(const Place& place, std::string_view key, const std::string& text) {
  problems_.error(place, quoted(key) + text);
}

void Section::warning_at(const Place& place, std::string_view key, const std::string& text) {
  problems_.warning(place, quoted(key) + text);
}

void Section::wrong_type(std::string_view key, const toml::node& node, std::string_view wanted) {
  error(key, "is " + type_text(node) + "; allowed: " + std::string(wanted));
}

bool Section::read_text(std::string_view key, std::string& value) {
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  const auto text = node->value_exact<std::string>();
  if (!text) {
    wrong_type(key, *node, "a string");
    return false;
  }
  value = *text;
  return true;
}

bool Section::read_flag(std::string_view key, bool& value) {
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  const auto flag = node->value_exact<bool>();
  if (!flag) {
    wrong_type(key, *node, "true, false");
    return false;
  }
  value = *flag;
  return true;
}

bool Section::read_count(std::string_view key, const CountRange& range, std::uint64_t& value) {
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  const std::string allowed =
      "a whole number from " + std::to_string(range.least) + " to " + std::to_string(range.most);
  const auto number = node->value_exact<std::int64_t>();
  if (!number) {
    wrong_type(key, *node, allowed);
    return false;
  }
  const auto count = static_cast<std::uint64_t>(*number);
  if (*number < 0 || count < range.least || count > range.most) {
    error(key, std::to_string(*number) + " is out of range; allowed: " + allowed);
    return false;
  }
  value = count;
  return true;
}

bool Section::read_bytes(std::string_view key, const CountRange& range, std::uint64_t& value) {
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  const auto text = node->value_exact<std::string>();
  if (!text) {
    wrong_type(key, *node, bytes_form);
    return false;
  }
  const auto bytes = parse_bytes(*text);
  if (!bytes) {
    error(key, in_quotes(*text) + " is no size; allowed: " + std::string(bytes_form));
    return false;
  }
  if (*bytes < range.least || *bytes > range.most) {
    error(key, in_quotes(*text) + " is out of range; allowed: " +
                   in_quotes(bytes_text(range.least)) + " to " + in_quotes(bytes_text(range.most)));
    return false;
  }
  value = *bytes;
  return true;
}

bool Section::read_duration(std::string_view key, const DurationRange& range,
                            core::Duration& value) {
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  const auto text = node->value_exact<std::string>();
  if (!text) {
    wrong_type(key, *node, duration_form);
    return false;
  }
  const auto duration = parse_duration(*text);
  if (!duration) {
    error(key, in_quotes(*text) + " is no duration; allowed: " + std::string(duration_form));
    return false;
  }
  if (*duration < range.least || *duration > range.most) {
    error(key, in_quotes(*text) +
                   " is out of range; allowed: " + in_quotes(duration_text(range.least)) + " to " +
                   in_quotes(duration_text(range.most)));
    return false;
  }
  value = *duration;
  return true;
}

bool Section::read_texts(std::string_view key, std::vector<PlacedText>& values) {
  constexpr std::string_view wanted = "a string or an array of strings, at least one";
  const toml::node* const node = find(key);
  if (node == nullptr) return false;
  if (const auto one = node->value_exact<std::string>()) {
    values = {{*one, place_of(node->source())}};
    return true;
  }
  const toml::array* const array = node->as_array();
  if (array == nullptr || array->empty()) {
    error(key, (array == nullptr ? "is " + type_text(*node) : std::string("is empty")) +
                   "; allowed: " + std::string(wanted));
    return false;
  }
  std::vector<PlacedText> texts;
  for (const toml::node& element : *array) {
    const auto text = element.value_exact<std::string>();
    if (!text) {
      error_at(place_of(element.source()), key,
               "holds " + type_text(element) + "; allowed: " + std::string(wanted));
      return false;
    }
    texts.push_back({*text, place_of(element.source())});
  }
  values = std::move(texts);
  return true;
}

bool Section::read_tables(std::string_view key, std::vector<const toml::table*>& tables) {
  know(key);
  const toml::node* const node = table_.get(key);
  if (node == nullptr) return true;
  std::vector<const toml::table*> found;
  if (const toml::array* const array = node->as_array()) {
    for (const toml::node& element : *array) {
      if (element.is_table()) found.push_back(element.as_table());
    }
    if (found.size() == array->size()) {
      tables = std::move(found);
      return true;
    }
  }
  error(key, "must be a list of tables; write each as [[" + std::string(key) + "]]");
  return false;
}

bool Section::read_choice(std::string_view key, const std::vector<std::string_view>& choices,
                          std::size_t& index) {
  std::string text;
  if (!read_text(key, text)) return false;
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end()) {
    std::vector<std::string> allowed;
    allowed.reserve(choices.size());
    for (const std::string_view choice : choices)
      allowed.push_back(in_quotes(choice));
    error(key, in_quotes(text) + " is none of the choices; allowed: " + joined_list(allowed));
    return false;
  }
  index = static_cast<std::size_t>(found - choices.begin());
  return true;
}

void Section::refuse_unsupported(std::string_view key) {
  if (find(key) == nullptr) return;
  error(key, "not supported by this version");
}

void Section::require(std::string_view key) {
  if (!has(key)) error(key, "is missing");
}

void Section::finish() {
  for (auto&& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    std::string text = "unknown key";
    const std::string_view nearest = nearest_name(key.str(), known_);
    if (!nearest.empty()) text += "; did you mean `" + std::string(nearest) + "`?";
    error_at(place_of(key.source()), key.str(), text + "; allowed: " + joined_list(known_));
  }
}

}  // namespace nemcon::node
