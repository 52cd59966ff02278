#include "core/plausible.hpp"

#include <algorithm>

#include "core/overloaded.hpp"

namespace nemcon::core {

namespace {

// The year 2200. A decision's time is always merged (Rule P-22), whatever the own clock says.
constexpr Hlc latest = Hlc::from_ms(7'258'118'400'000);
// Leaders count up by one.
constexpr std::uint32_t round_max = 1U << 30U;

constexpr const char* about_time = "a timestamp that no clock shows";

bool is_late(const Value& value) {
  return value.at > latest;
}

bool is_late(const std::optional<Outcome>& outcome) {
  return outcome && outcome->at > latest;
}

// Of BranchVote, BranchValue or Acceptance.
template <class List>
bool any_late(const List& list) {
  return std::ranges::any_of(list, [](const auto& one) { return is_late(one.value); });
}

bool is_high(const Ballot& ballot) {
  return ballot.round > round_max;
}

bool any_high(const std::vector<Acceptance>& accepted) {
  return std::ranges::any_of(accepted, [](const Acceptance& one) { return is_high(one.ballot); });
}

}  // namespace

const char* find_absurd(const Message& message) {
  bool late = false;
  bool high = false;
  std::visit(Overloaded{
                 [&](const Vote& vote) { late = any_late(vote.votes); },
                 [&](const Accepted& accepted) {
                   late = any_late(accepted.values);
                   high = is_high(accepted.ballot);
                 },
                 [&](const AskPromise& ask) { high = is_high(ask.ballot); },
                 [&](const Promise& promise) {
                   late = any_late(promise.accepted) || any_late(promise.votes) ||
                          is_late(promise.outcome);
                   high = is_high(promise.ballot) || any_high(promise.accepted);
                 },
                 [&](const Propose& propose) {
                   late = any_late(propose.values);
                   high = is_high(propose.ballot);
                 },
                 [&](const Refuse& refuse) { high = is_high(refuse.promised); },
                 [&](const TransactionStatus& status) {
                   late = any_late(status.votes) || any_late(status.accepted) ||
                          is_late(status.outcome);
                   high = is_high(status.promised) || any_high(status.accepted);
                 },
                 [&](const Decision& decision) { late = decision.outcome.at > latest; },
                 [&](const Forget& forget) { late = forget.outcome.at > latest; },
                 [](const auto&) {},
             },
             message);
  if (late) return about_time;
  return high ? "a ballot that nobody counts up to" : nullptr;
}

const char* find_absurd(const FrameHeader& header) {
  return header.clock > latest || header.wall_ms > latest.wall_ms() ? about_time : nullptr;
}

}  // namespace nemcon::core
