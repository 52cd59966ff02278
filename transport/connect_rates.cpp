#include "transport/connect_rates.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <arpa/inet.h>

namespace nemcon::transport {

namespace {

constexpr core::Duration room_at_release = std::chrono::milliseconds{50};

}  // namespace

std::string to_text(const NetworkAddress& address) {
  std::array<std::uint8_t, 16> octets{};
  const int count = address.is_v6 ? 8 : 4;
  for (int i = 0; i < count; ++i)
    octets[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(address.prefix >> static_cast<unsigned>(8 * (count - 1 - i)));
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.is_v6 ? AF_INET6 : AF_INET, octets.data(), text.data(), text.size());
  return std::string(text.data()) + (address.is_v6 ? "/64" : "");
}

ConnectRates::ConnectRates(std::uint32_t per_second)
    : cost_(per_second == 0 ? core::Duration{}
                            : core::Duration{std::chrono::seconds{1}} / per_second) {}

bool ConnectRates::on_accepted(const NetworkAddress& from, core::Instant now) {
  return spend(from, cost_, now);
}

bool ConnectRates::on_failed(const NetworkAddress& from, core::Instant now) {
  const auto found = addresses_.find(from);
  if (found == addresses_.end()) return false;  // There was no room to count it.
  const bool is_known = found->second.known_count > 0 || now < found->second.known_until;
  return !is_known && spend(from, (failed_costs - 1) * cost_, now);
}

void ConnectRates::on_known(const NetworkAddress& from) {
  const auto found = addresses_.find(from);
  if (found != addresses_.end()) ++found->second.known_count;
}

void ConnectRates::on_known_ended(const NetworkAddress& from, core::Instant now) {
  const auto found = addresses_.find(from);
  if (found == addresses_.end() || found->second.known_count == 0) return;
  --found->second.known_count;
  found->second.known_until = now + known_for;
}

bool ConnectRates::spend(const NetworkAddress& from, core::Duration cost, core::Instant now) {
  if (cost_ == core::Duration{}) return false;
  if (addresses_.size() >= addresses_max && !addresses_.contains(from)) {
    std::erase_if(addresses_, [now](const auto& one) {
      const Address& address = one.second;
      return address.rate.paid_until() <= now && address.known_count == 0 &&
             address.known_until <= now;
    });
    if (addresses_.size() >= addresses_max) return false;
  }
  core::Rate& rate = addresses_[from].rate;
  if (rate.paid_until() + cost <= now + debt_max) rate.spend(cost, now);
  if (rate.paid_until() <= now + burst || held_off_.size() >= held_off_max ||
      std::ranges::find(held_off_, from) != held_off_.end()) {
    return false;
  }
  held_off_.push_back(from);
  return true;
}

bool ConnectRates::release(core::Instant now) {
  return std::erase_if(held_off_, [&](const NetworkAddress& address) {
           return release_at(address) <= now;
         }) > 0;
}

std::optional<core::Instant> ConnectRates::release_at() const {
  std::optional<core::Instant> first;
  for (const NetworkAddress& address : held_off_) {
    const core::Instant at = release_at(address);
    first = std::min(first.value_or(at), at);
  }
  return first;
}

core::Instant ConnectRates::release_at(const NetworkAddress& address) const {
  return addresses_.at(address).rate.paid_until() + room_at_release - burst;
}

}  // namespace nemcon::transport
