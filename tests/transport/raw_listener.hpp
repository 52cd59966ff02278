// What lives at the address of a node and is none. One thread, the test's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nemcon::transport {

// Listens, and answers each connection with the same bytes.
class RawListener {
 public:
  explicit RawListener(const std::string& endpoint) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_, 16), 0);
  }

  ~RawListener() {
    for (const int connection : connections_)
      ::close(connection);
    ::close(socket_);
  }

  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  void turn(std::string_view answer) {
    const int connection = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK);
    if (connection < 0) return;
    connections_.push_back(connection);
    EXPECT_EQ(::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer.size()));
  }

  void make_nonblocking() {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &short_wait, sizeof short_wait);
  }

  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

 private:
  static constexpr timeval short_wait{.tv_sec = 0, .tv_usec = 1000};
  int socket_;
  std::vector<int> connections_;
};

// A ZMTP greeting with a security mechanism that nobody knows: libzmq's own socket gives up for
// ever after this one, without a word.
inline std::string bogus_greeting() {
  std::string greeting(64, '\0');
  greeting[0] = '\xff';
  greeting[8] = 1;
  greeting[9] = '\x7f';
  greeting[10] = 3;
  greeting.replace(12, 5, "BOGUS");
  return greeting;
}

}  // namespace nemcon::transport
