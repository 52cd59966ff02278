#include "core/services.hpp"

#include <algorithm>

#include "core/mutant.hpp"

namespace nemcon::core {

namespace {

// How often an application that did not confirm a decision is told again: from one second to
// half a minute, so that a failing callback is not called in a loop.
constexpr Duration redeliver_first = std::chrono::seconds{1};
constexpr Duration redeliver_max = std::chrono::seconds{30};

// Of one link. What an instance reports beyond that it is asked for again, until nothing is left.
constexpr std::ptrdiff_t reports_max = 4096;
constexpr std::size_t unconfirmed_max = 256;

}  // namespace

std::optional<std::string> Services::find_excess(LinkId link, const std::string& service) const {
  const Limits& limits = context_.options.limits;
  if (services_.size() >= limits.service_names_max && !services_.contains(service)) {
    return "node " + context_.options.name + " remembers no more than " +
           std::to_string(limits.service_names_max) + " services";
  }
  const auto count = std::ranges::count_if(services_, [&](const auto& one) {
    return one.first != service &&
           std::ranges::find(one.second.instances, link) != one.second.instances.end();
  });
  if (static_cast<std::size_t>(count) < limits.services_max) return std::nullopt;
  return "one connection may stand for no more than " + std::to_string(limits.services_max) +
         " services at node " + context_.options.name;
}

bool Services::try_serve(LinkId link, const Serve& serve) {
  if (const std::optional<std::string> full = find_excess(link, serve.service)) {
    context_.reply(link, Denied{.request = serve.request,
                                .retryable = false,
                                .reason = Reason::forbidden,
                                .text = *full});
    return false;
  }
  Service& service = services_[serve.service];
  service.seen = true;
  if (std::ranges::find(service.instances, link) == service.instances.end()) {
    service.instances.push_back(link);
  }
  const bool active = service.instances.front() == link;
  if (active) deliver_all(service);
  context_.reply(link, Serving{.request = serve.request, .active = active});
  std::ptrdiff_t room = reports_max - std::ranges::count(reports_, link, &InDoubt::link);
  for (const CallKey& call : serve.in_doubt) {
    if (room-- <= 0) {
      want_look(link, serve.service, serve.request);
      break;
    }
    reports_.push_back({.link = link,
                        .request = serve.request,
                        .looked = serve.looked,
                        .service = serve.service,
                        .call = call});
  }
  return true;
}

void Services::remove_instance(LinkId link, const std::string& name) {
  const auto found = services_.find(name);
  if (found == services_.end()) return;
  Service& service = found->second;
  const bool was_active = !service.instances.empty() && service.instances.front() == link;
  std::erase(service.instances, link);
  if (!was_active || service.instances.empty()) return;
  context_.reply(service.instances.front(), Serving{.request = 0, .active = true});
  deliver_all(service);
}

void Services::on_client_gone(LinkId link) {
  std::erase_if(reports_, [&](const InDoubt& report) { return report.link == link; });
  unconfirmed_.erase(link);
  std::erase_if(looks_, [&](const auto& look) { return look.first.first == link; });
  for (auto& [name, service] : services_)
    remove_instance(link, name);
}

bool Services::end_where(const std::function<bool(LinkId, const std::string&)>& is_over) {
  std::vector<std::pair<LinkId, std::string>> over;
  for (const auto& [name, service] : services_) {
    for (const LinkId link : service.instances) {
      if (is_over(link, name)) over.emplace_back(link, name);
    }
  }
  for (const auto& [link, name] : over)
    remove_instance(link, name);
  return !over.empty();
}

bool Services::is_known(const std::string& service) const {
  const auto found = services_.find(service);
  return found != services_.end() && found->second.seen;
}

const std::string* Services::find_service(const CallKey& call) const {
  const auto found = pending_.find(call);
  return found == pending_.end() ? nullptr : &found->second.call.service;
}

bool Services::is_asked(const CallKey& call) const {
  const auto found = pending_.find(call);
  return found != pending_.end() && !found->second.deciding;
}

std::vector<std::string> Services::names() const {
  std::vector<std::string> names;
  for (const auto& [name, service] : services_) {
    if (!service.instances.empty()) names.push_back(name);
  }
  return names;
}

void Services::ask(const CallKey& key, const Call& call) {
  Pending& pending = pending_[key];
  pending = Pending{.call = call};
  services_[call.service].pending.insert(key);
  deliver(key, pending);
}

bool Services::try_take_vote(LinkId link, const ServiceVote& vote) {
  const auto found = pending_.find(vote.call);
  if (found == pending_.end() || found->second.deciding) return false;
  Service& service = services_[found->second.call.service];
  // A standby, or an instance that was replaced, does not speak for the service.
  if (service.instances.empty() || service.instances.front() != link) return false;
  service.pending.erase(vote.call);
  pending_.erase(found);
  return true;
}

void Services::give_up(const CallKey& key) {
  const auto found = pending_.find(key);
  if (found == pending_.end() || found->second.deciding) return;
  if (!found->second.told) return forget(key);
  decide(key, found->second.call, Outcome{});
}

void Services::decide(const CallKey& key, const Call& call, const Outcome& outcome) {
  Pending& pending = pending_[key];
  pending = Pending{.call = call, .deciding = true, .commit = outcome.committed, .at = outcome.at};
  services_[call.service].pending.insert(key);
  deliver(key, pending);
}

bool Services::try_finish(const CallKey& key) {
  const auto found = pending_.find(key);
  if (found == pending_.end() || !found->second.deciding) return false;
  forget(key);
  return true;
}

void Services::forget(const CallKey& key) {
  const auto found = pending_.find(key);
  const auto service = services_.find(found->second.call.service);
  service->second.pending.erase(key);
  // Of a name that nobody serves nothing stays.
  if (!service->second.seen && service->second.pending.empty()) services_.erase(service);
  resend_.clear(key);
  pending_.erase(found);
}

void Services::deliver(const CallKey& key, Pending& pending) {
  const Service& service = services_[pending.call.service];
  if (service.instances.empty()) return;  // Delivered when one appears.
  const LinkId link = service.instances.front();
  if (!pending.deciding) {
    pending.told = true;
    const Duration left = std::max(Duration{}, pending.call.deadline - context_.now());
    context_.reply(link, ServicePrepare{.call = key,
                                        .service = pending.call.service,
                                        .principal = pending.call.principal,
                                        .content = pending.call.content,
                                        .remaining_ms = static_cast<std::uint32_t>(
                                            left / std::chrono::milliseconds{1})});
    return;
  }
  context_.promise_reply(link, ServiceDecision{.call = key,
                                               .service = pending.call.service,
                                               .commit = pending.commit,
                                               .at = pending.at,
                                               .content = pending.call.content});
  const Duration wait =
      std::min(redeliver_max, redeliver_first * (1U << std::min(pending.attempt, 5U)));
  pending.attempt += 1;
  if (planted(Mutant::decision_told_once)) return;
  resend_.set(key, context_.now() + wait);
}

void Services::deliver_all(Service& service) {
  for (const CallKey& key : service.pending)
    deliver(key, pending_.at(key));
}

bool Services::is_confirmed(const InDoubt& report) {
  std::map<CallKey, std::uint64_t>& unconfirmed = unconfirmed_[report.link];
  const auto found = unconfirmed.find(report.call);
  if (found != unconfirmed.end() && report.looked >= found->second) {
    unconfirmed.erase(found);
    return true;
  }
  const std::uint64_t number = want_look(report.link, report.service, report.request);
  // What an instance did not find any more when it looked again is over.
  if (unconfirmed.size() >= unconfirmed_max) {
    std::erase_if(unconfirmed, [&](const auto& one) { return one.second < report.looked; });
  }
  if (unconfirmed.size() < unconfirmed_max) unconfirmed[report.call] = number;
  return false;
}

std::uint64_t Services::want_look(LinkId link, const std::string& service, std::uint64_t request) {
  Look& look = looks_[{link, service}];
  if (look.number == 0) look.number = ++last_look_;
  look.request = request;
  return look.number;
}

void Services::ask_to_look_again() {
  for (const auto& [asked, look] : looks_) {
    const auto& [link, service] = asked;
    const std::deque<LinkId>& instances = services_[service].instances;
    const bool active = !instances.empty() && instances.front() == link;
    context_.reply(link,
                   Serving{.request = look.request, .active = active, .look_again = look.number});
  }
  looks_.clear();
}

void Services::on_deadline(Instant now) {
  while (const std::optional<CallKey> key = resend_.try_pop(now)) {
    const auto found = pending_.find(*key);
    if (found != pending_.end()) deliver(*key, found->second);
  }
}

}  // namespace nemcon::core
