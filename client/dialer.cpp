#include "client/dialer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace nemcon::client {

Dialer::Dialer(std::vector<std::string> addresses, std::uint64_t seed, Timing timing)
    : addresses_(std::move(addresses)),
      timing_(timing),
      jitter_(static_cast<std::minstd_rand::result_type>(seed)) {}

void Dialer::on_failure(core::Instant now) {
  index_ = (index_ + 1) % addresses_.size();
  ++failure_count_;
  if (failure_count_ % addresses_.size() != 0) {
    due_at_ = now;
    return;
  }
  const std::uint64_t round = failure_count_ / addresses_.size();
  core::Duration pause = timing_.redial_first;
  for (std::uint64_t i = 1; i < round && pause < timing_.redial_max; ++i)
    pause *= 2;
  pause = std::min(pause, timing_.redial_max);
  const auto part = static_cast<std::int64_t>(jitter_() % 500);
  due_at_ = now + pause * (500 + part) / 1000;
}

std::string find_address_trouble(const std::string& address) {
  const std::string allowed =
      "\"" + address + "\" is no address; use \"tcp://host:port\" or \"ipc:///path/of/socket\"";
  if (address.starts_with("ipc://")) return address.size() > 6 ? std::string{} : allowed;
  if (!address.starts_with("tcp://")) return allowed;
  const std::size_t colon = address.rfind(':');
  if (colon <= 6) return allowed;
  const char* begin = address.data() + colon + 1;
  const char* end = address.data() + address.size();
  std::uint32_t port = 0;
  const auto [stop, error] = std::from_chars(begin, end, port);
  const bool is_port = error == std::errc{} && stop == end && port > 0 && port <= 65'535;
  return is_port ? std::string{} : allowed;
}

}  // namespace nemcon::client
