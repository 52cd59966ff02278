// Reports: what this node can say about itself, its queues and its transactions. Read-only.
#pragma once

#include <map>

#include "core/consumers.hpp"
#include "core/context.hpp"
#include "core/driver.hpp"
#include "core/participant.hpp"
#include "core/request.hpp"

namespace nemcon::core {

class Reporter {
 public:
  Reporter(Context& context, const Participant& participant, const Driver& driver,
           const Consumers& consumers, const Leases& leases)
      : context_(context),
        participant_(participant),
        driver_(driver),
        consumers_(consumers),
        leases_(leases) {}

  [[nodiscard]] Report report(const Inspect& inspect) const;

 private:
  void add_nodes(Report& report) const;
  void add_queues(Report& report) const;
  void add_counts(Report& report) const;
  void add_transactions(Report& report, const Inspect& inspect) const;
  void add_transaction(Report& report, const TransactionId& id) const;
  // Whatever has a state here: being prepared, driven, stored.
  [[nodiscard]] std::map<TransactionKey, DescriptorPtr> all() const;
  [[nodiscard]] TransactionReport transaction(const TransactionKey& key,
                                              const Descriptor& descriptor) const;
  [[nodiscard]] BranchReport branch(const Descriptor& descriptor, const Transaction* row,
                                    const Driver::View* view, std::size_t index) const;

  Context& context_;
  const Participant& participant_;
  const Driver& driver_;
  const Consumers& consumers_;
  const Leases& leases_;
};

}  // namespace nemcon::core
