// Recorder: the history of one round, written by many threads, in the order in which they learnt
// things. Every call from any thread.
//
// What a client sees is older than it is: a message may have waited in the network and in the
// library while its lease ended and somebody else took it away. So a delivery of what is known to
// be gone is written down only when the node confirms it afterwards, by taking its acknowledgement.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/sim/history.hpp"

namespace nemcon::chaos {

struct PartDraft {
  std::uint32_t queue = 0;
  std::int64_t amount = 0;
  std::size_t filling_bytes = 0;
};

struct Drafted {
  std::uint32_t transaction = 0;
  std::vector<std::string> bodies;  // Of the parts.
};

struct Counts {
  std::size_t transactions = 0;
  std::size_t committed = 0;
  std::size_t rolled_back = 0;
  std::size_t denied = 0;
  std::size_t unknown = 0;  // For good: of clients that died.
  std::size_t deliveries = 0;
  std::size_t late_deliveries =
      0;  // Seen after the message was gone, and with a lease that had ended.

  void add(const Counts& other);
};

class Recorder {
 public:
  Recorder();

  // Queue first, its dead-letter queue right after it.
  [[nodiscard]] std::uint32_t add_queue(const std::string& name, sim::QueueOrder order);

  [[nodiscard]] std::uint32_t new_producer();

  // A node does not remember over a restart what it had handed out, and to whom.
  void node_started(const std::string& node);

  // Before it leaves. `after`: the newest commit that its client knows of.
  [[nodiscard]] Drafted draft(const sim::HistoryTransaction& transaction,
                              const std::vector<PartDraft>& parts);
  void name(std::uint32_t transaction, const TransactionId& id);

  // Of the newest one that has a name; empty before the first.
  [[nodiscard]] std::string newest_name() const;

  // Its client asks again after that answer.
  void unknown(std::uint32_t transaction, const std::string& answer);

  // Of those that clients ask for again: one, and what they heard last; empty where there is none.
  [[nodiscard]] std::string some_unknown() const;

  void told(std::uint32_t transaction, const Outcome& outcome);
  void denied(std::uint32_t transaction);
  // Its client died before it knew.
  void abandon(std::uint32_t transaction);

  struct Seen {
    std::uint32_t message = 0;
    std::int64_t amount = 0;
    bool was_gone = false;
  };

  // Absent for what nobody sent.
  [[nodiscard]] std::optional<Seen> delivered(const Delivery& delivery, std::uint32_t queue);
  void acked(const Delivery& delivery, const Seen& seen, std::uint32_t queue);
  void maybe_acked(const Seen& seen, std::uint32_t queue);

  void service(sim::Happened what, std::uint32_t transaction, std::uint32_t place,
               std::uint32_t node, std::uint64_t submission);

  // A violation that the history cannot express.
  void blame(const std::string& what);

  // A delivery that never was, for the judge to find.
  void lie();

  // When nobody writes any more.
  [[nodiscard]] sim::History& history() { return history_; }

  [[nodiscard]] const std::vector<std::string>& blames() const { return blames_; }

  [[nodiscard]] Counts counts() const;

 private:
  void add_event(sim::HistoryEvent event);
  void add_delivery(const Delivery& delivery, std::uint32_t message, std::uint32_t queue);

  mutable std::mutex mutex_;
  std::chrono::steady_clock::time_point began_;
  sim::History history_;
  std::vector<bool> gone_;  // By message.
  // By queue: the newest place that was handed out, and that of the lives before this one.
  std::map<std::uint32_t, std::uint64_t> newest_;
  std::map<std::uint32_t, std::uint64_t> newest_before_;
  std::vector<std::size_t> filling_bytes_;
  std::vector<bool> named_;  // By transaction.
  std::map<std::uint32_t, std::string> unknown_;
  std::vector<std::string> blames_;
  std::uint32_t producer_count_ = 0;
  std::size_t late_count_ = 0;
};

// One line for everything, to be read by people.
void write_history(const sim::History& history, const std::string& path);

}  // namespace nemcon::chaos
