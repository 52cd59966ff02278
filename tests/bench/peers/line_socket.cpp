#include "tests/bench/peers/line_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/peers/driver.hpp"

namespace nemcon::bench::peers {

namespace {

constexpr std::chrono::milliseconds patience_max{30'000};
constexpr std::size_t receive_bytes_max = 65'536;

}  // namespace

LineSocket::LineSocket(std::string peer, int port)
    : peer_(std::move(peer)), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (socket_ < 0 ||
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(peer_ + ": cannot connect");
  // A command waits for nothing that may come after it.
  const int yes = 1;
  if (::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
    fail(peer_ + ": TCP_NODELAY cannot be set");
}

LineSocket::~LineSocket() {
  ::close(socket_);
}

void LineSocket::flush() {
  for (std::string_view rest = out_; !rest.empty();) {
    const ssize_t count = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0) fail(peer_ + ": cannot send: " + std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  out_.clear();
}

std::string LineSocket::take_until(char end) {
  std::size_t looked_at = taken_;
  for (;;) {
    const std::size_t at = in_.find(end, looked_at);
    if (at != std::string::npos) {
      std::string text = cut(at - taken_);
      taken_ += 1;
      return text;
    }
    const std::size_t left = in_.size() - taken_;
    receive();
    looked_at = taken_ + left;
  }
}

std::string LineSocket::take(std::size_t count) {
  while (in_.size() - taken_ < count)
    receive();
  return cut(count);
}

bool LineSocket::wait_for(char end, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + patience;
  while (!has(end)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (!receive(std::max(left, std::chrono::milliseconds{0}))) return false;
  }
  return true;
}

// Moves what is left to the front of the buffer, and adds what comes.
bool LineSocket::receive(std::chrono::milliseconds patience) {
  in_.erase(0, taken_);
  taken_ = 0;
  pollfd poll{.fd = socket_, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&poll, 1, static_cast<int>(patience.count()));
  if (ready == 0) return false;
  if (ready < 0) fail(peer_ + ": cannot wait: " + std::strerror(errno));
  std::array<char, receive_bytes_max> bytes{};
  const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (count <= 0) fail(peer_ + ": the connection has ended");
  in_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

void LineSocket::receive() {
  if (!receive(patience_max)) fail(peer_ + ": no answer came");
}

std::string LineSocket::cut(std::size_t count) {
  std::string text = in_.substr(taken_, count);
  taken_ += count;
  return text;
}

}  // namespace nemcon::bench::peers
