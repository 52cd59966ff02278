#include "tests/sim/names.hpp"

namespace nemcon::sim {
namespace {

template <class Map, class Id>
std::string find_name(const Map& names, const Id& id, const char* unknown) {
  const auto found = names.find(id);
  return found == names.end() ? unknown + std::to_string(id.low % 10'000) : found->second;
}

}  // namespace

std::string Names::of(core::NodeId node) const {
  return find_name(nodes_, node, "node-");
}

std::string Names::of(core::ClientId client) const {
  return find_name(clients_, client, "client-");
}

std::string Names::of(const core::TransactionId& id) const {
  const auto found = transactions_.find(id);
  if (found != transactions_.end()) return found->second;
  std::string text = of(id.client);
  if (id.epoch.value() != 0) {
    // An epoch may be a timestamp; its last digits tell two sessions apart.
    text += '/' + std::to_string(id.epoch.value() % 1'000'000);
  }
  return text + '#' + std::to_string(id.sequence.value());
}

std::string Names::of(core::Hlc at) {
  if (at == core::Hlc{}) return "-";
  if (at == core::Hlc::never()) return "never";
  const auto since = static_cast<std::int64_t>(at.wall_ms() - wall_origin_ms);
  std::string text = std::to_string(since);
  const std::uint64_t count = at.value() & 0xffffU;
  if (count != 0) text += '+' + std::to_string(count);
  return text;
}

std::string Names::of(const core::Descriptor& descriptor, std::size_t node_index) const {
  if (node_index >= descriptor.nodes.size()) return "node?";
  return of(descriptor.nodes[node_index].node);
}

}  // namespace nemcon::sim
