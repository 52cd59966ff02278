#include "client/queue_trail.hpp"

#include <algorithm>

namespace nemcon::client {

core::Sequence QueueTrail::find_previous(const std::string& queue, core::Sequence sequence) const {
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return {};
  const auto& sequences = found->second;
  const auto after = std::lower_bound(sequences.begin(), sequences.end(), sequence);
  return after == sequences.begin() ? core::Sequence{} : *(after - 1);
}

void QueueTrail::add(const std::string& queue, core::Sequence sequence) {
  auto& sequences = queues_[queue];
  const auto place = std::lower_bound(sequences.begin(), sequences.end(), sequence);
  if (place != sequences.end() && *place == sequence) return;
  sequences.insert(place, sequence);
}

void QueueTrail::on_committed(const std::string& queue, core::Sequence sequence) {
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  auto& sequences = found->second;
  const auto place = std::lower_bound(sequences.begin(), sequences.end(), sequence);
  if (place != sequences.end() && *place == sequence) sequences.erase(sequences.begin(), place);
}

void QueueTrail::on_rolled_back(const std::string& queue, core::Sequence sequence) {
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  auto& sequences = found->second;
  const auto place = std::lower_bound(sequences.begin(), sequences.end(), sequence);
  if (place != sequences.end() && *place == sequence) sequences.erase(place);
  if (sequences.empty()) queues_.erase(found);
}

}  // namespace nemcon::client
