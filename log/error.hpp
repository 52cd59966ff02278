// The errors of log, made in one place so that each kind has one code. Every text says what
// happened to which file and, where a person has to act, what to do.
#pragma once

#include <cerrno>
#include <string>

#include "core/result.hpp"

namespace nemcon::log {

using core::Error;
using core::Result;
using core::Status;

// The disk, quota or map is full and nothing was changed: try again when there is room.
[[nodiscard]] Error no_room(const std::string& what);

// The kernel refused a call. After a failed write or flush nothing can be trusted: the caller
// ends the process, and the next start reads what is really there.
[[nodiscard]] Error failed(const std::string& what, int error_number);

// The disk does not hold what was written to it.
[[nodiscard]] Error corrupt(const std::string& what);

// This data directory may not be opened here and now; nothing was changed.
[[nodiscard]] Error refused(const std::string& what);

[[nodiscard]] bool is_no_room(const Error& error);

// True for what a full disk, a quota or a file size limit gives.
[[nodiscard]] constexpr bool is_no_room_number(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

}  // namespace nemcon::log
