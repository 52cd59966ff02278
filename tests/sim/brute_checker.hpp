// BruteChecker: a second judge of histories, by which the first one (checker.hpp) is judged.
//
// It shares no code with the first and has none of its cleverness. It tries every world that may
// have led to the history, and asks of each world which promises it breaks:
//
//   outcomes      each transaction is committed or rolled back. Whoever said or showed that it is
//                 committed is believed; else whoever said that it is rolled back; where nobody
//                 said or showed anything both are tried.
//   submissions   each submission of a committed transaction may be the one that took effect.
//   acks          each ack without an answer may have taken effect, or not.
//   moments       each commit and each ack happened between some two events.
//   orders        the committed transactions may have happened in every order.
//
// The history is good when some world breaks nothing. Everything is exponential: histories must be
// tiny. What it cannot judge, nor the first checker: whether parts of one transaction come in order
// from a `mesh` queue (nobody promises it), and any promise about how long something takes.
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/sim/history.hpp"

namespace nemcon::sim {

// Every kind of violation that the first checker names, and no other.
enum class Kind : std::uint8_t {
  phantom,
  wrong_queue,
  place_changed,
  delivered_after_gone,
  consumed_twice,
  never_consumed,
  lost,
  torn,
  producer_order,
  mesh_order,
  mesh_cycle,
  mesh_time,
  causality,
  outcome_changed,
  rolled_back_visible,
  denied_visible,
  impossible_commit,
  unknown_outcome,
  no_outcome,
  service_both,
  service_unasked,
  service_twice,
  service_ignored,
  service_rolled_back,
  service_torn,
  service_in_doubt,
  conservation,
};

constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::conservation) + 1;

using Kinds = std::bitset<kind_count>;

// As the first checker writes it.
[[nodiscard]] std::string name_of(Kind kind);

[[nodiscard]] std::string text_of(const Kinds& kinds);

// Right as they are; the tests change them to see whether a wrong rule is noticed.
struct BruteRules {
  Kinds ignored;                         // What these promise is not asked for.
  bool unheard_may_be_committed = true;  // Of what nobody said or showed anything.
  bool open_acks_may_count = true;       // Those without an answer.
};

struct BruteVerdict {
  // The kinds of what is broken in each of the worlds that break least: no other world breaks only
  // a part of the same promises. One world that breaks nothing is the only one.
  std::vector<Kinds> worlds;

  [[nodiscard]] bool is_explainable() const { return worlds.front().none(); }

  [[nodiscard]] Kinds possible() const;  // Broken in one of them.
};

constexpr std::size_t tiny_transaction_count = 5;
constexpr std::size_t tiny_message_count = 6;
constexpr std::size_t tiny_queue_count = 4;
constexpr std::size_t tiny_event_count = 24;

// Why the history cannot be judged by force, empty when it can: it is too large, or nothing that a
// simulated mesh writes. Consumers take only what they were handed, and a transaction at most one
// message; a commit time is not 0; a doubtful queue is not observable, nor is any call while a node
// is doubtful.
[[nodiscard]] std::string why_unfit(const History& history);

[[nodiscard]] BruteVerdict judge_by_force(const History& history, const BruteRules& rules);

}  // namespace nemcon::sim
