// Node: one engine, fed by hand. By default the disk is quick: what a step writes is durable and
// what it asks of the store is answered before step() returns. A test that cares says
// `hold_writes` or `hold_store` and decides itself when.
//
// After every step the node is checked against recovery: an engine made from the journal alone,
// and one made from checkpoint and tail, know exactly what the live one knows.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "tests/core/disk.hpp"
#include "tests/core/parts.hpp"

namespace nemcon::core::tests {

struct Outgoing {
  PeerIndex to;
  FrameHeader header;
  Message message;
};

class Node {
 public:
  explicit Node(Options options);

  // A life begins, with what is durable. Also the first.
  Effects begin();
  Effects begin_from_journal();
  void crash();

  [[nodiscard]] bool is_alive() const { return engine_ != nullptr; }

  // One input, and what the disk does at once because of it.
  Effects step(Event event);
  Effects request(LinkId link, Request request);

  // Everything that was written is durable now.
  Effects flush();

  // Only the records up to this one are.
  Effects flush_upto(Lsn upto);

  // The store carries out what it was asked for, in order.
  Effects serve_store();

  // Steps DeadlinePassed if the engine asked for it by `now`.
  Effects tick();

  // All of the node's own waking up to now + `by`.
  Effects pass(Duration by);

  [[nodiscard]] std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }

  [[nodiscard]] Engine& engine() { return *engine_; }

  [[nodiscard]] const Engine& engine() const { return *engine_; }

  [[nodiscard]] Disk& disk() { return disk_; }

  [[nodiscard]] const Disk& disk() const { return disk_; }

  [[nodiscard]] Options& options() { return options_; }

  [[nodiscard]] const std::vector<ClientReply>& replies() const { return replies_; }

  [[nodiscard]] const std::vector<Note>& notes() const { return notes_; }

  [[nodiscard]] std::optional<Instant> wake_at() const { return wake_at_; }

  // Fails the test when recovery would find another state than the live one.
  void check_recovery() const;

  // How often a note of this phrase was left.
  [[nodiscard]] std::size_t note_count(const std::string& what) const;

  // Rows of the live engine, without messages.
  [[nodiscard]] std::vector<Row> rows() const;
  [[nodiscard]] std::vector<Transaction> transactions() const;
  [[nodiscard]] std::optional<Transaction> transaction(const TransactionId& id) const;
  [[nodiscard]] std::optional<SessionRow> session(ClientId client) const;
  [[nodiscard]] std::optional<Remembered> remembered(const TransactionId& id) const;
  [[nodiscard]] QueueRow queue(const std::string& name) const;
  [[nodiscard]] Hlc floor() const;

  // How many records of this kind were written, in all lives.
  [[nodiscard]] std::size_t record_count(const std::string& kind) const;

  // Bodies of the messages of a queue that the engine holds in memory, in order.
  [[nodiscard]] std::vector<std::string> bodies(const std::string& queue) const;

  // Sees what each step brought.
  std::function<void(const Effects&)> on_effects;

  bool hold_writes = false;
  bool hold_store = false;
  bool checks_recovery = true;  // After each step; off where there are very many.
  Instant now{std::chrono::seconds{1}};
  std::int64_t skew_ms = 0;  // Of the wall clock.

 private:
  Effects start(Restored restored);
  void take(Effects& all, Effects effects);
  Effects step_once(Event event);
  void settle(Effects& all);

  Options options_;
  Disk disk_;
  std::unique_ptr<Engine> engine_;
  std::deque<std::variant<Read, Checkpoint>> asked_;
  std::vector<Outgoing> outgoing_;
  std::vector<ClientReply> replies_;
  std::vector<Note> notes_;
  std::optional<Instant> wake_at_;
};

// ---- what is in effects -----------------------------------------------------------------------

// The messages of one kind among the sends, in order.
template <class Kind>
[[nodiscard]] std::vector<Kind> sent(const Effects& effects) {
  std::vector<Kind> found;
  for (const Send& send : effects.sends) {
    if (const auto* message = std::get_if<Kind>(&send.message)) found.push_back(*message);
  }
  return found;
}

// The same, to one node.
template <class Kind>
[[nodiscard]] std::vector<Kind> sent_to(const Effects& effects, std::size_t node) {
  std::vector<Kind> found;
  for (const Send& send : effects.sends) {
    if (send.to != peer_index(node)) continue;
    if (const auto* message = std::get_if<Kind>(&send.message)) found.push_back(*message);
  }
  return found;
}

template <class Kind>
[[nodiscard]] std::vector<Kind> replied(const Effects& effects) {
  std::vector<Kind> found;
  for (const ClientReply& reply : effects.replies) {
    if (const auto* kind = std::get_if<Kind>(&reply.reply)) found.push_back(*kind);
  }
  return found;
}

template <class Kind>
[[nodiscard]] std::vector<Kind> written(const Effects& effects) {
  std::vector<Kind> found;
  for (const Write& write : effects.writes) {
    if (const auto* kind = std::get_if<Kind>(&write.record)) found.push_back(*kind);
  }
  return found;
}

[[nodiscard]] bool has_note(const Effects& effects, const std::string& what);

// Words for a failed expectation.
[[nodiscard]] std::string describe(const Effects& effects);

}  // namespace nemcon::core::tests
