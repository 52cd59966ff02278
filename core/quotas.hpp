// Quotas: how much a client may submit at this node, as its [[client]] table says: transactions a
// second, bytes a second, and how many may be under way. Asked at the door, before anything of a
// submission is written; what is over is told so, and can be tried again.
//
// A client that was idle may send one second's worth at once (rate.hpp).
//
// All sessions of a client share what it has. Nothing here is durable: a new life of the node
// begins with everything unspent. Bounded by the clients of the configuration, their links, and
// `in_flight_max` of each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/deadlines.hpp"
#include "core/ids.hpp"
#include "core/permissions.hpp"
#include "core/rate.hpp"
#include "core/request.hpp"
#include "core/time.hpp"

namespace nemcon::core {

class Quotas {
 public:
  struct Demand {
    LinkId link;
    std::uint64_t request = 0;
    std::string account;
    Epoch epoch;
    Sequence sequence;
    std::uint64_t byte_count = 0;
    Duration deadline{};  // It is not under way for longer than this.
  };

  // The seed is random per process (Options::nonce).
  explicit Quotas(std::uint64_t seed) : seed_(seed) {}

  // Nothing: it is let in, and counted. Else which limit it is over, as words of the refusal.
  [[nodiscard]] std::optional<std::string> refuse(const Demand& demand, const QuotaOptions& quota,
                                                  Instant now);

  // How often the sessions of one client may be opened with a new epoch in the long run. `at_once`
  // of them may be: all its processes start in one moment.
  static constexpr std::uint32_t openings_per_second = 20;

  // Counted, if it may.
  [[nodiscard]] bool may_open(const std::string& account, std::uint64_t at_once, Instant now);

  // To be told of every reply: what ends a submission lets another one in.
  void on_reply(LinkId link, const Reply& reply);
  void on_client_gone(LinkId link);

  // Since the node's start.
  [[nodiscard]] std::uint64_t refused_count() const { return refused_count_; }

 private:
  using Request = std::pair<LinkId, std::uint64_t>;

  struct Account {
    Rate transactions;
    Rate bytes;
    Rate openings;
    // Also of links that are gone: coming back with a new one buys nothing.
    std::map<Request, Instant> in_flight;
    Deadlines<Request> over_at;

    explicit Account(std::uint64_t seed) : over_at(seed) {}
  };

  struct Held {
    Epoch epoch;
    Sequence sequence;
    Instant since{};
  };

  struct UnderWay {
    std::string account;
    Epoch epoch;
    Sequence sequence;
  };

  [[nodiscard]] std::optional<std::string> find_excess(const Demand& demand,
                                                       const QuotaOptions& quota, Instant now);
  [[nodiscard]] bool is_held_back(const Demand& demand, Instant now) const;
  void hold(const Demand& demand, Instant now);

  [[nodiscard]] Account& account_of(const std::string& name) {
    return accounts_.try_emplace(name, seed_).first->second;
  }

  std::uint64_t seed_;
  std::map<std::string, Account> accounts_;
  std::map<Request, UnderWay> under_way_;
  // Of each link the oldest submission that was turned away, until it comes again.
  std::map<LinkId, Held> held_;
  std::uint64_t refused_count_ = 0;
};

}  // namespace nemcon::core
