// The part of Session that runs at the end of every turn: what is sent, and what is late.
#include <algorithm>
#include <utility>

#include "client/convert.hpp"
#include "client/session.hpp"
#include "core/check.hpp"

namespace nemcon::client {

void Session::advance(core::Instant now, Effects& effects) {
  if (check_at_ && *check_at_ <= now) check_times(now, effects);
  if (!open_) return;
  issue_ids();
  send_due(now, effects);
  start_held(now, effects);
  if (acknowledge_at_ && *acknowledge_at_ <= now) acknowledge(effects);
}

std::optional<core::Instant> Session::wake_at() const {
  return check_at_;
}

void Session::wake_by(core::Instant at) {
  if (!check_at_ || at < *check_at_) check_at_ = at;
}

core::Duration Session::jittered(core::Duration gap) {
  const auto part = static_cast<std::int64_t>(jitter_() % 500);
  return gap * (750 + part) / 1000;
}

// ---- numbers ----------------------------------------------------------------------------------

// Below it everything is finished and known to the application. Strict, and only rises.
core::Sequence Session::ack_upto(core::Epoch epoch) const {
  const auto first = entries_.lower_bound({epoch, core::Sequence{}});
  if (first != entries_.end() && first->first.epoch == epoch) return first->first.sequence;
  const auto mark = marks_.find(epoch);
  return mark == marks_.end() ? core::Sequence{} : mark->second.next;
}

bool Session::has_room() const {
  const auto mark = marks_.find(epoch_);
  NEMCON_CHECK(mark != marks_.end());
  return mark->second.next.value() - ack_upto(epoch_).value() < window_;
}

core::TransactionId Session::issue_id() {
  core::Sequence& next = marks_[epoch_].next;
  const core::TransactionId id{
      .initiator = node_, .client = client_, .epoch = epoch_, .sequence = next};
  next = core::Sequence{next.value() + 1};
  return id;
}

core::Hlc Session::expiry(core::Instant now) const {
  if (!name_.empty()) return core::Hlc::never();
  const auto kept =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - clock_read_at_ + retention_);
  return core::Hlc::from_ms(clock_.wall_ms() + static_cast<std::uint64_t>(kept.count()));
}

// An outcome that was reported unknown is kept for whoever asks again, and the nodes are not told
// that it is known; but not so long that it stops everything after it. Nodes may forget it then,
// and this client alone knows it.
void Session::let_go_of_old(core::Instant now) {
  const auto mark = marks_.find(epoch_);
  while (mark->second.next.value() - ack_upto(epoch_).value() > window_ / 2) {
    const auto first = entries_.lower_bound({epoch_, core::Sequence{}});
    if (first == entries_.end() || first->second.phase != Phase::concluded) return;
    if (first->second.tellings > 0) return;
    untold_.insert_or_assign(first->first, std::move(*first->second.outcome));
    if (untold_.size() > untold_max) untold_.erase(untold_.begin());
    forget(now, first);
  }
}

void Session::issue_ids() {
  while (!id_waiters_.empty() && has_room()) {
    IdWaiter waiter = std::move(id_waiters_.front());
    id_waiters_.erase(id_waiters_.begin());
    const core::TransactionId id = issue_id();
    Entry& entry = entries_[{id.epoch, id.sequence}];
    entry.id = id;
    entry.is_exposed = true;
    waiter.promise.set_value(id);
  }
}

// ---- sending ----------------------------------------------------------------------------------

bool Session::has_unfinished_of_older_epochs() const {
  for (const auto& [key, entry] : entries_) {
    if (key.epoch >= epoch_) return false;
    if (entry.phase == Phase::waiting || entry.phase == Phase::sent) return true;
  }
  return false;
}

void Session::start_held(core::Instant now, Effects& effects) {
  if (held_.empty()) return;
  // Those may come back for a new number, and must stay in front.
  if (has_unfinished_of_older_epochs()) return;
  let_go_of_old(now);
  while (!held_.empty() && has_room()) {
    Held held = std::move(held_.front());
    held_.pop_front();
    const core::TransactionId id = issue_id();
    Entry& entry = entries_[{id.epoch, id.sequence}];
    entry.id = id;
    entry.work = std::move(held.work);
    entry.waiters.push_back(std::move(held.waiter));
    entry.phase = Phase::waiting;
    send(now, entry, effects);
  }
}

void Session::send_due(core::Instant now, Effects& effects) {
  const std::set<SessionKey> due = std::exchange(due_, {});
  for (const SessionKey& key : due) {
    const auto found = entries_.find(key);
    NEMCON_CHECK(found != entries_.end());
    send(now, found->second, effects);
  }
}

std::string Session::find_size_trouble(const Work& work) const {
  if (work.largest_part > message_bytes_max_) {
    return "a message of " + std::to_string(work.largest_part) + " bytes; " + node_name_ +
           " takes at most " + std::to_string(message_bytes_max_) + " (max_message_bytes)";
  }
  if (work.byte_count > transaction_bytes_max_) {
    return "a transaction of " + std::to_string(work.byte_count) + " bytes; " + node_name_ +
           " takes at most " + std::to_string(transaction_bytes_max_) + " (max_transaction_bytes)";
  }
  return {};
}

void Session::send(core::Instant now, Entry& entry, Effects& effects) {
  NEMCON_CHECK(entry.phase == Phase::waiting || entry.phase == Phase::sent);
  if (!entry.was_sent && !entry.is_uncertain) {
    // Nobody has seen it: the node that is told first is the one to drive it.
    if (!entry.is_exposed) entry.id.initiator = node_;
    if (std::string trouble = find_size_trouble(entry.work); !trouble.empty()) {
      Outcome outcome;
      outcome.state = State::rolled_back;
      outcome.reason = Reason::too_large;
      outcome.text = std::move(trouble);
      conclude(entry, std::move(outcome), false, effects);
      return;
    }
  }
  if (entry.request == 0) {
    entry.request = ++last_request_;
    requests_[entry.request] = {entry.id.epoch, entry.id.sequence};
    entry.expires = expiry(now);
    number_deliveries(entry);
  }
  if (entry.phase == Phase::sent) entry.is_uncertain = true;  // This is the second one.
  const core::Sequence ack = ack_upto(entry.id.epoch);
  core::Submit submit{.request = entry.request,
                      .id = entry.id,
                      .parts = entry.work.parts,
                      .deadline_ms = entry.work.deadline_ms,
                      .retry = entry.was_sent || entry.id.initiator != node_,
                      .after = newest_,
                      .ack_upto = ack,
                      .expires = entry.expires};
  effects.requests.emplace_back(std::move(submit));
  core::Sequence& told = marks_[entry.id.epoch].told;
  told = std::max(told, ack);
  entry.was_sent = true;
  entry.phase = Phase::sent;
  entry.gap = entry.gap < timing_.resend_first ? timing_.resend_first
                                               : std::min(entry.gap * 2, timing_.resend_max);
  entry.next_at = now + jittered(entry.gap);
  wake_by(entry.next_at);
}

void Session::number_deliveries(Entry& entry) {
  if (entry.id.epoch != epoch_) return;  // Reserved in a session that is over.
  const core::Sequence sequence = entry.id.sequence;
  for (core::Part& part : entry.work.parts) {
    if (part.kind == core::OperationKind::deliver) {
      part.previous = trail_.find_previous(part.target, sequence);
    }
  }
  for (const core::Part& part : entry.work.parts) {
    if (part.kind == core::OperationKind::deliver) trail_.add(part.target, sequence);
  }
}

// After "not now", or "not yet".
void Session::send_later(core::Instant now, Entry& entry, Phase phase) {
  entry.phase = phase;
  entry.gap = entry.gap == core::Duration{} || entry.gap > timing_.retry_max
                  ? timing_.retry_first
                  : std::min(entry.gap * 2, timing_.retry_max);
  entry.next_at = now + jittered(entry.gap);
  wake_by(entry.next_at);
}

void Session::acknowledge(Effects& effects) {
  acknowledge_at_.reset();
  for (auto mark = marks_.begin(); mark != marks_.end();) {
    const core::Sequence ack = ack_upto(mark->first);
    if (ack > mark->second.told && ack > core::Sequence{1}) {
      mark->second.told = ack;
      effects.requests.push_back(core::Acknowledge{.epoch = mark->first, .ack_upto = ack});
    }
    const bool is_over = mark->first != epoch_ && ack == mark->second.next;
    mark = is_over ? marks_.erase(mark) : std::next(mark);
  }
}

// ---- time -------------------------------------------------------------------------------------

void Session::check_times(core::Instant now, Effects& effects) {
  check_at_.reset();
  if (acknowledge_at_ && open_) wake_by(*acknowledge_at_);
  if (open_request_ != 0) {
    if (open_deadline_ <= now) {
      open_request_ = 0;
      trouble_ = "the node did not open a session in time";
      effects.reconnect = true;
    } else {
      wake_by(open_deadline_);
    }
  }
  check_held(now, effects);
  for (auto& [key, entry] : entries_)
    check_entry(now, entry, effects);
}

void Session::check_held(core::Instant now, Effects& effects) {
  const std::string text = open_ ? "no room in the window of unacknowledged transactions"
                                 : "no node is reachable: " + trouble_;
  const Reason reason = open_ ? Reason::window_full : Reason::unavailable;
  Outcome outcome;
  outcome.state = State::rolled_back;
  outcome.reason = reason;
  outcome.text = text;
  outcome.retryable = true;
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->waiter.deadline > now) {
      wake_by(held->waiter.deadline);
      ++held;
      continue;
    }
    effects.tellings.push_back({std::move(held->waiter.completion), {outcome, true}, std::nullopt});
    held = held_.erase(held);
  }
  for (auto waiter = id_waiters_.begin(); waiter != id_waiters_.end();) {
    if (waiter->deadline > now) {
      wake_by(waiter->deadline);
      ++waiter;
      continue;
    }
    waiter->promise.set_exception(
        std::make_exception_ptr(Error{ErrorClass::retryable, reason, text}));
    waiter = id_waiters_.erase(waiter);
  }
}

bool Session::is_too_late_to_try(core::Instant now, const Entry& entry) const {
  if (entry.phase != Phase::waiting || entry.is_uncertain || entry.waiters.empty()) return false;
  return std::all_of(entry.waiters.begin(), entry.waiters.end(), [&](const Waiter& waiter) {
    return waiter.deadline < std::max(now, entry.next_at) + timing_.last_try;
  });
}

void Session::check_entry(core::Instant now, Entry& entry, Effects& effects) {
  if (entry.phase == Phase::reserved || entry.phase == Phase::concluded) return;
  const bool is_late = std::any_of(entry.waiters.begin(), entry.waiters.end(),
                                   [&](const Waiter& waiter) { return waiter.deadline <= now; });
  if (is_late && entry.phase == Phase::waiting && !entry.is_uncertain) {
    const bool was_denied = entry.denied.reason != core::Reason::none;
    Outcome outcome = to_public(entry.denied);
    outcome.retryable = true;
    if (!was_denied) {
      outcome.reason = Reason::unavailable;
      outcome.text = "no node is reachable: " + trouble_;
    }
    conclude(entry, std::move(outcome), true, effects);
    return;
  }
  std::vector<Waiter> patient;
  for (Waiter& waiter : entry.waiters) {
    if (waiter.deadline > now) {
      wake_by(waiter.deadline);
      patient.push_back(std::move(waiter));
    } else {
      tell_unknown(entry, std::move(waiter), open_ ? Reason::deadline : Reason::unavailable,
                   open_ ? "no outcome before the deadline"
                         : "the node was lost before it answered: " + trouble_,
                   effects);
    }
  }
  entry.waiters = std::move(patient);
  if (!open_ || is_too_late_to_try(now, entry)) return;
  if (entry.next_at <= now) {
    due_.insert({entry.id.epoch, entry.id.sequence});
  } else {
    wake_by(entry.next_at);
  }
}

}  // namespace nemcon::client
