#include "deploy/demo/feeder.hpp"

#include <algorithm>
#include <utility>

#include "deploy/demo/audit.hpp"

namespace nemcon::demo {

using std::chrono::milliseconds;

namespace {

// How long run() sleeps at most before it looks at clocks again.
constexpr milliseconds tick{20};

std::string reason_of(const Outcome& outcome) {
  std::string text = to_text(outcome.reason);
  if (!outcome.text.empty() && outcome.text != text) text += ": " + outcome.text;
  return text;
}

}  // namespace

Feeder::Feeder(Client& client, const std::vector<Order>& orders, OutcomeFile& outcomes,
               FeederOptions options)
    : client_(client), orders_(orders), outcomes_(outcomes), options_(std::move(options)) {
  progress_.total = orders.size();
}

bool Feeder::run() {
  last_answer_ = Clock::now();
  while (progress_.done() < orders_.size()) {
    begin_new_orders();
    repeat_due();
    take_answers();
    const auto now = Clock::now();
    report_when_due(now);
    if (now - last_answer_ > options_.patience) {
      give_up();
      return false;
    }
  }
  if (options_.on_progress) options_.on_progress(progress_);
  return true;
}

void Feeder::begin_new_orders() {
  const std::size_t end =
      options_.allowed ? std::min(options_.allowed(), orders_.size()) : orders_.size();
  // Nothing can be expected to be answered while nothing is allowed to begin.
  if (under_way_.empty() && next_ == end) last_answer_ = Clock::now();
  while (next_ < end && under_way_.size() < options_.in_flight_max) {
    Attempt& attempt = under_way_[next_];
    attempt.order = next_++;
    begin(attempt);
  }
}

void Feeder::begin(Attempt& attempt) {
  const Order& order = orders_[attempt.order];
  const std::string text = order_text(order);
  attempt.transaction.emplace(client_.begin());
  attempt.transaction->send("orders@shop", text)
      .call("reserve@warehouse", text)
      .call("charge@billing", text)
      .send("invoices@billing", invoice_text(order));
  commit(attempt);
}

void Feeder::commit(Attempt& attempt) {
  attempt.transaction->commit_async(
      [inbox = inbox_, order = attempt.order](const Outcome& outcome) {
        const std::lock_guard lock{inbox->mutex};
        inbox->answers.push_back({order, outcome});
        inbox->filled.notify_one();
      });
}

void Feeder::repeat_due() {
  const auto now = Clock::now();
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    Attempt& attempt = under_way_.at(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    if (attempt.transaction) {
      commit(attempt);
    } else {
      begin(attempt);
    }
  }
}

void Feeder::take_answers() {
  std::deque<Answer> answers;
  {
    std::unique_lock lock{inbox_->mutex};
    inbox_->filled.wait_for(lock, tick, [this] { return !inbox_->answers.empty(); });
    answers.swap(inbox_->answers);
  }
  for (const Answer& answer : answers)
    on_answer(answer);
}

void Feeder::on_answer(const Answer& answer) {
  Attempt& attempt = under_way_.at(answer.order);
  const Outcome& outcome = answer.outcome;
  if (!outcome.id.is_none()) attempt.id = outcome.id;
  const bool is_final = outcome.state == State::committed ||
                        (outcome.state == State::rolled_back && !outcome.retryable);
  if (is_final) {
    finish(attempt, outcome.committed() ? OrderState::committed : OrderState::rolled_back, outcome);
    return;
  }
  // What may have taken effect keeps its transaction, and so its id; what surely had none is
  // begun anew.
  if (outcome.state == State::rolled_back) {
    attempt.transaction.reset();
    ++attempt.number;
    ++progress_.repeated;
  }
  waiting_.emplace(Clock::now() + pause_after(attempt.number), answer.order);
}

void Feeder::finish(const Attempt& attempt, OrderState state, const Outcome& outcome) {
  outcomes_.write({.order = orders_[attempt.order].id,
                   .state = state,
                   .transaction = attempt.id.text(),
                   .reason = state == OrderState::committed ? "" : reason_of(outcome),
                   .by = outcome.by,
                   .attempts = attempt.number});
  if (state == OrderState::committed) ++progress_.committed;
  if (state == OrderState::rolled_back) ++progress_.rolled_back;
  if (state != OrderState::unknown) last_answer_ = Clock::now();
  under_way_.erase(attempt.order);
}

void Feeder::give_up() {
  while (!under_way_.empty())
    finish(under_way_.begin()->second, OrderState::unknown, {});
}

void Feeder::report_when_due(Clock::time_point now) {
  if (!options_.on_progress || now - last_report_ < options_.progress_interval) return;
  last_report_ = now;
  options_.on_progress(progress_);
}

milliseconds Feeder::pause_after(std::int64_t attempts) {
  return std::min(milliseconds{50} * std::min<std::int64_t>(attempts, 20), milliseconds{1000});
}

}  // namespace nemcon::demo
