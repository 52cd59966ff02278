// The text of a file as TOML, with every error as a value.
//
// Pure; on the thread that calls parse_config().
#pragma once

#include <optional>
#include <string_view>

#include "node/config_section.hpp"

namespace nemcon::node {

// Nothing when it is none: `problems` has the line, and why.
[[nodiscard]] std::optional<toml::table> try_read_toml(std::string_view text, Problems& problems);

}  // namespace nemcon::node
