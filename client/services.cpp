#include "client/services.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "client/convert.hpp"
#include "core/check.hpp"

namespace nemcon::client {

void Services::add(const std::string& name, std::shared_ptr<ServiceWorker> worker,
                   core::Instant deadline, std::promise<bool> answer) {
  NEMCON_CHECK(!offers_.contains(name), name);
  Offer& offer = offers_[name];
  offer.worker = std::move(worker);
  offer.answer = std::move(answer);
  offer.deadline = deadline;
  wake_by(deadline);
  if (link_ != 0) offer.worker->collect({.link = link_, .number = 0});
}

void Services::remove(const std::string& name, Effects& effects) {
  const auto found = offers_.find(name);
  if (found == offers_.end()) return;
  if (found->second.answer) {
    found->second.answer->set_exception(std::make_exception_ptr(
        Error{ErrorClass::retryable, Reason::stopping, "the service was withdrawn"}));
  }
  effects.retired.push_back(std::move(found->second.worker));
  if (link_ != 0 && found->second.request != 0) {
    effects.requests.push_back(core::Unserve{.service = name});
  }
  offers_.erase(found);
}

void Services::on_opened(std::uint64_t link) {
  link_ = link;
  for (auto& [name, offer] : offers_) {
    offer.request = 0;
    offer.again_at.reset();
    offer.worker->collect({.link = link, .number = 0});
  }
}

// ---- from the workers -------------------------------------------------------------------------

void Services::on_collected(const std::string& name, std::vector<core::CallKey> in_doubt,
                            ServiceWorker::Look look, Effects& effects) {
  const auto found = offers_.find(name);
  if (found == offers_.end() || link_ == 0 || look.link != link_) return;
  found->second.request = ++last_number_;
  effects.requests.push_back(core::Serve{.request = found->second.request,
                                         .service = name,
                                         .in_doubt = std::move(in_doubt),
                                         .looked = look.number});
}

// A vote for an older link would not be expected: what it promised was collected instead.
void Services::on_voted(core::ServiceVote vote, std::uint64_t link, Effects& effects) const {
  if (link_ == 0 || link != link_) return;
  effects.requests.emplace_back(std::move(vote));
}

void Services::on_done(const core::ServiceDone& done, Effects& effects) const {
  if (link_ == 0) return;  // The decision comes again, and is answered then.
  effects.requests.emplace_back(done);
}

// ---- from the node ----------------------------------------------------------------------------

void Services::on_prepare(const core::ServicePrepare& request, Effects& effects) {
  const auto found = offers_.find(request.service);
  if (found == offers_.end()) {
    core::ServiceVote vote{.call = request.call, .yes = false, .text = "the service was withdrawn"};
    effects.requests.emplace_back(std::move(vote));
    return;
  }
  found->second.worker->prepare(request, link_);
}

void Services::on_decision(const core::ServiceDecision& request) {
  const auto found = offers_.find(request.service);
  if (found != offers_.end()) found->second.worker->decide(request);
}

bool Services::on_serving(const core::Serving& serving, Effects& effects) {
  if (serving.request == 0) {  // Not an answer: the instance before it has gone.
    effects.notices.push_back({Notice::Kind::service_role, "took over as the active instance"});
    return true;
  }
  for (auto& [name, offer] : offers_) {
    if (offer.request == 0 || offer.request != serving.request) continue;
    if (serving.look_again != 0) {
      offer.worker->collect({.link = link_, .number = serving.look_again});
      return true;
    }
    offer.again_at.reset();
    effects.notices.push_back(
        {Notice::Kind::service_role, name + (serving.active ? " is active" : " stands by")});
    if (offer.answer) offer.answer->set_value(serving.active);
    offer.answer.reset();
    return true;
  }
  return false;
}

bool Services::on_denied(core::Instant now, const core::Denied& denied, Effects& effects) {
  const auto found = std::find_if(offers_.begin(), offers_.end(), [&](const auto& item) {
    return item.second.request != 0 && item.second.request == denied.request;
  });
  if (found == offers_.end()) return false;
  Offer& offer = found->second;
  offer.request = 0;
  offer.trouble = denied.text.empty() ? core::to_text(denied.reason) : denied.text;
  if (offer.answer && !denied.retryable) {
    const Error error{ErrorClass::rolled_back, to_public(denied.reason),
                      "cannot serve " + found->first + ": " + offer.trouble};
    give_up(found, error, effects);
    return true;
  }
  effects.notices.push_back(
      {Notice::Kind::service_role, found->first + " is not served, tried again: " + offer.trouble});
  offer.again_at = now + timing_.retry_max;
  wake_by(*offer.again_at);
  return true;
}

// ---- time -------------------------------------------------------------------------------------

void Services::wake_by(core::Instant at) {
  if (!check_at_ || at < *check_at_) check_at_ = at;
}

void Services::advance(core::Instant now, Effects& effects) {
  if (!check_at_ || *check_at_ > now) return;
  check_at_.reset();
  for (auto item = offers_.begin(); item != offers_.end();) {
    Offer& offer = item->second;
    if (offer.answer && offer.deadline <= now) {
      const std::string why = offer.trouble.empty() ? "no node answered" : offer.trouble;
      const Error error{ErrorClass::retryable, Reason::unavailable,
                        "cannot serve " + item->first + " before the deadline: " + why};
      item = give_up(item, error, effects);
      continue;
    }
    if (offer.answer) wake_by(offer.deadline);
    if (offer.again_at && *offer.again_at <= now) {
      offer.again_at.reset();
      if (link_ != 0) offer.worker->collect({.link = link_, .number = 0});
    }
    if (offer.again_at) wake_by(*offer.again_at);
    ++item;
  }
}

void Services::fail_all(const Error& error, Effects& effects) {
  for (auto item = offers_.begin(); item != offers_.end();) {
    item = item->second.answer ? give_up(item, error, effects) : std::next(item);
  }
}

Services::Offers::iterator Services::give_up(Offers::iterator item, const Error& error,
                                             Effects& effects) {
  item->second.answer->set_exception(std::make_exception_ptr(error));
  effects.retired.push_back(std::move(item->second.worker));
  return offers_.erase(item);
}

}  // namespace nemcon::client
