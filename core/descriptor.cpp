#include "core/descriptor.hpp"

#include <algorithm>

namespace nemcon::core {

namespace {

// Longest queue or service name; also bounds what a stranger can make us store.
constexpr std::size_t name_bytes_max = 255;

Error malformed(const char* what) {
  return Error{Errc::remote_malformed, what};
}

// The order in which nodes are asked to witness a branch, before the spare ones.
std::vector<std::uint8_t> preferred_witnesses(const Descriptor& descriptor, const Branch& branch) {
  std::vector<std::uint8_t> order = {branch.node};
  auto add = [&order](std::uint8_t node) {
    if (std::ranges::find(order, node) == order.end()) order.push_back(node);
  };
  add(0);
  for (const Branch& other : descriptor.branches)
    add(other.node);
  return order;
}

bool follows_rule(const Descriptor& descriptor, const Branch& branch) {
  // Mode C: one fixed witness for every branch, whoever it is.
  if (branch.witnesses.size() == 1) {
    const bool same_for_all = std::ranges::all_of(descriptor.branches, [&](const Branch& other) {
      return other.witnesses == branch.witnesses;
    });
    return branch.witnesses[0] == branch.node || same_for_all;
  }
  const std::vector<std::uint8_t> order = preferred_witnesses(descriptor, branch);
  const std::size_t fixed = std::min(order.size(), branch.witnesses.size());
  return std::equal(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(fixed),
                    branch.witnesses.begin());
}

Status validate_branch(const Descriptor& descriptor, const Branch& branch) {
  if (branch.node >= descriptor.nodes.size()) return malformed("branch names no node");
  if (branch.operations.empty()) return malformed("branch without operations");
  if (branch.witnesses.size() % 2 == 0) return malformed("even number of witnesses");
  std::vector<std::uint8_t> sorted = branch.witnesses;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return malformed("witness named twice");
  if (sorted.back() >= descriptor.nodes.size()) return malformed("witness names no node");
  if (!follows_rule(descriptor, branch)) return malformed("witness set breaks the rule");
  for (const Operation& operation : branch.operations) {
    if (operation.kind > OperationKind::check) return malformed("unknown operation");
    if (operation.target.empty() || operation.target.size() > name_bytes_max) {
      return malformed("bad target name");
    }
  }
  return Nothing{};
}

}  // namespace

int find_node(const Descriptor& descriptor, const NodeId& node) {
  for (std::size_t index = 0; index < descriptor.nodes.size(); ++index) {
    if (descriptor.nodes[index].node == node) return static_cast<int>(index);
  }
  return -1;
}

std::vector<std::uint8_t> branches_at(const Descriptor& descriptor, const NodeId& node) {
  std::vector<std::uint8_t> indices;
  for (std::size_t index = 0; index < descriptor.branches.size(); ++index) {
    if (descriptor.nodes[descriptor.branches[index].node].node == node) {
      indices.push_back(static_cast<std::uint8_t>(index));
    }
  }
  return indices;
}

bool is_witness(const Branch& branch, std::size_t node_index) {
  return std::ranges::find(branch.witnesses, static_cast<std::uint8_t>(node_index)) !=
         branch.witnesses.end();
}

bool try_assign_witnesses(Descriptor& descriptor, const WitnessRule& rule) {
  for (Branch& branch : descriptor.branches) {
    if (rule.coordinator >= 0) {
      branch.witnesses = {static_cast<std::uint8_t>(rule.coordinator)};
      continue;
    }
    branch.witnesses = preferred_witnesses(descriptor, branch);
    for (const std::uint8_t spare : rule.spare) {
      if (std::ranges::find(branch.witnesses, spare) == branch.witnesses.end()) {
        branch.witnesses.push_back(spare);
      }
    }
    if (branch.witnesses.size() < rule.witness_count) return false;
    branch.witnesses.resize(rule.witness_count);
  }
  return true;
}

Status validate(const Descriptor& descriptor, std::size_t branch_count_max) {
  if (descriptor.nodes.empty() || descriptor.nodes[0].node != descriptor.id.initiator) {
    return malformed("initiator is not the first node");
  }
  if (descriptor.nodes.size() > nodes_max) return malformed("too many nodes");
  // A node has at most two branches: services and, later, `mesh` queues.
  if (descriptor.branches.empty() || descriptor.branches.size() > 2 * branch_count_max) {
    return malformed("bad number of branches");
  }
  std::vector<std::pair<std::uint8_t, LeaseToken>> tokens;
  for (const Branch& branch : descriptor.branches) {
    for (const Operation& operation : branch.operations) {
      if (operation.kind == OperationKind::consume)
        tokens.emplace_back(branch.node, operation.token);
    }
  }
  std::ranges::sort(tokens);
  if (std::ranges::adjacent_find(tokens) != tokens.end()) {
    return malformed("one delivery consumed twice");
  }
  std::vector<NodeId> nodes;
  for (const NodeRef& ref : descriptor.nodes)
    nodes.push_back(ref.node);
  std::ranges::sort(nodes);
  if (std::ranges::adjacent_find(nodes) != nodes.end()) return malformed("node named twice");
  for (const Branch& branch : descriptor.branches) {
    if (Status status = validate_branch(descriptor, branch); !status) return status;
    if (descriptor.one_phase && branch.node != descriptor.branches[0].node) {
      return malformed("one phase over several nodes");
    }
  }
  return Nothing{};
}

}  // namespace nemcon::core
