#include "node/storage_failure.hpp"

#include <unistd.h>

#include "node/node.hpp"

namespace nemcon::node {

void end_after_storage_failure(const Trace& trace, std::string_view what,
                               const core::Error& error) {
  trace.error("storage failed, stopping at once",
              {{"what", std::string(what)}, {"why", error.detail}});
  // No destructors and no exit handlers: they would go on working on a state that is in doubt.
  _exit(exit_storage_failed);
}

}  // namespace nemcon::node
