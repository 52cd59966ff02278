#include "tests/chaos/recorder.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

#include "core/check.hpp"

namespace nemcon::chaos {
namespace {

using sim::Happened;

// "m|INDEX|filling": no two have the same, and every byte is known from index and length.
std::string body_of(std::uint32_t index, std::size_t filling_bytes) {
  std::string body = "m|" + std::to_string(index) + "|";
  for (std::size_t at = 0; at < filling_bytes; ++at)
    body += static_cast<char>('a' + (index + at * at) % 26);
  return body;
}

std::optional<std::uint32_t> parse_body(std::string_view body) {
  if (!body.starts_with("m|")) return std::nullopt;
  std::uint32_t index = 0;
  const char* const end = body.data() + body.size();
  const auto parsed = std::from_chars(body.data() + 2, end, index);
  if (parsed.ec != std::errc{} || parsed.ptr == end || *parsed.ptr != '|') return std::nullopt;
  return index;
}

const char* to_text(Happened what) {
  constexpr const char* names[] = {
      "told-committed",    "told-rolled-back",   "told-unknown",      "told-denied",
      "node-committed",    "node-rolled-back",   "delivered",         "acked",
      "maybe-acked",       "service-yes",        "service-read-only", "service-no",
      "service-committed", "service-rolled-back"};
  return names[static_cast<std::size_t>(what)];
}

}  // namespace

void Counts::add(const Counts& other) {
  transactions += other.transactions;
  committed += other.committed;
  rolled_back += other.rolled_back;
  denied += other.denied;
  unknown += other.unknown;
  deliveries += other.deliveries;
  late_deliveries += other.late_deliveries;
}

Recorder::Recorder() : began_(std::chrono::steady_clock::now()) {}

std::uint32_t Recorder::add_queue(const std::string& name, sim::QueueOrder order) {
  const std::scoped_lock lock(mutex_);
  const auto index = static_cast<std::uint32_t>(history_.queues.size());
  const std::size_t at = name.find('@');
  const std::string dead = name.substr(0, at) + ".dead" + name.substr(at);
  history_.queues.push_back({.name = name, .order = order, .base = index});
  // What comes there comes in the order of its failures.
  history_.queues.push_back({.name = dead, .order = sim::QueueOrder::none, .base = index});
  return index;
}

void Recorder::node_started(const std::string& node) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [queue, newest] : newest_) {
    if (history_.queues[queue].name.ends_with('@' + node)) newest_before_[queue] = newest;
  }
}

std::uint32_t Recorder::new_producer() {
  const std::scoped_lock lock(mutex_);
  return producer_count_++;
}

Drafted Recorder::draft(const sim::HistoryTransaction& transaction,
                        const std::vector<PartDraft>& parts) {
  const std::scoped_lock lock(mutex_);
  Drafted drafted;
  drafted.transaction = static_cast<std::uint32_t>(history_.transactions.size());
  history_.transactions.push_back(transaction);
  sim::HistoryTransaction& kept = history_.transactions.back();
  kept.name = "transaction " + std::to_string(drafted.transaction);
  named_.push_back(false);
  for (std::uint32_t part = 0; part < parts.size(); ++part) {
    const auto index = static_cast<std::uint32_t>(history_.messages.size());
    const std::string body = body_of(index, parts[part].filling_bytes);
    history_.messages.push_back({.body = body.substr(0, 24),
                                 .transaction = drafted.transaction,
                                 .queue = parts[part].queue,
                                 .part = part,
                                 .amount = parts[part].amount});
    gone_.push_back(false);
    filling_bytes_.push_back(parts[part].filling_bytes);
    kept.produced.push_back(index);
    drafted.bodies.push_back(body);
  }
  return drafted;
}

void Recorder::name(std::uint32_t transaction, const TransactionId& id) {
  const std::scoped_lock lock(mutex_);
  if (id.is_none() || named_.at(transaction)) return;
  named_[transaction] = true;
  sim::HistoryTransaction& kept = history_.transactions[transaction];
  kept.name = id.text();
  kept.session = id.words()[4];
  kept.sequence = id.words()[5];
}

std::string Recorder::newest_name() const {
  const std::scoped_lock lock(mutex_);
  for (std::size_t index = named_.size(); index > 0; --index) {
    if (named_[index - 1]) return history_.transactions[index - 1].name;
  }
  return {};
}

void Recorder::unknown(std::uint32_t transaction, const std::string& answer) {
  const std::scoped_lock lock(mutex_);
  unknown_[transaction] = answer;
}

std::string Recorder::some_unknown() const {
  const std::scoped_lock lock(mutex_);
  if (unknown_.empty()) return {};
  const auto& [transaction, answer] = *unknown_.begin();
  return history_.transactions[transaction].name + ": " + answer;
}

void Recorder::told(std::uint32_t transaction, const Outcome& outcome) {
  name(transaction, outcome.id);
  const std::scoped_lock lock(mutex_);
  unknown_.erase(transaction);
  sim::HistoryEvent event{.what = Happened::told_unknown, .transaction = transaction};
  if (outcome.state == State::committed) {
    event.what = Happened::told_committed;
    event.at = outcome.at.value;
    for (const std::uint32_t message : history_.transactions[transaction].consumed)
      gone_[message] = true;
  } else if (outcome.state == State::rolled_back) {
    event.what = Happened::told_rolled_back;
  }
  add_event(event);
}

void Recorder::denied(std::uint32_t transaction) {
  const std::scoped_lock lock(mutex_);
  unknown_.erase(transaction);
  add_event({.what = Happened::told_denied, .transaction = transaction});
}

void Recorder::abandon(std::uint32_t transaction) {
  const std::scoped_lock lock(mutex_);
  unknown_.erase(transaction);
  history_.transactions[transaction].may_stay_open = true;
}

std::optional<Recorder::Seen> Recorder::delivered(const Delivery& delivery, std::uint32_t queue) {
  const std::optional<std::uint32_t> message = parse_body(delivery.body());
  std::optional<std::uint32_t> transaction;
  {
    const std::scoped_lock lock(mutex_);
    const bool is_known = message && *message < history_.messages.size();
    if (!is_known || delivery.body() != body_of(*message, filling_bytes_[*message])) {
      history_.phantoms.push_back(delivery.body());
      return std::nullopt;
    }
    transaction = history_.messages[*message].transaction;
  }
  // The id of one whose client never learnt it.
  const std::string& id_text = delivery.message_id();
  const auto id = TransactionId::parse(id_text.substr(0, id_text.find('/')));
  if (id) name(*transaction, *id);
  const std::scoped_lock lock(mutex_);
  const Seen seen{*message, history_.messages[*message].amount, gone_[*message]};
  if (!seen.was_gone) add_delivery(delivery, *message, queue);
  return seen;
}

void Recorder::add_delivery(const Delivery& delivery, std::uint32_t message, std::uint32_t queue) {
  sim::HistoryEvent event{.what = Happened::delivered, .message = message, .queue = queue};
  event.at = delivery.at().value;
  // A dead letter was handed out before, now and then to nobody but clients that had just died.
  const bool is_dead_letter = history_.queues[queue].base != queue;
  // So was what is older than something that an earlier life of the node handed out, perhaps: it
  // may have gone to a client whose link was dead already, and the count of deliveries with the
  // node.
  const bool may_be_forgotten = event.at <= newest_before_[queue];
  event.is_repeated = is_dead_letter || delivery.delivery_count() > 1 || may_be_forgotten;
  std::uint64_t& newest = newest_[queue];
  newest = std::max(newest, event.at);
  add_event(event);
}

void Recorder::acked(const Delivery& delivery, const Seen& seen, std::uint32_t queue) {
  const std::scoped_lock lock(mutex_);
  if (seen.was_gone) add_delivery(delivery, seen.message, queue);
  gone_[seen.message] = true;
  add_event({.what = Happened::acked, .message = seen.message, .queue = queue});
}

void Recorder::maybe_acked(const Seen& seen, std::uint32_t queue) {
  const std::scoped_lock lock(mutex_);
  if (seen.was_gone) ++late_count_;
  add_event({.what = Happened::maybe_acked, .message = seen.message, .queue = queue});
}

void Recorder::service(Happened what, std::uint32_t transaction, std::uint32_t place,
                       std::uint32_t node, std::uint64_t submission) {
  const std::scoped_lock lock(mutex_);
  if (transaction >= history_.transactions.size()) {
    blames_.push_back("phantom-call: of a transaction that nobody made");
    return;
  }
  sim::HistoryEvent event{.what = what, .transaction = transaction, .place = place};
  event.submission = submission;
  event.node = node;
  add_event(event);
}

void Recorder::blame(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  blames_.push_back(what);
}

void Recorder::lie() {
  const std::scoped_lock lock(mutex_);
  const auto first = std::find_if(history_.events.begin(), history_.events.end(),
                                  [](const auto& event) { return event.what == Happened::acked; });
  NEMCON_CHECK(first != history_.events.end());
  sim::HistoryEvent event{
      .what = Happened::delivered, .message = first->message, .queue = first->queue};
  event.is_repeated = true;
  add_event(event);
}

void Recorder::add_event(sim::HistoryEvent event) {
  event.time = std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::steady_clock::now() - began_)
                   .count();
  history_.events.push_back(event);
}

Counts Recorder::counts() const {
  const std::scoped_lock lock(mutex_);
  Counts counts;
  counts.transactions = history_.transactions.size();
  counts.late_deliveries = late_count_;
  for (const sim::HistoryEvent& event : history_.events) {
    if (event.what == Happened::told_committed) ++counts.committed;
    if (event.what == Happened::told_rolled_back) ++counts.rolled_back;
    if (event.what == Happened::told_denied) ++counts.denied;
    if (event.what == Happened::told_unknown) ++counts.unknown;
    if (event.what == Happened::delivered) ++counts.deliveries;
  }
  return counts;
}

void write_history(const sim::History& history, const std::string& path) {
  std::ofstream out(path);
  for (std::size_t index = 0; index < history.queues.size(); ++index)
    out << "queue " << index << ' ' << history.queues[index].name << '\n';
  for (std::size_t index = 0; index < history.transactions.size(); ++index) {
    const sim::HistoryTransaction& one = history.transactions[index];
    out << "transaction " << index << ' ' << one.name << " producer " << one.producer << " after "
        << one.after;
    for (const std::uint32_t message : one.produced) {
      out << " send " << message << '@' << history.messages[message].queue << '='
          << history.messages[message].amount;
    }
    for (const std::uint32_t message : one.consumed)
      out << " consume " << message;
    for (const sim::HistoryCall& call : one.calls)
      out << " call " << call.service;
    out << (one.must_fail ? " must-fail" : "") << (one.may_stay_open ? " may-stay-open" : "")
        << '\n';
  }
  for (const sim::HistoryEvent& event : history.events) {
    out << event.time << ' ' << to_text(event.what);
    const bool is_of_message = event.what == Happened::delivered || event.what == Happened::acked ||
                               event.what == Happened::maybe_acked;
    if (is_of_message) {
      out << " message " << event.message << " queue " << event.queue;
    } else {
      out << " transaction " << event.transaction << " place " << event.place;
    }
    out << " at " << event.at << (event.is_repeated ? " repeated" : "") << '\n';
  }
}

}  // namespace nemcon::chaos
