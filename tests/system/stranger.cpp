#include "tests/system/stranger.hpp"

#include <cerrno>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nemcon::tests {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Stranger::Stranger(const std::string& endpoint, std::uint32_t last)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last);
  if (last != 1) {
    // Else the kernel looks for a free port twice, which costs it more than the connection.
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    static_cast<void>(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  // It goes on while others do.
  static_cast<void>(
      ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

Stranger::~Stranger() {
  ::close(socket_);
}

std::size_t Stranger::send(const std::string& bytes) const {
  std::size_t sent = 0;
  const Clock::time_point give_up = Clock::now() + 5s;
  while (sent < bytes.size() && Clock::now() < give_up) {
    const ssize_t taken = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (taken > 0) {
      sent += static_cast<std::size_t>(taken);
    } else if ((errno != EAGAIN && errno != ENOTCONN) || !is_connected()) {
      break;
    } else {
      std::this_thread::sleep_for(1ms);
    }
  }
  return sent;
}

std::size_t Stranger::try_send(std::string_view bytes) const {
  const ssize_t taken = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return taken > 0 ? static_cast<std::size_t>(taken) : 0;
}

bool Stranger::hear(std::size_t byte_count) const {
  std::string bytes(byte_count, '\0');
  const Clock::time_point give_up = Clock::now() + 5s;
  while (byte_count > 0) {
    const ssize_t got = ::recv(socket_, bytes.data(), byte_count, 0);
    if (got > 0) {
      byte_count -= static_cast<std::size_t>(got);
    } else if (got == 0 || (errno != EAGAIN && errno != ENOTCONN) || Clock::now() >= give_up) {
      return false;
    } else {
      std::this_thread::sleep_for(1ms);
    }
  }
  return true;
}

void Stranger::reset_when_closed() const {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Stranger::is_connected() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  return ::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0 ||
         Clock::now() < begun_at_ + 100ms;
}

bool Stranger::has_arrived() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  // The SYN counts as one.
  return ::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_bytes_acked > 1;
}

bool Stranger::is_closed() const {
  char bytes[256];
  for (;;) {
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN && errno != ENOTCONN;
  }
}

std::string zmtp_greeting(const std::string& mechanism) {
  std::string greeting(64, '\0');
  greeting[0] = '\xff';
  greeting[9] = '\x7f';
  greeting[10] = 3;
  greeting.replace(12, mechanism.size(), mechanism);
  return greeting;
}

std::string command_head(std::uint64_t byte_count) {
  std::string head = "\x06";
  for (int shift = 56; shift >= 0; shift -= 8)
    head += static_cast<char>(byte_count >> static_cast<unsigned>(shift) & 0xffU);
  return head;
}

std::string curve_hello_head() {
  return std::string("\x04\xc8\x05HELLO\x01", 9) + std::string(1, '\0');
}

std::string garbage(std::size_t turn, std::mt19937_64& random) {
  const std::size_t stage = turn % 5;
  std::string text = stage == 0 ? "" : zmtp_greeting(stage == 1 ? "NULL" : "CURVE");
  if (stage == 3) text += command_head(random() % 65'536);
  if (stage == 4) text += curve_hello_head();
  const std::size_t byte_count = random() % 2'000;
  for (std::size_t i = 0; i < byte_count; ++i)
    text += static_cast<char>(random());
  return text;
}

}  // namespace nemcon::tests
