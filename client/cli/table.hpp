// Table: rows of text in columns as wide as they need to be, for people.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace nemcon::cli {

class Table {
 public:
  // A heading that begins with '#' is of a column of numbers, which go to the right.
  explicit Table(std::vector<std::string> headings);

  void add(std::vector<std::string> row);

  friend std::ostream& operator<<(std::ostream& out, const Table& table);

 private:
  std::vector<bool> is_number_;
  std::vector<std::vector<std::string>> rows_;  // The headings first.
};

}  // namespace nemcon::cli
