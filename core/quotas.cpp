#include "core/quotas.hpp"

#include <variant>

#include "core/check.hpp"

namespace nemcon::core {

namespace {

// Clients try again within one second and a half.
constexpr Duration held_for = std::chrono::seconds{2};

constexpr Duration burst = std::chrono::seconds{1};

// Rounded up; 0 where there is no limit. 256 MiB at 1 B/s are 9 years, which fit.
Duration cost_of(std::uint64_t count, std::uint64_t rate) {
  if (rate == 0) return {};
  const auto second = static_cast<std::uint64_t>(Duration{std::chrono::seconds{1}}.count());
  NEMCON_CHECK(count < (std::uint64_t{1} << 33U), count);
  return Duration{static_cast<Duration::rep>((count * second + rate - 1) / rate)};
}

}  // namespace

std::optional<std::string> Quotas::refuse(const Demand& demand, const QuotaOptions& quota,
                                          Instant now) {
  if (quota == QuotaOptions{}) return std::nullopt;
  const auto same = under_way_.find({demand.link, demand.request});
  const bool is_known = same != under_way_.end();
  // Only the same again costs nothing: a number can be used for anything.
  const bool is_again =
      is_known && same->second.epoch == demand.epoch && same->second.sequence == demand.sequence;
  if (is_again) return std::nullopt;
  std::optional<std::string> excess;
  if (is_known) excess = "has another transaction under way under this number of a request";
  if (!excess) excess = find_excess(demand, quota, now);
  if (excess) {
    hold(demand, now);
    ++refused_count_;
    return "client \"" + demand.account + "\" " + *excess;
  }
  const auto held = held_.find(demand.link);
  if (held != held_.end() && held->second.sequence == demand.sequence) held_.erase(held);
  Account& account = account_of(demand.account);
  account.transactions.spend(cost_of(1, quota.rate_max), now);
  account.bytes.spend(cost_of(demand.byte_count, quota.bytes_per_second_max), now);
  if (quota.in_flight_max != 0) {
    const Request request{demand.link, demand.request};
    account.in_flight[request] = now + demand.deadline;
    account.over_at.set(request, now + demand.deadline);
    under_way_[request] = {
        .account = demand.account, .epoch = demand.epoch, .sequence = demand.sequence};
  }
  return std::nullopt;
}

std::optional<std::string> Quotas::find_excess(const Demand& demand, const QuotaOptions& quota,
                                               Instant now) {
  Account& account = account_of(demand.account);
  while (const std::optional<Request> over = account.over_at.try_pop(now)) {
    account.in_flight.erase(*over);
    under_way_.erase(*over);
  }
  if (quota.in_flight_max != 0 && account.in_flight.size() >= quota.in_flight_max) {
    return "has " + std::to_string(quota.in_flight_max) +
           " transactions under way, which is all that it may (max_in_flight)";
  }
  if (!account.transactions.has_room(cost_of(1, quota.rate_max), now, burst)) {
    return "may submit " + std::to_string(quota.rate_max) + " transactions a second (max_rate)";
  }
  const Duration bytes_cost = cost_of(demand.byte_count, quota.bytes_per_second_max);
  if (!account.bytes.has_room(bytes_cost, now, burst)) {
    return "may submit " + std::to_string(quota.bytes_per_second_max) +
           " bytes a second (max_bytes_per_second)";
  }
  if (is_held_back(demand, now)) return "has an older transaction that waits for its quota";
  return std::nullopt;
}

// A later message of a producer waits at its queue for the earlier ones: let in before them, it
// would only wait there, and its deadline would pass.
bool Quotas::is_held_back(const Demand& demand, Instant now) const {
  const auto held = held_.find(demand.link);
  return held != held_.end() && held->second.epoch == demand.epoch &&
         held->second.sequence < demand.sequence && now < held->second.since + held_for;
}

void Quotas::hold(const Demand& demand, Instant now) {
  const auto [at, is_new] = held_.try_emplace(
      demand.link, Held{.epoch = demand.epoch, .sequence = demand.sequence, .since = now});
  Held& held = at->second;
  const bool is_over = held.epoch != demand.epoch || now >= held.since + held_for;
  if (is_new || is_over || demand.sequence <= held.sequence) {
    held = {.epoch = demand.epoch, .sequence = demand.sequence, .since = now};
  }
}

bool Quotas::may_open(const std::string& account, std::uint64_t at_once, Instant now) {
  Rate& openings = account_of(account).openings;
  const Duration cost = cost_of(1, openings_per_second);
  const bool has_room = openings.has_room(cost, now, at_once * cost);
  if (has_room) openings.spend(cost, now);
  return has_room;
}

void Quotas::on_reply(LinkId link, const Reply& reply) {
  std::uint64_t request = 0;
  if (const auto* const concluded = std::get_if<Concluded>(&reply)) request = concluded->request;
  if (const auto* const denied = std::get_if<Denied>(&reply)) request = denied->request;
  const auto found = under_way_.find({link, request});
  if (found == under_way_.end()) return;
  Account& account = account_of(found->second.account);
  account.in_flight.erase(found->first);
  account.over_at.clear(found->first);
  under_way_.erase(found);
}

void Quotas::on_client_gone(LinkId link) {
  held_.erase(link);
}

}  // namespace nemcon::core
