// Liar: a node of the mesh with a valid key, as a process of its own, which says what it likes
// about transactions that it has no part in. What it does: tests/attack/peer_attacks.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "tests/attack/order.hpp"
#include "tests/client/process.hpp"

namespace nemcon::chaos {

class Liar {
 public:
  // `directory`: of the mesh, with its configuration and key. `wrapper` comes before its own words.
  Liar(std::string directory, std::vector<std::string> wrapper)
      : order_(std::move(directory)), wrapper_(std::move(wrapper)) {}

  ~Liar() { (void)end(); }

  Liar(const Liar&) = delete;
  Liar& operator=(const Liar&) = delete;

  // `seen`: the id of a transaction, from which it guesses others.
  void begin(const std::string& seen);

  // A newer one; told it from time to time.
  void see(const std::string& seen);

  // How many lies it told. Blocks until its process is gone.
  std::uint64_t end();

  // In its process: until the end. The exit code.
  static int run(const std::string& directory);

 private:
  attack::Order order_;
  std::vector<std::string> wrapper_;
  std::future<tests::Ran> process_;
  std::chrono::steady_clock::time_point tell_at_{};
};

}  // namespace nemcon::chaos
