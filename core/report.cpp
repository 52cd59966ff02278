#include "core/report.hpp"

#include <algorithm>
#include <map>

#include "core/answers.hpp"

namespace nemcon::core {

namespace {

const char* to_text(Driver::Phase phase) {
  switch (phase) {
    using enum Driver::Phase;
    case preparing:
      return "preparing";
    case asking:
      return "asking";
    case promising:
    case accepting:
      return "recovering";
    case informing:
      return "informing";
    case forgetting:
      return "forgetting";
  }
  return "unknown";
}

std::string describe(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::deliver:
      return "deliver " + operation.target;
    case OperationKind::consume:
      return "consume " + operation.target;
    case OperationKind::call:
      return "call " + operation.target;
    case OperationKind::check:
      return "check " + operation.target;
  }
  return "unknown";
}

}  // namespace

Report Reporter::report(const Inspect& inspect) const {
  Report report{.request = inspect.request};
  switch (inspect.topic) {
    case Topic::status:
      add_nodes(report);
      add_queues(report);
      add_counts(report);
      break;
    case Topic::queues:
      add_queues(report);
      break;
    case Topic::transactions:
    case Topic::in_doubt:
    case Topic::transaction:
      add_transactions(report, inspect);
      break;
  }
  return report;
}

void Reporter::add_nodes(Report& report) const {
  NodeReport self{.name = context_.options.name,
                  .node = context_.options.node,
                  .incarnation = context_.options.incarnation,
                  .boot = context_.state.boot(),
                  .self = true,
                  .live = !context_.membership.is_fenced(),
                  .trouble = {}};
  if (context_.membership.is_fenced()) {
    self.trouble = "fenced: its state is older than what the mesh has seen of it";
  } else if (context_.membership.is_drifted()) {
    self.trouble = "its clock is far from the others': it does not vote";
  } else if (context_.disk_full) {
    self.trouble = "no room on disk: new work is refused";
  } else if (!context_.membership.may_vote()) {
    self.trouble = "waits for a first peer before it votes";
  }
  report.nodes.push_back(std::move(self));
  for (const auto& [index, peer] : context_.membership.peers()) {
    NodeReport node{.name = peer.name,
                    .node = peer.node,
                    .incarnation = peer.sighting.incarnation,
                    .boot = peer.sighting.boot,
                    .self = false,
                    .live = peer.is_live(),
                    .trouble = {}};
    if (peer.refused) {
      node.trouble = "refused: its state is older than what this node has seen of it";
    } else if (!peer.up) {
      node.trouble = "no link";
    } else if (!peer.greeted) {
      node.trouble = "no answer yet";
    }
    report.nodes.push_back(std::move(node));
  }
}

void Reporter::add_queues(Report& report) const {
  for (const auto& [id, queue] : context_.state.queues()) {
    report.queues.push_back({.node = context_.options.name,
                             .name = queue->row().name,
                             .ordering = queue->row().ordering,
                             .message_count = queue->row().message_count,
                             .byte_count = queue->row().byte_count,
                             .leased_count = leases_.count_of(id),
                             .prepared_count = queue->prepared_count(),
                             .consumer_count = consumers_.consumer_count(id),
                             .local = true});
  }
  for (const auto& [index, peer] : context_.membership.peers()) {
    if (!peer.is_live()) continue;
    for (const QueueNotice& notice : peer.queues) {
      report.queues.push_back(
          {.node = peer.name, .name = notice.name, .ordering = notice.ordering});
    }
  }
}

std::map<TransactionKey, DescriptorPtr> Reporter::all() const {
  std::map<TransactionKey, DescriptorPtr> all = participant_.preparing();
  for (const TransactionKey& key : driver_.keys())
    all.emplace(key, driver_.descriptor_of(key));
  for (const TransactionKey& key : context_.state.transactions().keys())
    all.emplace(key, context_.state.find(key)->descriptor);
  return all;
}

void Reporter::add_counts(Report& report) const {
  std::uint64_t undecided = 0;
  std::uint64_t in_doubt = 0;
  for (const auto& [key, descriptor] : all()) {
    const Transaction* row = context_.state.find(key);
    if (row != nullptr && row->outcome) continue;
    ++undecided;
    if (row != nullptr && is_in_doubt(*row, context_.clock.wall_ms())) ++in_doubt;
  }
  report.counts = {{.name = "transactions_undecided", .value = undecided},
                   {.name = "transactions_in_doubt", .value = in_doubt},
                   {.name = "submissions_over_quota", .value = context_.quotas.refused_count()}};
}

void Reporter::add_transactions(Report& report, const Inspect& inspect) const {
  if (inspect.topic == Topic::transaction) return add_transaction(report, inspect.id);
  std::vector<TransactionReport> decided;
  for (const auto& [key, descriptor] : all()) {
    const Transaction* row = context_.state.find(key);
    const bool in_doubt = row != nullptr && is_in_doubt(*row, context_.clock.wall_ms());
    if (inspect.topic == Topic::in_doubt && !in_doubt) continue;
    const bool is_decided = row != nullptr && row->outcome.has_value();
    std::vector<TransactionReport>& list = is_decided ? decided : report.transactions;
    if (list.size() < report_transactions_max) list.push_back(transaction(key, *descriptor));
  }
  const std::size_t room = report_transactions_max - report.transactions.size();
  if (decided.size() > room) decided.resize(room);
  report.transactions.insert(report.transactions.end(), decided.begin(), decided.end());
}

void Reporter::add_transaction(Report& report, const TransactionId& id) const {
  for (const auto& [key, descriptor] : all()) {
    if (key.id == id) report.transactions.push_back(transaction(key, *descriptor));
  }
  if (!report.transactions.empty()) return;
  const Sessions::Ended* ended = context_.state.sessions().find_ended(id);
  if (ended == nullptr) return;
  const Outcome& outcome = ended->second.outcome;
  TransactionReport known{.id = id};
  known.state = outcome.committed ? "committed"
                                  : std::string("rolled back: ") + core::to_text(outcome.reason);
  report.transactions.push_back(std::move(known));
}

TransactionReport Reporter::transaction(const TransactionKey& key,
                                        const Descriptor& descriptor) const {
  const Transaction* row = context_.state.find(key);
  const std::optional<Driver::View> view = driver_.view(key);
  TransactionReport report{.id = key.id, .state = {}, .principal = descriptor.principal};
  if (row != nullptr && row->outcome) {
    report.state = row->outcome->committed
                       ? "committed"
                       : std::string("rolled back: ") + core::to_text(row->outcome->reason);
  } else if (view) {
    report.state = to_text(view->phase);
  } else if (row == nullptr || participant_.is_preparing(key)) {
    report.state = "preparing";
  } else {
    report.state = row->is_prepared() ? "prepared" : "witnessed";
  }
  const std::uint64_t began_ms = descriptor.created.wall_ms();
  report.age_ms = context_.clock.wall_ms() - std::min(context_.clock.wall_ms(), began_ms);
  for (std::size_t index = 0; index < descriptor.branches.size(); ++index) {
    report.branches.push_back(branch(descriptor, row, view ? &*view : nullptr, index));
  }
  if (view) {
    for (const std::size_t node : view->waiting_for) {
      report.waiting_for.push_back(context_.membership.name_of(descriptor.nodes[node].node));
    }
  } else if (participant_.is_preparing(key)) {
    report.waiting_for.push_back(context_.options.name);
  } else if (row != nullptr && !row->outcome) {
    report.waiting_for.push_back(context_.membership.name_of(descriptor.nodes[0].node));
  }
  return report;
}

BranchReport Reporter::branch(const Descriptor& descriptor, const Transaction* row,
                              const Driver::View* view, std::size_t index) const {
  const Branch& branch = descriptor.branches[index];
  BranchReport report{.branch = static_cast<std::uint8_t>(index),
                      .node = context_.membership.name_of(descriptor.nodes[branch.node].node),
                      .what = {},
                      .state = "not known here"};
  for (const Operation& operation : branch.operations) {
    report.what += (report.what.empty() ? "" : ", ") + describe(operation);
  }
  const auto number = static_cast<std::uint8_t>(index);
  const OwnBranch* own = row == nullptr ? nullptr : row->find_own(number);
  const Acceptance* accepted = row == nullptr ? nullptr : row->find_accepted(number);
  if (own != nullptr) {
    report.state = core::to_text(own->state);
    if (own->vote.choice == Choice::no) {
      report.state += std::string(": ") + core::to_text(own->vote.reason) + " " + own->vote.text;
    }
  } else if (accepted != nullptr) {
    report.state = accepted->value.choice == Choice::yes ? "voted yes" : "voted no";
  } else if (view != nullptr) {
    report.state = view->voted[index] ? "voted" : "waiting";
  }
  return report;
}

}  // namespace nemcon::core
