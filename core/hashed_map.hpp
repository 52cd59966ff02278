// HashedMap: a table found by hash. Nothing runs over it in the order of the hash: that would
// differ between libraries, and between a life and its recovery, and so would what comes of it.
//
// References stay valid until their entry is erased.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/hash.hpp"
#include "core/ids.hpp"

namespace nemcon::core {

template <class Key, class Value>
class HashedMap {
 public:
  // The seed is random per process (Options::nonce).
  explicit HashedMap(std::uint64_t seed) : entries_(0, Hash{seed}) {}

  [[nodiscard]] Value* find(const Key& key) {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] const Value* find(const Key& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  [[nodiscard]] bool contains(const Key& key) const { return entries_.contains(key); }

  // Made when it is not there.
  Value& operator[](const Key& key) { return entries_[key]; }

  // Replaces what is there.
  Value& set(const Key& key, Value value) {
    return entries_.insert_or_assign(key, std::move(value)).first->second;
  }

  // True when it was there.
  bool erase(const Key& key) { return entries_.erase(key) != 0; }

  // Rule P-5: submissions of this id, in order; rarely more than one.
  [[nodiscard]] std::vector<TransactionKey> keys_of(
      const TransactionId& id) const requires std::same_as<Key, TransactionKey> {
    std::vector<TransactionKey> keys;
    const std::size_t bucket = entries_.bucket(TransactionKey{.id = id, .digest = {}});
    for (auto at = entries_.begin(bucket); at != entries_.end(bucket); ++at) {
      if (at->first.id == id) keys.push_back(at->first);
    }
    if (keys.size() > 1) std::ranges::sort(keys);
    return keys;
  }

  // All, in order. Sorts: for what is rare.
  [[nodiscard]] std::vector<Key> keys() const {
    std::vector<Key> keys;
    keys.reserve(entries_.size());
    for (const auto& [key, value] : entries_)
      keys.push_back(key);
    std::ranges::sort(keys);
    return keys;
  }

 private:
  std::unordered_map<Key, Value, Hash> entries_;
};

template <class Value>
using TransactionMap = HashedMap<TransactionKey, Value>;

}  // namespace nemcon::core
