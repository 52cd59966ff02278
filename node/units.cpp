#include "node/units.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <limits>

namespace nemcon::node {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Smallest first.
constexpr std::array<Unit, 4> duration_units = {{
    {"ms", 1'000'000ULL},
    {"s", 1'000'000'000ULL},
    {"m", 60'000'000'000ULL},
    {"h", 3'600'000'000'000ULL},
}};
constexpr std::array<Unit, 5> byte_units = {{
    {"B", 1ULL},
    {"KiB", 1ULL << 10U},
    {"MiB", 1ULL << 20U},
    {"GiB", 1ULL << 30U},
    {"TiB", 1ULL << 40U},
}};

template <std::size_t Count>
std::optional<std::uint64_t> parse_quantity(std::string_view text,
                                            const std::array<Unit, Count>& units) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(stopped, static_cast<std::size_t>(end - stopped));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    // Durations are signed 64-bit nanoseconds; one bound serves both.
    if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / unit.factor) {
      return std::nullopt;
    }
    return number * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t Count>
std::string quantity_text(std::uint64_t value, const std::array<Unit, Count>& units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text) {
  const auto nanoseconds = parse_quantity(text, duration_units);
  if (!nanoseconds) return std::nullopt;
  return core::Duration{static_cast<core::Duration::rep>(*nanoseconds)};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_quantity(text, byte_units);
}

std::string duration_text(core::Duration duration) {
  return quantity_text(static_cast<std::uint64_t>(duration.count()), duration_units);
}

std::string bytes_text(std::uint64_t bytes) {
  return quantity_text(bytes, byte_units);
}

}  // namespace nemcon::node
