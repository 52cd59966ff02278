// Sessions: what is remembered of each client, so that its transactions take effect once and no
// window of time is needed for it.
//
// For a session (client, epoch) every sequence number is in one of three places:
//
//     finished and known to the client | remembered: a row or an outcome | unknown
//   0 ----------------------------- ack_upto ---------------------------- newest -->
//
// Below `ack_upto` an unknown id is refused as too old (Rule P-15), which never means "rolled
// back". All durable; changed by State::apply only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/row.hpp"

namespace nemcon::core {

class Sessions {
 public:
  using Ended = std::pair<const TransactionKey, Remembered>;

  void load(SessionRow row);

  // ---- durable changes ----------------------------------------------------------------------
  // Some record of this client's transaction appeared: its epoch and expiry are taken over.
  void touch(const TransactionId& id, const std::string& name, Hlc expires);
  void open(ClientId client, const std::string& name, Epoch epoch);
  void acknowledge(ClientId client, Epoch epoch, Sequence ack_upto);
  void remember(const TransactionKey& key, const Remembered& remembered);
  void raise_high(const TransactionId& id, QueueId queue);
  void raise_floor(Hlc floor);

  // A row of the transaction with work here exists (or no longer does).
  void add_present(const TransactionId& id);
  void remove_present(const TransactionId& id);

  // ---- questions ----------------------------------------------------------------------------
  [[nodiscard]] const SessionRow* find(ClientId client) const;
  [[nodiscard]] const Remembered* find_remembered(const TransactionKey& key) const;

  // Several submissions of one id may have ended here, of which at most one committed (Rule P-5).
  // This is what the client is told: that one, or else one that says why, and of a mere conflict
  // last.
  [[nodiscard]] const Ended* find_ended(const TransactionId& id) const;

  // This very submission when it ended here, else as above.
  [[nodiscard]] const Ended* find_ended(const TransactionKey& key) const;
  [[nodiscard]] Sequence ack_upto(ClientId client, Epoch epoch) const;

  // Rule P-15. Only for ids of which nothing is known.
  [[nodiscard]] bool is_too_old(const TransactionId& id, Hlc expires) const;

  // A newer session of the same named client is open (Rule P-16).
  [[nodiscard]] bool is_fenced(const TransactionId& id) const;

  // True when the client's transaction with this number has a row or an outcome here, or is
  // below its mark (Rule P-31).
  [[nodiscard]] bool is_known(const TransactionId& of_client, Sequence sequence) const;

  // The highest (epoch, sequence) voted yes at the queue for this client.
  [[nodiscard]] std::pair<Epoch, Sequence> high(ClientId client, QueueId queue) const;

  [[nodiscard]] std::size_t open_count(ClientId client) const;

  // A mark, a row or an outcome.
  [[nodiscard]] bool has_something_of(ClientId client, Epoch epoch) const;

  // Anonymous ones are forgotten by themselves. Looks at all, as the next: for new sessions, which
  // are rare.
  [[nodiscard]] std::size_t named_count() const;

  // Those of this client (permissions.hpp).
  [[nodiscard]] std::size_t count_of(std::string_view account) const;

  [[nodiscard]] Hlc floor() const { return floor_; }

  void collect(Checkpoint& checkpoint);
  void dump(std::vector<Row>& rows) const;

  void set_floor_at_load(Hlc floor) { floor_ = floor; }

 private:
  struct Session {
    SessionRow row;
    // How many rows and outcomes there are of each transaction.
    std::map<std::pair<Epoch, Sequence>, std::uint32_t> present;
    bool is_dirty = false;  // Then it is in dirty_.
  };

  Session& session_of(ClientId client);
  static void count_present(Session& session, const TransactionId& id);
  static void release_present(Session& session, const TransactionId& id);
  void drop_acknowledged(Session& session);
  void drop_surplus(Session& session, const TransactionId& id);

  std::map<ClientId, Session> sessions_;
  Hlc floor_;
  std::set<ClientId> dirty_;
};

}  // namespace nemcon::core
