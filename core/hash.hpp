// Hash: of ids, for tables in memory. Seeded, so that who chooses ids cannot choose where they
// collide; never written, sent, or iterated by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/ids.hpp"

namespace nemcon::core {

class Hash {
 public:
  explicit Hash(std::uint64_t seed) : seed_(seed) {}

  std::size_t operator()(const TransactionId& id) const {
    std::uint64_t mixed = mix(seed_, id.sequence.value());
    mixed = mix(mixed, id.client.high ^ id.client.low);
    mixed = mix(mixed, id.epoch.value());
    return mix(mixed, id.initiator.high ^ id.initiator.low);
  }

  // Without the digest: submissions of one id lie side by side.
  std::size_t operator()(const TransactionKey& key) const { return (*this)(key.id); }

  // A part of a transaction.
  template <class Part>

  requires requires(const Part& part) { part.transaction; }

  std::size_t operator()(const Part& part) const { return (*this)(part.transaction); }

  // A request of a link.
  template <class Tag, class Value>
  std::size_t operator()(const std::pair<Id<Tag, Value>, std::uint64_t>& request) const {
    return mix(mix(seed_, request.first.value()), request.second);
  }

  template <class Tag, class Value>
  std::size_t operator()(Id<Tag, Value> id) const {
    return mix(mix(seed_, id.value()), 0);
  }

 private:
  // A multiplication spreads upwards, the shift brings it down again: after the next one every bit
  // of the result hangs on every bit given.
  static constexpr std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
    const std::uint64_t mixed = (state ^ value) * 0xbf58476d1ce4e5b9U;
    return mixed ^ (mixed >> 32U);
  }

  std::uint64_t seed_;
};

}  // namespace nemcon::core
