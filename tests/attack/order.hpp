// Order: what the judge wants of an attacker, which is a process of its own: a directory, two marks
// in it that say when to attack and when to end, and a line on standard output at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

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

  // The attacker has begun and waits.
  void set_ready() const;
  [[nodiscard]] bool is_ready() const;

  // A transaction of the honest load, as text: who it is to be attacked does not have to guess.
  [[nodiscard]] std::string seen_id() const;

  // By the judge.
  void set_seen_id(const std::string& id) const;
  void set_on(bool on) const;
  void set_over() const;

 private:
  std::string directory_;
};

// `act` again and again while it is wanted, `rest` once after each attack: between them an attacker
// holds nothing that costs the node something.
template <class Act, class Rest>
void obey(const Order& order, const Act& act, const Rest& rest) {
  bool was_on = false;
  order.set_ready();
  while (!order.is_over()) {
    const bool is_on = order.is_on();
    if (is_on) {
      act();
    } else {
      if (was_on) rest();
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    was_on = is_on;
  }
}

using Attacker = std::function<Tally(const Order&)>;

[[nodiscard]] const std::map<std::string, Attacker>& attackers();

// One line, "NAME=COUNT, ..."; and back.
[[nodiscard]] std::string to_text(const Tally& tally);
[[nodiscard]] Tally parse_tally(const std::string& text);

}  // namespace nemcon::attack
