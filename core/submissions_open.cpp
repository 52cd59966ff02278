// Submissions: the sessions of clients, what they are called, and what they have acknowledged.
#include <algorithm>

#include "core/mutant.hpp"
#include "core/submissions.hpp"

namespace nemcon::core {

namespace {

// A client name is kept for ever by every node that it sends to.
constexpr std::size_t name_bytes_max = 255;

}  // namespace

// Wall time first, so that a node that has not heard of the newest session still hands out a
// larger number; then bits of the node, so that two nodes never hand out the same (Rule P-16).
Epoch Submissions::new_epoch(Epoch newest, Epoch above) {
  // The last bits are this node's, also in one that is above what is known: another node whose
  // clock is behind as well may know the same.
  const std::uint64_t own = context_.options.node.low & 0xffffU;
  const std::uint64_t known = std::max(newest, above).value();
  const bool fits = (known & 0xffffU) < own;
  const std::uint64_t above_known = (known >> 16U) + (fits ? 0 : 1);
  return Epoch{(std::max(context_.clock.wall_ms(), above_known) << 16U) | own};
}

void Submissions::on_open(LinkId link, const Open& open) {
  const Waiter waiter{.link = link, .request = open.request};
  if (open.name.size() > name_bytes_max || open.name.starts_with('#')) {
    deny(waiter, {Reason::malformed, "a client name has at most 255 bytes and no leading #"});
    return;
  }
  if (const std::optional<std::string> why = refuse_name(link, open)) {
    deny(waiter, {Reason::forbidden, *why});
    return;
  }
  Client client{.link = link,
                .name = open.name,
                .id = open.client,
                .epoch = {},
                .principal = {},
                .producer = {}};
  client.principal = open.name;
  if (open.name.empty()) {
    if (open.client.is_zero()) {
      deny(waiter, {Reason::malformed, "an anonymous client needs a random id"});
      return;
    }
    if (context_.permissions.is_secured()) {
      client.principal = known_.at(link);
      client.id = context_.marked(open.client, client.principal);
    }
    client.producer = producer_of(client.name, client.id);
    clients_[link] = client;
    welcome(client, open.request);
    return;
  }
  if (const std::optional<Reason> reason = context_.refuses_work()) {
    deny(waiter, {*reason, to_text(*reason), true});
    return;
  }
  client.id = context_.options.hashing.of_name(open.name);
  const SessionRow* known = context_.state.sessions().find(client.id);
  if (known == nullptr) {
    if (const std::optional<NotComposed> why = refuse_new_session(open.name)) {
      deny(waiter, *why);
      return;
    }
  }
  const Epoch newest = known == nullptr ? Epoch{} : known->newest;
  if (open.epoch != Epoch{} && open.epoch < newest) {
    context_.promise_reply(link, Denied{.request = open.request,
                                        .retryable = false,
                                        .reason = Reason::fenced,
                                        .text = "a newer session of this name is open",
                                        .epoch = newest});
    return;
  }
  client.epoch = open.epoch != Epoch{} ? open.epoch : new_epoch(newest, open.above);
  if (client.epoch != newest) {
    if (const std::optional<NotComposed> why = refuse_new_epoch(client)) {
      deny(waiter, *why);
      return;
    }
    context_.write(SessionOpened{.client = client.id, .name = open.name, .epoch = client.epoch},
                   Urgency::urgent);
  }
  client.producer = producer_of(client.name, client.id);
  clients_[link] = client;
  welcome(client, open.request);
}

// A session is remembered for good: no client may use up what there is for all.
std::optional<NotComposed> Submissions::refuse_new_session(const std::string& name) const {
  const Sessions& sessions = context_.state.sessions();
  const std::size_t count_max = context_.options.limits.clients_max;
  if (sessions.named_count() >= count_max) {
    return NotComposed{Reason::unavailable, "max_clients sessions are known already", true};
  }
  if (!context_.permissions.is_secured()) return std::nullopt;
  const std::string account{account_of(name)};
  if (!context_.permissions.allows_something(account)) {
    return NotComposed{Reason::forbidden, "client \"" + account + "\" may do nothing at node " +
                                              context_.options.name +
                                              ": its [[client]] table allows nothing"};
  }
  if (sessions.count_of(account) >= std::max<std::size_t>(1, count_max / 2)) {
    return NotComposed{Reason::unavailable,
                       "client \"" + account + "\" has half of max_clients sessions already", true};
  }
  return std::nullopt;
}

// What was acknowledged in an epoch is remembered for good: they may not come without end. Without
// keys nobody knows whose they are.
std::optional<NotComposed> Submissions::refuse_new_epoch(const Client& client) {
  if (!context_.permissions.is_secured()) return std::nullopt;
  const std::string account{account_of(client.principal)};
  if (context_.quotas.may_open(account, context_.options.limits.clients_max, context_.now()))
    return std::nullopt;
  return NotComposed{Reason::unavailable,
                     "client \"" + account + "\" opens sessions too fast: no more than " +
                         std::to_string(Quotas::openings_per_second) + " a second in the long run",
                     true};
}

// Rule P-41: a key stands for one name; the client may add what it calls this session.
std::optional<std::string> Submissions::refuse_name(LinkId link, const Open& open) const {
  if (!context_.permissions.is_secured()) return std::nullopt;
  const auto known = known_.find(link);
  const std::string name = known == known_.end() ? "" : known->second;
  if (name.empty()) {
    return "node " + context_.options.name +
           " knows clients by their keys: use one that a [[client]] table of it names";
  }
  const bool owns = open.name.empty() || account_of(open.name) == name;
  if (owns || planted(Mutant::sender_from_payload)) return std::nullopt;
  return "the key is of client \"" + name + "\", which may call itself that or \"" + name +
         "/...\", not \"" + open.name + '"';
}

void Submissions::welcome(const Client& client, std::uint64_t request) {
  const Options& options = context_.options;
  context_.promise_reply(
      client.link, Opened{.request = request,
                          .node_name = options.name,
                          .node = options.node,
                          .client = client.id,
                          .epoch = client.epoch,
                          .clock = context_.clock.present(),
                          .retention_ms = static_cast<std::uint64_t>(options.timing.retention /
                                                                     std::chrono::milliseconds{1}),
                          .message_bytes_max = options.limits.message_bytes_max,
                          .transaction_bytes_max = options.limits.transaction_bytes_max,
                          .window = options.limits.window_max,
                          .named = !client.name.empty()});
}

void Submissions::on_acknowledge(const Client& client, const Acknowledge& acknowledge) {
  acknowledge_upto(client, acknowledge.epoch, acknowledge.ack_upto);
}

// Only for the client's own name: its id follows from it (Rule P-15). Marks are kept, so there are
// none of what never was: of a session without anything here, or of epochs that a client makes up.
void Submissions::acknowledge_upto(const Client& client, Epoch epoch, Sequence upto) {
  const Sessions& sessions = context_.state.sessions();
  if (client.name.empty() != (epoch == Epoch{})) return;
  if (sessions.find(client.id) == nullptr || upto <= sessions.ack_upto(client.id, epoch)) return;
  if (epoch != client.epoch && !sessions.has_something_of(client.id, epoch)) return;
  context_.write(AcknowledgedUpTo{.client = client.id, .epoch = epoch, .ack_upto = upto},
                 Urgency::lazy);
}

}  // namespace nemcon::core
