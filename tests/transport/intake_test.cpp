// Goal: who sends more than may wait is cut, and nobody else. Method: real connections on loopback;
// the test reads from them as ZeroMQ's thread would, and takes as much of it as it likes.
#include "transport/intake.hpp"

#include <array>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;

class Connection {
 public:
  Connection() {
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listening, any, size), 0);
    EXPECT_EQ(::listen(listening, 1), 0);
    EXPECT_EQ(::getsockname(listening, any, &size), 0);
    sender = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(sender, any, size), 0);
    accepted = ::accept(listening, nullptr, nullptr);
    ::close(listening);
  }

  ~Connection() {
    ::close(sender);
    ::close(accepted);
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sent, and read at the other end.
  void carry(std::size_t byte_count) const {
    const std::string bytes(64 << 10, 'x');
    std::array<char, 64 << 10> read{};
    while (byte_count > 0) {
      const ssize_t sent =
          ::send(sender, bytes.data(), std::min(byte_count, bytes.size()), MSG_NOSIGNAL);
      if (sent <= 0) return;
      byte_count -= static_cast<std::size_t>(sent);
      for (ssize_t left = sent; left > 0;) {
        const ssize_t got = ::recv(accepted, read.data(), static_cast<std::size_t>(left), 0);
        if (got <= 0) return;
        left -= got;
      }
    }
  }

  [[nodiscard]] bool is_cut() const {
    char byte = 0;
    return ::recv(accepted, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }

  int sender = -1;
  int accepted = -1;
};

constexpr core::Instant start{1s};
constexpr core::Instant later = start + 1s;
constexpr std::size_t mebi = std::size_t{1} << 20U;

// The owner takes one small frame, which begins the counting, and one that makes it look.
bool look(Intake& intake, const Connection& of) {
  return intake.on_taken(of.accepted, mebi / 8, later);
}

void be_behind(Intake& intake, const Connection& of) {
  ASSERT_FALSE(intake.on_taken(of.accepted, 1, start));
  ASSERT_FALSE(intake.on_taken(of.accepted, 1, later));
}

TEST(Intake, CutsWhoSendsMoreThanMayWait) {
  Intake intake;
  const Connection connection;
  be_behind(intake, connection);
  connection.carry(60 * mebi);
  EXPECT_FALSE(look(intake, connection));
  connection.carry(8 * mebi);
  EXPECT_TRUE(look(intake, connection));
  EXPECT_TRUE(connection.is_cut());
  EXPECT_EQ(intake.cut_count(), 1U);
}

TEST(Intake, LetsWhoeverIsTakenSendAnyAmount) {
  Intake intake;
  const Connection connection;
  be_behind(intake, connection);
  for (int i = 0; i < 20; ++i) {
    connection.carry(10 * mebi);
    ASSERT_FALSE(intake.on_taken(connection.accepted, 10 * mebi, later));
  }
  EXPECT_FALSE(connection.is_cut());
}

TEST(Intake, ForgetsWhatWasOnceAllIsTaken) {
  Intake intake;
  const Connection connection;
  be_behind(intake, connection);
  connection.carry(60 * mebi);
  intake.on_drained();
  be_behind(intake, connection);
  connection.carry(60 * mebi);
  EXPECT_FALSE(look(intake, connection));
}

TEST(Intake, CutsTheLargestWhenAllTogetherAreTooMuch) {
  Intake intake;
  std::array<Connection, 6> connections;
  for (const Connection& one : connections)
    be_behind(intake, one);
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i].carry((i == 5 ? 60 : 45) * mebi);
    EXPECT_EQ(look(intake, connections[i]), i == 5) << i;
  }
  EXPECT_TRUE(connections[5].is_cut());
  EXPECT_FALSE(connections[0].is_cut());
}

TEST(Intake, CutsStrangersThatSendMuch) {
  Intake intake;
  const Connection quiet;
  const Connection loud;
  const Connection known;
  for (const Connection* one : {&quiet, &loud, &known})
    intake.on_accepted(one->accepted, start);
  ASSERT_TRUE(intake.deadline());
  ASSERT_FALSE(intake.on_taken(known.accepted, 100, start));
  quiet.carry(1000);
  loud.carry(Intake::stranger_bytes_max + 1);
  known.carry(Intake::stranger_bytes_max + 1);
  intake.tend(later);
  EXPECT_FALSE(quiet.is_cut());
  EXPECT_TRUE(loud.is_cut());
  EXPECT_FALSE(known.is_cut());
  EXPECT_TRUE(intake.is_stranger(quiet.accepted));
  EXPECT_FALSE(intake.is_stranger(known.accepted));
  intake.on_ended(quiet.accepted);
  EXPECT_FALSE(intake.deadline());
}

TEST(Intake, EndsStrangersThatSayNothingWhole) {
  Intake intake;
  const Connection quiet;
  const Connection known;
  for (const Connection* one : {&quiet, &known})
    intake.on_accepted(one->accepted, start);
  ASSERT_FALSE(intake.on_taken(known.accepted, 100, start));
  intake.tend(start + Intake::stranger_time_max - 1ms);
  EXPECT_FALSE(quiet.is_cut());
  intake.tend(start + Intake::stranger_time_max + 10ms);
  EXPECT_TRUE(quiet.is_cut());
  EXPECT_FALSE(known.is_cut());
  EXPECT_EQ(intake.cut_count(), 0U) << "for no flood";
}

TEST(Intake, CutsWhoNeverEndsWhatItBegan) {
  Intake intake;
  const Connection endless;
  const Connection busy;
  for (const Connection* one : {&endless, &busy}) {
    intake.on_accepted(one->accepted, start);
    ASSERT_FALSE(intake.on_taken(one->accepted, 1, start));
  }
  for (int i = 0; i < 5; ++i) {
    endless.carry(20 * mebi);
    busy.carry(20 * mebi);
    ASSERT_FALSE(intake.on_taken(busy.accepted, 20 * mebi, start));
    intake.look_at_unfinished();
    // What came before the first look after a whole frame counts as that one's.
    EXPECT_EQ(endless.is_cut(), i >= 4) << i;
  }
  EXPECT_FALSE(busy.is_cut());
}

TEST(Intake, LooksForTheLargestOfAllThatIsUnfinished) {
  Intake intake;
  std::array<Connection, 6> connections;
  for (const Connection& one : connections) {
    intake.on_accepted(one.accepted, start);
    ASSERT_FALSE(intake.on_taken(one.accepted, 1, start));
  }
  intake.look_at_unfinished();
  for (std::size_t i = 0; i < connections.size(); ++i)
    connections[i].carry((i == 3 ? 60 : 45) * mebi);
  intake.look_at_unfinished();
  for (std::size_t i = 0; i < connections.size(); ++i)
    EXPECT_EQ(connections[i].is_cut(), i == 3) << i;
}

TEST(Intake, EndsNobodyWhoHasTheDescriptorOfAnother) {
  Intake intake;
  const Connection connection;
  intake.on_accepted(connection.accepted, start);
  const ConnectionRef before = intake.claim(connection.accepted);
  EXPECT_TRUE(intake.is_stranger(connection.accepted));
  intake.on_ended(connection.accepted);
  intake.on_accepted(connection.accepted, start);
  intake.end(before);
  EXPECT_FALSE(connection.is_cut());
  intake.end(intake.claim(connection.accepted));
  EXPECT_TRUE(connection.is_cut());
}

TEST(Intake, EndsNobodyWhoseDescriptorWasAnothersWhenThatSpokeLast) {
  Intake intake;
  const Connection connection;
  intake.on_accepted(connection.accepted, start);
  const ConnectionRef late = intake.claim(connection.accepted);
  const ConnectionRef own = intake.claim(connection.accepted);
  intake.end(late);
  EXPECT_FALSE(connection.is_cut());
  intake.end(own);
  EXPECT_TRUE(connection.is_cut());
}

}  // namespace
}  // namespace nemcon::transport
