// What lives at the address of a node and is none. One thread, the test's.
#pragma once

#include <cerrno>
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

// Somebody on the path: passes one connection on, keeps what was said, and can change it.
class Relay {
 public:
  explicit Relay(const std::string& target) : target_(target), listener_(free_endpoint_socket()) {}

  ~Relay() {
    for (const int socket : {listener_, near_, far_}) {
      if (socket >= 0) ::close(socket);
    }
  }

  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::string endpoint() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }

  void turn() {
    if (near_ < 0) {
      near_ = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      if (near_ < 0) return;
      far_ = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address = loopback(target_);
      EXPECT_EQ(::connect(far_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    pass(near_, far_, true);
    pass(far_, near_, false);
  }

  // The last byte of what is sent next by who connected.
  void change_next() { changes_next_ = true; }

  [[nodiscard]] const std::string& heard() const { return heard_; }

 private:
  static sockaddr_in loopback(const std::string& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    return address;
  }

  static int free_endpoint_socket() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address = loopback("tcp://127.0.0.1:0");
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket, 1), 0);
    return socket;
  }

  void pass(int from, int to, bool outward) {
    char bytes[4096];
    const ssize_t got = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) ::shutdown(to, SHUT_RDWR);
    if (got <= 0) return;
    heard_.append(bytes, static_cast<std::size_t>(got));
    if (outward && changes_next_) {
      bytes[got - 1] = static_cast<char>(bytes[got - 1] ^ 1);
      changes_next_ = false;
    }
    const ssize_t sent = ::send(to, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent < 0) ::shutdown(from, SHUT_RDWR);
  }

  std::string target_;
  int listener_;
  int near_ = -1;
  int far_ = -1;
  bool changes_next_ = false;
  std::string heard_;
};

}  // namespace nemcon::transport
