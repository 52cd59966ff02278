// ConnectRates: how many connections each address may make a second, whoever is behind it.
//
// A handshake costs a node more than a millisecond of ZeroMQ's thread, which carries everybody's
// traffic. An address may make one second's worth at once (core/rate.hpp); what goes beyond is held
// off. It is let in again when it has room for a twentieth of a second's worth: with more at once,
// those who wait at the door would come in as one crowd. One that ends before it said who it is
// counts as many: who opens them to let them lie comes again after a while only. Not of an address
// from which somebody is here, or was a moment ago: a bad network makes honest ones fail, all at
// once. Of IPv6 the first 64 bits count: nobody has fewer.
//
// Pure: time comes from the caller. Bounded: addresses_max, of which held_off_max are held off;
// what comes from further ones has no limit but that of all connections.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/rate.hpp"
#include "core/time.hpp"

namespace nemcon::transport {

struct NetworkAddress {
  bool is_v6 = false;
  std::uint64_t prefix =
      0;  // The 32 bits of IPv4, or the first 64 of IPv6; the first octet on top.

  friend auto operator<=>(const NetworkAddress&, const NetworkAddress&) = default;
};

[[nodiscard]] std::string to_text(const NetworkAddress& address);

class ConnectRates {
 public:
  static constexpr std::size_t addresses_max = 4096;
  static constexpr std::size_t held_off_max = 128;
  static constexpr core::Duration burst = std::chrono::seconds{1};
  static constexpr int failed_costs = 10;  // As many as one that succeeds.
  // So long after the last one everything is paid for, whatever there was before.
  static constexpr core::Duration debt_max = std::chrono::seconds{20};
  static constexpr core::Duration known_for = std::chrono::minutes{1};

  explicit ConnectRates(std::uint32_t per_second);  // 0: without a limit.

  // True: held_off() has one more.
  bool on_accepted(const NetworkAddress& from, core::Instant now);

  // One that was accepted has ended, and nothing was taken of it.
  bool on_failed(const NetworkAddress& from, core::Instant now);

  // Something was taken of one that was accepted; and it has ended.
  void on_known(const NetworkAddress& from);
  void on_known_ended(const NetworkAddress& from, core::Instant now);

  // True: held_off() has fewer.
  bool release(core::Instant now);

  // When release() is to be called; nothing where nobody is held off.
  [[nodiscard]] std::optional<core::Instant> release_at() const;

  [[nodiscard]] const std::vector<NetworkAddress>& held_off() const { return held_off_; }

 private:
  struct Address {
    core::Rate rate;
    std::size_t known_count = 0;  // Of its connections.
    core::Instant known_until{};
  };

  bool spend(const NetworkAddress& from, core::Duration cost, core::Instant now);
  [[nodiscard]] core::Instant release_at(const NetworkAddress& address) const;

  core::Duration cost_;
  std::map<NetworkAddress, Address> addresses_;
  std::vector<NetworkAddress> held_off_;  // Invariant: each is in `addresses_`.
};

}  // namespace nemcon::transport
