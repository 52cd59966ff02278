#include "core/query.hpp"

#include "core/answers.hpp"

namespace nemcon::core {

TransactionStatus what_is_known(const State& state, const Participant& participant,
                                const Query& query) {
  TransactionStatus status{.key = {query.id, query.digest}, .knowledge = Knowledge::none};
  const Transaction* row = state.find({query.id, query.digest});
  if (row == nullptr) row = state.find_bound(query.id);
  if (row == nullptr && query.digest == Digest{}) {
    const std::vector<TransactionKey> keys = state.transactions().keys_of(query.id);
    if (!keys.empty()) row = state.find(keys.front());
  }
  if (row != nullptr) {
    status = status_of(*row, query.wants_descriptor);
  } else if (const Sessions::Ended* ended = state.sessions().find_ended(status.key)) {
    status.key = ended->first;
    status.knowledge = Knowledge::decided;
    status.outcome = ended->second.outcome;
    status.forgotten = ended->second.forgotten;
  } else if (participant.is_preparing(status.key)) {
    status.knowledge = Knowledge::working;
  } else if (const auto preparing = participant.find_preparing(query.id);
             preparing && query.digest == Digest{}) {
    // Who resubmits follows this one; a second descriptor would only conflict (Rule P-23).
    status.key = preparing->first;
    status.knowledge = Knowledge::working;
    if (query.wants_descriptor) status.descriptor = preparing->second;
  } else if (state.sessions().is_too_old(query.id, query.expires)) {
    status.knowledge = Knowledge::too_old;
  }
  return status;
}

}  // namespace nemcon::core
