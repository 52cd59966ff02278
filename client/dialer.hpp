// Dialer: which address comes next, and when.
//
// The next address is tried at once; only when all of them have failed in a row is there a
// pause, which grows and is jittered, so that many clients do not come back in step.
//
// One thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "client/timing.hpp"

namespace nemcon::client {

class Dialer {
 public:
  Dialer(std::vector<std::string> addresses, std::uint64_t seed, Timing timing);

  // True when it is time to connect to address().
  [[nodiscard]] bool is_due(core::Instant now) const { return due_at_ && *due_at_ <= now; }

  [[nodiscard]] std::optional<core::Instant> due_at() const { return due_at_; }

  [[nodiscard]] const std::string& address() const { return addresses_[index_]; }

  // Of address() among those given.
  [[nodiscard]] std::size_t index() const { return index_; }

  void on_dialing() { due_at_.reset(); }

  // A session is open there: the next failure is the first of a new row.
  void on_success() { failure_count_ = 0; }

  // This address does not work (any more): on to the next one.
  void on_failure(core::Instant now);

 private:
  const std::vector<std::string> addresses_;
  const Timing timing_;
  std::size_t index_ = 0;
  std::uint64_t failure_count_ = 0;  // Since the last success.
  std::optional<core::Instant> due_at_ = core::Instant{};
  std::minstd_rand jitter_;
};

// What is wrong with an address, in words; empty when nothing is.
[[nodiscard]] std::string find_address_trouble(const std::string& address);

}  // namespace nemcon::client
