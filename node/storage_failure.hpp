// What happens when the disk breaks its word: the process ends, at once and for good.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "node/trace.hpp"

namespace nemcon::node {

// The error in words, with what a person can do about it.
[[nodiscard]] std::string explain(const core::Error& error);

// After a failed flush the kernel may have dropped what it could not write, and a second flush
// would succeed without it; after a failed store write nobody knows whether it happened. Only a
// new start, which reads what is there, can tell. Nothing is sent any more. Exit code 3.
[[noreturn]] void end_after_storage_failure(const Trace& trace, std::string_view what,
                                            const core::Error& error);

}  // namespace nemcon::node
