// The core's one door in (Input) and one door out (Effects). Both are plain values: a run is a
// vector of inputs that can be recorded, replayed and compared.
//
// What the caller of Engine::step() does with Effects, in any order:
//   - `writes`: append all of them to the journal, in order, in one or more batches; when a
//     batch is durable, step WriteDurable with the last lsn in it. If none of them is urgent
//     the batch may wait 5 ms for company. A failed flush ends the process.
//   - `sends`, `replies`: hand over; they may be lost. Nothing here relies on a write of the
//     same step: the engine held back what does until its WriteDurable came.
//   - `reads`: ask the store, step ReadDone. Reads and checkpoints are carried out in the order
//     in which they were asked for.
//   - `checkpoint`: apply to the store in one atomic write, step CheckpointDone. It is already
//     covered by the journal. At most one is under way.
//   - `wake_at`: step DeadlinePassed then (replaces the earlier wish; absent: no deadline).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/message.hpp"
#include "core/permissions.hpp"
#include "core/record.hpp"
#include "core/request.hpp"
#include "core/row.hpp"
#include "core/time.hpp"

namespace nemcon::core {

// ---- in -------------------------------------------------------------------------------------

// The first input of a life; everything before it was restored from log.
struct LifeBegins {};

struct FrameReceived {
  PeerIndex from;  // What the transport authenticated, never what the frame says.
  FrameHeader header;
  std::vector<Message> messages;
};

struct PeerUp {
  PeerIndex peer;
};

struct PeerDown {
  PeerIndex peer;
};

struct ClientRequested {
  LinkId link;
  Request request;
};

struct ClientGone {
  LinkId link;
};

// Before anything else on a link of a client: whom its key stands for. What the client says of
// itself counts only where nobody has keys.
struct ClientKnown {
  LinkId link;
  std::string name;  // Empty: nobody.
};

// The configuration was read again. What was begun under the old ones and is not granted any more
// ends: subscriptions, and standing for a service.
struct PermissionsReplaced {
  PermissionOptions permissions;
};

struct WriteDurable {
  Lsn upto;
};

struct ReadDone {
  QueueId queue;
  std::vector<MessageRow> rows;  // Ascending, from just after the position asked for.
  bool end = false;              // The store has no further message in this queue.
};

struct CheckpointDone {
  Lsn upto;
};

// The store or the journal has no room (true), or has again (false).
struct DiskFull {
  bool full = false;
};

struct DeadlinePassed {};

// No new work from now on; what is under way goes on.
struct StopRequested {};

using Event = std::variant<LifeBegins, FrameReceived, PeerUp, PeerDown, ClientRequested, ClientGone,
                           WriteDurable, ReadDone, CheckpointDone, DiskFull, DeadlinePassed,
                           StopRequested, ClientKnown, PermissionsReplaced>;

struct Input {
  Instant now;                // Monotonic, never goes back within a life.
  std::uint64_t wall_ms = 0;  // Milliseconds since 1970; may jump, is followed slowly.
  Event event;
};

// ---- out ------------------------------------------------------------------------------------

struct Send {
  PeerIndex to;
  Message message;
};

struct Write {
  Lsn lsn;
  Record record;
  bool urgent = true;  // Somebody waits for it.
};

struct Read {
  QueueId queue;
  std::optional<Position> after;  // Absent: from the first.
  std::uint32_t count_max = 0;
};

struct ClientReply {
  LinkId link;
  Reply reply;
};

// A peer broke the protocol. The link should be muted; `what` says why.
struct PeerFault {
  PeerIndex peer;
  std::string what;
};

// Somebody asked for what it may not do, and was refused. For the audit record.
struct AccessDenied {
  std::string principal;  // Empty: a client without a name.
  std::string what;       // "send orders@shop".
  std::string through;    // The peer that asked for it; empty: the client itself.
};

// This node must not take part any more: its state is older than what the mesh has seen of it.
struct Fenced {
  std::string why;
};

// One line for the diagnostics, or for a test: why an input was ignored, what was decided.
struct Note {
  const char* what = "";  // A fixed phrase, "duplicate prepare".
  std::optional<TransactionId> transaction;
  std::string detail;
};

struct Effects {
  std::vector<Send> sends;
  std::vector<Write> writes;
  std::vector<Read> reads;
  std::vector<ClientReply> replies;
  std::optional<Checkpoint> checkpoint;
  std::vector<PeerFault> faults;
  std::vector<AccessDenied> denials;
  std::optional<Fenced> fenced;
  std::vector<Note> notes;
  std::optional<Instant> wake_at;
};

}  // namespace nemcon::core
