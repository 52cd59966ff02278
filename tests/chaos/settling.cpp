#include "tests/chaos/settling.hpp"

#include <chrono>
#include <thread>

namespace nemcon::chaos {
namespace {

constexpr Milliseconds look_again{20};

bool is_decided(const TransactionStatus& transaction) {
  return transaction.state.starts_with("committed") || transaction.state.starts_with("rolled back");
}

}  // namespace

Settling::Settling(const Cluster& cluster) {
  for (std::size_t node = 0; node < cluster.size(); ++node) {
    clients_.push_back(std::make_unique<Client>(ClientOptions{
        .nodes = {cluster.endpoint(node)}, .name = {}, .deadline = Milliseconds{5'000}}));
  }
}

std::string Settling::look_at(Client& client, std::set<TransactionId>& undecided) {
  try {
    std::size_t count = 0;
    for (const TransactionStatus& transaction : client.transactions()) {
      if (is_decided(transaction)) continue;
      undecided.insert(transaction.id);
      ++count;
    }
    std::string left;
    const std::string node = client.connected_node();
    if (count != 0) left += " " + std::to_string(count) + " undecided at " + node;
    for (const QueueStatus& queue : client.queues()) {
      if (!queue.local || queue.message_count == 0) continue;
      left += " " + std::to_string(queue.message_count) + " in " + queue.name + "@" + node;
    }
    return left;
  } catch (const Error& error) {
    return std::string(" no answer: ") + error.what();
  }
}

Settled Settling::wait(Milliseconds patience, const std::function<std::string()>& open) {
  const auto began = std::chrono::steady_clock::now();
  std::map<TransactionId, Milliseconds> last_seen;
  Settled settled;
  for (;;) {
    std::set<TransactionId> undecided;
    settled.left = open();
    for (const auto& client : clients_)
      settled.left += look_at(*client, undecided);
    settled.time =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
    for (const TransactionId& id : undecided)
      last_seen[id] = settled.time;
    if (settled.left.empty() || settled.time >= patience) break;
    std::this_thread::sleep_for(look_again);
  }
  for (const auto& [id, time] : last_seen)
    settled.in_doubt.push_back(time);
  return settled;
}

}  // namespace nemcon::chaos
