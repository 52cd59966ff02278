// Deadlines: at most one instant for each key, and the earliest of all. Machines keep their
// deadlines here as values; nothing ever has to be cancelled twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/time.hpp"

namespace nemcon::core {

template <class Key>
class Deadlines {
 public:
  // Replaces the key's deadline.
  void set(const Key& key, Instant at) {
    clear(key);
    by_key_.emplace(key, at);
    by_time_.emplace(at, key);
  }

  void clear(const Key& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    by_time_.erase({found->second, key});
    by_key_.erase(found);
  }

  // Takes out one key whose time has come.
  [[nodiscard]] std::optional<Key> try_pop(Instant now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    const Key key = by_time_.begin()->second;
    clear(key);
    return key;
  }

  [[nodiscard]] std::optional<Instant> earliest() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first;
  }

 private:
  std::map<Key, Instant> by_key_;
  std::set<std::pair<Instant, Key>> by_time_;
};

}  // namespace nemcon::core
