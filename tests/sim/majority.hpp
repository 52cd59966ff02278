// Majority: whose word counts in a transaction, and how many of them are enough, as the judges
// understand it. The product has functions for this; a judge that used them would make their
// mistakes too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/descriptor.hpp"

namespace nemcon::sim {

// Any two groups that are so large have a member in common.
[[nodiscard]] constexpr bool is_majority(std::size_t count, std::size_t of) {
  return 2 * count > of;
}

static_assert(is_majority(1, 1) && !is_majority(1, 2) && is_majority(2, 3) && !is_majority(2, 4));

[[nodiscard]] inline bool is_named_by(const core::Descriptor& descriptor,
                                      const core::NodeId& node) {
  return std::ranges::any_of(descriptor.nodes,
                             [&](const core::NodeRef& named) { return named.node == node; });
}

[[nodiscard]] inline bool is_witness_of(const core::Descriptor& descriptor,
                                        const core::Branch& branch, const core::NodeId& node) {
  return std::ranges::any_of(branch.witnesses, [&](std::uint8_t witness) {
    return witness < descriptor.nodes.size() && descriptor.nodes[witness].node == node;
  });
}

}  // namespace nemcon::sim
