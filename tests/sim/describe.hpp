// One line of text for each value that crosses a boundary: for the story and the golden files.
#pragma once

#include <string>

#include "core/effects.hpp"
#include "tests/sim/names.hpp"

namespace nemcon::sim {

[[nodiscard]] std::string describe(const core::Message& message, const Names& names);
[[nodiscard]] std::string describe(const core::Record& record, const Names& names);
[[nodiscard]] std::string describe(const core::Request& request, const Names& names);
[[nodiscard]] std::string describe(const core::Reply& reply, const Names& names);
[[nodiscard]] std::string describe(const core::Note& note, const Names& names);
[[nodiscard]] std::string describe(const core::Outcome& outcome, const Names& names);
[[nodiscard]] std::string describe(const core::Value& value, const Names& names);

// Alphanumeric part of a message's name in upper case, "PREPARE".
[[nodiscard]] std::string shout(const char* kind);

}  // namespace nemcon::sim
