#include "core/composer.hpp"

#include <algorithm>

#include "core/answers.hpp"
#include "core/gate.hpp"
#include "core/random.hpp"

namespace nemcon::core {

namespace {

// Rendezvous hash: every node ranks the spare witnesses of a transaction alike, and different
// transactions spread over all of them.
std::uint64_t weight(const TransactionId& id, const NodeId& node) {
  return mix(mix(id.client.low ^ id.sequence.value()) ^ mix(node.low ^ node.high));
}

bool has_service(const Submit& submit) {
  return std::ranges::any_of(submit.parts,
                             [](const Part& part) { return part.kind == OperationKind::call; });
}

}  // namespace

std::optional<NotComposed> Composer::check_limits(const Submit& submit) const {
  const Limits& limits = context_.options.limits;
  if (submit.parts.empty()) return NotComposed{Reason::malformed, "a transaction without parts"};
  if (submit.parts.size() > limits.operations_max) {
    return NotComposed{Reason::too_many_branches, std::to_string(submit.parts.size()) +
                                                      " parts; at most " +
                                                      std::to_string(limits.operations_max)};
  }
  std::uint64_t total = 0;
  for (const Part& part : submit.parts) {
    const std::uint64_t bytes = part.content.byte_count();
    if (bytes > limits.message_bytes_max) {
      return NotComposed{Reason::too_large, "a message of " + std::to_string(bytes) +
                                                " bytes; max_message_bytes is " +
                                                std::to_string(limits.message_bytes_max)};
    }
    total += bytes;
  }
  if (total > limits.transaction_bytes_max) {
    return NotComposed{Reason::too_large, "a transaction of " + std::to_string(total) +
                                              " bytes; max_transaction_bytes is " +
                                              std::to_string(limits.transaction_bytes_max)};
  }
  return std::nullopt;
}

namespace {

struct Address {
  std::string name;
  std::string node;  // Empty: wherever it is.
};

Address parse(const std::string& target) {
  const std::size_t at = target.rfind('@');
  return {.name = target.substr(0, at),
          .node = at == std::string::npos ? "" : target.substr(at + 1)};
}

// What the peer's HELLO says of a queue or service of this name.
std::optional<Route> find_at(const Peer& peer, OperationKind kind, const std::string& name) {
  if (kind == OperationKind::call) {
    if (std::ranges::find(peer.services, name) == peer.services.end()) return std::nullopt;
    return Route{.node = peer.node, .name = name};
  }
  const auto queue = std::ranges::find(peer.queues, name, &QueueNotice::name);
  if (queue == peer.queues.end()) return std::nullopt;
  return Route{.node = peer.node, .name = name, .mesh = queue->ordering == Ordering::mesh};
}

}  // namespace

std::variant<Route, NotComposed> Composer::route(const Part& part,
                                                 const std::string& principal) const {
  if (!context_.permissions.is_secured()) return find_route(part);
  const Verb verb = verb_of(part.kind);
  // Asked first: what there is, and where, is not told to who may not use it.
  const Address address = parse(part.target);
  if (!context_.permissions.allows_somewhere(principal, verb, address.name)) {
    const std::string where = address.node.empty() ? "*" : address.node;
    return NotComposed{Reason::forbidden, context_.deny(principal, verb, address.name, where, {})};
  }
  std::variant<Route, NotComposed> found = find_route(part);
  const auto* route = std::get_if<Route>(&found);
  if (route == nullptr) return found;
  const std::string node = context_.membership.name_of(route->node);
  if (context_.permissions.allows(principal, verb, route->name, node)) return found;
  return NotComposed{Reason::forbidden, context_.deny(principal, verb, route->name, node, {})};
}

std::variant<Route, NotComposed> Composer::find_route(const Part& part) const {
  const bool service = part.kind == OperationKind::call;
  const Reason unknown = service ? Reason::unknown_service : Reason::unknown_queue;
  const auto [name, node] = parse(part.target);
  if (name.empty() || name.find('@') != std::string::npos || part.target.ends_with('@')) {
    return NotComposed{unknown, '"' + part.target + "\" is no address: say NAME or NAME@NODE"};
  }
  std::vector<Route> routes;
  if (node.empty() || node == context_.options.name) {
    const Queue* queue = service ? nullptr : context_.state.find_queue(name);
    if (!node.empty() || queue != nullptr) {
      const bool mesh = queue != nullptr && queue->row().ordering == Ordering::mesh;
      routes.push_back({.node = context_.options.node, .name = name, .mesh = mesh});
    }
  }
  if (const Peer* peer = context_.membership.find(node); peer != nullptr) {
    if (peer->node.is_zero()) {
      return NotComposed{Reason::unavailable, "node " + node + " was never seen", true};
    }
    // One that is named has the last word: it says no to what it does not have.
    routes.push_back(
        find_at(*peer, part.kind, name).value_or(Route{.node = peer->node, .name = name}));
  }
  if (node.empty()) {
    for (const auto& [index, peer] : context_.membership.peers()) {
      if (auto found = find_at(peer, part.kind, name)) routes.push_back(*std::move(found));
    }
  }
  if (routes.empty()) {
    const std::string text = node.empty() ? "nothing in the mesh is called " + name
                                          : "node " + node + " is not in the mesh";
    return NotComposed{unknown, text};
  }
  if (routes.size() > 1) {
    return NotComposed{Reason::ambiguous_name,
                       name + " is at several nodes: say " + name + "@NODE"};
  }
  return routes.front();
}

std::variant<Composed, NotComposed> Composer::compose(const Submit& submit,
                                                      const std::string& principal) {
  const Timing& timing = context_.options.timing;
  Draft draft;
  Descriptor& descriptor = draft.descriptor;
  descriptor.id = submit.id;
  descriptor.principal = principal;
  descriptor.created = context_.clock.present();
  descriptor.expires = submit.expires;
  const Duration fallback = has_service(submit) ? timing.service_deadline : timing.deadline;
  const Duration wanted =
      submit.deadline_ms == 0 ? fallback : Duration{std::chrono::milliseconds{submit.deadline_ms}};
  descriptor.deadline_ms = static_cast<std::uint32_t>(std::min(wanted, timing.deadline_max) /
                                                      std::chrono::milliseconds{1});
  (void)index_of(draft, submit.id.initiator);
  if (auto trouble = add_parts(submit, draft)) return *trouble;

  const std::vector<std::size_t> participants = participants_of(descriptor);
  if (participants.size() > context_.options.limits.branches_max) {
    return NotComposed{Reason::too_many_branches,
                       std::to_string(participants.size()) +
                           " nodes; max_transaction_branches is " +
                           std::to_string(context_.options.limits.branches_max)};
  }
  // Rule P-4: no row and no PREPARE before everybody can be talked to.
  for (const std::size_t index : participants) {
    const NodeId& node = descriptor.nodes[index].node;
    if (context_.membership.is_live(node)) continue;
    return NotComposed{Reason::unavailable,
                       "node " + context_.membership.name_of(node) + " cannot be reached", true};
  }
  descriptor.one_phase = participants.size() == 1;
  if (auto trouble = add_witnesses(draft)) return *trouble;
  const Digest digest = context_.options.hashing.of_descriptor(descriptor);
  DescriptorPtr made = std::make_shared<const Descriptor>(std::move(descriptor));
  context_.take_as_checked(made, digest);
  return Composed{
      .descriptor = std::move(made), .digest = digest, .contents = std::move(draft.contents)};
}

std::optional<NotComposed> Composer::add_parts(const Submit& submit, Draft& draft) {
  const bool services = has_service(submit);
  Descriptor& descriptor = draft.descriptor;
  for (const Part& part : submit.parts) {
    const std::variant<Route, NotComposed> found = route(part, descriptor.principal);
    if (const auto* trouble = std::get_if<NotComposed>(&found)) return *trouble;
    const Route& to = std::get<Route>(found);
    const std::uint8_t node = index_of(draft, to.node);
    const bool second = services && to.mesh;  // Rule P-33.
    auto branch = std::ranges::find_if(descriptor.branches, [&](const Branch& known) {
      return known.node == node && known.second == second;
    });
    if (branch == descriptor.branches.end()) {
      descriptor.branches.push_back({.node = node, .second = second});
      draft.contents.emplace_back();
      branch = std::prev(descriptor.branches.end());
    }
    Operation operation{.kind = part.kind,
                        .target = to.name,
                        .token = part.token,
                        .previous = part.previous,
                        .limit = part.limit};
    if (part.kind == OperationKind::deliver || part.kind == OperationKind::call) {
      operation.payload_bytes = part.content.byte_count();
      operation.payload = context_.options.hashing.of_content(part.content);
      draft.contents[static_cast<std::size_t>(branch - descriptor.branches.begin())].push_back(
          part.content);
    }
    branch->operations.push_back(std::move(operation));
    if (branch->operations.size() > 250) {
      return NotComposed{Reason::too_many_branches, "more than 250 parts at one node"};
    }
  }
  // All waiting for the second wave would wait for nothing.
  const bool any_first =
      std::ranges::any_of(descriptor.branches, [](const Branch& branch) { return !branch.second; });
  if (!any_first) {
    for (Branch& branch : descriptor.branches)
      branch.second = false;
  }
  return std::nullopt;
}

Incarnation Composer::incarnation_of(const NodeId& node) const {
  if (context_.is_self(node)) return context_.options.incarnation;
  if (const Peer* peer = context_.membership.find(node); peer != nullptr) {
    return peer->sighting.incarnation;
  }
  const auto known = context_.state.peers().find(node);
  return known == context_.state.peers().end() ? Incarnation{} : known->second.sighting.incarnation;
}

std::uint8_t Composer::index_of(Draft& draft, const NodeId& node) const {
  std::vector<NodeRef>& nodes = draft.descriptor.nodes;
  const auto found = std::ranges::find(nodes, node, &NodeRef::node);
  if (found != nodes.end()) return static_cast<std::uint8_t>(found - nodes.begin());
  nodes.push_back({.node = node, .incarnation = incarnation_of(node)});
  return static_cast<std::uint8_t>(nodes.size() - 1);
}

std::vector<NodeId> Composer::spare_nodes(const Descriptor& descriptor, std::size_t count) const {
  struct Candidate {
    NodeId node;
    bool live = false;
    std::uint64_t weight = 0;
  };

  std::vector<Candidate> spare;
  const auto add = [&](const NodeId& node, bool live) {
    const bool named =
        std::ranges::find(descriptor.nodes, node, &NodeRef::node) != descriptor.nodes.end();
    if (named || node.is_zero()) return;
    spare.push_back({.node = node, .live = live, .weight = weight(descriptor.id, node)});
  };
  add(context_.options.node, !context_.membership.is_fenced());
  // One that lost its state is fenced and never speaks as a witness again: it counts like one that
  // is gone for good, which is what F is there to bear.
  for (const auto& [index, peer] : context_.membership.peers())
    add(peer.node, peer.is_live());
  const std::size_t kept = std::min(count, spare.size());
  std::ranges::partial_sort(spare, spare.begin() + static_cast<std::ptrdiff_t>(kept),
                            [](const Candidate& a, const Candidate& b) {
                              return a.live != b.live ? a.live : a.weight > b.weight;
                            });
  std::vector<NodeId> nodes;
  for (std::size_t index = 0; index < kept; ++index)
    nodes.push_back(spare[index].node);
  return nodes;
}

std::optional<NotComposed> Composer::add_witnesses(Draft& draft) {
  Descriptor& descriptor = draft.descriptor;
  if (descriptor.one_phase) {
    for (Branch& branch : descriptor.branches)
      branch.witnesses = {branch.node};
    return std::nullopt;
  }
  WitnessRule rule{.witness_count = context_.options.witnesses};
  if (!context_.options.coordinator.empty()) {
    NodeId coordinator = context_.options.node;
    if (context_.options.coordinator != context_.options.name) {
      const Peer* peer = context_.membership.find(context_.options.coordinator);
      coordinator = peer == nullptr ? NodeId{} : peer->node;
    }
    if (coordinator.is_zero() || !context_.membership.is_live(coordinator)) {
      return NotComposed{Reason::unavailable,
                         "the coordinator " + context_.options.coordinator + " cannot be reached",
                         true};
    }
    rule.coordinator = index_of(draft, coordinator);
  } else if (rule.witness_count > descriptor.nodes.size()) {
    // Initiator and participants come first, whatever the size of the mesh.
    const std::size_t missing = rule.witness_count - descriptor.nodes.size();
    for (const NodeId& node : spare_nodes(descriptor, missing))
      rule.spare.push_back(index_of(draft, node));
  }
  if (!try_assign_witnesses(descriptor, rule)) {
    return NotComposed{Reason::unavailable,
                       "fewer nodes are known than votes need witnesses (" +
                           std::to_string(rule.witness_count) + ")",
                       true};
  }
  if (std::ranges::any_of(descriptor.nodes,
                          [](const NodeRef& ref) { return ref.incarnation == Incarnation{}; })) {
    return NotComposed{Reason::unavailable, "the initiator of this id was never seen", true};
  }
  drop_unused_nodes(descriptor);
  return std::nullopt;
}

void Composer::drop_unused_nodes(Descriptor& descriptor) {
  std::vector<std::uint8_t> renamed(descriptor.nodes.size(), 0);
  std::vector<NodeRef> kept;
  for (std::size_t index = 0; index < descriptor.nodes.size(); ++index) {
    const bool used = index == 0 || std::ranges::any_of(descriptor.branches, [&](const Branch& b) {
                        return b.node == index || is_witness(b, index);
                      });
    if (!used) continue;
    renamed[index] = static_cast<std::uint8_t>(kept.size());
    kept.push_back(descriptor.nodes[index]);
  }
  descriptor.nodes = std::move(kept);
  for (Branch& branch : descriptor.branches) {
    branch.node = renamed[branch.node];
    for (std::uint8_t& witness : branch.witnesses)
      witness = renamed[witness];
  }
}

}  // namespace nemcon::core
