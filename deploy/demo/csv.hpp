// CSV as RFC 4180 has it: fields split by commas, a field may be quoted, a quoted field may hold
// commas, line ends and doubled quotes. Line ends are LF or CRLF; a byte order mark is skipped.
//
// Errors: std::runtime_error, with the line, for a quote that is never closed or not followed by a
// comma. One thread at a time.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nemcon::demo {

using CsvRow = std::vector<std::string>;

class CsvReader {
 public:
  // `in` must outlive the reader.
  explicit CsvReader(std::istream& in);

  // The next row; nothing at the end. Empty lines are passed over.
  [[nodiscard]] std::optional<CsvRow> next();

  // Where the row that next() gave begins, from 1.
  [[nodiscard]] std::uint64_t line() const { return row_line_; }

 private:
  // Reads one field; true when another one follows it in the same row.
  [[nodiscard]] bool read_field(std::string& field);
  void read_quoted(std::string& field);
  int take();

  std::istream& in_;
  std::uint64_t line_ = 1;
  std::uint64_t row_line_ = 0;
};

// The row as a line with its end; fields are quoted where they must be.
[[nodiscard]] std::string csv_line(const CsvRow& row);

// The number as a whole number of 10^-digits: ("14.5", 2) is 1450. What is beyond is rounded half
// away from zero. Nothing when the text is no such number or too large.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view text, int digits);

// 1450 with 2 digits is "14.50".
[[nodiscard]] std::string decimal_text(std::int64_t value, int digits);

}  // namespace nemcon::demo
