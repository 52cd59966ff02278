// Kills and errors: the script again and again, each time with another of its writes, flushes and
// changes of names as the last thing that the process does, or one that fails. Then a start, and a
// look. Of a growing script the first start of the node is a part.
#pragma once

#include "tests/crash/states.hpp"

namespace nemcon::crash {

// Before and after each call: killed.
[[nodiscard]] Verdict kill_at_each_call(const Script& script);

// Before each call: killed; then the start after it, before each of its own.
[[nodiscard]] Verdict kill_in_each_start(const Script& script);

// Each call fails once: input/output error, no room, input/output error though it was carried out.
[[nodiscard]] Verdict fail_each_call(const Script& script);

}  // namespace nemcon::crash
