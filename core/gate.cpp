#include "core/gate.hpp"

#include <algorithm>

#include "core/mutant.hpp"
#include "core/overloaded.hpp"

namespace nemcon::core {

namespace {

// What is not one queue or service.
const std::string whole_node = "*";

}  // namespace

Verb verb_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::deliver:
      return Verb::send;
    case OperationKind::consume:
      return Verb::consume;
    case OperationKind::call:
      return Verb::call;
    case OperationKind::check:
      break;
  }
  return Verb::browse;
}

bool Gate::admits(const Client& client, const Request& request) {
  if (!context_.permissions.is_secured()) return true;
  // A new kind of request has to be named here.
  return std::visit(
      Overloaded{
          [](const Open&) { return true; },
          [&](const Submit& submit) {
            if (submit.id.client == client.id) return true;
            context_.reply(client.link, Denied{.request = submit.request,
                                               .retryable = false,
                                               .reason = Reason::forbidden,
                                               .text = "the transaction id is not this session's"});
            return false;
          },
          [&](const Ask& ask) { return may_look_at(client, ask.request, ask.id); },
          [](const Acknowledge&) { return true; },  // Of its own session only.
          [&](const Subscribe& subscribe) { return may_subscribe(client, subscribe); },
          [](const AddCredit&) { return true; },  // Of its own subscription only.
          [](const Unsubscribe&) { return true; },
          [&](const Settle& settle) { return may_settle(client, settle); },
          [&](const Serve& serve) {
            return may(client, serve.request, Verb::serve, serve.service);
          },
          [](const Unserve&) { return true; },
          [](const ServiceVote&) { return true; },  // Taken from the active instance only.
          [&](const ServiceDone& done) {
            const std::string* service = services_.find_service(done.call);
            return service == nullptr || may(client, 0, Verb::serve, *service);
          },
          [&](const Inspect& inspect) {
            const bool is_one = inspect.topic == Topic::transaction;
            return is_one ? may_look_at(client, inspect.request, inspect.id)
                          : may(client, inspect.request, Verb::browse, whole_node);
          },
      },
      request);
}

bool Gate::may(const Client& client, std::uint64_t request, Verb verb, const std::string& name) {
  if (context_.permissions.allows(client.principal, verb, name)) return true;
  std::string why = context_.deny(client.principal, verb, name, context_.options.name, {});
  if (request != 0) {
    context_.reply(client.link, Denied{.request = request,
                                       .retryable = false,
                                       .reason = Reason::forbidden,
                                       .text = std::move(why)});
  }
  return false;
}

// The outcome of one's own transaction is one's own; of any other it says who works with whom.
bool Gate::may_look_at(const Client& client, std::uint64_t request, const TransactionId& id) {
  return id.client == client.id || may(client, request, Verb::browse, whole_node);
}

bool Gate::may_subscribe(const Client& client, const Subscribe& subscribe) {
  if (context_.permissions.allows(client.principal, Verb::consume, subscribe.queue)) return true;
  std::string why =
      context_.deny(client.principal, Verb::consume, subscribe.queue, context_.options.name, {});
  context_.reply(client.link, SubscriptionEnded{.subscription = subscribe.subscription,
                                                .reason = Reason::forbidden,
                                                .text = std::move(why)});
  return false;
}

bool Gate::may_settle(const Client& client, const Settle& settle) {
  return std::ranges::all_of(settle.tokens, [&](LeaseToken token) {
    const LeaseRef* lease = leases_.find(token);
    return lease == nullptr || lease->link != client.link ||
           may(client, settle.request, Verb::consume,
               context_.state.queue(lease->queue).row().name);
  });
}

std::optional<std::string> refusal_of(Context& context, const NodeId& from,
                                      const Descriptor& descriptor,
                                      const std::vector<std::uint8_t>& branches) {
  const Permissions& permissions = context.permissions;
  if (!permissions.is_secured() || planted(Mutant::permission_at_begin_only)) return std::nullopt;
  const std::string& principal = descriptor.principal;
  const bool own = context.is_self(from);
  const std::string through = own ? "" : context.membership.name_of(from);
  if (!context.may_vouch(from, descriptor)) {
    return context.deny_vouching(through, principal);
  }
  for (const std::uint8_t branch : branches) {
    for (const Operation& operation : descriptor.branches[branch].operations) {
      const Verb verb = verb_of(operation.kind);
      if (permissions.allows(principal, verb, operation.target)) continue;
      return context.deny(principal, verb, operation.target, context.options.name, through);
    }
  }
  return std::nullopt;
}

}  // namespace nemcon::core
