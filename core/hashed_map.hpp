// HashedMap: a table found by hash. Nothing runs over it in the order of the hash: that would
// differ between a life and its recovery, and so would what comes of it.
//
// References stay valid until their entry is erased. Open addressing: the slots hold the hashes, so
// that a lookup touches no entry but its own. A thousand transactions that wait cost those that
// pass nothing but the slots between them (docs/decisions/010).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/hash.hpp"
#include "core/ids.hpp"

namespace nemcon::core {

template <class Key, class Value>
class HashedMap {
 public:
  // The seed is random per process (Options::nonce).
  explicit HashedMap(std::uint64_t seed) : hash_(seed), slots_(slots_min) {}

  [[nodiscard]] Value* find(const Key& key) {
    Entry* entry = slots_[slot_of(key, hash_(key))].entry.get();
    return entry == nullptr ? nullptr : &entry->value;
  }

  [[nodiscard]] const Value* find(const Key& key) const {
    const Entry* entry = slots_[slot_of(key, hash_(key))].entry.get();
    return entry == nullptr ? nullptr : &entry->value;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] bool contains(const Key& key) const { return find(key) != nullptr; }

  // Made when it is not there.
  Value& operator[](const Key& key) {
    const std::uint64_t hash = hash_(key);
    const std::size_t at = slot_of(key, hash);
    return slots_[at].entry ? slots_[at].entry->value : add(at, hash, key);
  }

  // Replaces what is there.
  Value& set(const Key& key, Value value) {
    const std::uint64_t hash = hash_(key);
    const std::size_t at = slot_of(key, hash);
    if (!slots_[at].entry) return add(at, hash, key, std::move(value));
    return slots_[at].entry->value = std::move(value);
  }

  // True when it was there.
  bool erase(const Key& key) {
    std::size_t hole = slot_of(key, hash_(key));
    if (!slots_[hole].entry) return false;
    slots_[hole].entry.reset();
    size_ -= 1;
    // Who lies behind it may have been displaced by it, and must not lie behind a hole.
    for (std::size_t at = next(hole); slots_[at].entry; at = next(at)) {
      if (distance(slots_[at].hash, at) < distance(hole, at)) continue;
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
    return true;
  }

  // Rule P-5: submissions of this id, in order; rarely more than one.
  [[nodiscard]] std::vector<TransactionKey> keys_of(
      const TransactionId& id) const requires std::same_as<Key, TransactionKey> {
    std::vector<TransactionKey> keys;
    const std::uint64_t hash = hash_(id);
    for (std::size_t at = hash & mask(); slots_[at].entry; at = next(at)) {
      const Slot& slot = slots_[at];
      if (slot.hash == hash && slot.entry->key.id == id) keys.push_back(slot.entry->key);
    }
    if (keys.size() > 1) std::ranges::sort(keys);
    return keys;
  }

  // All, in order. Sorts: for what is rare.
  [[nodiscard]] std::vector<Key> keys() const {
    std::vector<Key> keys;
    keys.reserve(size_);
    for (const Slot& slot : slots_) {
      if (slot.entry) keys.push_back(slot.entry->key);
    }
    std::ranges::sort(keys);
    return keys;
  }

 private:
  struct Entry {
    template <class... Arguments>
    explicit Entry(const Key& of, Arguments&&... arguments)
        : key(of), value{std::forward<Arguments>(arguments)...} {}

    Key key;
    Value value;
  };

  struct Slot {
    std::uint64_t hash = 0;
    std::unique_ptr<Entry> entry;  // Empty: the slot is free.
  };

  static constexpr std::size_t slots_min = 64;  // Powers of two, at least twice the entries.

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & mask(); }

  // Steps from where a hash belongs, or from a slot, to a slot.
  [[nodiscard]] std::size_t distance(std::uint64_t from, std::size_t to) const {
    return (to - from) & mask();
  }

  // The one that has the key, or the free one where it belongs.
  [[nodiscard]] std::size_t slot_of(const Key& key, std::uint64_t hash) const {
    std::size_t at = hash & mask();
    while (slots_[at].entry && !(slots_[at].hash == hash && slots_[at].entry->key == key))
      at = next(at);
    return at;
  }

  // Nothing more: a new value.
  template <class... Arguments>
  Value& add(std::size_t at, std::uint64_t hash, const Key& key, Arguments&&... value) {
    auto entry = std::make_unique<Entry>(key, std::forward<Arguments>(value)...);
    Value& added = entry->value;
    slots_[at] = {hash, std::move(entry)};
    size_ += 1;
    if (2 * size_ > slots_.size()) grow();
    return added;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (Slot& slot : old) {
      if (!slot.entry) continue;
      std::size_t at = slot.hash & mask();
      while (slots_[at].entry)
        at = next(at);
      slots_[at] = std::move(slot);
    }
  }

  Hash hash_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

template <class Value>
using TransactionMap = HashedMap<TransactionKey, Value>;

}  // namespace nemcon::core
