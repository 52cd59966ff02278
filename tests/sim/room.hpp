// Room: what an engine may write once it knows that its disk is full (Rule P-44). What it had heard
// of before may still end; of a transaction that it hears of only now it must write no yes.
//
// How much the rest may be is the disk's to say: it has a reserve (disk.hpp).
#pragma once

#include <set>
#include <string>

#include "core/effects.hpp"

namespace nemcon::sim {

class Room {
 public:
  // Every input of the engine, before it is stepped.
  void on_input(const core::Event& event);

  // What is wrong with writing this now; empty: nothing.
  [[nodiscard]] std::string flaw_of(const core::Record& record) const;

 private:
  [[nodiscard]] bool is_new(const core::TransactionId& id) const { return !heard_of_.contains(id); }

  bool is_full_ = false;  // As the engine was told.
  // In this life, while there was room: a copy of what was refused then may be taken later.
  std::set<core::TransactionId> heard_of_;
};

}  // namespace nemcon::sim
