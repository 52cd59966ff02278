#include "tests/sim/story.hpp"

#include <cstdio>
#include <ostream>

namespace nemcon::sim {

std::string clock_text(Time time) {
  const auto micros = static_cast<long long>(time.count() / 1000);
  char text[40];
  std::snprintf(text, sizeof text, "%4lld.%06lld", micros / 1'000'000, micros % 1'000'000);
  return text;
}

void Story::mix(std::uint64_t number) {
  hash_ ^= number + static_cast<std::uint64_t>(schedule_.now().count()) * 0x9e3779b97f4a7c15ULL;
  hash_ *= 0x100000001b3ULL;
  hash_ ^= hash_ >> 31U;
}

void Story::tell(int column, char symbol, const std::string& text) {
  if (!is_told()) return;
  std::string line = clock_text(schedule_.now()) + ' ';
  for (std::size_t index = 0; index < columns_.size(); ++index) {
    line += ' ';
    line += static_cast<int>(index) == column ? symbol : '.';
    line += ' ';
  }
  line += "  ";
  if (column >= 0) line += columns_[static_cast<std::size_t>(column)] + ' ';
  line += text;
  lines_.push_back(std::move(line));
  if (lines_.size() > line_count_max_) {
    lines_.pop_front();
    ++dropped_count_;
  }
}

void Story::print(std::ostream& out) const {
  out << "columns:";
  for (const std::string& name : columns_)
    out << ' ' << name;
  out << "\nsymbols: > sends  < receives  w durable  ? request  ! reply  X crash  ^ start  # "
         "fault\n";
  if (dropped_count_ != 0) out << "(" << dropped_count_ << " earlier lines left out)\n";
  for (const std::string& line : lines_)
    out << line << '\n';
}

}  // namespace nemcon::sim
