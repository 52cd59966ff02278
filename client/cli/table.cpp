#include "client/cli/table.hpp"

#include <algorithm>
#include <utility>

namespace nemcon::cli {

Table::Table(std::vector<std::string> headings) {
  for (std::string& heading : headings) {
    is_number_.push_back(heading.starts_with('#'));
    if (is_number_.back()) heading.erase(0, 1);
  }
  rows_.push_back(std::move(headings));
}

void Table::add(std::vector<std::string> row) {
  rows_.push_back(std::move(row));
}

std::ostream& operator<<(std::ostream& out, const Table& table) {
  std::vector<std::size_t> widths(table.is_number_.size(), 0);
  for (const auto& row : table.rows_) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : table.rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line += table.is_number_[i] ? space + row[i] : row[i] + space;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
  return out;
}

}  // namespace nemcon::cli
