// NodeKeys of a configuration: its secret key file read, and everybody's public keys.
#pragma once

#include "core/result.hpp"
#include "node/config.hpp"
#include "transport/key_ring.hpp"

namespace nemcon::node {

// Only for a configuration with a secret_key_file. Blocks on the file. local_refused: what is wrong
// with it, and the remedy.
[[nodiscard]] core::Result<transport::NodeKeys> load_keys(const Config& config);

// From now on this process leaves no core dump, and other processes of the same user cannot look
// into it. Before a secret key is read.
void keep_memory_private();

}  // namespace nemcon::node
