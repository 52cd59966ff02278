// Plausible: numbers in a peer's message that no honest node would ever say, and that would do harm
// where they are believed: a timestamp that no clock of ours could follow, a ballot that nobody
// could exceed. Rule P-43.
#pragma once

#include "core/message.hpp"

namespace nemcon::core {

// In words; null when it is plausible. What a clock of this century may show is.
[[nodiscard]] const char* find_absurd(const Message& message);
[[nodiscard]] const char* find_absurd(const FrameHeader& header);

}  // namespace nemcon::core
