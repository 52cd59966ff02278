// Goal: one address that connects again and again is held off, others are not, and it comes back.
// Method: the table of rates with a time of its own, every rate; the filter on a real listening
// socket, with connections from several addresses of loopback.
#include "transport/admission.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/listen_filter.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;

constexpr core::Instant start{1000s};

NetworkAddress v4(std::uint64_t last) {
  return {.is_v6 = false, .prefix = 0x0a000000 + last};
}

TEST(ConnectRates, GiveOneSecondsWorthAtOnceAndThenTheRate) {
  for (const std::uint32_t rate : {1U, 7U, 100U, 1'000'000U}) {
    ConnectRates rates(rate);
    const std::uint64_t burst = std::uint64_t{rate};
    std::uint64_t count = 0;
    while (!rates.on_accepted(v4(1), start))
      ASSERT_LE(++count, burst);
    EXPECT_EQ(count, burst) << rate;
    EXPECT_EQ(rates.held_off(), std::vector<NetworkAddress>{v4(1)});
  }
}

TEST(ConnectRates, HoldOffUntilThereIsRoomAgain) {
  ConnectRates rates(100);
  while (!rates.on_accepted(v4(1), start)) {
  }
  // What was accepted before the filter came is paid for as well.
  for (int i = 0; i < 99; ++i)
    EXPECT_FALSE(rates.on_accepted(v4(1), start));
  EXPECT_FALSE(rates.release(start + 1s));
  EXPECT_EQ(rates.release_at(), start + 1050ms);
  EXPECT_FALSE(rates.release(start + 1049ms));
  EXPECT_TRUE(rates.release(start + 1050ms));
  EXPECT_EQ(rates.release_at(), std::nullopt);
  EXPECT_TRUE(rates.held_off().empty());
  EXPECT_FALSE(rates.release(start + 2s));
}

TEST(ConnectRates, CountOneThatFailedAsMany) {
  ConnectRates rates(100);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(rates.on_accepted(v4(1), start));
    EXPECT_FALSE(rates.on_failed(v4(1), start));
  }
  EXPECT_TRUE(rates.on_accepted(v4(1), start));
  EXPECT_FALSE(rates.on_failed(v4(1), start)) << "it is held off already";
  EXPECT_FALSE(rates.on_failed(v4(2), start));
  EXPECT_EQ(rates.held_off(), std::vector{v4(1)});
}

TEST(ConnectRates, CountFailedOnesOnceWhereSomebodyIsOrWasHere) {
  ConnectRates rates(100);
  static_cast<void>(rates.on_accepted(v4(1), start));
  rates.on_known(v4(1));
  core::Instant now = start;
  const auto is_held_off_after = [&](int count) {
    now += 10s;
    for (int i = 0; i < count; ++i) {
      if (rates.on_accepted(v4(1), now) || rates.on_failed(v4(1), now)) return true;
    }
    return false;
  };
  EXPECT_FALSE(is_held_off_after(90));
  rates.on_known_ended(v4(1), now);
  EXPECT_FALSE(is_held_off_after(90));
  now += ConnectRates::known_for;
  EXPECT_TRUE(is_held_off_after(90));
}

TEST(ConnectRates, HoldNobodyOffForLong) {
  ConnectRates rates(10);
  for (int i = 0; i < 1000; ++i) {
    static_cast<void>(rates.on_accepted(v4(1), start));
    static_cast<void>(rates.on_failed(v4(1), start));
  }
  ASSERT_EQ(rates.held_off().size(), 1U);
  EXPECT_FALSE(rates.release(start + ConnectRates::debt_max / 2));
  EXPECT_TRUE(rates.release(start + ConnectRates::debt_max));
}

TEST(ConnectRates, AreOfOneAddress) {
  ConnectRates rates(100);
  for (std::uint64_t i = 0; i < 101; ++i)
    static_cast<void>(rates.on_accepted(v4(1), start));
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_FALSE(rates.on_accepted(v4(2), start));
    ASSERT_FALSE(rates.on_accepted({.is_v6 = true, .prefix = v4(1).prefix}, start));
  }
  EXPECT_EQ(rates.held_off(), std::vector<NetworkAddress>{v4(1)});
}

TEST(ConnectRates, AreBoundedWhateverComes) {
  ConnectRates rates(1);
  for (std::uint64_t address = 0; address < 2 * ConnectRates::addresses_max; ++address) {
    for (int i = 0; i < 2; ++i)
      static_cast<void>(rates.on_accepted(v4(address), start));
  }
  EXPECT_EQ(rates.held_off().size(), ConnectRates::held_off_max);
  EXPECT_TRUE(rates.release(start + 10s));
  EXPECT_TRUE(rates.held_off().empty());
  // There is room for others once the first have been quiet.
  bool is_held_off = false;
  for (int i = 0; i < 2; ++i)
    is_held_off = rates.on_accepted(v4(1'000'000), start + 10s);
  EXPECT_TRUE(is_held_off);
}

TEST(ConnectRates, ZeroIsNoLimit) {
  ConnectRates rates(0);
  for (int i = 0; i < 100'000; ++i)
    ASSERT_FALSE(rates.on_accepted(v4(1), start));
}

TEST(ConnectRates, NameAddresses) {
  EXPECT_EQ(to_text({.is_v6 = false, .prefix = 0x7f000001}), "127.0.0.1");
  EXPECT_EQ(to_text({.is_v6 = true, .prefix = 0x20010db800000007}), "2001:db8:0:7::/64");
}

// ---- the filter -----------------------------------------------------------------------------

class Listening : public testing::Test {
 protected:
  void listen_at(const sockaddr* address, socklen_t size) {
    listening_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listening_, address, size), 0);
    ASSERT_EQ(::listen(listening_, 100), 0);
    sockaddr_storage bound{};
    socklen_t bound_size = sizeof bound;
    ASSERT_EQ(::getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &bound_size), 0);
    port_ = bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                       : reinterpret_cast<sockaddr_in6&>(bound).sin6_port;
  }

  void SetUp() override {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    listen_at(reinterpret_cast<sockaddr*>(&any), sizeof any);
  }

  void TearDown() override {
    for (const int socket : sockets_)
      ::close(socket);
    ::close(listening_);
  }

  // From that address of this machine to the listening socket; -1: nothing answers. The kernel
  // answers at once or, where a filter drops it, not before it has asked again after a second.
  int connect_from(const std::string& address) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockets_.push_back(socket);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    ::inet_pton(AF_INET, address.c_str(), &from.sin_addr);
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = port_;
    static_cast<void>(::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to));
    pollfd made{.fd = listening_, .events = POLLIN, .revents = 0};
    if (::poll(&made, 1, 300) != 1) return -1;
    const int accepted = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    sockets_.push_back(accepted);
    return accepted;
  }

  int listening_ = -1;
  in_port_t port_ = 0;
  std::vector<int> sockets_;
};

TEST_F(Listening, DropsFromThoseAddressesAndFromNoOthers) {
  const int accepted = connect_from("127.0.0.2");
  const std::optional<NetworkAddress> second = address_of_peer(accepted);
  ASSERT_TRUE(second);
  EXPECT_EQ(to_text(*second), "127.0.0.2");

  std::vector<NetworkAddress> many{{.is_v6 = true, .prefix = second->prefix}};
  for (std::uint64_t i = 0; i < ConnectRates::held_off_max - 2; ++i)
    many.push_back(v4(i));
  many.push_back(*second);
  drop_from(listening_, many);
  EXPECT_EQ(connect_from("127.0.0.2"), -1);
  EXPECT_NE(connect_from("127.0.0.3"), -1);
  // What there is goes on.
  ASSERT_EQ(::send(accepted, "x", 1, MSG_NOSIGNAL), 1);

  drop_all(listening_);
  EXPECT_EQ(connect_from("127.0.0.3"), -1);

  drop_none(listening_);
  EXPECT_NE(connect_from("127.0.0.2"), -1);
}

TEST_F(Listening, OfBothFamiliesTellsThemApart) {
  ::close(listening_);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_addr = in6addr_any;
  const int probe = ::socket(AF_INET6, SOCK_STREAM, 0);
  const bool has_v6 =
      probe >= 0 && ::bind(probe, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0;
  ::close(probe);
  if (!has_v6) {
    listening_ = -1;
    GTEST_SKIP() << "this machine has no IPv6";
  }
  listen_at(reinterpret_cast<sockaddr*>(&any), sizeof any);

  const std::optional<NetworkAddress> from = address_of_peer(connect_from("127.0.0.2"));
  ASSERT_TRUE(from);
  EXPECT_EQ(to_text(*from), "127.0.0.2");
  drop_from(listening_, std::vector{*from});
  EXPECT_EQ(connect_from("127.0.0.2"), -1);
  EXPECT_NE(connect_from("127.0.0.3"), -1);
}

TEST_F(Listening, AnAdmissionHoldsOffOneAddressForAWhile) {
  Admission admission(1000, 0, 1);
  admission.on_listening(listening_);
  for (int i = 0; i < 5; ++i)
    admission.on_accepted(connect_from("127.0.0.2"), start);
  EXPECT_EQ(admission.addresses_held_off_count(), 1U);
  EXPECT_FALSE(admission.is_holding_off());

  EXPECT_EQ(connect_from("127.0.0.2"), -1);
  EXPECT_NE(connect_from("127.0.0.3"), -1);
  admission.tend(start + 1s);
  EXPECT_EQ(connect_from("127.0.0.2"), -1);
  admission.tend(start + 2s);
  EXPECT_NE(connect_from("127.0.0.2"), -1);
}

TEST_F(Listening, AnAdmissionHoldsOffWhoNeverSaysWhoItIs) {
  Admission admission(1000, 0, 9);
  admission.on_listening(listening_);
  const int friendly = connect_from("127.0.0.3");
  const int stranger = connect_from("127.0.0.2");
  for (const int one : {friendly, stranger})
    admission.on_accepted(one, start);
  admission.on_known(friendly);
  admission.on_ended(friendly, start);
  admission.on_ended(stranger, start);
  EXPECT_EQ(connect_from("127.0.0.2"), -1);
  EXPECT_NE(connect_from("127.0.0.3"), -1);
}

}  // namespace
}  // namespace nemcon::transport
