#include "deploy/demo/collect.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <fstream>
#include <future>
#include <set>
#include <stdexcept>
#include <utility>

#include "deploy/demo/csv.hpp"

namespace nemcon::demo {

namespace {

constexpr std::uint32_t credit = 1024;
constexpr std::size_t field_count = 4;

struct Drained {
  std::string message_id;  // "transaction/branch/..."
  bool first_delivery = true;
  std::string body;
};

// A row of the file; the number at its end shows that it was written whole.
std::string row_of(const Drained& drained) {
  return csv_line({drained.message_id, drained.first_delivery ? "first" : "again", drained.body,
                   std::to_string(drained.body.size())});
}

std::vector<Drained> read_drained(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::vector<Drained> all;
  CsvReader reader{in};
  while (const auto row = reader.next()) {
    if (row->size() != field_count || (*row)[3] != std::to_string((*row)[2].size())) {
      throw std::runtime_error(file + ":" + std::to_string(reader.line()) + ": is cut off");
    }
    all.push_back({(*row)[0], (*row)[1] == "first", (*row)[2]});
  }
  return all;
}

Found found_of(const Drained& drained) {
  const std::string transaction = drained.message_id.substr(0, drained.message_id.find('/'));
  Found found;
  found.transaction = transaction;
  found.first_delivery = drained.first_delivery;
  found.body = drained.body;
  if (const auto id = TransactionId::parse(transaction)) {
    found.epoch = id->words()[4];
    found.sequence = id->words()[5];
  }
  return found;
}

std::uint64_t count_of(Client& client, const std::string& queue) {
  for (const QueueStatus& status : client.queues()) {
    if (status.local && status.name == queue) return status.message_count;
  }
  throw std::runtime_error("the node has no queue " + queue);
}

// One delivery on its way out of the queue.
struct Acknowledged {
  Drained drained;
  std::future<bool> done;
};

class Drain {
 public:
  Drain(Client& client, std::string queue, const std::string& file)
      : client_(client), queue_(std::move(queue)), file_(file), all_(read_drained(file)) {
    for (const Drained& drained : all_)
      earlier_.insert(drained.message_id);
    out_.open(file, std::ios::binary | std::ios::app);
  }

  std::vector<Found> run(std::chrono::seconds patience);

 private:
  void take(Delivery delivery);
  void settle(std::size_t left_max);

  Client& client_;
  std::string queue_;
  std::string file_;
  std::vector<Drained> all_;
  std::set<std::string> earlier_;  // In the file before this call.
  std::ofstream out_;
  std::deque<Acknowledged> under_way_;
};

std::vector<Found> Drain::run(std::chrono::seconds patience) {
  constexpr std::chrono::milliseconds pause{200};
  Consumer consumer = client_.consume(queue_, {.credit = credit, .lease = {}});
  auto last = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - last < patience) {
    if (auto delivery = consumer.receive(pause)) {
      take(std::move(*delivery));
      last = std::chrono::steady_clock::now();
      continue;
    }
    settle(0);
    if (count_of(client_, queue_) == 0) break;
  }
  settle(0);
  std::vector<Found> found;
  found.reserve(all_.size());
  for (const Drained& drained : all_)
    found.push_back(found_of(drained));
  return found;
}

void Drain::take(Delivery delivery) {
  Drained drained{delivery.message_id(), delivery.delivery_count() == 1, delivery.body()};
  if (!earlier_.contains(drained.message_id)) {
    out_ << row_of(drained) << std::flush;
    if (!out_) throw std::runtime_error(file_ + ": cannot be written");
  }
  under_way_.push_back({std::move(drained), delivery.ack_async()});
  settle(credit / 2);
}

// A delivery whose lease had ended comes again, and counts then.
void Drain::settle(std::size_t left_max) {
  while (under_way_.size() > left_max) {
    Acknowledged& oldest = under_way_.front();
    const bool is_ours = oldest.done.get();
    // Once only: what an earlier call wrote down and did not acknowledge.
    const bool is_known = earlier_.erase(oldest.drained.message_id) > 0;
    if (is_ours && !is_known) all_.push_back(std::move(oldest.drained));
    under_way_.pop_front();
  }
}

}  // namespace

std::vector<std::string> find_unfinished(Client& client) {
  std::vector<std::string> lines;
  const std::string node = client.connected_node();
  for (const TransactionStatus& status : client.transactions()) {
    // Decided rows wait to be forgotten, after a crash for up to `retention`; nobody is in doubt
    // about them, and what they did is audited in queues and databases.
    if (status.state.starts_with("committed") || status.state.starts_with("rolled back")) continue;
    std::string line = node + ": transaction " + status.id.text() + " is " + status.state +
                       " and not finished after " + std::to_string(status.age.count()) + " ms";
    for (const BranchStatus& branch : status.branches)
      line += ", " + branch.node + " " + branch.state;
    for (const std::string& name : status.waiting_for)
      line += (&name == &status.waiting_for.front() ? ", waiting for " : " ") + name;
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> find_waiting(Client& client) {
  std::vector<std::string> lines;
  for (const QueueStatus& status : client.queues()) {
    if (!status.local) continue;
    if (status.message_count == 0 && status.leased_count == 0 && status.prepared_count == 0) {
      continue;
    }
    lines.push_back(status.name + "@" + status.node + ": " + std::to_string(status.message_count) +
                    " messages, " + std::to_string(status.leased_count) + " leased, " +
                    std::to_string(status.prepared_count) + " prepared are left");
  }
  return lines;
}

std::vector<Found> drain_queue(Client& client, const std::string& queue, const std::string& file,
                               std::chrono::seconds patience) {
  return Drain{client, queue, file}.run(patience);
}

}  // namespace nemcon::demo
