// Deadlines: at most one instant for each key, and the earliest of all. Machines keep their
// deadlines here as values; nothing ever has to be cancelled twice.
//
// Most deadlines never come: they are put off or cleared long before. So one that is put off stays
// in the heap where it is, and goes to its place when it comes up; and the heap may hold entries of
// keys that are gone, but never an untrue one as its first, and not many more than there are keys.
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
    Slot* known = by_key_.find(key);
    if (known == nullptr) known = &by_key_.set(key, {.at = at, .in_heap = Instant::max()});
    known->at = at;
    if (at < known->in_heap) push(*known, key);
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

  struct Slot {
    Instant at;
    Instant in_heap;  // The key's one valid entry there: at most `at`.
  };

  static constexpr std::size_t few = 64;

  void push(Slot& slot, const Key& key) {
    slot.in_heap = slot.at;
    heap_.emplace_back(slot.at, key);
    std::ranges::push_heap(heap_, std::greater{});
  }

  // After a change of this key.
  void tidy(const Key& key) {
    const bool is_crowded = heap_.size() > 2 * by_key_.size() + few;
    if (is_crowded) {
      // In order, which is a heap as well; what was set to and fro is in there twice.
      std::erase_if(heap_, [this](const Entry& entry) { return !is_valid(entry); });
      std::ranges::sort(heap_);
      heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
    }
    // Otherwise only the key that changed can have made the first entry untrue; those that it
    // uncovers may be so since long.
    if (!is_crowded && heap_.front().second != key) return;
    while (!heap_.empty()) {
      Slot* slot = by_key_.find(heap_.front().second);
      const bool valid = slot != nullptr && slot->in_heap == heap_.front().first;
      if (valid && slot->at == slot->in_heap) return;
      const Key first = heap_.front().second;
      std::ranges::pop_heap(heap_, std::greater{});
      heap_.pop_back();
      if (valid) push(*slot, first);
    }
  }

  [[nodiscard]] bool is_valid(const Entry& entry) const {
    const Slot* slot = by_key_.find(entry.second);
    return slot != nullptr && slot->in_heap == entry.first;
  }

  HashedMap<Key, Slot> by_key_;
  std::vector<Entry> heap_;
};

}  // namespace nemcon::core
