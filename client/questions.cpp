#include "client/questions.hpp"

#include <algorithm>
#include <exception>

#include <nemcon/error.hpp>

#include "client/convert.hpp"

namespace nemcon::client {

void Questions::ask(core::Instant now, const core::TransactionId& id, Waiter waiter) {
  asked_.emplace(next_number(), Asked{.id = id, .waiter = std::move(waiter), .next_at = now});
  wake_by(now);
}

void Questions::inspect(core::Instant now, core::Inspect question, core::Instant deadline,
                        std::promise<core::Report> answer) {
  question.request = next_number();
  inspected_.emplace(
      question.request,
      Inspected{
          .question = question, .deadline = deadline, .next_at = now, .answer = std::move(answer)});
  wake_by(now);
}

void Questions::settle(core::Instant now, const Settling& settling, core::LeaseToken token,
                       core::Instant deadline, std::promise<bool> answer) {
  if (link_ == 0 || settling.link != link_) {
    answer.set_value(false);  // The lease ended with its link.
    return;
  }
  Settlement& settlement = settlings_[settling];
  if (settlement.deliveries.empty()) settlement.deadline = deadline;
  settlement.deliveries.emplace_back(token, std::move(answer));
  wake_by(now);
}

void Questions::on_opened(core::Instant now, std::uint64_t link) {
  link_ = link;
  for (auto& [number, asked] : asked_)
    asked.next_at = now;
  for (auto& [number, inspected] : inspected_)
    inspected.next_at = now;
  wake_by(now);
}

void Questions::on_link_down(std::string trouble) {
  link_ = 0;
  trouble_ = std::move(trouble);
  for (auto& [number, settlement] : settled_)
    answer_all(settlement, false);
  for (auto& [settling, settlement] : settlings_)
    answer_all(settlement, false);
  settled_.clear();
  settlings_.clear();
}

void Questions::answer_all(Settlement& settlement, bool done) {
  for (auto& [token, answer] : settlement.deliveries)
    answer.set_value(done);
}

// ---- answers ----------------------------------------------------------------------------------

bool Questions::on_concluded(core::Instant now, const core::Concluded& concluded,
                             Effects& effects) {
  const auto found = asked_.find(concluded.request);
  if (found == asked_.end()) return false;
  Asked& asked = found->second;
  if (concluded.verdict == core::Verdict::in_doubt) {
    asked.was_answered = true;
    grow(now, asked.next_at, asked.gap);
    wake_by(asked.next_at);
    return true;
  }
  tell_asked(asked, to_public(concluded), effects);
  asked_.erase(found);
  return true;
}

bool Questions::on_denied(core::Instant now, const core::Denied& denied, Effects& effects) {
  if (const auto found = asked_.find(denied.request); found != asked_.end()) {
    Asked& asked = found->second;
    if (denied.retryable) {
      grow(now, asked.next_at, asked.gap);
      wake_by(asked.next_at);
      return true;
    }
    Outcome outcome = to_public(denied);
    outcome.state = State::unknown;
    tell_asked(asked, std::move(outcome), effects);
    asked_.erase(found);
    return true;
  }
  if (const auto found = inspected_.find(denied.request); found != inspected_.end()) {
    found->second.answer.set_exception(std::make_exception_ptr(
        Error{denied.retryable ? ErrorClass::retryable : ErrorClass::rolled_back,
              to_public(denied.reason), denied.text}));
    inspected_.erase(found);
    return true;
  }
  const auto found = settled_.find(denied.request);
  if (found == settled_.end()) return false;
  answer_all(found->second, false);
  settled_.erase(found);
  return true;
}

bool Questions::on_report(core::Report& report) {
  const auto found = inspected_.find(report.request);
  if (found == inspected_.end()) return false;
  found->second.answer.set_value(std::move(report));
  inspected_.erase(found);
  return true;
}

bool Questions::on_settled(const core::Settled& settled) {
  const auto found = settled_.find(settled.request);
  if (found == settled_.end()) return false;
  for (auto& [token, answer] : found->second.deliveries) {
    const bool is_lost =
        std::find(settled.lost.begin(), settled.lost.end(), token) != settled.lost.end();
    answer.set_value(!is_lost);
  }
  settled_.erase(found);
  return true;
}

// ---- time -------------------------------------------------------------------------------------

void Questions::wake_by(core::Instant at) {
  if (!check_at_ || at < *check_at_) check_at_ = at;
}

void Questions::grow(core::Instant now, core::Instant& next_at, core::Duration& gap) const {
  gap = gap == core::Duration{} ? timing_.retry_first : std::min(gap * 2, timing_.retry_max);
  next_at = now + gap;
}

void Questions::advance(core::Instant now, Effects& effects) {
  if (!check_at_ || *check_at_ > now) return;
  check_at_.reset();
  send_settlings(effects);
  check_asked(now, effects);
  check_inspected(now, effects);
  check_settled(now);
}

core::Settle Questions::to_request(const Settling& settling, std::uint64_t number,
                                   const Settlement& settlement) {
  core::Settle request{.request = number,
                       .how = settling.how,
                       .tokens = {},
                       .delay_ms = settling.delay_ms,
                       .text = settling.text};
  for (const auto& [token, answer] : settlement.deliveries)
    request.tokens.push_back(token);
  return request;
}

void Questions::send_settlings(Effects& effects) {
  for (auto& [settling, settlement] : settlings_) {
    const std::uint64_t number = next_number();
    effects.requests.emplace_back(to_request(settling, number, settlement));
    settled_.emplace(number, std::move(settlement));
  }
  settlings_.clear();
}

void Questions::check_asked(core::Instant now, Effects& effects) {
  for (auto item = asked_.begin(); item != asked_.end();) {
    Asked& asked = item->second;
    if (asked.waiter.deadline <= now) {
      tell_asked_late(asked, effects);
      item = asked_.erase(item);
      continue;
    }
    if (link_ != 0 && asked.next_at <= now) {
      effects.requests.push_back(core::Ask{.request = item->first, .id = asked.id});
      asked.next_at = now + timing_.resend_first;
    }
    if (link_ != 0) wake_by(asked.next_at);
    wake_by(asked.waiter.deadline);
    ++item;
  }
}

void Questions::check_inspected(core::Instant now, Effects& effects) {
  for (auto item = inspected_.begin(); item != inspected_.end();) {
    Inspected& inspected = item->second;
    if (inspected.deadline <= now) {
      inspected.answer.set_exception(std::make_exception_ptr(
          Error{ErrorClass::retryable, Reason::unavailable, unreachable_text()}));
      item = inspected_.erase(item);
      continue;
    }
    if (link_ != 0 && inspected.next_at <= now) {
      effects.requests.emplace_back(inspected.question);
      inspected.next_at = now + timing_.resend_first;
    }
    if (link_ != 0) wake_by(inspected.next_at);
    wake_by(inspected.deadline);
    ++item;
  }
}

void Questions::check_settled(core::Instant now) {
  for (auto item = settled_.begin(); item != settled_.end();) {
    Settlement& settlement = item->second;
    if (settlement.deadline > now) {
      wake_by(settlement.deadline);
      ++item;
      continue;
    }
    answer_all(settlement, false);
    item = settled_.erase(item);
  }
}

void Questions::close(Effects& effects) {
  on_link_down("the client was closed");
  for (auto& [number, asked] : asked_)
    tell_asked_late(asked, effects);
  asked_.clear();
  for (auto& [number, inspected] : inspected_) {
    inspected.answer.set_exception(std::make_exception_ptr(
        Error{ErrorClass::retryable, Reason::stopping, "the client was closed"}));
  }
  inspected_.clear();
}

// ---- words ------------------------------------------------------------------------------------

std::string Questions::unreachable_text() const {
  if (link_ != 0) return "the node did not answer before the deadline";
  return "no node is reachable: " + trouble_;
}

void Questions::tell_asked(Asked& asked, Outcome outcome, Effects& effects) {
  outcome.id = to_public(asked.id);
  effects.tellings.push_back(
      {std::move(asked.waiter.completion), {std::move(outcome), false}, std::nullopt});
}

void Questions::tell_asked_late(Asked& asked, Effects& effects) {
  Outcome outcome;
  outcome.id = to_public(asked.id);
  if (asked.was_answered) {
    outcome.reason = Reason::deadline;
    outcome.text = "still in doubt at the deadline";
  } else {
    outcome.reason = Reason::unavailable;
    outcome.text = unreachable_text();
  }
  const bool is_refusal = !asked.was_answered;
  effects.tellings.push_back(
      {std::move(asked.waiter.completion), {std::move(outcome), is_refusal}, std::nullopt});
}

}  // namespace nemcon::client
