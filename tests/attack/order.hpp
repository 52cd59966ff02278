// Order: what the judge wants of an attacker, which is a process of its own: a directory, two marks
// in it that say when to attack and when to end, and a line on standard output at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace nemcon::attack {

// What an attacker did, and what came of it as it sees it: "refused" 120, "let in" 0.
using Tally = std::map<std::string, std::uint64_t>;

class Order {
 public:
  // The workspace of a mesh.
  explicit Order(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }

  [[nodiscard]] bool is_on() const;
  [[nodiscard]] bool is_over() const;

  // By the judge.
  void set_on(bool on) const;
  void set_over() const;

 private:
  std::string directory_;
};

// Between attacks it must hold nothing that costs the node something.
using Attacker = std::function<Tally(const Order&)>;

[[nodiscard]] const std::map<std::string, Attacker>& attackers();

// One line, "NAME=COUNT, ..."; and back.
[[nodiscard]] std::string to_text(const Tally& tally);
[[nodiscard]] Tally parse_tally(const std::string& text);

}  // namespace nemcon::attack
