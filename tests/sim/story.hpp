// Story: everything that happened, as a hash always and as text when somebody wants to read it.
//
//   12.004103  .  >  .  .   shop -> warehouse  PREPARE alice#1 [1]
//
// One column a node, one symbol an event. The hash covers every event of a run, whether the text
// is kept or not: it is what "the same seed gives the same run" means.
#pragma once

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>
#include <vector>

#include "tests/sim/schedule.hpp"

namespace nemcon::sim {

class Story {
 public:
  // `line_count_max`: how many of the newest lines are kept; 0: no text at all.
  Story(const Schedule& schedule, std::size_t line_count_max)
      : schedule_(schedule), line_count_max_(line_count_max) {}

  void set_columns(std::vector<std::string> names) { columns_ = std::move(names); }

  // Ask before making the text: most runs are never read.
  [[nodiscard]] bool is_told() const { return line_count_max_ != 0; }

  void mix(std::uint64_t number);

  // `column` of nobody in particular: -1.
  void tell(int column, char symbol, const std::string& text);

  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  void print(std::ostream& out) const;

  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }

 private:
  const Schedule& schedule_;  // Must outlive the story.
  std::size_t line_count_max_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t dropped_count_ = 0;
  std::vector<std::string> columns_;
  std::deque<std::string> lines_;
};

// 12.004103: seconds and microseconds.
[[nodiscard]] std::string clock_text(Time time);

}  // namespace nemcon::sim
