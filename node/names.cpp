#include "node/names.hpp"

#include <algorithm>

#include "core/permissions.hpp"

namespace nemcon::node {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max && name.front() != '.' &&
         name.front() != '-' && std::all_of(name.begin(), name.end(), is_name_byte);
}

bool is_name_pattern(std::string_view pattern) {
  return !pattern.empty() && pattern.size() <= name_bytes_max &&
         std::ranges::all_of(pattern, [](char c) { return c == '*' || is_name_byte(c); });
}

bool is_permission(std::string_view text) {
  const core::Result<core::Grant> grant = core::parse_grant(text);
  return grant && is_name_pattern(grant->name) &&
         (grant->node.empty() || is_name_pattern(grant->node));
}

}  // namespace nemcon::node
