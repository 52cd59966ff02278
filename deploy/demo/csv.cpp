#include "deploy/demo/csv.hpp"

#include <stdexcept>

namespace nemcon::demo {

namespace {

constexpr int end_of_input = std::char_traits<char>::eof();

// Far below the largest integer, so that no sum of a demo overflows.
constexpr std::int64_t decimal_max = 1'000'000'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

CsvReader::CsvReader(std::istream& in) : in_(in) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  for (const char byte : byte_order_mark) {
    if (in_.peek() != static_cast<unsigned char>(byte)) return;
    in_.get();
  }
}

int CsvReader::take() {
  const int byte = in_.get();
  if (byte == '\n') ++line_;
  return byte;
}

std::optional<CsvRow> CsvReader::next() {
  while (in_.peek() == '\n' || in_.peek() == '\r')
    take();
  if (in_.peek() == end_of_input) return std::nullopt;

  row_line_ = line_;
  CsvRow row;
  bool more = true;
  while (more) {
    std::string field;
    more = read_field(field);
    row.push_back(std::move(field));
  }
  return row;
}

bool CsvReader::read_field(std::string& field) {
  if (in_.peek() == '"') {
    take();
    read_quoted(field);
  }
  while (true) {
    const int byte = take();
    if (byte == ',') return true;
    if (byte == '\n' || byte == end_of_input) return false;
    if (byte == '\r' && in_.peek() == '\n') continue;
    field.push_back(static_cast<char>(byte));
  }
}

void CsvReader::read_quoted(std::string& field) {
  const std::string where = "line " + std::to_string(line_) + ": ";
  while (true) {
    const int byte = take();
    if (byte == end_of_input) throw std::runtime_error(where + "a quote is never closed");
    if (byte != '"') {
      field.push_back(static_cast<char>(byte));
      continue;
    }
    const int after = in_.peek();
    if (after == '"') {
      field.push_back(static_cast<char>(take()));
      continue;
    }
    if (after == ',' || after == '\n' || after == '\r' || after == end_of_input) return;
    throw std::runtime_error(where + "text follows a closing quote");
  }
}

std::string csv_line(const CsvRow& row) {
  std::string line;
  for (const std::string& field : row) {
    if (&field != &row.front()) line.push_back(',');
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      line += field;
      continue;
    }
    line.push_back('"');
    for (const char c : field) {
      if (c == '"') line.push_back('"');
      line.push_back(c);
    }
    line.push_back('"');
  }
  line.push_back('\n');
  return line;
}

std::optional<std::int64_t> parse_decimal(std::string_view text, int digits) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string_view part = point == std::string_view::npos ? "" : text.substr(point + 1);
  if (whole.empty() && part.empty()) return std::nullopt;

  std::int64_t value = 0;
  const auto append = [&value](char c) {
    if (!is_digit(c) || value > decimal_max / 10) return false;
    value = value * 10 + (c - '0');
    return true;
  };
  for (const char c : whole) {
    if (!append(c)) return std::nullopt;
  }
  for (int i = 0; i < digits; ++i) {
    if (!append(part.empty() ? '0' : part.front())) return std::nullopt;
    if (!part.empty()) part.remove_prefix(1);
  }
  for (const char c : part) {
    if (!is_digit(c)) return std::nullopt;
  }
  if (!part.empty() && part.front() >= '5') ++value;
  return negative ? -value : value;
}

std::string decimal_text(std::int64_t value, int digits) {
  std::string text = std::to_string(value < 0 ? -value : value);
  const auto least = static_cast<std::size_t>(digits) + 1;
  if (text.size() < least) text.insert(0, least - text.size(), '0');
  if (digits > 0) text.insert(text.size() - static_cast<std::size_t>(digits), ".");
  return value < 0 ? "-" + text : text;
}

}  // namespace nemcon::demo
