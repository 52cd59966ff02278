#include "transport/resolution.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::transport {

namespace {

constexpr std::string_view tcp = "tcp://";

std::string host_of(std::string_view endpoint) {
  return std::string{endpoint.substr(tcp.size(), endpoint.rfind(':') - tcp.size())};
}

core::Result<std::string> look_up(const std::string& endpoint) {
  const std::string host = host_of(endpoint);
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return core::Error{core::Errc::local_closed,
                       "cannot find the host " + host + ": " + ::gai_strerror(error)};
  }
  std::array<char, INET_ADDRSTRLEN> text{};
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  ::freeaddrinfo(found);
  const char* written = ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  NEMCON_CHECK(written != nullptr, errno);
  return std::string{tcp} + text.data() + endpoint.substr(endpoint.rfind(':'));
}

}  // namespace

// Shared with the thread, which may outlive whoever asked.
struct Resolution::Lookup {
  Lookup() : bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { NEMCON_CHECK(bell >= 0, errno); }

  ~Lookup() { ::close(bell); }

  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  void end(core::Result<std::string> result) {
    {
      const std::lock_guard lock{mutex};
      answer = std::move(result);
    }
    const std::uint64_t one = 1;
    NEMCON_CHECK(::write(bell, &one, sizeof one) == sizeof one, errno);
  }

  const int bell;
  std::mutex mutex;
  std::optional<core::Result<std::string>> answer;
};

bool Resolution::is_needed(std::string_view endpoint) {
  if (!endpoint.starts_with(tcp) || endpoint.rfind(':') < tcp.size()) return false;
  const std::string host = host_of(endpoint);
  in_addr address{};
  return !host.empty() && host.front() != '[' && ::inet_pton(AF_INET, host.c_str(), &address) != 1;
}

Resolution::Resolution(Poller& poller, const std::string& endpoint)
    : poller_(&poller), lookup_(std::make_shared<Lookup>()) {
  poller_->add(lookup_->bell, ready_);
  std::thread([lookup = lookup_, endpoint] { lookup->end(look_up(endpoint)); }).detach();
}

Resolution::~Resolution() {
  poller_->remove(lookup_->bell);
}

std::optional<core::Result<std::string>> Resolution::take() {
  const std::lock_guard lock{lookup_->mutex};
  return std::exchange(lookup_->answer, std::nullopt);
}

}  // namespace nemcon::transport
