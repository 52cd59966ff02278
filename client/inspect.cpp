#include <nemcon/inspect.hpp>

namespace nemcon {
inline namespace v0 {

const char* to_text(QueueOrdering ordering) {
  switch (ordering) {
    case QueueOrdering::producer:
      return "producer";
    case QueueOrdering::mesh:
      return "mesh";
    case QueueOrdering::none:
      return "none";
  }
  return "none";
}

}  // namespace v0
}  // namespace nemcon
