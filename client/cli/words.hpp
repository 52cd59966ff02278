// Names for programs, where to_text() has words for people.
#pragma once

#include <nemcon/outcome.hpp>

namespace nemcon::cli {

// The name of the enumerator: "rolled_back", "service_refused".
[[nodiscard]] const char* to_name(State state);
[[nodiscard]] const char* to_name(Reason reason);

}  // namespace nemcon::cli
