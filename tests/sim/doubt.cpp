#include "tests/sim/doubt.hpp"

#include <algorithm>

#include "tests/sim/majority.hpp"

namespace nemcon::sim {

bool Doubts::is_lost(const core::NodeRef& ref) const {
  return std::ranges::any_of(
      lost_, [&](std::size_t index) { return world_.node(index).id() == ref.node; });
}

bool Doubts::must_end(const core::Descriptor& descriptor) const {
  const std::optional<Liar>& liar = world_.liar();
  // Also of sessions of which it said that they had acknowledged more than they did: others then
  // call too old what they were asked to prepare.
  if (liar && (liar->is_touched(descriptor.id) || liar->may_hide(descriptor.id))) return false;
  if (world_.acknowledged_unknown.contains(descriptor.id)) return false;
  return std::ranges::all_of(descriptor.branches, [&](const core::Branch& branch) {
    const auto left = std::ranges::count_if(branch.witnesses, [&](std::uint8_t witness) {
      return !is_lost(descriptor.nodes[witness]);
    });
    return is_majority(static_cast<std::size_t>(left), branch.witnesses.size());
  });
}

std::string Doubts::look() {
  const Time now = world_.schedule.now();
  std::map<Wait, Time> still;
  for (std::size_t index = 0; index < world_.node_count(); ++index) {
    const Node& node = world_.node(index);
    if (world_.is_liar(index) || lost_.contains(index) || !node.is_alive()) continue;
    for (const core::Row& row : node.engine().dump()) {
      const auto* one = std::get_if<core::TransactionRow>(&row);
      if (one == nullptr || !one->transaction.is_prepared()) continue;
      const core::Descriptor& descriptor = *one->transaction.descriptor;
      const Wait wait{index, descriptor.id};
      if (!must_end(descriptor)) {
        excused_.insert(wait);
        continue;
      }
      const auto known = since_.find(wait);
      const Time since = known == since_.end() ? now : known->second;
      still[wait] = since;
      const auto names_lost = [this](const core::NodeRef& ref) { return is_lost(ref); };
      if (std::ranges::any_of(descriptor.nodes, names_lost)) with_lost_.insert(wait);
      if (now - since > wait_max) {
        return node.name() + " is in doubt for too long about " + world_.names.of(descriptor.id);
      }
    }
  }
  since_ = std::move(still);
  return {};
}

}  // namespace nemcon::sim
