#include "node/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <arpa/inet.h>
#include <sys/un.h>

#include "transport/endpoint.hpp"

namespace nemcon::node {

namespace {

constexpr std::string_view tcp_prefix = "tcp://";
constexpr std::string_view ipc_prefix = "ipc://";

// What the kernel has room for, its closing zero included.
constexpr std::size_t ipc_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t host_name_bytes_max = 253;  // RFC 1035.

std::optional<std::uint32_t> parse_ipv4(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > host_name_bytes_max || host.front() == '-') return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

std::optional<std::uint32_t> parse_port(std::string_view text) {
  std::uint32_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stopped != end || port > 65535) return std::nullopt;
  return port;
}

std::variant<EndpointFacts, std::string> check_host(const std::string& host, EndpointUse use) {
  if (const auto address = parse_ipv4(host)) {
    if (*address == 0 && use == EndpointUse::connect) {
      return std::string("0.0.0.0 is no address to connect to");
    }
    return EndpointFacts{.local = transport::is_local_host(host)};
  }
  if (use == EndpointUse::listen) {
    if (host == "*") return EndpointFacts{.local = false};
    return "\"" + host + "\" is no address to listen at; allowed: an IPv4 address or *";
  }
  if (!is_host_name(host)) {
    return "\"" + host + "\" is no host; allowed: a host name or an IPv4 address";
  }
  return EndpointFacts{.local = transport::is_local_host(host)};
}

std::variant<EndpointFacts, std::string> check_tcp(std::string_view rest, EndpointUse use) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return std::string("the port is missing");
  const std::string port_text(rest.substr(colon + 1));
  const auto port = parse_port(port_text);
  const bool any_free = port_text == "*" && use == EndpointUse::listen;
  if (!any_free && (!port || *port == 0)) {
    const char* const allowed =
        use == EndpointUse::listen ? "1 to 65535, or * for any free one" : "1 to 65535";
    return "\"" + port_text + "\" is no port; allowed: " + allowed;
  }
  return check_host(std::string(rest.substr(0, colon)), use);
}

}  // namespace

std::variant<EndpointFacts, std::string> check_endpoint(std::string_view endpoint,
                                                        EndpointUse use) {
  if (endpoint.starts_with(tcp_prefix)) return check_tcp(endpoint.substr(tcp_prefix.size()), use);
  if (!endpoint.starts_with(ipc_prefix)) {
    return "\"" + std::string(endpoint) +
           "\" is no endpoint; allowed: \"tcp://HOST:PORT\", \"ipc://PATH\"";
  }
  const std::size_t path_bytes = endpoint.size() - ipc_prefix.size();
  if (path_bytes == 0) return std::string("the path is missing");
  if (path_bytes > ipc_path_bytes_max) {
    return "the path is longer than the system's " + std::to_string(ipc_path_bytes_max) + " bytes";
  }
  return EndpointFacts{.local = true};
}

}  // namespace nemcon::node
