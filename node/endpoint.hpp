// Endpoints: where a node listens and where its peers are. Only tcp and ipc: the other
// transports of ZeroMQ are not for links between nodes.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace nemcon::node {

enum class EndpointUse { listen, connect };

struct EndpointFacts {
  bool local = false;  // Bytes stay on this machine: loopback or ipc.
};

// The facts, or a sentence that says what is wrong with it and what is allowed.
// listen: "tcp://ADDRESS:PORT" with an IPv4 address or "*", "ipc://PATH"; PORT may be "*",
// any free one.
// connect: "tcp://HOST:PORT" with a host name or an IPv4 address, "ipc://PATH".
[[nodiscard]] std::variant<EndpointFacts, std::string> check_endpoint(std::string_view endpoint,
                                                                      EndpointUse use);

}  // namespace nemcon::node
