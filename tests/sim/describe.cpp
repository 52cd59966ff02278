#include "tests/sim/describe.hpp"

#include <cctype>

namespace nemcon::sim {
namespace {

using namespace core;  // NOLINT(google-build-using-namespace): this file is about its words.

std::string quoted(const Content& content) {
  std::string text{content.body.view().substr(0, 40)};
  return '"' + text + '"';
}

std::string of_ballot(const Ballot& ballot, const Names& names) {
  if (ballot.is_zero()) return "b0";
  std::string text = "b" + std::to_string(ballot.round) + '/' + names.of(ballot.leader);
  if (ballot.boot.value() > 1) text += '.' + std::to_string(ballot.boot.value());
  return text;
}

std::string of_votes(const std::vector<BranchVote>& votes, const Names& names) {
  std::string text;
  for (const BranchVote& vote : votes) {
    text += ' ' + std::to_string(vote.branch) + '=' + describe(vote.value, names);
  }
  return text;
}

std::string of_values(const std::vector<BranchValue>& values, const Names& names) {
  std::string text;
  for (const BranchValue& value : values) {
    text += ' ' + std::to_string(value.branch) + '=' + describe(value.value, names);
  }
  return text;
}

std::string of_acceptances(const std::vector<Acceptance>& accepted, const Names& names) {
  std::string text;
  for (const Acceptance& one : accepted) {
    text += ' ' + std::to_string(one.branch) + '=' + describe(one.value, names) + '@' +
            of_ballot(one.ballot, names);
  }
  return text;
}

std::string of_branches(const std::vector<std::uint8_t>& branches) {
  std::string text = " [";
  for (const std::uint8_t branch : branches) {
    if (text.size() > 2) text += ' ';
    text += std::to_string(branch);
  }
  return text + ']';
}

const char* of_knowledge(Knowledge knowledge) {
  switch (knowledge) {
    case Knowledge::none:
      return "none";
    case Knowledge::working:
      return "working";
    case Knowledge::voted:
      return "voted";
    case Knowledge::decided:
      return "decided";
    case Knowledge::too_old:
      return "too old";
  }
  return "?";
}

const char* of_refusal(Refusal refusal) {
  switch (refusal) {
    case Refusal::ballot:
      return "ballot";
    case Refusal::too_old:
      return "too old";
    case Refusal::conflict:
      return "conflict";
    case Refusal::drift:
      return "drift";
  }
  return "?";
}

const char* of_kind(OperationKind kind) {
  switch (kind) {
    case OperationKind::deliver:
      return "send";
    case OperationKind::consume:
      return "consume";
    case OperationKind::call:
      return "call";
    case OperationKind::check:
      return "check";
  }
  return "?";
}

const char* of_verdict(Verdict verdict) {
  switch (verdict) {
    case Verdict::committed:
      return "committed";
    case Verdict::rolled_back:
      return "rolled back";
    case Verdict::in_doubt:
      return "in doubt";
    case Verdict::unknown:
      return "unknown";
  }
  return "?";
}

std::string with_reason(std::string text, Reason reason, const std::string& detail) {
  if (reason != Reason::none) text += std::string(" (") + to_text(reason);
  if (reason != Reason::none && !detail.empty()) text += ": " + detail;
  if (reason != Reason::none) text += ')';
  return text;
}

struct OfMessage {
  const Names& names;

  std::string operator()(const Hello& m) const {
    std::string text = m.wants_answer ? " asks" : "";
    if (m.seen) text += " saw boot " + std::to_string(m.seen->boot.value());
    return text;
  }

  std::string operator()(const Prepare& m) const {
    return ' ' + names.of(m.descriptor->id) + of_branches(m.branches);
  }

  std::string operator()(const Vote& m) const {
    return ' ' + names.of(m.key) + of_votes(m.votes, names) + (m.accepted ? " accepted" : "");
  }

  std::string operator()(const Accepted& m) const {
    return ' ' + names.of(m.key) + ' ' + of_ballot(m.ballot, names) + of_values(m.values, names);
  }

  std::string operator()(const AskPromise& m) const {
    return ' ' + names.of(m.descriptor->id) + ' ' + of_ballot(m.ballot, names);
  }

  std::string operator()(const Promise& m) const {
    std::string text = ' ' + names.of(m.key) + ' ' + of_ballot(m.ballot, names);
    if (!m.accepted.empty()) text += " accepted" + of_acceptances(m.accepted, names);
    if (!m.votes.empty()) text += " voted" + of_values(m.votes, names);
    if (m.outcome) text += ' ' + describe(*m.outcome, names);
    return text;
  }

  std::string operator()(const Propose& m) const {
    return ' ' + names.of(m.descriptor->id) + ' ' + of_ballot(m.ballot, names) +
           of_values(m.values, names);
  }

  std::string operator()(const Refuse& m) const {
    std::string text = ' ' + names.of(m.key) + ' ' + of_refusal(m.why);
    if (m.why == Refusal::ballot) text += ' ' + of_ballot(m.promised, names);
    return text;
  }

  std::string operator()(const Query& m) const {
    return ' ' + names.of(m.id) + (m.wants_descriptor ? " +descriptor" : "");
  }

  std::string operator()(const TransactionStatus& m) const {
    std::string text = ' ' + names.of(m.key) + ' ' + of_knowledge(m.knowledge);
    if (!m.votes.empty()) text += of_votes(m.votes, names);
    if (!m.accepted.empty()) text += " accepted" + of_acceptances(m.accepted, names);
    if (!m.promised.is_zero()) text += " promised " + of_ballot(m.promised, names);
    if (m.outcome) text += ' ' + describe(*m.outcome, names);
    return text;
  }

  std::string operator()(const Decision& m) const {
    return ' ' + names.of(m.key) + ' ' + describe(m.outcome, names);
  }

  std::string operator()(const DecisionAck& m) const { return ' ' + names.of(m.key); }

  std::string operator()(const Forget& m) const { return ' ' + names.of(m.key); }

  std::string operator()(const ForgetAck& m) const { return ' ' + names.of(m.key); }
};

std::string of_own(const std::vector<OwnBranch>& branches, const Names& names) {
  std::string text;
  for (const OwnBranch& own : branches) {
    text += ' ' + std::to_string(own.branch) + '=' + describe(own.vote, names);
  }
  return text;
}

struct OfRecord {
  const Names& names;

  std::string operator()(const Started& r) const { return std::to_string(r.boot.value()); }

  std::string operator()(const QueueDefined& r) const { return r.name; }

  std::string operator()(const PeerSeen& r) const {
    return names.of(r.node) + " boot " + std::to_string(r.sighting.boot.value());
  }

  std::string operator()(const SessionOpened& r) const { return names.of(r.client); }

  std::string operator()(const AcknowledgedUpTo& r) const {
    return names.of(r.client) + ' ' + std::to_string(r.ack_upto.value());
  }

  std::string operator()(const FloorRaised& r) const { return Names::of(r.floor); }

  std::string operator()(const Voted& r) const {
    return names.of(r.key) + of_own(r.branches, names) + (r.accepted ? " accepted" : "");
  }

  std::string operator()(const AcceptedVotes& r) const {
    return names.of(r.key) + ' ' + of_ballot(r.ballot, names) + of_values(r.values, names);
  }

  std::string operator()(const Promised& r) const {
    return names.of(r.key) + ' ' + of_ballot(r.ballot, names);
  }

  std::string operator()(const Decided& r) const {
    return names.of(r.key) + ' ' + describe(r.outcome, names);
  }

  std::string operator()(const DecidedAlone& r) const {
    return names.of(r.key) + ' ' + describe(r.outcome, names);
  }

  std::string operator()(const Sent& r) const {
    return names.of(r.id) + ' ' + quoted(r.content) + " @" + Names::of(r.at);
  }

  std::string operator()(const TurnedAway& r) const {
    return names.of(r.id) + ' ' + describe(r.outcome, names);
  }

  std::string operator()(const AllInformed& r) const { return names.of(r.key); }

  std::string operator()(const Forgotten& r) const { return names.of(r.key); }

  std::string operator()(const ServiceNotified& r) const {
    return names.of(r.key) + ' ' + std::to_string(r.branch) + '.' + std::to_string(r.operation);
  }

  std::string operator()(const Removed& r) const {
    return "queue " + std::to_string(r.queue.value()) + " @" + Names::of(r.position.at);
  }

  std::string operator()(const Returned& r) const {
    return "queue " + std::to_string(r.queue.value()) + " @" + Names::of(r.position.at) + " x" +
           std::to_string(r.delivery_count);
  }

  std::string operator()(const DeadLettered& r) const { return quoted(r.message.content); }
};

struct OfRequest {
  const Names& names;

  std::string operator()(const Open& r) const {
    return "open " + (r.name.empty() ? names.of(r.client) : r.name);
  }

  std::string operator()(const Submit& r) const {
    std::string text = (r.retry ? "resubmit " : "submit ") + names.of(r.id);
    for (const Part& part : r.parts) {
      text += std::string(" ") + of_kind(part.kind) + ' ' + part.target;
      const bool has_body = part.content.body.byte_count() != 0;
      if (has_body) text += '=' + quoted(part.content);
    }
    return text;
  }

  std::string operator()(const Ask& r) const { return "ask " + names.of(r.id); }

  std::string operator()(const Acknowledge& r) const {
    return "acknowledge up to " + std::to_string(r.ack_upto.value());
  }

  std::string operator()(const Subscribe& r) const {
    return "subscribe " + r.queue + " credit " + std::to_string(r.credit);
  }

  std::string operator()(const AddCredit& r) const { return "credit " + std::to_string(r.credit); }

  std::string operator()(const Unsubscribe&) const { return "unsubscribe"; }

  std::string operator()(const Settle& r) const {
    const char* how[] = {"ack", "nack", "reject", "extend"};
    return std::string(how[static_cast<std::size_t>(r.how)]) + " x" +
           std::to_string(r.tokens.size());
  }

  std::string operator()(const Serve& r) const {
    std::string text = "serve " + r.service;
    if (!r.in_doubt.empty()) text += " in doubt " + std::to_string(r.in_doubt.size());
    return text;
  }

  std::string operator()(const Unserve& r) const { return "unserve " + r.service; }

  std::string operator()(const ServiceVote& r) const {
    const char* vote = !r.yes ? "no" : r.read_only ? "read-only" : "yes";
    return "service votes " + names.of(r.call.transaction) + ' ' + vote;
  }

  std::string operator()(const ServiceDone& r) const {
    return "service done " + names.of(r.call.transaction);
  }

  std::string operator()(const Inspect&) const { return "inspect"; }
};

struct OfReply {
  const Names& names;

  std::string operator()(const Opened& r) const {
    return "opened " + names.of(r.client) + " at " + r.node_name;
  }

  std::string operator()(const Denied& r) const {
    return with_reason(r.retryable ? "denied, retry" : "denied", r.reason, r.text);
  }

  std::string operator()(const Concluded& r) const {
    std::string text = names.of(r.id) + ' ' + of_verdict(r.verdict);
    if (r.verdict == Verdict::committed) text += " at " + Names::of(r.at);
    if (!r.by.empty()) text += " by " + r.by;
    text = with_reason(text, r.reason, r.text);
    for (const Content& reply : r.replies)
      text += ' ' + quoted(reply);
    return text;
  }

  std::string operator()(const Delivered& r) const {
    std::string text = "delivers " + quoted(r.content) + " of " + r.producer;
    if (r.delivery_count != 1) text += " x" + std::to_string(r.delivery_count);
    return text + " @" + Names::of(r.at);
  }

  std::string operator()(const SubscriptionEnded& r) const {
    return with_reason("subscription ended", r.reason, r.text);
  }

  std::string operator()(const Settled& r) const {
    return r.lost.empty() ? "settled" : "settled, lost " + std::to_string(r.lost.size());
  }

  std::string operator()(const ServicePrepare& r) const {
    return r.service + " prepare " + names.of(r.call.transaction) + ' ' + quoted(r.content);
  }

  std::string operator()(const ServiceDecision& r) const {
    return r.service + (r.commit ? " commit " : " roll back ") + names.of(r.call.transaction);
  }

  std::string operator()(const Serving& r) const {
    return std::string{r.active ? "serving" : "standing by"} +
           (r.look_again == 0 ? "" : ", look again");
  }

  std::string operator()(const Report&) const { return "report"; }
};

}  // namespace

std::string shout(const char* kind) {
  std::string text;
  for (const char* letter = kind; *letter != '\0'; ++letter) {
    text += static_cast<char>(std::toupper(static_cast<unsigned char>(*letter)));
  }
  return text;
}

std::string describe(const Value& value, const Names& names) {
  if (value.choice == Choice::none) return "none";
  if (value.choice == Choice::no) return with_reason("no", value.reason, value.text);
  if (value.read_only) return "read-only";
  return "yes@" + names.of(value.at);
}

std::string describe(const Outcome& outcome, const Names& names) {
  if (outcome.committed) return "commit @" + Names::of(outcome.at);
  std::string text = "roll back";
  if (!outcome.by.is_zero()) text += " by " + names.of(outcome.by);
  return with_reason(text, outcome.reason, outcome.text);
}

std::string describe(const Message& message, const Names& names) {
  return shout(kind_of(message)) + std::visit(OfMessage{names}, message);
}

std::string describe(const Record& record, const Names& names) {
  return std::string(kind_of(record)) + ' ' + std::visit(OfRecord{names}, record);
}

std::string describe(const Request& request, const Names& names) {
  return std::visit(OfRequest{names}, request);
}

std::string describe(const Reply& reply, const Names& names) {
  return std::visit(OfReply{names}, reply);
}

std::string describe(const Note& note, const Names& names) {
  std::string text = note.what;
  if (note.transaction) text += ' ' + names.of(*note.transaction);
  if (!note.detail.empty()) text += ' ' + note.detail;
  return text;
}

}  // namespace nemcon::sim
