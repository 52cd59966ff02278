// Signals: in whose code a process was when a signal ended it. LMDB goes where its pages say, and
// checks little of it; our own code must not. One thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace nemcon::crash {

enum class Origin : std::uint8_t { unknown, lmdb, ours };

// From now on SIGSEGV, SIGBUS and SIGFPE end this process as they always do, and leave in `origin`
// whose code it was: what it called in other libraries, memcpy for example, is its own. `origin`
// must outlive the process.
void watch_signals(std::atomic<Origin>& origin);

}  // namespace nemcon::crash
