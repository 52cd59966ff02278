#include "transport/listen_filter.hpp"

#include <vector>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace nemcon::transport {

namespace {

using Program = std::vector<sock_filter>;

constexpr std::uint32_t drop = 0;
constexpr std::uint32_t keep = ~std::uint32_t{0};

// Where the kernel puts the head of the network layer, whatever the packet is.
constexpr auto head = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t source_v4 = head + 12;
constexpr std::uint32_t source_v6 = head + 8;

sock_filter load_word(std::uint32_t at) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
}

sock_filter verdict(std::uint32_t value) {
  return BPF_STMT(BPF_RET | BPF_K, value);
}

// Goes on with the next instruction if equal, else behind `skipped` further ones.
sock_filter if_equal(std::uint32_t value, std::uint8_t skipped) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped);
}

Program dropping_v4(std::span<const NetworkAddress> addresses) {
  Program program{load_word(source_v4)};
  for (const NetworkAddress& address : addresses) {
    if (address.is_v6) continue;
    program.push_back(if_equal(static_cast<std::uint32_t>(address.prefix), 1));
    program.push_back(verdict(drop));
  }
  program.push_back(verdict(keep));
  return program;
}

Program dropping_v6(std::span<const NetworkAddress> addresses) {
  Program program;
  for (const NetworkAddress& address : addresses) {
    if (!address.is_v6) continue;
    program.push_back(load_word(source_v6));
    program.push_back(if_equal(static_cast<std::uint32_t>(address.prefix >> 32U), 3));
    program.push_back(load_word(source_v6 + 4));
    program.push_back(if_equal(static_cast<std::uint32_t>(address.prefix), 1));
    program.push_back(verdict(drop));
  }
  program.push_back(verdict(keep));
  return program;
}

void attach(int listening, Program& program) {
  const sock_fprog all{.len = static_cast<unsigned short>(program.size()),
                       .filter = program.data()};
  // Paths refuse, or do not care.
  static_cast<void>(::setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all));
}

std::uint64_t number_of(const std::uint8_t* octets, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i)
    number = number << 8U | octets[i];
  return number;
}

}  // namespace

void drop_all(int listening) {
  Program program{verdict(drop)};
  attach(listening, program);
}

void drop_from(int listening, std::span<const NetworkAddress> addresses) {
  constexpr std::uint32_t version_6 = 6;
  const Program v4 = dropping_v4(addresses);
  const Program v6 = dropping_v6(addresses);
  Program program{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, head), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
                  if_equal(version_6, 1),
                  BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(v4.size()))};
  program.insert(program.end(), v4.begin(), v4.end());
  program.insert(program.end(), v6.begin(), v6.end());
  attach(listening, program);
}

void drop_none(int listening) {
  const int unused = 0;
  static_cast<void>(::setsockopt(listening, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused));
}

std::optional<NetworkAddress> address_of_peer(int connected) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(connected, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return std::nullopt;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return NetworkAddress{.is_v6 = false, .prefix = ntohl(v4.sin_addr.s_addr)};
  }
  if (address.ss_family != AF_INET6) return std::nullopt;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const std::uint8_t* const octets = v6.sin6_addr.s6_addr;
  // One of IPv4, at a socket of both.
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    return NetworkAddress{.is_v6 = false, .prefix = number_of(octets + 12, 4)};
  return NetworkAddress{.is_v6 = true, .prefix = number_of(octets, 8)};
}

}  // namespace nemcon::transport
