// Durations and sizes as people write them: "30s", "500ms", "8GiB". A number without a unit is
// refused, so that nobody has to guess what 30 means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace nemcon::node {

// Units ms, s, m, h; a whole number. Absent when the text is anything else, or too large.
[[nodiscard]] std::optional<core::Duration> parse_duration(std::string_view text);

// Units B, KiB, MiB, GiB, TiB; a whole number.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

// In the largest unit that leaves no remainder; parses back to the same value.
[[nodiscard]] std::string duration_text(core::Duration duration);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace nemcon::node
