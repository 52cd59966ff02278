#include "tests/chaos/settling.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <thread>
#include <utility>

namespace nemcon::chaos {
namespace {

constexpr Milliseconds look_again{20};

bool is_one_of(const std::string& state, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const char* beginning) { return state.starts_with(beginning); });
}

bool is_decided(const TransactionStatus& transaction) {
  return is_one_of(transaction.state, {"committed", "rolled back"});
}

// A vote is awaited, or its outcome. Everything else that is not decided serves nobody: a witness
// that missed the end, or a node that tells others what it knows.
bool is_vote(const TransactionStatus& transaction) {
  return is_one_of(transaction.state, {"preparing", "prepared"});
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

Settling::Settling(Cluster& cluster, std::chrono::steady_clock::time_point healed)
    : cluster_(cluster), healed_(healed), clients_(cluster.size()) {}

Client& Settling::client_of(std::size_t node) {
  std::unique_ptr<Client>& client = clients_.at(node);
  if (client == nullptr) {
    ClientOptions options = cluster_.door({node}, {});
    // Whoever does not answer is asked again; the times of the others shall not wait for it.
    options.deadline = Milliseconds{500};
    client = std::make_unique<Client>(options);
  }
  return *client;
}

std::string Settling::look_at(std::size_t index, Seen& seen) {
  const std::string& node = cluster_.name(index);
  // Asking would wait for it, and meanwhile the others would go unseen.
  if (!cluster_.is_ready(index)) return " " + node + " is not ready";
  try {
    Client& client = client_of(index);
    std::string left;
    if (cluster_.look_at_disk(index).is_refusing()) left = " " + node + " still has a full disk";
    for (const TransactionStatus& transaction : client.transactions(true)) {
      std::string text = "in doubt at " + node + ": " + to_text(transaction);
      if (left.empty()) left = " " + text;
      seen.in_doubt.insert_or_assign(transaction.id, std::move(text));
    }
    for (const TransactionStatus& transaction : client.transactions()) {
      if (is_decided(transaction)) continue;
      ++seen.open_count;
      if (is_vote(transaction) && left.empty()) left = " at " + node + ": " + to_text(transaction);
    }
    for (const QueueStatus& queue : client.queues()) {
      if (!queue.local || queue.message_count + queue.prepared_count == 0) continue;
      left += " " + std::to_string(queue.message_count) + " messages and " +
              std::to_string(queue.prepared_count) + " prepared in " + queue.name + "@" + node;
    }
    return left;
  } catch (const Error& error) {
    return " no answer of " + node + ": " + error.what();
  }
}

Settled Settling::wait(Milliseconds patience, const std::function<std::string()>& open,
                       const std::function<bool()>& is_over) {
  std::map<TransactionId, Milliseconds> last_seen;
  Settled settled;
  for (;;) {
    Seen seen;
    settled.left = open();
    for (std::size_t node = 0; node < cluster_.size(); ++node)
      settled.left += look_at(node, seen);
    settled.time =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - healed_);
    settled.lingering_count = seen.open_count;
    for (const auto& [id, text] : seen.in_doubt)
      last_seen[id] = settled.time;
    if (!seen.in_doubt.empty()) settled.slowest = seen.in_doubt.begin()->second;
    if (settled.left.empty() || settled.time >= patience || is_over()) break;
    std::this_thread::sleep_for(look_again);
  }
  for (const auto& [id, time] : last_seen)
    settled.in_doubt.push_back(time);
  return settled;
}

}  // namespace nemcon::chaos
