// What the three threads of a node tell each other, and the mailboxes it travels in.
//
//                 JournalOrder ──► journal ──┐
//     loop ──────┤                           ├─ LoopFact ──► loop
//                 StoreOrder ────► store ────┘
//
// Mailboxes own what is in them; nothing is shared between the threads but these.
#pragma once

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <variant>
#include <vector>

#include "core/effects.hpp"
#include "node/bell.hpp"
#include "node/mailbox.hpp"
#include "transport/key_ring.hpp"

namespace nemcon::node {

// ---- sent by the loop to the journal --------------------------------------------------------

// One for each turn of the loop that has something for the journal.
struct JournalOrder {
  std::vector<core::Write> writes;  // To be made durable, in this order, after all earlier ones.
  bool urgent = false;              // Somebody waits for one of them.
  core::Lsn release_upto;           // The store has everything up to it; 0: nothing new.
};

// ---- sent by the loop to the store ----------------------------------------------------------

// Carried out in the order in which they were sent.
using StoreOrder = std::variant<core::Read, core::Checkpoint>;

// ---- sent to the loop -----------------------------------------------------------------------

// By the journal: every write up to and including `upto` survives a power cut.
struct JournalDurable {
  core::Lsn upto;
};

// By the journal or the store, when it changes: whether room is short.
struct RoomShort {
  enum class Where { journal, store };
  Where where = Where::journal;
  bool is_short = false;
};

constexpr std::chrono::seconds room_patience{1};  // Between two looks at a full disk.

// By whoever wants the node to stop.
struct StopAsked {};

// By whoever read a changed configuration: these keys are valid from now on, and no others.
struct KeysReplaced {
  transport::NodeKeys keys;
  core::PermissionOptions permissions;
  std::shared_ptr<std::promise<core::Status>> done;  // Of NodeSockets::set_keys.
};

using LoopFact = std::variant<JournalDurable, RoomShort, core::ReadDone, core::CheckpointDone,
                              StopAsked, KeysReplaced>;

// ---- the mailboxes --------------------------------------------------------------------------

// A turn makes one journal order, and a flush of 5 ms on a busy disk spans about a hundred short
// turns. From the first on clients wait, from the second on peers too.
constexpr std::size_t journal_orders_clients_max = 512;
constexpr std::size_t journal_orders_max = 1024;
static_assert(journal_orders_clients_max < journal_orders_max);

// The engine has at most one checkpoint and one read of each queue under way.
constexpr std::size_t store_orders_max = 4096;

// The journal sends at most two facts a batch, the store one for each order. The loop never
// keeps them waiting for anything but its own turn.
constexpr std::size_t loop_facts_max = 8192;

struct Mailboxes {
  Mailbox<JournalOrder> to_journal{journal_orders_max};
  Mailbox<StoreOrder> to_store{store_orders_max};
  Mailbox<LoopFact> to_loop{loop_facts_max};
  Bell loop_bell;  // Rung after each put into to_loop.

  void tell_loop(LoopFact fact) {
    to_loop.put(std::move(fact));
    loop_bell.ring();
  }
};

}  // namespace nemcon::node
