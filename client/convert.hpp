// Between the installed vocabulary and the core's. Pure functions; the only place where the two
// meet, so that public headers need nothing of the core.
#pragma once

#include <nemcon/inspect.hpp>
#include <nemcon/outcome.hpp>
#include <nemcon/service.hpp>

#include "core/request.hpp"

namespace nemcon::client {

[[nodiscard]] TransactionId to_public(const core::TransactionId& id);
[[nodiscard]] core::TransactionId to_core(const TransactionId& id);

[[nodiscard]] Reason to_public(core::Reason reason);
[[nodiscard]] core::Reason to_core(Reason reason);

[[nodiscard]] CallId to_public(const core::CallKey& call);
[[nodiscard]] core::CallKey to_core(const CallId& call);

// What the node concluded, as the application sees it. `in_doubt` becomes unknown.
[[nodiscard]] Outcome to_public(const core::Concluded& concluded);

// A request that was turned away: rolled back, since it surely had no effect.
[[nodiscard]] Outcome to_public(const core::Denied& denied);

[[nodiscard]] NodeStatus to_public(const core::NodeReport& report);
[[nodiscard]] QueueStatus to_public(const core::QueueReport& report);
[[nodiscard]] TransactionStatus to_public(const core::TransactionReport& report);

}  // namespace nemcon::client
