// Names: what a node, queue, client or service may be called in a configuration. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace nemcon::node {

constexpr std::size_t name_bytes_max = 100;

// Of a name, wherever it stands in it.
[[nodiscard]] bool is_name_byte(char c);

[[nodiscard]] bool is_name(std::string_view name);

// A name in which `*` stands for any letters.
[[nodiscard]] bool is_name_pattern(std::string_view pattern);

// "VERB NAME[@NODE]": what is allowed, and where.
[[nodiscard]] bool is_permission(std::string_view text);

}  // namespace nemcon::node
