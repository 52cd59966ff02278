// Goal: CSV and decimal numbers are read as they are written, whatever is in a field.
#include "deploy/demo/csv.hpp"

#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nemcon::demo {
namespace {

std::vector<CsvRow> rows_of(const std::string& text) {
  std::istringstream in{text};
  CsvReader reader{in};
  std::vector<CsvRow> rows;
  while (auto row = reader.next())
    rows.push_back(*row);
  return rows;
}

TEST(Csv, FieldsAreSplitByCommasAndRowsByLineEnds) {
  EXPECT_EQ(rows_of("a,b\n1,\n"), (std::vector<CsvRow>{{"a", "b"}, {"1", ""}}));
  EXPECT_EQ(rows_of("a,b\r\n1,2\r\n"), (std::vector<CsvRow>{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(rows_of("a,b"), (std::vector<CsvRow>{{"a", "b"}}));
  EXPECT_EQ(rows_of("\n\na\n\n\nb\n\n"), (std::vector<CsvRow>{{"a"}, {"b"}}));
  EXPECT_EQ(rows_of(""), std::vector<CsvRow>{});
  EXPECT_EQ(rows_of("\xEF\xBB\xBF"
                    "a,b\n"),
            (std::vector<CsvRow>{{"a", "b"}}));
}

TEST(Csv, AQuotedFieldHoldsAnything) {
  EXPECT_EQ(rows_of("\"a,b\",c\n"), (std::vector<CsvRow>{{"a,b", "c"}}));
  EXPECT_EQ(rows_of("\"a \"\"b\"\"\",\"\"\n"), (std::vector<CsvRow>{{"a \"b\"", ""}}));
  EXPECT_EQ(rows_of("\"a\nb\",c\nd,e\n"), (std::vector<CsvRow>{{"a\nb", "c"}, {"d", "e"}}));
  // A quote that does not open the field is a character like any other.
  EXPECT_EQ(rows_of("5\" pipe,b\n"), (std::vector<CsvRow>{{"5\" pipe", "b"}}));
}

TEST(Csv, ABrokenQuoteIsAnErrorWithItsLine) {
  EXPECT_THROW(rows_of("a\n\"b"), std::runtime_error);
  EXPECT_THROW(rows_of("\"a\"b,c\n"), std::runtime_error);
  try {
    rows_of("a\nb\n\"c\nd");
    FAIL() << "the open quote was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string{error.what()}, "line 3: a quote is never closed");
  }
}

TEST(Csv, TheLineOfARowIsWhereItBegins) {
  std::istringstream in{"a\n\n\"b\nc\"\nd\n"};
  CsvReader reader{in};

  EXPECT_TRUE(reader.next());
  EXPECT_EQ(reader.line(), 1U);
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(reader.line(), 3U);
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(reader.line(), 5U);
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  std::mt19937 random{1};
  const std::string alphabet = "ab,\"\n\r ";
  for (int round = 0; round < 2'000; ++round) {
    CsvRow row(random() % 4 + 1);
    for (std::string& field : row) {
      for (auto i = random() % 5; i > 0; --i)
        field.push_back(alphabet[random() % alphabet.size()]);
    }
    // A row of one empty field is an empty line, which is no row.
    if (row.size() == 1 && row.front().empty()) continue;

    EXPECT_EQ(rows_of(csv_line(row) + csv_line(row)), (std::vector<CsvRow>{row, row}));
  }
}

TEST(Decimal, IsExact) {
  EXPECT_EQ(parse_decimal("14.00", 2), 1400);
  EXPECT_EQ(parse_decimal("14.5", 2), 1450);
  EXPECT_EQ(parse_decimal("14", 2), 1400);
  EXPECT_EQ(parse_decimal(".05", 4), 500);
  EXPECT_EQ(parse_decimal("0.15000000596", 4), 1500);
  EXPECT_EQ(parse_decimal("0.00995", 4), 100);
  EXPECT_EQ(parse_decimal("-1.255", 2), -126);
  EXPECT_EQ(decimal_text(1450, 2), "14.50");
  EXPECT_EQ(decimal_text(5, 2), "0.05");
  EXPECT_EQ(decimal_text(-5, 2), "-0.05");
  EXPECT_EQ(decimal_text(7, 0), "7");
}

TEST(Decimal, OtherTextIsRefused) {
  for (const char* text :
       {"", "-", ".", "1.2.3", "1e3", "NULL", " 1", "0x1", "1,5", "99999999999999999999"}) {
    EXPECT_FALSE(parse_decimal(text, 2)) << text;
  }
}

}  // namespace
}  // namespace nemcon::demo
