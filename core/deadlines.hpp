// Deadlines: at most one instant for each key, and the earliest of all. Machines keep their
// deadlines here as values; nothing ever has to be cancelled twice.
//
// Most deadlines never come: they are put off or cleared long before. So the heap may hold
// entries that are not true any more, but never as its first one, and not many more than true ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/hashed_map.hpp"
#include "core/time.hpp"

namespace nemcon::core {

template <class Key>
class Deadlines {
 public:
  // The seed is random per process (Options::nonce).
  explicit Deadlines(std::uint64_t seed) : by_key_(seed) {}

  // Replaces the key's deadline.
  void set(const Key& key, Instant at) {
    if (Instant* known = by_key_.find(key); known == nullptr) {
      by_key_.set(key, at);
    } else if (std::exchange(*known, at) == at) {
      return;
    }
    heap_.emplace_back(at, key);
    std::ranges::push_heap(heap_, std::greater{});
    tidy(key);
  }

  void clear(const Key& key) {
    if (by_key_.erase(key)) tidy(key);
  }

  // Takes out one key whose time has come.
  [[nodiscard]] std::optional<Key> try_pop(Instant now) {
    if (heap_.empty() || heap_.front().first > now) return std::nullopt;
    const Key key = heap_.front().second;
    clear(key);
    return key;
  }

  [[nodiscard]] std::optional<Instant> earliest() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().first;
  }

 private:
  using Entry = std::pair<Instant, Key>;

  static constexpr std::size_t few = 64;

  // After a change of this key.
  void tidy(const Key& key) {
    if (heap_.size() > 2 * by_key_.size() + few) {
      // In order, which is a heap as well; what was set to and fro is in there twice.
      std::erase_if(heap_, [this](const Entry& entry) { return !is_true(entry); });
      std::ranges::sort(heap_);
      heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
      return;
    }
    // Only the key that changed can have made the first entry untrue; those that it uncovers may
    // be so since long.
    if (heap_.front().second != key) return;
    while (!heap_.empty() && !is_true(heap_.front())) {
      std::ranges::pop_heap(heap_, std::greater{});
      heap_.pop_back();
    }
  }

  [[nodiscard]] bool is_true(const Entry& entry) const {
    const Instant* at = by_key_.find(entry.second);
    return at != nullptr && *at == entry.first;
  }

  HashedMap<Key, Instant> by_key_;
  std::vector<Entry> heap_;
};

}  // namespace nemcon::core
