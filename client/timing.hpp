// The library's own clock and its intervals. Deadlines of the application are not here: they
// come with each call.
#pragma once

#include <chrono>

#include "core/time.hpp"

namespace nemcon::client {

[[nodiscard]] inline core::Instant now() {
  return core::Instant{std::chrono::duration_cast<core::Duration>(
      std::chrono::steady_clock::now().time_since_epoch())};
}

struct Timing {
  // A submission without an answer is sent again on a live link: a node that is congested may
  // have dropped it. Longer than a normal vote takes, and doubled each time.
  core::Duration resend_first = std::chrono::seconds{3};
  core::Duration resend_max = std::chrono::seconds{12};
  // After "not now" (a peer of the node is away, or the node is stopping).
  core::Duration retry_first = std::chrono::milliseconds{50};
  core::Duration retry_max = std::chrono::seconds{1};
  // Not so shortly before its deadline: a try that is not answered any more would make unknown
  // what is known to be without effect.
  core::Duration last_try = std::chrono::milliseconds{100};
  // What the application has taken is told to the node with the next submission, or when there is
  // none for so long.
  core::Duration acknowledge_idle = std::chrono::milliseconds{20};
  // Between two addresses when every one of them has just failed.
  core::Duration redial_first = std::chrono::milliseconds{50};
  core::Duration redial_max = std::chrono::seconds{1};
  // From the link to the answer of Open.
  core::Duration open_patience = std::chrono::seconds{3};
  // A service function that threw is called again.
  core::Duration service_retry_first = std::chrono::milliseconds{100};
  core::Duration service_retry_max = std::chrono::seconds{5};
  // The last words of a client that is closed: acknowledgements and what is given back.
  core::Duration farewell = std::chrono::milliseconds{200};
};

}  // namespace nemcon::client
