// Gate: where permissions are asked for. A client's request is looked at by the node that it came
// to, and each branch of its transaction once more by the node that has the queue or service: what
// a peer lets its clients do here is not its to say. Rules P-41 and P-42.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/context.hpp"
#include "core/leases.hpp"
#include "core/services.hpp"
#include "core/submissions.hpp"

namespace nemcon::core {

class Gate {
 public:
  Gate(Context& context, const Services& services, const Leases& leases)
      : context_(context), services_(services), leases_(leases) {}

  // False: the client has been told why not. Submit is looked at by the composer, part by part.
  [[nodiscard]] bool admits(const Client& client, const Request& request);

  // With what it has begun, after the permissions changed.
  [[nodiscard]] bool may_go_on(const Client* client, Verb verb, const std::string& name) const {
    return client != nullptr && context_.permissions.allows(client->principal, verb, name);
  }

 private:
  [[nodiscard]] bool may(const Client& client, std::uint64_t request, Verb verb,
                         const std::string& name);
  [[nodiscard]] bool may_settle(const Client& client, const Settle& settle);
  [[nodiscard]] bool may_subscribe(const Client& client, const Subscribe& subscribe);
  [[nodiscard]] bool may_look_at(const Client& client, std::uint64_t request,
                                 const TransactionId& id);

  Context& context_;
  const Services& services_;
  const Leases& leases_;
};

// What an operation needs at its queue or service.
[[nodiscard]] Verb verb_of(OperationKind kind);

// Why this node will not have these branches of its own: its refusal as the vote's text. `from` is
// the node that sent them and so vouches for the principal.
[[nodiscard]] std::optional<std::string> refusal_of(Context& context, const NodeId& from,
                                                    const Descriptor& descriptor,
                                                    const std::vector<std::uint8_t>& branches);

}  // namespace nemcon::core
