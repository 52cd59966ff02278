#include "tests/attack/order.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace nemcon::attack {

namespace fs = std::filesystem;

namespace {

constexpr const char* on_mark = "/attack.on";
constexpr const char* over_mark = "/attack.over";
constexpr const char* ready_mark = "/attack.ready";
constexpr const char* id_file = "/attack.id";

}  // namespace

bool Order::is_on() const {
  return fs::exists(directory_ + on_mark);
}

bool Order::is_over() const {
  // The judge takes the directory away with everything in it.
  return fs::exists(directory_ + over_mark) || !fs::exists(directory_);
}

void Order::set_ready() const {
  std::ofstream{directory_ + ready_mark};
}

bool Order::is_ready() const {
  return fs::exists(directory_ + ready_mark);
}

std::string Order::seen_id() const {
  std::string id;
  std::ifstream{directory_ + id_file} >> id;
  return id;
}

void Order::set_seen_id(const std::string& id) const {
  // It may be read meanwhile.
  const std::string written = directory_ + id_file + ".new";
  std::ofstream{written} << id;
  fs::rename(written, directory_ + id_file);
}

void Order::set_on(bool on) const {
  if (on) {
    std::ofstream{directory_ + on_mark};
  } else {
    fs::remove(directory_ + on_mark);
  }
}

void Order::set_over() const {
  std::ofstream{directory_ + over_mark};
}

std::string to_text(const Tally& tally) {
  std::string text;
  for (const auto& [name, count] : tally)
    text += (text.empty() ? "" : ", ") + name + "=" + std::to_string(count);
  return text;
}

Tally parse_tally(const std::string& text) {
  Tally tally;
  std::istringstream stream(text.substr(0, text.find('\n')));
  for (std::string part; std::getline(stream, part, ',');) {
    const std::size_t equals = part.rfind('=');
    if (equals == std::string::npos) continue;
    const std::size_t begin = part.find_first_not_of(' ');
    tally[part.substr(begin, equals - begin)] = std::stoull(part.substr(equals + 1));
  }
  return tally;
}

}  // namespace nemcon::attack
