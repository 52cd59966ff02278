// Goal: whoever touches an audit record is found out, and by line. Method: a trail in memory, and
// every way of touching it.
#include "transport/audit_trail.hpp"

#include <gtest/gtest.h>

namespace nemcon::transport {
namespace {

struct Written {
  std::string text;
  AuditHead head;
  std::vector<AuditEntry> entries;
};

AuditEntry entry_of(std::uint64_t number) {
  return {.number = number,
          .wall_ms = 1'700'000'000'123 + number,
          .kind = number % 2 == 0 ? "denied" : "start",
          .who = number % 3 == 0 ? "till \"3\"\n\\" : "till",
          .what = "send stock@warehouse",
          .count = number};
}

Written write_trail(std::uint64_t first, std::uint64_t last, const AuditHead& after = {}) {
  Written written{.text = {}, .head = after, .entries = {}};
  written.text = begin_audit_file("shop", after, written.head.hash) + '\n';
  for (std::uint64_t number = first; number <= last; ++number) {
    written.entries.push_back(entry_of(number));
    written.text += chain_audit_entry(written.entries.back(), written.head.hash) + '\n';
    written.head.number = number;
  }
  return written;
}

std::size_t line_at(const std::string& text, std::size_t at) {
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

TEST(AuditTrail, IsReadAsItWasWritten) {
  const Written written = write_trail(1, 7);

  const AuditTrail trail = read_audit_trail(written.text, written.head);

  EXPECT_TRUE(trail.flaws.empty()) << trail.flaws.front().what;
  EXPECT_EQ(trail.node, "shop");
  EXPECT_EQ(trail.entries, written.entries);
  EXPECT_EQ(trail.newest, written.head);
  EXPECT_EQ(trail.unfinished_bytes, 0U);
}

TEST(AuditTrail, EveryChangedBitIsToldByItsLine) {
  const Written written = write_trail(1, 4);
  for (std::size_t at = 0; at < written.text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string touched = written.text;
      touched[at] = static_cast<char>(static_cast<unsigned char>(touched[at]) ^ (1U << bit));

      const AuditTrail trail = read_audit_trail(touched, written.head);

      ASSERT_FALSE(trail.flaws.empty()) << "byte " << at << " bit " << bit;
      // What the first line says shows in it, or in what goes on from it. A lost line end spoils
      // the line that it ended; a new one splits the line that it is in.
      const std::size_t line = line_at(written.text, at);
      const std::size_t told = trail.flaws.front().line;
      EXPECT_TRUE(told == line || told == line + 1) << "byte " << at << " told in " << told;
    }
  }
}

TEST(AuditTrail, ALineTakenOutPutInOrMovedIsTold) {
  const Written written = write_trail(1, 6);
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = written.text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(written.text.substr(begin, end + 1 - begin));
  }
  const auto joined = [](const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& line : all)
      text += line;
    return text;
  };
  for (std::size_t at = 1; at + 1 < lines.size(); ++at) {
    std::vector<std::string> less = lines;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_EQ(read_audit_trail(joined(less), written.head).flaws.at(0).line, at + 1);

    std::vector<std::string> more = lines;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(at), lines[at]);
    EXPECT_EQ(read_audit_trail(joined(more), written.head).flaws.at(0).line, at + 2);

    std::vector<std::string> moved = lines;
    std::swap(moved[at], moved[at + 1]);
    EXPECT_EQ(read_audit_trail(joined(moved), written.head).flaws.at(0).line, at + 1);
  }
}

TEST(AuditTrail, ACutOffEndIsToldByTheHead) {
  const Written written = write_trail(1, 6);
  for (std::size_t length = 0; length < written.text.size(); ++length) {
    const AuditTrail trail =
        read_audit_trail(std::string_view{written.text}.substr(0, length), written.head);
    EXPECT_FALSE(trail.flaws.empty()) << length;
  }
  const std::string five = write_trail(1, 5).text;
  EXPECT_TRUE(read_audit_trail(five, std::nullopt).flaws.empty()) << "nothing else can tell";
  EXPECT_NE(read_audit_trail(five, written.head).flaws.at(0).what.find("the end is missing"),
            std::string::npos);
}

TEST(AuditTrail, AnOlderHeadFitsAndAnotherOneDoesNot) {
  const Written written = write_trail(1, 6);

  EXPECT_TRUE(read_audit_trail(written.text, write_trail(1, 3).head).flaws.empty());
  AuditHead other = write_trail(1, 3).head;
  other.hash[0] = static_cast<unsigned char>(other.hash[0] ^ 1U);
  EXPECT_FALSE(read_audit_trail(written.text, other).flaws.empty());
}

TEST(AuditTrail, GoesOnFromFileToFile) {
  const Written first = write_trail(1, 3);
  const Written second = write_trail(4, 6, first.head);

  const AuditTrail trail = read_audit_trail(second.text, second.head);

  EXPECT_TRUE(trail.flaws.empty());
  EXPECT_EQ(trail.before, first.head);
}

TEST(AuditTrail, OneChangeIsOneFlaw) {
  Written written = write_trail(1, 6);
  const std::size_t at = written.text.find("\"count\":3");
  written.text[at + 8] = '4';

  EXPECT_EQ(read_audit_trail(written.text, written.head).flaws.size(), 1U);
}

TEST(AuditTrail, HeadsAreText) {
  const AuditHead head = write_trail(1, 3).head;

  EXPECT_EQ(parse_audit_head(to_text(head) + "   \n"), head);
  for (const char* text : {"", "7", "7:", "7:abc", "x:00"})
    EXPECT_FALSE(parse_audit_head(text));
}

TEST(AuditTrail, TimesAreUtc) {
  EXPECT_EQ(audit_time_text(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace nemcon::transport
