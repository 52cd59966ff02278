#include "tests/sim/liar.hpp"

#include <algorithm>
#include <limits>

#include "core/overloaded.hpp"
#include "tests/sim/majority.hpp"

namespace nemcon::sim {
namespace {

using core::Message;

constexpr std::size_t known_max = 48;
constexpr std::size_t heard_max = 64;
constexpr std::uint32_t nothing = std::numeric_limits<std::uint32_t>::max();

}  // namespace

// ---- what it hears --------------------------------------------------------------------------

void Liar::learn(const core::TransactionKey& key, const core::DescriptorPtr& descriptor) {
  if (descriptor == nullptr) return;
  if (is_named_by(*descriptor, self_)) touched_.insert(key.id);
  newest_ = std::max(newest_, descriptor->created);
  const bool is_new =
      std::ranges::none_of(known_, [&](const Known& known) { return known.key == key; });
  if (!is_new) return;
  known_.push_back({key, descriptor});
  if (known_.size() > known_max) known_.pop_front();
}

void Liar::overhear(const Message& message) {
  std::visit(
      core::Overloaded{
          [this](const core::Prepare& prepare) {
            if (prepare.descriptor == nullptr) return;
            learn({prepare.descriptor->id, prepare.digest}, prepare.descriptor);
          },
          [this](const core::Vote& vote) { learn(vote.key, vote.descriptor); },
          [this](const core::AskPromise& ask) {
            learn({ask.descriptor->id, ask.digest}, ask.descriptor);
          },
          [this](const core::Propose& propose) {
            learn({propose.descriptor->id, propose.digest}, propose.descriptor);
          },
          [this](const core::TransactionStatus& status) { learn(status.key, status.descriptor); },
          [](const auto&) {},
      },
      message);
  if (std::holds_alternative<core::Hello>(message)) return;
  heard_.push_back(message);
  if (heard_.size() > heard_max) heard_.pop_front();
}

void Liar::overhear(const core::Record& record) {
  std::visit(core::Overloaded{
                 [this](const core::Voted& voted) { learn(voted.key, voted.descriptor); },
                 [this](const core::AcceptedVotes& votes) { learn(votes.key, votes.descriptor); },
                 [this](const core::Promised& promise) { learn(promise.key, promise.descriptor); },
                 [this](const core::DecidedAlone& alone) { learn(alone.key, alone.descriptor); },
                 [](const auto&) {},
             },
             record);
}

void Liar::overhear(const core::Request& request) {
  const auto* submit = std::get_if<core::Submit>(&request);
  if (submit == nullptr) return;
  const bool is_mine = std::ranges::any_of(
      submit->parts, [this](const core::Part& part) { return part.target.ends_with(address_); });
  if (is_mine) touched_.insert(submit->id);
}

bool Liar::may_hide(const core::TransactionId& id) const {
  return std::ranges::any_of(falsely_marked_, [&](const auto& marked) {
    return marked.client == id.client && marked.epoch == id.epoch && is_touched(marked);
  });
}

// ---- what it says ---------------------------------------------------------------------------

core::Hlc Liar::time() {
  const std::uint64_t draw = random_.below(10);
  if (draw == 0) return core::Hlc{~std::uint64_t{0} - random_.below(3)};
  if (draw == 1) return core::Hlc{random_.below(5)};
  if (draw == 2) return core::Hlc::from_ms(newest_.wall_ms() + random_.below(1'000'000'000));
  return core::Hlc{newest_.value() + random_.below(1U << 28U)};
}

core::Value Liar::value() {
  if (random_.chance(400'000)) {
    return {
        .choice = core::Choice::no, .at = {}, .reason = core::Reason::deadline, .text = "a lie"};
  }
  return {.choice = core::Choice::yes, .at = time(), .read_only = random_.chance(100'000)};
}

core::Outcome Liar::outcome() {
  if (random_.chance(500'000)) return {.committed = true, .at = time()};
  return {.committed = false,
          .at = {},
          .by = random_.pick(nodes_),
          .reason = core::Reason::service_refused,
          .text = "a lie"};
}

core::Ballot Liar::ballot() {
  const std::uint64_t draw = random_.below(5);
  if (draw == 0) return {};
  const std::uint32_t round = draw == 1 ? std::numeric_limits<std::uint32_t>::max() -
                                              static_cast<std::uint32_t>(random_.below(2))
                                        : 1 + static_cast<std::uint32_t>(random_.below(40));
  return {.round = round,
          .leader = random_.chance(800'000) ? self_ : random_.pick(nodes_),
          .boot = core::Boot{1 + static_cast<std::uint32_t>(random_.below(9))}};
}

std::vector<core::BranchValue> Liar::values(const core::Descriptor& descriptor) {
  std::vector<core::BranchValue> all;
  const core::Value same = value();
  for (std::size_t branch = 0; branch < descriptor.branches.size(); ++branch) {
    all.push_back({.branch = static_cast<std::uint8_t>(branch),
                   .value = random_.chance(500'000) ? same : value()});
  }
  return all;
}

std::vector<core::BranchVote> Liar::votes(const core::Descriptor& descriptor) {
  std::vector<core::BranchVote> all;
  for (const core::BranchValue& one : values(descriptor)) {
    if (all.empty() || random_.chance(500'000)) {
      all.push_back({.branch = one.branch, .value = one.value, .replies = {}});
    }
  }
  return all;
}

std::vector<core::Acceptance> Liar::acceptances(const core::Descriptor& descriptor) {
  std::vector<core::Acceptance> all;
  for (const core::BranchValue& one : values(descriptor)) {
    all.push_back({.branch = one.branch, .ballot = ballot(), .value = one.value});
  }
  return all;
}

Message Liar::forge_leadership(const Known& known) {
  switch (random_.below(4)) {
    case 0:
      return core::AskPromise{.descriptor = known.descriptor,
                              .digest = known.key.digest,
                              .ballot = ballot(),
                              .response = random_.below(3)};
    case 1:
      return core::Propose{.descriptor = known.descriptor,
                           .digest = known.key.digest,
                           .ballot = ballot(),
                           .values = values(*known.descriptor)};
    case 2:
      return core::Promise{
          .key = known.key,
          .ballot = ballot(),
          .accepted = acceptances(*known.descriptor),
          .votes = values(*known.descriptor),
          .outcome = random_.chance(500'000) ? std::optional{outcome()} : std::nullopt};
    default:
      return core::Accepted{
          .key = known.key, .ballot = ballot(), .values = values(*known.descriptor)};
  }
}

core::Sequence Liar::false_mark(const core::TransactionId& id, std::uint64_t upto) {
  falsely_marked_.insert(id);
  return core::Sequence{upto};
}

Message Liar::forge_word(const Known& known) {
  const std::uint64_t far = random_.chance(500'000) ? ~std::uint64_t{0} : random_.below(500);
  switch (random_.below(8)) {
    case 0:
      return core::Decision{.key = known.key, .outcome = outcome()};
    case 1:
      return core::Vote{.key = known.key,
                        .descriptor = random_.chance(700'000) ? known.descriptor : nullptr,
                        .votes = votes(*known.descriptor),
                        .accepted = random_.chance(700'000)};
    case 2:
      return core::Forget{
          .key = known.key, .outcome = outcome(), .ack_upto = false_mark(known.key.id, far)};
    case 3:
      return core::ForgetAck{.key = known.key};
    case 4:
      return core::DecisionAck{.key = known.key};
    case 5:
      return core::Refuse{.key = known.key,
                          .why = static_cast<core::Refusal>(random_.below(4)),
                          .promised = ballot(),
                          .descriptor = known.descriptor,
                          .bound = known.key.digest,
                          .challenge = random_.below(3)};
    case 6: {
      core::TransactionStatus status{.key = known.key};
      if (random_.chance(500'000)) status.key.digest = {};
      status.knowledge = static_cast<core::Knowledge>(random_.below(5));
      if (random_.chance(500'000)) status.descriptor = known.descriptor;
      status.votes = votes(*known.descriptor);
      status.accepted = acceptances(*known.descriptor);
      status.promised = ballot();
      if (random_.chance(600'000)) status.outcome = outcome();
      status.forgotten = random_.chance(300'000);
      return status;
    }
    default:
      return core::Query{.id = known.key.id,
                         .digest = random_.chance(500'000) ? known.key.digest : core::Digest{},
                         .wants_descriptor = true,
                         .expires = time()};
  }
}

Message Liar::forge() {
  if (known_.empty()) return core::Query{};
  const Known known = known_[random_.below(known_.size())];
  if (heard_.empty() || random_.chance(600'000)) {
    const Message message = random_.chance(500'000) ? forge_word(known) : forge_leadership(known);
    ++counts_[std::string{"lie: a forged "} + core::kind_of(message)];
    return message;
  }
  Message copy = heard_[random_.below(heard_.size())];
  if (auto* prepare = std::get_if<core::Prepare>(&copy); prepare != nullptr) {
    if (random_.chance(300'000)) prepare->remaining_ms = 0;
    if (random_.chance(300'000) && prepare->descriptor)
      prepare->ack_upto = false_mark(prepare->descriptor->id, ~std::uint64_t{0});
  }
  ++counts_["lie: a copy of what another said"];
  return copy;
}

void Liar::twist(core::Value& value) {
  value = this->value();
}

// Its own words about its own part.
void Liar::twist(Message& message) {
  std::visit(core::Overloaded{
                 [this](core::Vote& vote) {
                   for (core::BranchVote& one : vote.votes)
                     twist(one.value);
                 },
                 [this](core::Accepted& accepted) {
                   for (core::BranchValue& one : accepted.values)
                     twist(one.value);
                 },
                 [this](core::Promise& promise) {
                   for (core::BranchValue& one : promise.votes)
                     twist(one.value);
                   promise.accepted.clear();
                 },
                 [this](core::Propose& propose) {
                   for (core::BranchValue& one : propose.values)
                     twist(one.value);
                 },
                 [this](core::Decision& decision) { decision.outcome = outcome(); },
                 [this](core::Forget& forget) {
                   forget.outcome = outcome();
                   forget.ack_upto = false_mark(forget.key.id, random_.below(1000));
                 },
                 [this](core::TransactionStatus& status) {
                   status.knowledge = static_cast<core::Knowledge>(random_.below(5));
                   if (random_.chance(500'000)) status.outcome = outcome();
                 },
                 [](auto&) {},
             },
             message);
  ++counts_["lie: its own word, twisted"];
}

void Liar::twist_header(core::FrameHeader& header) {
  switch (random_.below(6)) {
    case 0:
      header.clock = time();
      break;
    case 1:
      header.wall_ms = random_.chance(500'000) ? ~std::uint64_t{0} : random_.next();
      break;
    case 2:
      header.lsn = core::Lsn{random_.next()};
      break;
    case 3:
      header.from = random_.pick(nodes_);
      break;
    case 4:
      header.boot = core::Boot{static_cast<std::uint32_t>(random_.next())};
      break;
    default:
      header.incarnation = core::Incarnation{random_.id()};
      break;
  }
  ++counts_["lie: a header"];
}

Frame Liar::twist(Frame frame) {
  if (!lies_) return frame;
  for (Message& message : frame.messages) {
    if (random_.chance(150'000)) twist(message);
  }
  if (random_.chance(300'000)) frame.messages.push_back(forge());
  if (random_.chance(30'000)) twist_header(frame.header);
  return frame;
}

Frame Liar::invent(core::FrameHeader header) {
  Frame frame{.header = header, .messages = {}};
  const std::uint64_t count = 1 + random_.below(4);
  for (std::uint64_t index = 0; index < count; ++index)
    frame.messages.push_back(forge());
  if (random_.chance(50'000)) twist_header(frame.header);
  return frame;
}

// ---- what is left to judge ------------------------------------------------------------------

History without(const History& history, const std::set<std::uint32_t>& transactions) {
  History rest = history;
  std::vector<std::uint32_t> transaction_of(history.transactions.size(), nothing);
  std::vector<std::uint32_t> message_of(history.messages.size(), nothing);
  std::set<std::uint32_t> gone;  // Messages.
  for (const std::uint32_t index : transactions) {
    const HistoryTransaction& transaction = history.transactions[index];
    gone.insert(transaction.produced.begin(), transaction.produced.end());
    gone.insert(transaction.consumed.begin(), transaction.consumed.end());
  }
  rest.transactions.clear();
  rest.messages.clear();
  rest.events.clear();
  for (std::uint32_t index = 0; index < history.transactions.size(); ++index) {
    if (transactions.contains(index)) continue;
    transaction_of[index] = static_cast<std::uint32_t>(rest.transactions.size());
    rest.transactions.push_back(history.transactions[index]);
  }
  for (std::uint32_t index = 0; index < history.messages.size(); ++index) {
    const std::uint32_t transaction = transaction_of[history.messages[index].transaction];
    if (gone.contains(index) || transaction == nothing) continue;
    message_of[index] = static_cast<std::uint32_t>(rest.messages.size());
    rest.messages.push_back(history.messages[index]);
    rest.messages.back().transaction = transaction;
  }
  const auto renumber = [&](std::vector<std::uint32_t>& messages) {
    std::erase_if(messages, [&](std::uint32_t one) { return message_of[one] == nothing; });
    for (std::uint32_t& one : messages)
      one = message_of[one];
  };
  for (HistoryTransaction& transaction : rest.transactions) {
    renumber(transaction.produced);
    renumber(transaction.consumed);
  }
  for (HistoryEvent event : history.events) {
    const bool is_of_message = event.what == Happened::delivered || event.what == Happened::acked ||
                               event.what == Happened::maybe_acked;
    std::uint32_t& place = is_of_message ? event.message : event.transaction;
    place = (is_of_message ? message_of : transaction_of)[place];
    if (place != nothing) rest.events.push_back(event);
  }
  return rest;
}

}  // namespace nemcon::sim
