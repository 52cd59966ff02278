// Query: what this node's state says of a transaction that somebody asks about. Pure.
#pragma once

#include "core/message.hpp"
#include "core/participant.hpp"
#include "core/state.hpp"

namespace nemcon::core {

[[nodiscard]] TransactionStatus what_is_known(const State& state, const Participant& participant,
                                              const Query& query);

}  // namespace nemcon::core
