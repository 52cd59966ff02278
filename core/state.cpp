#include "core/state.hpp"

#include <algorithm>

#include "core/answers.hpp"
#include "core/check.hpp"
#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// Of so many starts it is known where each began. A peer that has seen nothing of the last of them
// finds out less about this node (Rule P-37).
constexpr std::size_t lives_max = 32;

}  // namespace

std::string producer_of(const std::string& principal, ClientId client) {
  if (!principal.empty()) return principal;
  return "#" + to_text(NodeId{.high = client.high, .low = client.low});
}

std::string producer_of(const Descriptor& descriptor) {
  // An anonymous session has an order of its own, whosever it is.
  const bool anonymous = is_anonymous(descriptor.id);
  return producer_of(anonymous ? std::string{} : descriptor.principal, descriptor.id.client);
}

State::State(const Options& options) : options_(options), transactions_(options.nonce) {}

// ---- recovery ---------------------------------------------------------------------------------

void State::load(Row row) {
  if (auto* meta = std::get_if<MetaRow>(&row)) {
    meta_ = *meta;
    if (planted(Mutant::clock_starts_anew)) meta_.clock = {};
    sessions_.set_floor_at_load(meta->floor);
  } else if (auto* defined = std::get_if<QueueRow>(&row)) {
    add_queue(*defined);
  } else if (auto* returned = std::get_if<ReturnedRow>(&row)) {
    queue(returned->queue).load_returned(*returned);
  } else if (auto* session = std::get_if<SessionRow>(&row)) {
    sessions_.load(std::move(*session));
  } else if (auto* peer = std::get_if<PeerRow>(&row)) {
    peers_[peer->node] = *peer;
  } else if (auto* stored = std::get_if<TransactionRow>(&row)) {
    Transaction& transaction = stored->transaction;
    if (planted(Mutant::decision_lost_at_start) && transaction.outcome) return;
    const TransactionKey key = transaction.key();
    stored_rows_.insert(transaction.number);
    const Transaction& placed = transactions_.set(key, std::move(transaction));
    if (!placed.own.empty()) sessions_.add_present(key.id);
    if (planted(Mutant::forget_prepared_at_start)) return;
    for (const OwnBranch& branch : placed.own)
      reserve(placed, branch);
  } else {
    NEMCON_CHECK(false, "messages are read on demand");
  }
}

void State::apply(const Record& record, Lsn lsn) {
  applying_ = lsn;
  dirty_ = true;
  std::visit([this](const auto& one) { apply_one(one); }, record);
}

void State::add_queue(const QueueRow& row) {
  QueueOptions options;
  const auto found = std::ranges::find(options_.queues, row.name, &QueueOptions::name);
  if (found != options_.queues.end()) options = *found;
  options.name = row.name;
  queue_ids_[row.name] = row.queue;
  queues_[row.queue] = std::make_unique<Queue>(row, options, options_.limits);
}

// ---- node -------------------------------------------------------------------------------------

void State::apply_one(const Started& record) {
  meta_.boot = record.boot;
  meta_.lives.push_back({.boot = record.boot, .after = Lsn{applying_.value() - 1}});
  if (meta_.lives.size() > lives_max) meta_.lives.erase(meta_.lives.begin());
  meta_.clock = std::max(meta_.clock, record.clock);
}

void State::apply_one(const QueueDefined& record) {
  add_queue({.queue = record.queue, .name = record.name, .ordering = record.ordering});
  queue(record.queue).mark_dirty();
  meta_.next_queue = QueueId{record.queue.value() + 1};
}

void State::apply_one(const PeerSeen& record) {
  peers_[record.node] = {.node = record.node, .name = record.name, .sighting = record.sighting};
  dirty_peers_.insert(record.node);
}

void State::apply_one(const SessionOpened& record) {
  sessions_.open(record.client, record.name, record.epoch);
}

void State::apply_one(const AcknowledgedUpTo& record) {
  sessions_.acknowledge(record.client, record.epoch, record.ack_upto);
}

void State::apply_one(const FloorRaised& record) {
  meta_.floor = std::max(meta_.floor, record.floor);
  sessions_.raise_floor(record.floor);
}

// ---- transactions -----------------------------------------------------------------------------

Transaction* State::find_row(const TransactionKey& key) {
  return transactions_.find(key);
}

Transaction& State::row_of(const TransactionKey& key, const DescriptorPtr& descriptor) {
  if (Transaction* row = find_row(key); row != nullptr) {
    mark_dirty(*row);
    return *row;
  }
  NEMCON_CHECK(descriptor != nullptr, to_text(key.id));
  Transaction row;
  row.number = meta_.next_row;
  row.descriptor = descriptor;
  row.digest = key.digest;
  meta_.next_row = RowNumber{meta_.next_row.value() + 1};
  Transaction& placed = transactions_.set(key, std::move(row));
  mark_dirty(placed);
  return placed;
}

void State::mark_dirty(const Transaction& transaction) {
  dirty_rows_.emplace(transaction.number, transaction.key());
}

void State::erase_row(const TransactionKey& key) {
  const Transaction& row = *transactions_.find(key);
  if (!row.own.empty()) sessions_.remove_present(key.id);
  dirty_rows_.erase(row.number);
  if (stored_rows_.erase(row.number) > 0) erased_rows_.insert(row.number);
  transactions_.erase(key);
}

void State::touch_session(const Descriptor& descriptor) {
  const bool anonymous = is_anonymous(descriptor.id);
  sessions_.touch(descriptor.id, anonymous ? std::string{} : descriptor.principal,
                  descriptor.expires);
}

// Rule P-1 in state: a branch moves forward only.
void State::move(OwnBranch& branch, BranchState to) {
  NEMCON_CHECK(is_legal_move(branch.state, to), to_text(branch.state), to_text(to));
  branch.state = to;
}

// What a yes vote holds until the decision: room, order, and the messages to be consumed.
void State::reserve(const Transaction& transaction, const OwnBranch& branch) {
  if (branch.state != BranchState::voted_yes) return;
  const Descriptor& descriptor = *transaction.descriptor;
  const auto& operations = descriptor.branches[branch.branch].operations;
  const std::string producer = producer_of(descriptor);
  for (std::size_t index = 0; index < branch.operations.size(); ++index) {
    const PreparedOperation& prepared = branch.operations[index];
    if (operations[index].kind == OperationKind::deliver) {
      queue(prepared.queue)
          .add_prepared({.at = branch.vote.at, .id = descriptor.id}, producer, prepared.bytes);
    } else if (operations[index].kind == OperationKind::consume) {
      queue(prepared.queue).claim(prepared.position, transaction.key());
    }
  }
}

void State::apply_one(const Voted& record) {
  Transaction& row = row_of(record.key, record.descriptor);
  const Descriptor& descriptor = *row.descriptor;
  touch_session(descriptor);
  if (row.own.empty() && !record.branches.empty()) sessions_.add_present(record.key.id);
  const int self = find_node(descriptor, options_.node);
  for (const OwnBranch& voted : record.branches) {
    NEMCON_CHECK(row.find_own(voted.branch) == nullptr, to_text(record.key.id));
    row.own.push_back(voted);
    reserve(row, voted);
    meta_.clock = std::max(meta_.clock, voted.vote.at);
    const Branch& branch = descriptor.branches[voted.branch];
    if (voted.state == BranchState::voted_yes) {
      for (std::size_t index = 0; index < voted.operations.size(); ++index) {
        if (branch.operations[index].kind != OperationKind::deliver) continue;
        const QueueId to = voted.operations[index].queue;
        sessions_.raise_high(record.key.id, to);
        if (planted(Mutant::visible_at_vote) && queue(to).row().ordering != Ordering::mesh) {
          deliver(row, voted, index, Outcome{}, producer_of(descriptor));
          touch(to);
        }
      }
    }
    if (record.accepted && is_witness(branch, static_cast<std::size_t>(self))) {
      row.accepted.push_back({.branch = voted.branch, .ballot = {}, .value = voted.vote});
    }
  }
  std::ranges::sort(row.own, {}, &OwnBranch::branch);
}

void State::apply_one(const AcceptedVotes& record) {
  Transaction& row = row_of(record.key, record.descriptor);
  row.promised = std::max(row.promised, record.ballot);
  for (const BranchValue& value : record.values) {
    const auto found = std::ranges::find(row.accepted, value.branch, &Acceptance::branch);
    const Acceptance accepted{
        .branch = value.branch, .ballot = record.ballot, .value = value.value};
    if (found == row.accepted.end()) {
      row.accepted.push_back(accepted);
    } else {
      *found = accepted;
    }
  }
}

void State::apply_one(const Promised& record) {
  Transaction& row = row_of(record.key, record.descriptor);
  row.promised = std::max(row.promised, record.ballot);
}

void State::apply_one(const Decided& record) {
  meta_.clock = std::max(meta_.clock, record.outcome.at);
  if (find_row(record.key) == nullptr) {
    // A tombstone, or the initiator that learnt the outcome from others (Rule P-13).
    const Hlc expires = record.descriptor ? record.descriptor->expires : record.expires;
    if (record.descriptor) touch_session(*record.descriptor);
    sessions_.remember(record.key, {.outcome = record.outcome, .expires = expires});
    return;
  }
  Transaction& row = row_of(record.key, record.descriptor);
  NEMCON_CHECK(!row.outcome.has_value(), to_text(record.key.id));
  row.outcome = record.outcome;
  row.replies = record.replies;
  for (OwnBranch& branch : row.own)
    settle(row, branch, record.outcome);
  if (record.outcome.committed) return;
  // Work that never arrived must not be done when it does (Rule P-12).
  const bool had_own = !row.own.empty();
  for (const std::uint8_t index : branches_at(*row.descriptor, options_.node)) {
    if (row.find_own(index) != nullptr) continue;
    row.own.push_back({.branch = index, .state = BranchState::rolled_back});
  }
  if (!had_own && !row.own.empty()) sessions_.add_present(record.key.id);
  std::ranges::sort(row.own, {}, &OwnBranch::branch);
}

void State::settle(Transaction& transaction, OwnBranch& branch, const Outcome& outcome) {
  if (branch.state == BranchState::voted_yes) {
    outcome.committed ? commit_branch(transaction, branch, outcome)
                      : release_branch(transaction, branch);
  }
  if (branch.state == BranchState::rolled_back || branch.state == BranchState::committed) return;
  move(branch, outcome.committed ? BranchState::committed : BranchState::rolled_back);
}

void State::commit_branch(const Transaction& transaction, OwnBranch& branch,
                          const Outcome& outcome) {
  const auto& operations = transaction.descriptor->branches[branch.branch].operations;
  const std::string producer = producer_of(*transaction.descriptor);
  for (std::size_t index = 0; index < branch.operations.size(); ++index) {
    PreparedOperation& prepared = branch.operations[index];
    if (operations[index].kind == OperationKind::deliver) {
      queue(prepared.queue)
          .remove_prepared({.at = branch.vote.at, .id = transaction.descriptor->id}, producer,
                           prepared.bytes);
      const bool is_there = planted(Mutant::visible_at_vote) &&
                            queue(prepared.queue).row().ordering != Ordering::mesh;
      if (!is_there) deliver(transaction, branch, index, outcome, producer);
      prepared.content = {};
      touch(prepared.queue);
    } else if (operations[index].kind == OperationKind::consume) {
      queue(prepared.queue).erase(prepared.position, prepared.bytes);
      touch(prepared.queue);
    }
  }
}

void State::release_branch(const Transaction& transaction, OwnBranch& branch) {
  const auto& operations = transaction.descriptor->branches[branch.branch].operations;
  const std::string producer = producer_of(*transaction.descriptor);
  for (std::size_t index = 0; index < branch.operations.size(); ++index) {
    PreparedOperation& prepared = branch.operations[index];
    if (operations[index].kind == OperationKind::deliver) {
      queue(prepared.queue)
          .remove_prepared({.at = branch.vote.at, .id = transaction.descriptor->id}, producer,
                           prepared.bytes);
      if (planted(Mutant::deliver_rolled_back)) {
        deliver(transaction, branch, index, Outcome{}, producer);
      }
      prepared.content = {};
      touch(prepared.queue);
    } else if (planted(Mutant::keep_claim)) {
      continue;
    } else if (planted(Mutant::consume_rolled_back) &&
               operations[index].kind == OperationKind::consume) {
      queue(prepared.queue).erase(prepared.position, prepared.bytes);
    } else if (operations[index].kind == OperationKind::consume) {
      Queue& from = queue(prepared.queue);
      from.set_returned(prepared.position, prepared.delivery_count, Hlc{});
      from.release_claim(prepared.position);
      touch(prepared.queue);
    }
  }
}

// The place of a message: docs/protocol.md, Rules P-27 and P-29.
void State::deliver(const Transaction& transaction, const OwnBranch& branch, std::size_t operation,
                    const Outcome& outcome, const std::string& producer) {
  const Descriptor& descriptor = *transaction.descriptor;
  std::size_t part = operation;
  for (std::size_t before = 0; before < branch.branch; ++before) {
    part += descriptor.branches[before].operations.size();
  }
  const PreparedOperation& prepared = branch.operations[operation];
  Queue& to = queue(prepared.queue);
  Position position{.at = branch.vote.at, .tie = {}, .part = static_cast<std::uint16_t>(part)};
  if (to.row().ordering == Ordering::mesh) {
    position.at = outcome.at;
    position.tie = descriptor.id;
  }
  to.put(position,
         {.transaction = descriptor.id,
          .part = static_cast<std::uint16_t>(part),
          .producer = producer,
          .content = prepared.content,
          .history = {}},
         applying_);
}

void State::apply_one(const DecidedAlone& record) {
  NEMCON_CHECK(find_row(record.key) == nullptr, to_text(record.key.id));
  meta_.clock = std::max(meta_.clock, record.outcome.at);
  if (!record.outcome.committed) {
    touch_session(*record.descriptor);
    sessions_.remember(
        record.key,
        {.outcome = record.outcome, .expires = record.descriptor->expires, .forgotten = true});
    return;
  }
  apply_one(Voted{.key = record.key, .descriptor = record.descriptor, .branches = record.branches});
  Transaction& row = row_of(record.key, record.descriptor);
  row.outcome = record.outcome;
  for (OwnBranch& branch : row.own) {
    settle(row, branch, record.outcome);
    for (Content& reply : replies_of(*row.descriptor, branch)) {
      row.replies.push_back(std::move(reply));
    }
  }
  if (row.awaits_service()) return;
  remember(row, record.outcome);
  erase_row(record.key);
}

void State::apply_one(const Sent& record) {
  sessions_.touch(record.id, record.producer.starts_with('#') ? "" : record.producer,
                  record.expires);
  meta_.clock = std::max(meta_.clock, record.at);
  Queue& to = queue(record.queue);
  Position position{.at = record.at, .tie = {}, .part = 0};
  if (to.row().ordering == Ordering::mesh) position.tie = record.id;
  to.put(position,
         {.transaction = record.id,
          .part = 0,
          .producer = record.producer,
          .content = record.content,
          .history = {}},
         applying_);
  sessions_.raise_high(record.id, record.queue);
  sessions_.remember({record.id, {}}, {.outcome = {.committed = true, .at = record.at},
                                       .expires = record.expires,
                                       .forgotten = true});
  touch(record.queue);
}

void State::apply_one(const TurnedAway& record) {
  sessions_.touch(record.id, "", record.expires);
  sessions_.remember({record.id, {}}, {.outcome = record.outcome, .expires = record.expires});
}

void State::apply_one(const AllInformed& record) {
  if (find_row(record.key) == nullptr) return;
  row_of(record.key, nullptr).settled = true;
}

void State::remember(const Transaction& transaction, const Outcome& outcome) {
  sessions_.remember(
      transaction.key(),
      {.outcome = outcome, .expires = transaction.descriptor->expires, .forgotten = true});
}

void State::apply_one(const Forgotten& record) {
  const Transaction* row = find_row(record.key);
  if (row == nullptr) return;
  NEMCON_CHECK(!row->is_prepared() && !row->awaits_service(), to_text(record.key.id));
  touch_session(*row->descriptor);
  remember(*row, record.outcome);
  erase_row(record.key);
}

void State::apply_one(const ServiceNotified& record) {
  Transaction* row = find_row(record.key);
  if (row == nullptr) return;
  OwnBranch* branch = row->find_own(record.branch);
  NEMCON_CHECK(branch != nullptr && record.operation < branch->operations.size());
  PreparedOperation& operation = branch->operations[record.operation];
  operation.notified = true;
  operation.content = {};
  mark_dirty(*row);
  // Nobody else knows of a one-phase transaction: no FORGET will come.
  if (!row->descriptor->one_phase || row->awaits_service()) return;
  remember(*row, *row->outcome);
  erase_row(record.key);
}

// ---- queues -----------------------------------------------------------------------------------

void State::apply_one(const Removed& record) {
  queue(record.queue).erase(record.position, record.bytes);
  touch(record.queue);
}

void State::apply_one(const Returned& record) {
  queue(record.queue).set_returned(record.position, record.delivery_count, record.due);
  touch(record.queue);
}

void State::apply_one(const DeadLettered& record) {
  meta_.clock = std::max(meta_.clock, record.at);
  queue(record.from).erase(record.position, record.message.content.byte_count());
  if (!planted(Mutant::dead_letter_lost)) {
    queue(record.to).put({.at = record.at, .tie = {}, .part = 0}, record.message, applying_);
  }
  touch(record.from);
  touch(record.to);
}

// ---- questions --------------------------------------------------------------------------------

const Transaction* State::find(const TransactionKey& key) const {
  return transactions_.find(key);
}

const Transaction* State::find_bound(const TransactionId& id) const {
  const Transaction* bound = nullptr;
  for (const TransactionKey& key : transactions_.keys_of(id)) {
    const Transaction* row = transactions_.find(key);
    const std::vector<OwnBranch>& own = row->own;
    if (own.empty()) continue;
    // A "no" to the recovery of another instance stands beside the bond, and does not loosen it.
    const bool said_yes = std::ranges::any_of(
        own, [](const OwnBranch& branch) { return branch.vote.choice == Choice::yes; });
    if (said_yes) return row;
    if (bound == nullptr) bound = row;
  }
  return bound;
}

Queue* State::find_queue(const std::string& name) {
  const auto found = queue_ids_.find(name);
  return found == queue_ids_.end() ? nullptr : &queue(found->second);
}

bool State::is_configured(const std::string& queue_name) const {
  constexpr std::string_view suffix = ".dead";
  std::string_view name = queue_name;
  if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  return std::ranges::any_of(options_.queues,
                             [&](const QueueOptions& queue) { return queue.name == name; });
}

std::set<QueueId> State::take_touched() {
  return std::exchange(touched_, {});
}

// ---- checkpoints ------------------------------------------------------------------------------

std::uint64_t State::overlay_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [id, queue] : queues_)
    bytes += queue->overlay_bytes();
  return bytes;
}

Checkpoint State::collect(Lsn upto) {
  Checkpoint checkpoint{.upto = upto, .puts = {}, .erased = {}};
  checkpoint.puts.emplace_back(meta_);
  for (const auto& [id, queue] : queues_)
    queue->collect(checkpoint);
  for (const auto& [number, key] : dirty_rows_) {
    checkpoint.puts.emplace_back(TransactionRow{*transactions_.find(key)});
    stored_rows_.insert(number);
  }
  for (const RowNumber number : erased_rows_) {
    checkpoint.erased.emplace_back(TransactionRowKey{number});
  }
  for (const NodeId& node : dirty_peers_)
    checkpoint.puts.emplace_back(peers_.at(node));
  sessions_.collect(checkpoint);
  dirty_rows_.clear();
  erased_rows_.clear();
  dirty_peers_.clear();
  dirty_ = false;
  return checkpoint;
}

void State::on_checkpoint_done() {
  for (const auto& [id, queue] : queues_)
    queue->on_checkpoint_done();
}

std::vector<Row> State::dump() const {
  std::vector<Row> rows;
  rows.emplace_back(meta_);
  for (const auto& [id, queue] : queues_)
    queue->dump(rows);
  for (const TransactionKey& key : transactions_.keys())
    rows.emplace_back(TransactionRow{*transactions_.find(key)});
  for (const auto& [node, peer] : peers_)
    rows.emplace_back(peer);
  sessions_.dump(rows);
  return rows;
}

}  // namespace nemcon::core
