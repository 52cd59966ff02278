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

// When a key is due, kept by whoever has the key. As it is made: never.
struct Due {
  Instant at = Instant::max();
  Instant in_heap = Instant::max();  // The key's one valid entry there: at most `at`.
};

// The order alone. `dues` is what has them: find(key), null when the key is gone, and size().
template <class Key>
class DeadlineHeap {
 public:
  // Replaces the key's deadline.
  template <class Dues>
  void set(const Key& key, Due& due, Instant at, Dues&& dues) {
    due.at = at;
    if (at < due.in_heap) push(due, key);
    tidy(key, dues);
  }

  // After the key has gone.
  template <class Dues>
  void on_gone(const Key& key, Dues&& dues) {
    tidy(key, dues);
  }

  // Takes out one key whose time has come; it is due never, then.
  template <class Dues>
  [[nodiscard]] std::optional<Key> try_pop(Instant now, Dues&& dues) {
    if (heap_.empty() || heap_.front().first > now) return std::nullopt;
    const Key key = heap_.front().second;
    *dues.find(key) = {};
    tidy(key, dues);
    return key;
  }

  [[nodiscard]] std::optional<Instant> earliest() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().first;
  }

 private:
  using Entry = std::pair<Instant, Key>;

  static constexpr std::size_t few = 64;

  void push(Due& due, const Key& key) {
    due.in_heap = due.at;
    heap_.emplace_back(due.at, key);
    std::ranges::push_heap(heap_, std::greater{});
  }

  // After a change of this key.
  template <class Dues>
  void tidy(const Key& key, Dues& dues) {
    const bool is_crowded = heap_.size() > 2 * dues.size() + few;
    if (is_crowded) {
      // In order, which is a heap as well; what was set to and fro is in there twice.
      std::erase_if(heap_, [&](const Entry& entry) {
        const Due* due = dues.find(entry.second);
        return due == nullptr || due->in_heap != entry.first;
      });
      std::ranges::sort(heap_);
      heap_.erase(std::unique(heap_.begin(), heap_.end()), heap_.end());
    }
    // Otherwise only the key that changed can have made the first entry untrue; those that it
    // uncovers may be so since long.
    if (!is_crowded && (heap_.empty() || heap_.front().second != key)) return;
    while (!heap_.empty()) {
      Due* due = dues.find(heap_.front().second);
      const bool valid = due != nullptr && due->in_heap == heap_.front().first;
      if (valid && due->at == due->in_heap) return;
      const Key first = heap_.front().second;
      std::ranges::pop_heap(heap_, std::greater{});
      heap_.pop_back();
      if (valid) push(*due, first);
    }
  }

  std::vector<Entry> heap_;
};

// With a table of its own, where the keys are nobody's.
template <class Key>
class Deadlines {
 public:
  // The seed is random per process (Options::nonce).
  explicit Deadlines(std::uint64_t seed) : dues_(seed) {}

  // Replaces the key's deadline.
  void set(const Key& key, Instant at) { heap_.set(key, dues_[key], at, dues_); }

  void clear(const Key& key) {
    if (dues_.erase(key)) heap_.on_gone(key, dues_);
  }

  // Takes out one key whose time has come.
  [[nodiscard]] std::optional<Key> try_pop(Instant now) {
    const std::optional<Key> key = heap_.try_pop(now, dues_);
    if (key) dues_.erase(*key);
    return key;
  }

  [[nodiscard]] std::optional<Instant> earliest() const { return heap_.earliest(); }

 private:
  HashedMap<Key, Due> dues_;
  DeadlineHeap<Key> heap_;
};

}  // namespace nemcon::core
