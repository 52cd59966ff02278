// AcceptedMembers: the newest membership file that this node has had in force, so that nobody can
// bring an older one back: a key that was revoked stays revoked.
//
//   DIR/membership         serial and digest, and a check over both; written anew as a whole
//
// The rule: a lower serial than this is refused, and so is the same serial with other content.
// Whoever holds the lock of the data directory; blocks on the disk.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.hpp"
#include "log/file.hpp"
#include "node/config.hpp"

namespace nemcon::node {

enum class MembersAge : std::uint8_t { same, newer };

// Only for a configuration with a membership file. A directory that does not exist yet has accepted
// none. local_refused: the file is older, or another with the same serial, or what was accepted
// cannot be read; with the remedy.
[[nodiscard]] core::Result<MembersAge> compare_members(log::FileOperations& files,
                                                       const Config& config);

// After compare_members() and before anything of the file takes effect: durable when it returns.
// Also for the same file again, of which a crash may have left the name not flushed.
// After a crash it is as before or as it is wanted. local_failed: the directory cannot be written.
[[nodiscard]] core::Status remember_members(log::FileOperations& files, const Config& config);

}  // namespace nemcon::node
