// QueueTrail: for each queue, which of this session's transactions came before in it. The node
// of the queue uses it to put early arrivals in order (Operation::previous).
//
// One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace nemcon::client {

class QueueTrail {
 public:
  // The nearest transaction below `sequence` with a delivery to this queue that is not known to
  // be rolled back for good; zero when there is none.
  [[nodiscard]] core::Sequence find_previous(const std::string& queue,
                                             core::Sequence sequence) const;

  void add(const std::string& queue, core::Sequence sequence);

  // What is below a committed one is never asked for again, except by one below it.
  void on_committed(const std::string& queue, core::Sequence sequence);

  void on_rolled_back(const std::string& queue, core::Sequence sequence);

  void clear() { queues_.clear(); }

 private:
  // Invariant: each list rises strictly, and is not empty.
  std::map<std::string, std::vector<core::Sequence>> queues_;
};

}  // namespace nemcon::client
