#include "node/storage_failure.hpp"

#include <unistd.h>

#include "node/node.hpp"

namespace nemcon::node {

std::string explain(const core::Error& error) {
  if (error.code != core::Errc::local_corrupt) return error.detail;
  return error.detail +
         "; change nothing by hand: docs/operations.md, \"A damaged data directory\", says what to "
         "do";
}

void end_after_storage_failure(const Trace& trace, std::string_view what,
                               const core::Error& error) {
  trace.error("storage failed, stopping at once",
              {{"what", std::string(what)}, {"why", explain(error)}});
  // No destructors and no exit handlers: they would go on working on a state that is in doubt.
  _exit(exit_storage_failed);
}

}  // namespace nemcon::node
