// Batches: what one turn of the loop has for each receiver, so that it leaves in one frame.
//
// Keeps the order of each receiver's items, and of the receivers by their first item. The memory of
// a turn is used again by the next. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nemcon::node {

template <class Key, class Item>
class Batches {
 public:
  void add(Key to, Item item) {
    // Mostly the receiver is that of the item before.
    if (used_ == 0 || slots_[last_].to != to) last_ = slot_of(to);
    slots_[last_].items.push_back(std::move(item));
  }

  [[nodiscard]] bool empty() const { return used_ == 0; }

  // Calls deliver(key, span of items) for each receiver and is empty afterwards.
  template <class Deliver>
  void flush(Deliver&& deliver) {
    for (std::size_t index = 0; index < used_; ++index) {
      deliver(slots_[index].to, std::span<const Item>(slots_[index].items));
      slots_[index].items.clear();
    }
    used_ = 0;
    index_of_.clear();
  }

 private:
  struct Slot {
    Key to;
    std::vector<Item> items;
  };

  struct Hash {
    std::size_t operator()(Key key) const { return static_cast<std::size_t>(key.value()); }
  };

  std::size_t slot_of(Key to) {
    const auto [found, is_new] = index_of_.emplace(to, used_);
    if (!is_new) return found->second;
    if (used_ == slots_.size()) slots_.emplace_back();
    slots_[used_].to = to;
    return used_++;
  }

  std::vector<Slot> slots_;  // The first used_ of them have items.
  std::size_t used_ = 0;
  std::size_t last_ = 0;
  std::unordered_map<Key, std::size_t, Hash> index_of_;
};

}  // namespace nemcon::node
