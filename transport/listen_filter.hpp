// What a listening TCP socket of ours drops before the kernel makes a connection of it: a classic
// socket filter, for which no privilege is needed. Connections that there are do not notice; those
// that are made while one is set have it too, and nothing of theirs matches it.
//
// Paths of the file system (ipc) have no such filter, and these calls do nothing there. Never
// blocks; any thread.
#pragma once

#include <optional>
#include <span>

#include "transport/connect_rates.hpp"

namespace nemcon::transport {

void drop_all(int listening);
void drop_from(int listening, std::span<const NetworkAddress> addresses);
void drop_none(int listening);

// Of the other end. Nothing: it has none, or is gone already.
[[nodiscard]] std::optional<NetworkAddress> address_of_peer(int connected);

}  // namespace nemcon::transport
