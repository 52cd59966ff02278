#include "tests/chaos/settling.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <thread>

namespace nemcon::chaos {
namespace {

constexpr Milliseconds look_again{20};

bool is_one_of(const std::string& state, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const char* beginning) { return state.starts_with(beginning); });
}

// Its node waits for nothing: others are told, or remember it for somebody who may ask.
bool is_over(const TransactionStatus& transaction) {
  return is_one_of(transaction.state, {"committed", "rolled back"});
}

// Somebody voted, or may still, and does not know the outcome. A node that only witnessed votes,
// or that tells others, keeps nobody waiting.
bool is_in_doubt(const TransactionStatus& transaction) {
  return !is_over(transaction) &&
         !is_one_of(transaction.state, {"witnessed", "informing", "forgetting"});
}

// As the node sees it, for whoever looks into what is left.
std::string to_text(const TransactionStatus& transaction) {
  std::string text = transaction.id.text() + " " + transaction.state + " for " +
                     std::to_string(transaction.age.count()) + " ms:";
  for (const BranchStatus& branch : transaction.branches)
    text += " [" + branch.node + ": " + branch.what + ", " + branch.state + "]";
  for (const std::string& node : transaction.waiting_for)
    text += " waits for " + node;
  return text;
}

}  // namespace

Settling::Settling(const Cluster& cluster) {
  for (std::size_t node = 0; node < cluster.size(); ++node) {
    clients_.push_back(std::make_unique<Client>(ClientOptions{
        .nodes = {cluster.endpoint(node)}, .name = {}, .deadline = Milliseconds{5'000}}));
  }
}

std::string Settling::look_at(Client& client, std::set<TransactionId>& in_doubt) {
  try {
    std::size_t count = 0;
    std::string first;
    for (const TransactionStatus& transaction : client.transactions()) {
      if (is_over(transaction)) continue;
      if (is_in_doubt(transaction)) in_doubt.insert(transaction.id);
      if (++count == 1) first = to_text(transaction);
    }
    std::string left;
    const std::string node = client.connected_node();
    if (count != 0) left += " " + std::to_string(count) + " open at " + node + " (" + first + ")";
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
    std::set<TransactionId> in_doubt;
    settled.left = open();
    for (const auto& client : clients_)
      settled.left += look_at(*client, in_doubt);
    settled.time =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
    for (const TransactionId& id : in_doubt)
      last_seen[id] = settled.time;
    if (settled.left.empty() || settled.time >= patience) break;
    std::this_thread::sleep_for(look_again);
  }
  for (const auto& [id, time] : last_seen)
    settled.in_doubt.push_back(time);
  return settled;
}

}  // namespace nemcon::chaos
