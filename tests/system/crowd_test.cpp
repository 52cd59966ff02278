// Goal: strangers without a key cost a node little, and its friends nothing, whatever they do with
// their connections. Method: a real daemon, raw sockets that do it, an honest client beside them.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/keyed_mesh.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Connects, and then does as it is told.
class Stranger {
 public:
  explicit Stranger(const std::string& endpoint) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
    // It goes on while others do.
    static_cast<void>(
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }

  ~Stranger() { ::close(socket_); }

  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  // How much was taken.
  std::size_t send(const std::string& bytes) const {
    std::size_t sent = 0;
    const Clock::time_point give_up = Clock::now() + 5s;
    while (sent < bytes.size() && Clock::now() < give_up) {
      const ssize_t taken = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (taken > 0) {
        sent += static_cast<std::size_t>(taken);
      } else if (errno != EAGAIN && errno != ENOTCONN) {
        break;
      } else {
        std::this_thread::sleep_for(1ms);
      }
    }
    return sent;
  }

  // By the other side, that is; takes what it says before.
  [[nodiscard]] bool is_closed() const {
    char bytes[256];
    for (;;) {
      const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got == 0) return true;
      if (got < 0) return errno != EAGAIN && errno != ENOTCONN;
    }
  }

 private:
  int socket_;
};

// The first 64 bytes of a connection, as RFC 23 has them.
std::string zmtp_greeting(const std::string& mechanism) {
  std::string greeting(64, '\0');
  greeting[0] = '\xff';
  greeting[9] = '\x7f';
  greeting[10] = 3;
  greeting.replace(12, mechanism.size(), mechanism);
  return greeting;
}

// The head of a frame of that many bytes, which ZeroMQ takes for a part of its handshake.
std::string command_head(std::uint64_t size) {
  std::string head = "\x06";
  for (int shift = 56; shift >= 0; shift -= 8)
    head += static_cast<char>(size >> static_cast<unsigned>(shift) & 0xffU);
  return head;
}

class Crowd : public KeyedMesh {
 protected:
  // Of the node, in seconds of one processor.
  [[nodiscard]] double processor_time() const {
    std::ifstream stream("/proc/" + std::to_string(daemons_.at("shop")->process()) + "/stat");
    std::string text;
    std::getline(stream, text);
    std::istringstream rest(text.substr(text.rfind(')') + 2));
    std::string word;
    double ticks = 0;
    for (int i = 3; rest >> word; ++i) {
      if (i == 14 || i == 15) ticks += std::stod(word);
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  [[nodiscard]] std::size_t resident_kib() const {
    std::ifstream stream("/proc/" + std::to_string(daemons_.at("shop")->process()) + "/status");
    for (std::string line; std::getline(stream, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
  }

  std::vector<std::unique_ptr<Stranger>> strangers(std::size_t count) {
    std::vector<std::unique_ptr<Stranger>> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(std::make_unique<Stranger>(endpoints_.at("shop")));
    return all;
  }

  [[nodiscard]] std::uint64_t counted(const std::string& name) const {
    Client client(as_operator("shop"));
    return client.status().counts.at(name);
  }
};

TEST_F(Crowd, OfIdleConnectionsIsGoneAfterTheHandshakeTime) {
  make({"shop"});
  start();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());
  const std::size_t before = resident_kib();

  const std::vector<std::unique_ptr<Stranger>> crowd = strangers(600);
  // Half of them begin as ZeroMQ does, and say no more.
  for (std::size_t i = 0; i < crowd.size(); i += 2)
    crowd[i]->send(zmtp_greeting("CURVE"));
  std::size_t most = before;
  Clock::duration slowest{};
  const Clock::time_point began = Clock::now();
  const auto all_gone = [&] {
    return std::ranges::all_of(crowd, [](const auto& one) { return one->is_closed(); });
  };
  while (!all_gone()) {
    ASSERT_LT(Clock::now() - began, 10s);
    const Clock::time_point sent_at = Clock::now();
    ASSERT_TRUE(honest.send("inbox", "during").committed());
    slowest = std::max(slowest, Clock::now() - sent_at);
    most = std::max(most, resident_kib());
    std::this_thread::sleep_for(10ms);
  }
  // The handshake time is two seconds.
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_LT(slowest, 1s);
  EXPECT_LT(most - before, 600u * 64);
  RecordProperty("kib_per_connection", static_cast<int>((most - before) / 600));
}

TEST_F(Crowd, HugeFrameBeforeAnyKeyIsCutAtItsHead) {
  make({"shop"});
  start();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());
  const std::size_t before = resident_kib();

  const std::vector<std::unique_ptr<Stranger>> crowd = strangers(20);
  const std::string some(1U << 20U, 'x');
  for (const auto& stranger : crowd)
    stranger->send(zmtp_greeting("CURVE") + command_head(std::uint64_t{1} << 30U) + some);
  const Clock::time_point began = Clock::now();
  while (!std::ranges::all_of(crowd, [](const auto& one) { return one->is_closed(); })) {
    ASSERT_LT(Clock::now() - began, 2s) << "that is as long as idle ones may stay";
    std::this_thread::sleep_for(5ms);
  }

  EXPECT_LT(resident_kib() - before, 8u << 10u);
  EXPECT_TRUE(honest.send("inbox", "after").committed());
}

TEST_F(Crowd, ThatSendsAnyBytesAtAnyStageHurtsNobody) {
  make({"shop"});
  start();
  Client honest(as_operator("shop"));
  std::mt19937_64 random(2026);
  const auto bytes = [&random](std::size_t count) {
    std::string text(count, '\0');
    for (char& byte : text)
      byte = static_cast<char>(random());
    return text;
  };
  // As CURVE begins: a HELLO of the right size and name.
  const std::string hello = std::string("\x04\xc8\x05HELLO\x01", 9) + std::string(1, '\0');
  for (int round = 0; round < 20; ++round) {
    const std::vector<std::unique_ptr<Stranger>> crowd = strangers(30);
    for (std::size_t i = 0; i < crowd.size(); ++i) {
      std::string text = i % 5 == 0 ? "" : zmtp_greeting(i % 5 == 1 ? "NULL" : "CURVE");
      if (i % 5 == 3) text += command_head(random() % 65'536);
      if (i % 5 == 4) text += hello;
      crowd[i]->send(text + bytes(random() % 2'000));
    }
    ASSERT_TRUE(honest.send("inbox", "during").committed()) << diagnostics();
  }
  EXPECT_TRUE(daemons_["shop"]->is_running()) << diagnostics();
  EXPECT_EQ(counted("frames_malformed"), 0u) << "a byte of a stranger was read as a frame";
  // Counted when the node looks, which is twice a second.
  const Clock::time_point give_up = Clock::now() + patience;
  while (counted("links_failed") < 100 && Clock::now() < give_up)
    std::this_thread::sleep_for(50ms);
  EXPECT_GE(counted("links_failed"), 100u);
}

TEST_F(Crowd, ThatWouldTakeAllDescriptorsIsHeldOff) {
  make({"shop"});
  // It may open 300.
  ASSERT_TRUE(begin("shop", {"/usr/bin/prlimit", "--nofile=300:300"}).wait_until_ready())
      << diagnostics();
  Client honest(as_operator("shop"));
  ASSERT_TRUE(honest.send("inbox", "before").committed());

  // Three times what it could take, and each that it closes comes back.
  std::vector<std::unique_ptr<Stranger>> crowd = strangers(900);
  const double used_before = processor_time();
  const Clock::time_point began = Clock::now();
  while (Clock::now() - began < 6s) {
    for (auto& stranger : crowd) {
      if (stranger->is_closed()) stranger = std::make_unique<Stranger>(endpoints_.at("shop"));
    }
    ASSERT_TRUE(honest.send("inbox", "during").committed());
    std::this_thread::sleep_for(10ms);
  }
  // Without descriptors libzmq's thread would try to accept all the time: two seconds of these six.
  EXPECT_LT(processor_time() - used_before, 1.0);
  EXPECT_TRUE(daemons_["shop"]->wait_for("no further ones are accepted until some have gone"))
      << diagnostics();
  EXPECT_TRUE(daemons_["shop"]->is_running());
  crowd.clear();

  EXPECT_GE(counted("links_held_off"), 1u);
  EXPECT_TRUE(honest.send("inbox", "after").committed());
}

}  // namespace
}  // namespace nemcon::tests
