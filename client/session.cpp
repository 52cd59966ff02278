#include "client/session.hpp"

#include <algorithm>
#include <utility>

#include "client/convert.hpp"
#include "core/check.hpp"

namespace nemcon::client {

namespace {

constexpr std::uint32_t reopened_count_max = 3;

// "Not now": worth waiting for until the deadline.
bool is_passing(const core::Denied& denied) {
  if (!denied.retryable) return false;
  return denied.reason == core::Reason::unavailable || denied.reason == core::Reason::stopping ||
         denied.reason == core::Reason::window_full;
}

Outcome rolled_back(Reason reason, std::string text) {
  Outcome outcome;
  outcome.state = State::rolled_back;
  outcome.reason = reason;
  outcome.text = std::move(text);
  return outcome;
}

}  // namespace

Session::Session(std::string name, core::ClientId own_id, Timing timing)
    : name_(std::move(name)),
      timing_(timing),
      client_(own_id),
      jitter_(static_cast<std::minstd_rand::result_type>(own_id.low)) {}

// ---- the application --------------------------------------------------------------------------

void Session::submit(core::Instant now, Work work, std::optional<core::TransactionId> reserved,
                     Waiter waiter, Effects& effects) {
  if (fenced_) {
    effects.tellings.push_back({std::move(waiter.completion),
                                {rolled_back(Reason::fenced, trouble_), false},
                                std::nullopt});
    return;
  }
  wake_by(waiter.deadline);
  if (!reserved) {
    held_.push_back({std::move(work), std::move(waiter), std::nullopt});
    return;
  }
  const SessionKey key{reserved->epoch, reserved->sequence};
  const auto found = entries_.find(key);
  NEMCON_CHECK(found != entries_.end());
  Entry& entry = found->second;
  NEMCON_CHECK(entry.phase == Phase::reserved);
  entry.work = std::move(work);
  entry.waiters.push_back(std::move(waiter));
  entry.phase = Phase::waiting;
  entry.next_at = now;
  due_.insert(key);
}

void Session::reserve(core::Instant now, IdWaiter waiter) {
  wake_by(std::max(now, waiter.deadline));
  id_waiters_.push_back(std::move(waiter));
}

void Session::release(const core::TransactionId& id) {
  const auto found = entries_.find({id.epoch, id.sequence});
  if (found != entries_.end() && found->second.phase == Phase::reserved) entries_.erase(found);
}

bool Session::try_await(core::Instant now, const core::TransactionId& id, Waiter& waiter,
                        Effects& effects) {
  const SessionKey key{id.epoch, id.sequence};
  const auto untold = untold_.find(key);
  if (untold != untold_.end() && untold->second.id == to_public(id)) {
    effects.tellings.push_back(
        {std::move(waiter.completion), {untold->second, false}, std::nullopt});
    return true;
  }
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.id != id) return false;
  Entry& entry = found->second;
  if (entry.phase == Phase::reserved) return false;
  if (entry.phase != Phase::concluded) {
    wake_by(std::max(now, waiter.deadline));
    waiter.asks = true;
    entry.waiters.push_back(std::move(waiter));
    return true;
  }
  ++entry.tellings;
  effects.tellings.push_back({std::move(waiter.completion), {*entry.outcome, false}, found->first});
  return true;
}

void Session::handled(core::Instant now, const SessionKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;  // Given up meanwhile.
  Entry& entry = found->second;
  NEMCON_CHECK(entry.phase == Phase::concluded);
  NEMCON_CHECK(entry.tellings > 0);
  if (--entry.tellings == 0) forget(now, found);
}

void Session::close(Effects& effects) {
  give_up_all(Reason::stopping, "the client was closed", true, effects);
}

// What an anonymous client knows ends with it, but somebody may have its ids and ask: they are
// good for the node's retention.
void Session::say_farewell(Effects& effects) {
  if (open_ && epoch_ != core::Epoch{}) acknowledge(effects);
}

// ---- the link ---------------------------------------------------------------------------------

void Session::on_link_up(core::Instant now, Effects& effects) {
  open_request_ = ++last_request_;
  open_deadline_ = now + timing_.open_patience;
  wake_by(open_deadline_);
  effects.requests.push_back(core::Open{.request = open_request_,
                                        .name = name_,
                                        .client = client_,
                                        .epoch = epoch_,
                                        .above = above_});
}

void Session::on_link_down() {
  open_ = false;
  open_request_ = 0;
  due_.clear();
  for (auto& [key, entry] : entries_) {
    if (entry.phase != Phase::sent) continue;
    entry.phase = Phase::waiting;
    entry.is_uncertain = true;
  }
}

bool Session::on_opened(core::Instant now, const core::Opened& opened) {
  if (open_request_ == 0 || opened.request != open_request_) return false;
  open_request_ = 0;
  open_ = true;
  node_ = opened.node;
  node_name_ = opened.node_name;
  client_ = opened.client;
  if (opened.epoch != epoch_) trail_.clear();
  epoch_ = opened.epoch;
  window_ = std::max<std::uint32_t>(1, opened.window);
  message_bytes_max_ = opened.message_bytes_max;
  transaction_bytes_max_ = opened.transaction_bytes_max;
  clock_ = opened.clock;
  clock_read_at_ = now;
  retention_ = std::chrono::milliseconds{opened.retention_ms};
  // What was told on an earlier link may not have arrived.
  marks_.try_emplace(epoch_);
  for (auto& [epoch, mark] : marks_)
    mark.told = core::Sequence{};
  acknowledge_at_ = now + timing_.acknowledge_idle;
  wake_by(*acknowledge_at_);
  for (auto& [key, entry] : entries_) {
    if (entry.phase != Phase::waiting) continue;
    entry.next_at = now;
    entry.gap = {};
    due_.insert(key);
  }
  return true;
}

bool Session::on_denied(core::Instant now, const core::Denied& denied, Effects& effects) {
  if (open_request_ != 0 && denied.request == open_request_) {
    open_request_ = 0;
    if (denied.reason == core::Reason::fenced) {
      on_fenced(denied.epoch, effects);
    } else {
      trouble_ = "the node does not open a session: " + denied.text + " (" +
                 core::to_text(denied.reason) + ")";
      effects.reconnect = true;
    }
    return true;
  }
  const auto found = find_by_request(denied.request);
  if (found == entries_.end()) return false;
  on_submit_denied(now, found, denied, effects);
  return true;
}

void Session::on_submit_denied(core::Instant now, Entries::iterator found,
                               const core::Denied& denied, Effects& effects) {
  Entry& entry = found->second;
  if (entry.phase != Phase::sent) return;  // Late: it was answered or is to be sent again.
  entry.denied = denied;
  const bool surely_not_begun = !entry.is_uncertain;
  if (surely_not_begun && denied.reason == core::Reason::fenced) {
    on_branch_fenced(now, found, to_public(denied), denied.epoch, effects);
    return;
  }
  if (denied.reason == core::Reason::fenced && found->first.epoch == epoch_ && !fenced_) {
    on_fenced(denied.epoch, effects);
    if (fenced_) return;
  }
  if (surely_not_begun) entry.was_sent = false;
  if (surely_not_begun && denied.retryable && denied.reason == core::Reason::clock_drift) {
    if (has_ended_after(found->first)) {
      // It would live on after those are forgotten, and could come behind them then.
      conclude(entry, to_public(denied), true, effects);
      return;
    }
    // Its expiry comes from a clock that was wrong: a new session, a new expiry.
    requests_.erase(entry.request);
    entry.request = 0;
    send_later(now, entry, Phase::waiting);
    effects.reconnect = true;
    return;
  }
  if (!surely_not_begun || is_passing(denied)) {
    send_later(now, entry, Phase::waiting);
    return;
  }
  conclude(entry, to_public(denied), denied.retryable, effects);
}

// Some later transaction of its session may have taken effect.
bool Session::has_ended_after(const SessionKey& key) const {
  const auto mark = marks_.find(key.epoch);
  if (mark == marks_.end()) return true;
  std::uint64_t open_count = 0;
  for (auto at = entries_.upper_bound(key); at != entries_.end() && at->first.epoch == key.epoch;
       ++at) {
    if (at->second.phase != Phase::concluded) ++open_count;
  }
  return open_count < mark->second.next.value() - key.sequence.value() - 1;
}

bool Session::on_concluded(core::Instant now, const core::Concluded& concluded, Effects& effects) {
  const auto found = find_by_request(concluded.request);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  if (entry.phase == Phase::concluded || concluded.id != entry.id) return true;
  switch (concluded.verdict) {
    case core::Verdict::in_doubt:
      entry.is_uncertain = true;
      send_later(now, entry, Phase::sent);
      return true;
    case core::Verdict::unknown:
      if (concluded.reason != core::Reason::too_old) {
        entry.is_uncertain = true;
        send_later(now, entry, Phase::sent);
        return true;
      }
      break;  // Nobody will ever know more.
    case core::Verdict::committed:
      observe(concluded.at);
      if (entry.id.epoch == epoch_) is_proven_ = true;
      break;
    case core::Verdict::rolled_back:
      if (concluded.reason == core::Reason::fenced) {
        on_branch_fenced(now, found, to_public(concluded), core::Epoch{}, effects);
        return true;
      }
      break;
  }
  conclude(entry, to_public(concluded), false, effects);
  return true;
}

void Session::on_too_large(core::Instant now, const core::Submit& submit, Effects& effects) {
  const auto found = find_by_request(submit.request);
  if (found == entries_.end() || found->second.phase == Phase::concluded) return;
  Entry& entry = found->second;
  if (entry.is_uncertain) {
    send_later(now, entry, Phase::waiting);
    return;
  }
  conclude(entry, rolled_back(Reason::too_large, "it does not fit into a frame"), false, effects);
}

// A newer session refused this transaction, which therefore never takes effect.
void Session::on_branch_fenced(core::Instant now, Entries::iterator found, Outcome outcome,
                               core::Epoch newest, Effects& effects) {
  const bool ends = found->first.epoch == epoch_ && !fenced_ && !try_reopen(newest, effects);
  if (ends || fenced_ || found->second.is_exposed) {
    // Before the others are given up: of this one the outcome is known.
    conclude(found->second, std::move(outcome), false, effects);
  } else {
    renumber(now, found);
  }
  if (ends) end_fenced(effects);
}

void Session::on_fenced(core::Epoch newest, Effects& effects) {
  if (!try_reopen(newest, effects)) end_fenced(effects);
}

// Either somebody has opened a newer session under our name, and this client is finished; or the
// node that opened ours had not heard of the newest one, and we must open a newer one still.
// What was decided under our epoch proves that it was the newest then.
bool Session::try_reopen(core::Epoch newest, Effects& effects) {
  above_ = std::max({above_, newest, epoch_});
  open_ = false;
  effects.reconnect = true;
  if (is_proven_ || reopened_count_ >= reopened_count_max) return false;
  ++reopened_count_;
  epoch_ = core::Epoch{};
  return true;
}

void Session::end_fenced(Effects& effects) {
  fenced_ = true;
  trouble_ = "a newer session of the client name \"" + name_ +
             "\" is open: this client can do nothing more; give each client a name of its own";
  effects.notices.push_back({Notice::Kind::fenced, trouble_});
  give_up_all(Reason::fenced, trouble_, false, effects);
}

void Session::renumber(core::Instant now, Entries::iterator found) {
  const SessionKey key = found->first;
  Entry& entry = found->second;
  NEMCON_CHECK(!entry.is_exposed);
  if (!entry.waiters.empty()) {
    NEMCON_CHECK(entry.waiters.size() == 1);  // Only who knows the id can join.
    for (core::Part& part : entry.work.parts)
      part.previous = core::Sequence{};
    const auto place = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
      return !held.former || *held.former > key;
    });
    held_.insert(place, Held{std::move(entry.work), std::move(entry.waiters.front()), key});
  }
  forget(now, found);
}

// ---- ends -------------------------------------------------------------------------------------

void Session::conclude(Entry& entry, Outcome outcome, bool is_refusal, Effects& effects) {
  NEMCON_CHECK(entry.phase != Phase::concluded);
  outcome.id = to_public(entry.id);
  const SessionKey key{entry.id.epoch, entry.id.sequence};
  if (entry.id.epoch == epoch_) {
    for (const core::Part& part : entry.work.parts) {
      if (part.kind != core::OperationKind::deliver) continue;
      if (outcome.state == State::committed) trail_.on_committed(part.target, key.sequence);
      if (outcome.state == State::rolled_back) trail_.on_rolled_back(part.target, key.sequence);
    }
  }
  requests_.erase(entry.request);
  due_.erase(key);
  entry.work = Work{};
  entry.phase = Phase::concluded;
  entry.tellings = static_cast<std::uint32_t>(entry.waiters.size());
  entry.outcome = outcome;
  for (Waiter& waiter : entry.waiters) {
    // To who asks what became of it, a refusal is the answer; an error would say that there is
    // none.
    effects.tellings.push_back(
        {std::move(waiter.completion), {outcome, is_refusal && !waiter.asks}, key});
  }
  entry.waiters.clear();
}

void Session::give_up_all(Reason reason, const std::string& text, bool is_refusal,
                          Effects& effects) {
  Outcome refused = rolled_back(reason, text);
  refused.retryable = is_refusal;
  for (Held& held : held_) {
    effects.tellings.push_back(
        {std::move(held.waiter.completion), {refused, is_refusal}, std::nullopt});
  }
  held_.clear();
  for (IdWaiter& waiter : id_waiters_) {
    waiter.promise.set_exception(std::make_exception_ptr(
        Error{is_refusal ? ErrorClass::retryable : ErrorClass::rolled_back, reason, text}));
  }
  id_waiters_.clear();
  for (auto& [key, entry] : entries_) {
    if (entry.phase == Phase::reserved || entry.phase == Phase::concluded) continue;
    if (entry.phase == Phase::waiting && !entry.is_uncertain) {
      conclude(entry, refused, is_refusal, effects);
      continue;
    }
    // It stays, so that its outcome is not acknowledged: somebody may ask for it later.
    for (Waiter& waiter : entry.waiters) {
      tell_unknown(entry, std::move(waiter), reason, text, effects);
    }
    entry.waiters.clear();
  }
}

void Session::tell_unknown(Entry& entry, Waiter waiter, Reason reason, const std::string& text,
                           Effects& effects) {
  entry.is_exposed = true;
  Outcome outcome;
  outcome.state = State::unknown;
  outcome.id = to_public(entry.id);
  outcome.reason = reason;
  outcome.text = text;
  effects.tellings.push_back(
      {std::move(waiter.completion), {std::move(outcome), false}, std::nullopt});
}

void Session::forget(core::Instant now, Entries::iterator entry) {
  requests_.erase(entry->second.request);
  due_.erase(entry->first);
  entries_.erase(entry);
  if (!acknowledge_at_) {
    acknowledge_at_ = now + timing_.acknowledge_idle;
    wake_by(*acknowledge_at_);
  }
}

Session::Entries::iterator Session::find_by_request(std::uint64_t request) {
  const auto found = requests_.find(request);
  return found == requests_.end() ? entries_.end() : entries_.find(found->second);
}

}  // namespace nemcon::client
