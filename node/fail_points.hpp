// FailPoints: named places at which a test kills this process, as a power cut would.
//
//   before-receive:vote   after-send:decision   before-append:voted   before-checkpoint ...
//
// An armed point counts how often it is reached, and at the Nth time sends SIGKILL to its own
// process. Only in builds with NEMCON_FAIL_POINTS; elsewhere is_armed() is a constant false.
//
// arm() before any thread runs; hit() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/effects.hpp"

namespace nemcon::node {

#ifdef NEMCON_FAIL_POINTS
constexpr bool has_fail_points = true;
#else
constexpr bool has_fail_points = false;
#endif

enum class Moment : std::uint8_t {
  before_receive,
  after_receive,
  before_send,
  after_send,
  before_append,
  after_append,
  before_reply,
  after_reply,
  before_checkpoint,
  after_checkpoint,
};

// The kinds of client requests and replies, as kind_of() of core names messages and records.
[[nodiscard]] const char* kind_of(const core::Request& request);
[[nodiscard]] const char* kind_of(const core::Reply& reply);

class FailPoints {
 public:
  FailPoints() = default;
  FailPoints(const FailPoints&) = delete;
  FailPoints& operator=(const FailPoints&) = delete;

  // "NAME" or "NAME:N" with N counted from 1. False when there is no such point, or this
  // build has none.
  [[nodiscard]] bool try_arm(std::string_view text);

  [[nodiscard]] bool is_armed() const { return has_fail_points && !armed_.empty(); }

  // Does not return when an armed point is reached for the Nth time. `kind` is empty for
  // moments that have none.
  void hit(Moment moment, std::string_view kind);

  // All names, sorted.
  [[nodiscard]] static std::vector<std::string> names();

 private:
  struct Armed {
    std::string name;
    std::uint64_t count = 1;
    std::atomic<std::uint64_t> reached = 0;
  };

  std::vector<std::unique_ptr<Armed>> armed_;
};

}  // namespace nemcon::node
