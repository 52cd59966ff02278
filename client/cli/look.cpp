// nemcon status, queues, transactions, transaction: what a node reports.
#include <iostream>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/table.hpp"

namespace nemcon::cli {

namespace {

std::string duration_text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 10'000) return std::to_string(ms) + " ms";
  if (ms < 600'000) return std::to_string(ms / 1'000) + " s";
  return std::to_string(ms / 60'000) + " min";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string node_json(const NodeStatus& node) {
  return Json{}
      .text("name", node.name)
      .text("id", node.id)
      .text("incarnation", std::to_string(node.incarnation))
      .number("boot", node.boot)
      .truth("self", node.self)
      .truth("live", node.live)
      .text_if("trouble", node.trouble)
      .str();
}

std::string queue_json(const QueueStatus& queue) {
  Json json;
  json.text("node", queue.node)
      .text("name", queue.name)
      .text("ordering", to_text(queue.ordering))
      .truth("local", queue.local);
  if (queue.local) {
    json.number("messages", queue.message_count)
        .number("bytes", queue.byte_count)
        .number("leased", queue.leased_count)
        .number("prepared", queue.prepared_count)
        .number("consumers", queue.consumer_count);
  }
  return json.str();
}

std::string transaction_json(const TransactionStatus& transaction) {
  std::vector<std::string> branches;
  for (const BranchStatus& branch : transaction.branches) {
    branches.push_back(Json{}
                           .number("branch", branch.branch)
                           .text("node", branch.node)
                           .text("what", branch.what)
                           .text("state", branch.state)
                           .str());
  }
  return Json{}
      .text("id", transaction.id.text())
      .text("state", transaction.state)
      .text_if("client", transaction.principal)
      .number("age_ms", static_cast<std::uint64_t>(transaction.age.count()))
      .list("branches", branches)
      .texts("waiting_for", transaction.waiting_for)
      .str();
}

template <class Item, class ToJson>
std::vector<std::string> jsons_of(const std::vector<Item>& items, ToJson to_json) {
  std::vector<std::string> jsons;
  for (const Item& item : items)
    jsons.push_back(to_json(item));
  return jsons;
}

void print_nodes(const std::vector<NodeStatus>& nodes) {
  Table table({"NODE", "STATE", "#BOOT", "ID", "REMARK"});
  for (const NodeStatus& node : nodes) {
    const std::string state = node.live || node.self ? "live" : "away";
    const std::string remark =
        node.self ? (node.trouble.empty() ? "this one" : "this one; " + node.trouble)
                  : node.trouble;
    table.add({node.name, state, std::to_string(node.boot), node.id, remark});
  }
  std::cout << table;
}

void print_queues(const std::vector<QueueStatus>& queues) {
  Table table({"QUEUE", "ORDERING", "#MESSAGES", "#BYTES", "#LEASED", "#PREPARED", "#CONSUMERS"});
  for (const QueueStatus& queue : queues) {
    const auto number = [&](std::uint64_t value) {
      return queue.local ? std::to_string(value) : std::string{"-"};
    };
    table.add({queue.name + "@" + queue.node, to_text(queue.ordering), number(queue.message_count),
               number(queue.byte_count), number(queue.leased_count), number(queue.prepared_count),
               number(queue.consumer_count)});
  }
  std::cout << table;
}

void print_transactions(const std::vector<TransactionStatus>& transactions) {
  Table table({"TRANSACTION", "STATE", "#AGE", "CLIENT", "WAITING FOR"});
  for (const TransactionStatus& transaction : transactions) {
    table.add({transaction.id.text(), transaction.state, duration_text(transaction.age),
               transaction.principal, joined(transaction.waiting_for)});
  }
  std::cout << table;
}

std::string counts_json(const std::map<std::string, std::uint64_t>& counts) {
  Json json;
  for (const auto& [name, count] : counts)
    json.number(name, count);
  return json.str();
}

void print_counts(const std::map<std::string, std::uint64_t>& counts) {
  Table table({"COUNT", "#VALUE"});
  for (const auto& [name, count] : counts)
    table.add({name, std::to_string(count)});
  std::cout << table;
}

}  // namespace

Exit run_status(const Globals& globals) {
  Client client = connect(globals);
  const MeshStatus status = client.status();
  if (globals.json) {
    std::cout << Json{}
                     .list("nodes", jsons_of(status.nodes, node_json))
                     .list("queues", jsons_of(status.queues, queue_json))
                     .raw("counts", counts_json(status.counts))
                     .str()
              << "\n";
    return Exit::done;
  }
  print_nodes(status.nodes);
  std::cout << "\n";
  print_queues(status.queues);
  std::cout << "\n";
  print_counts(status.counts);
  return Exit::done;
}

Exit run_queues(const Globals& globals) {
  Client client = connect(globals);
  const std::vector<QueueStatus> queues = client.queues();
  if (globals.json) {
    std::cout << Json{}.list("queues", jsons_of(queues, queue_json)).str() << "\n";
  } else {
    print_queues(queues);
  }
  return Exit::done;
}

Exit run_transactions(const Globals& globals, bool in_doubt_only) {
  Client client = connect(globals);
  const std::vector<TransactionStatus> transactions = client.transactions(in_doubt_only);
  if (globals.json) {
    std::cout << Json{}.list("transactions", jsons_of(transactions, transaction_json)).str()
              << "\n";
  } else if (transactions.empty()) {
    std::cout << (in_doubt_only ? "nothing is in doubt\n" : "no transactions under way\n");
  } else {
    print_transactions(transactions);
  }
  return Exit::done;
}

Exit run_transaction(const Globals& globals, const std::string& text) {
  const TransactionId id = parse_id(text);
  Client client = connect(globals);
  const std::optional<TransactionStatus> transaction = client.transaction(id);
  if (!transaction) {
    throw Refusal(client.connected_node() + " has nothing under way with the id " + text +
                  "; ask what became of it with `nemcon outcome`");
  }
  if (globals.json) {
    std::cout << transaction_json(*transaction) << "\n";
    return Exit::done;
  }
  std::cout << transaction->id.text() << "\n"
            << "state:       " << transaction->state << ", for " << duration_text(transaction->age)
            << "\n";
  if (!transaction->principal.empty()) {
    std::cout << "client:      " << transaction->principal << "\n";
  }
  if (!transaction->waiting_for.empty()) {
    std::cout << "waiting for: " << joined(transaction->waiting_for) << "\n";
  }
  std::cout << "\n";
  Table table({"#BRANCH", "NODE", "WHAT", "STATE"});
  for (const BranchStatus& branch : transaction->branches) {
    table.add({std::to_string(branch.branch), branch.node, branch.what, branch.state});
  }
  std::cout << table;
  return Exit::done;
}

}  // namespace nemcon::cli
