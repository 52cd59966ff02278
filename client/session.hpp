// Session: this client's transactions, from commit() to the acknowledged outcome, over any
// number of links and nodes. A state machine without thread, socket or clock: the loop tells it
// what happened and carries out Effects.
//
//             commit()       room in the window       Concluded        the application has it
//   (nothing) ───────► held ───────────────────► sent ─────────► concluded ───────► forgotten
//                       ▲        Denied, not now  │ ▲
//                       │  ┌──── waiting ◄────────┘ │ link lost, no answer for long
//                  reserve └───────────────────────►┘ (again, with `retry`)
//
// Promises:
//   - A transaction keeps its id for good once it has left; whatever was sent before is sent
//     again under that id, in the order of sequence numbers, before anything new.
//   - `ack_upto` never passes a transaction whose outcome the application has not been given, or
//     is being given at this moment.
//   - At most `window` transactions are between ack_upto and the newest.
//   - Every waiter is told exactly once, at its deadline at the latest.
//
// One thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "client/completion.hpp"
#include "client/effects.hpp"
#include "client/queue_trail.hpp"
#include "client/timing.hpp"
#include "core/request.hpp"

namespace nemcon::client {

// Somebody who waits for an outcome.
struct Waiter {
  core::Instant deadline;
  Completion completion;
  bool asks = false;  // For the outcome of what may have been refused: outcome(id).
};

// Somebody who waits for an id.
struct IdWaiter {
  core::Instant deadline;
  std::promise<core::TransactionId> promise;
};

struct Work {
  std::vector<core::Part> parts;
  std::uint64_t byte_count = 0;    // Of bodies and headers together.
  std::uint64_t largest_part = 0;  // The same of the largest one.
  std::uint32_t deadline_ms = 0;   // For the votes; 0: the node's own.
};

class Session {
 public:
  Session(std::string name, core::ClientId own_id, Timing timing);

  // ---- the application ------------------------------------------------------------------------

  // `reserved`: the id that reserve() gave for it.
  void submit(core::Instant now, Work work, std::optional<core::TransactionId> reserved,
              Waiter waiter, Effects& effects);

  void reserve(core::Instant now, IdWaiter waiter);

  // A reserved id that will not be used.
  void release(const core::TransactionId& id);

  // Waits for one that this session still keeps; false, and the waiter untouched, when it keeps no
  // such transaction.
  [[nodiscard]] bool try_await(core::Instant now, const core::TransactionId& id, Waiter& waiter,
                               Effects& effects);

  // The application has returned from being told.
  void handled(core::Instant now, const SessionKey& key);

  // Tells everybody who still waits that the client is closed.
  void close(Effects& effects);

  // ---- the link -------------------------------------------------------------------------------

  void on_link_up(core::Instant now, Effects& effects);
  void on_link_down();

  // False: not an answer to a request of this class.
  [[nodiscard]] bool on_opened(core::Instant now, const core::Opened& opened);
  [[nodiscard]] bool on_denied(core::Instant now, const core::Denied& denied, Effects& effects);
  [[nodiscard]] bool on_concluded(core::Instant now, const core::Concluded& concluded,
                                  Effects& effects);

  // A request of these that could not be sent: larger than any frame.
  void on_too_large(core::Instant now, const core::Submit& submit, Effects& effects);

  // The last words on a link: what the application has taken.
  void say_farewell(Effects& effects);

  // Why no node is reachable, in words, for what is told at deadlines.
  void set_trouble(std::string trouble) {
    if (!fenced_) trouble_ = std::move(trouble);
  }

  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  // A commit timestamp was seen in another way (a delivery).
  void observe(core::Hlc at) { newest_ = std::max(newest_, at); }

  // ---- time -----------------------------------------------------------------------------------

  // To be called at the end of every turn: sends what may go now.
  void advance(core::Instant now, Effects& effects);

  [[nodiscard]] std::optional<core::Instant> wake_at() const;

  [[nodiscard]] bool is_open() const { return open_; }

  [[nodiscard]] bool is_fenced() const { return fenced_; }

  [[nodiscard]] const std::string& node_name() const { return node_name_; }

 private:
  enum class Phase : std::uint8_t { reserved, waiting, sent, concluded };

  struct Entry {
    core::TransactionId id;
    Work work;
    Phase phase = Phase::reserved;
    std::vector<Waiter> waiters;
    std::optional<Outcome> outcome;  // Iff concluded.
    // The application knows the id apart from the outcome: it cannot be changed any more.
    bool is_exposed = false;
    bool was_sent = false;
    // Some submission was neither answered nor turned away: it may have taken effect.
    bool is_uncertain = false;
    // Being told, to so many waiters.
    std::uint32_t tellings = 0;
    std::uint64_t request = 0;
    core::Instant next_at{};  // waiting, sent: when it is sent (again).
    core::Duration gap{};
    core::Hlc expires;
    core::Denied denied;  // The latest, for what is told at the deadline.
  };

  // A commit that has no id yet, or lost it together with its session.
  struct Held {
    Work work;
    Waiter waiter;
    std::optional<SessionKey> former;
  };

  using Entries = std::map<SessionKey, Entry>;

  static constexpr std::size_t untold_max = 1024;  // The oldest ones give way.

  // What is told about one epoch to the nodes.
  struct Mark {
    core::Sequence next{1};
    core::Sequence told;
  };

  [[nodiscard]] core::TransactionId issue_id();
  [[nodiscard]] core::Sequence ack_upto(core::Epoch epoch) const;
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] core::Hlc expiry(core::Instant now) const;
  [[nodiscard]] bool has_unfinished_of_older_epochs() const;
  void issue_ids();
  void start_held(core::Instant now, Effects& effects);
  void send_due(core::Instant now, Effects& effects);
  void send(core::Instant now, Entry& entry, Effects& effects);
  void number_deliveries(Entry& entry);
  void send_later(core::Instant now, Entry& entry, Phase phase);
  void acknowledge(Effects& effects);
  void check_times(core::Instant now, Effects& effects);
  void check_entry(core::Instant now, Entry& entry, Effects& effects);
  [[nodiscard]] bool is_too_late_to_try(core::Instant now, const Entry& entry) const;
  void check_held(core::Instant now, Effects& effects);
  void tell_unknown(Entry& entry, Waiter waiter, Reason reason, const std::string& text,
                    Effects& effects);
  [[nodiscard]] std::string find_size_trouble(const Work& work) const;
  void conclude(Entry& entry, Outcome outcome, bool is_refusal, Effects& effects);
  void forget(core::Instant now, Entries::iterator entry);
  void let_go_of_old(core::Instant now);
  void on_submit_denied(core::Instant now, Entries::iterator found, const core::Denied& denied,
                        Effects& effects);
  [[nodiscard]] bool has_ended_after(const SessionKey& key) const;
  void on_branch_fenced(core::Instant now, Entries::iterator found, Outcome outcome,
                        core::Epoch newest, Effects& effects);
  void on_fenced(core::Epoch newest, Effects& effects);
  [[nodiscard]] bool try_reopen(core::Epoch newest, Effects& effects);
  void end_fenced(Effects& effects);
  void renumber(core::Instant now, Entries::iterator found);
  void give_up_all(Reason reason, const std::string& text, bool is_refusal, Effects& effects);
  [[nodiscard]] Entries::iterator find_by_request(std::uint64_t request);
  [[nodiscard]] core::Duration jittered(core::Duration gap);
  void wake_by(core::Instant at);

  const std::string name_;
  const Timing timing_;
  core::ClientId client_;

  // The link.
  bool open_ = false;
  std::uint64_t open_request_ = 0;
  core::Instant open_deadline_{};
  core::NodeId node_;
  std::string node_name_;
  std::string trouble_ = "no node was reached yet";

  // The session. Epoch zero: none was ever opened.
  core::Epoch epoch_;
  core::Epoch above_;
  // Something was decided under this epoch: then whoever fences it off is newer.
  bool is_proven_ = false;
  std::uint32_t reopened_count_ = 0;
  bool fenced_ = false;
  std::uint32_t window_ = 1;
  std::uint64_t message_bytes_max_ = 0;
  std::uint64_t transaction_bytes_max_ = 0;
  core::Hlc clock_;  // The node's, at clock_read_at_.
  core::Instant clock_read_at_{};
  core::Duration retention_{};
  core::Hlc newest_;  // The newest commit timestamp seen.

  std::deque<Held> held_;
  std::vector<IdWaiter> id_waiters_;
  Entries entries_;
  // Outcomes of which nobody was told more than `unknown`, and which hold up nothing any more.
  std::map<SessionKey, Outcome> untold_;
  std::map<core::Epoch, Mark> marks_;
  std::map<std::uint64_t, SessionKey> requests_;  // Of entries that are sent.
  std::set<SessionKey> due_;                      // To be sent in this turn, in order.
  QueueTrail trail_;
  std::uint64_t last_request_ = 0;
  std::minstd_rand jitter_;
  std::optional<core::Instant> acknowledge_at_;
  std::optional<core::Instant> check_at_;  // Nothing is due before.
};

}  // namespace nemcon::client
