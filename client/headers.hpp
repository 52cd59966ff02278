// Between the installed Message and the core's Content.
#pragma once

#include <nemcon/message.hpp>

#include "core/bytes.hpp"

namespace nemcon::client {

// Throws std::invalid_argument for more headers than a frame may have.
[[nodiscard]] core::Content to_content(Message message);

// Headers that cannot be decoded are left out: they are another client's fault, and the body is
// still worth having.
[[nodiscard]] Message to_message(const core::Content& content);

}  // namespace nemcon::client
