// Session: the client's side of the protocol, kept honestly, as the client library keeps it.
//
//   away ──connect──► opening ──Opened──► open ──link lost, no answer──► away (another node)
//
// Transactions are numbered densely; each is submitted until its outcome is known, in order,
// with the same id and parts, at whatever node can be reached; `ack_upto` rises only over
// transactions whose outcome is known. What the client learns goes into the history.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace nemcon::sim {

// What a transaction is to contain; messages and bodies are made when it is submitted.
struct PartPlan {
  core::OperationKind kind = core::OperationKind::deliver;
  std::string target;             // "queue@node" or "service@node".
  std::int64_t amount = 0;        // deliver.
  std::size_t filling_bytes = 0;  // deliver.
  core::LeaseToken token;         // consume.
  std::uint32_t consumed = 0;     // consume: the message.
  std::uint64_t limit = 0;        // check.
};

struct TransactionPlan {
  std::vector<PartPlan> parts;
  bool must_fail = false;
  std::uint32_t deadline_ms = 0;
};

struct SessionHabits {
  Time patience = std::chrono::seconds{12};  // Without an answer: another node.
  std::uint32_t asks = 200'000;              // Parts of a million: asks instead of resubmitting.
  std::uint32_t repeats = 5'000;             // Sends a submission once more at once.
  std::uint32_t asks_again = 5'000;          // Asks for what it knows already.
  std::uint32_t switches = 300'000;          // Goes to another node after a broken link.
  bool acknowledges = true;                  // Raises ack_upto.
};

struct SessionCounts {
  std::uint64_t submitted_count = 0;
  std::uint64_t resubmitted_count = 0;
  std::uint64_t expired_count = 0;    // Transactions that expired before their end was known.
  std::uint64_t elsewhere_count = 0;  // Resubmitted at another node than the initiator.
  std::uint64_t committed_count = 0;
  std::uint64_t rolled_back_count = 0;
  std::uint64_t unknown_count = 0;
  std::uint64_t denied_count = 0;
  std::uint64_t fenced_count = 0;
  std::uint64_t asked_count = 0;
};

enum class Ending : std::uint8_t { committed, rolled_back, unknown };

class Session : public ClientEnd {
 public:
  // What the session's owner wants to hear.
  struct Owner {
    std::function<void()> opened;
    std::function<void()> lost;
    std::function<void(const core::Reply&)> replied;  // What is not about transactions.
  };

  // `name` empty: anonymous. `homes`: the nodes it may use, the preferred one first.
  Session(World& world, std::string label, std::string name, std::vector<std::size_t> homes);
  ~Session() override = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  SessionHabits habits;
  Owner owner;

  // Whom its key stands for, where clients have keys; its name, or its label, unless it is told.
  void use_key_of(std::string account) { account_ = std::move(account); }

  void begin();

  // `ended` is called once; with unknown when the process dies or loses its session.
  void submit(TransactionPlan plan, std::function<void(Ending)> ended);

  // A request that is not about a transaction. Only while open.
  void send(const core::Request& request);

  // The process dies and starts again: it has forgotten everything but its name.
  void restart();

  // The process dies and never comes back.
  void stop();

  // Stops waiting for transactions that can never end, because of what they name. They are not
  // acknowledged: their outcome is not known.
  void give_up_where(const std::function<bool(const core::Submit&)>& hopeless);

  // What began since then need not have ended, nor what some node does not say whether it knows it.
  void excuse_around_liar(Time begin);

  // Leaves for the preferred node if it is elsewhere and has nothing to resolve.
  void go_home();

  [[nodiscard]] bool is_open() const { return state_ == State::open; }

  [[nodiscard]] bool is_stopped() const { return stopped_; }

  [[nodiscard]] core::LinkId link() const { return link_; }

  [[nodiscard]] std::size_t node() const { return node_; }

  [[nodiscard]] core::ClientId client() const { return client_; }

  [[nodiscard]] std::size_t unfinished_count() const { return pending_.size() + plans_.size(); }

  [[nodiscard]] const std::string& label() const { return label_; }

  [[nodiscard]] std::uint64_t take_request() { return ++last_request_; }

  // For tests and scripts: names of what waits for an outcome.
  [[nodiscard]] std::string unfinished_text() const;

  [[nodiscard]] const SessionCounts& counts() const { return counts_; }

  // For scripts: submits one transaction again, here and now.
  void resubmit(core::Sequence sequence);
  void ask(core::Sequence sequence);

 private:
  enum class State : std::uint8_t { away, opening, open };

  struct Pending {
    core::Submit request;
    std::uint32_t transaction = 0;  // In the history.
    std::uint32_t sent_count = 0;
    bool is_unanswered = false;    // Not every node said whether it knows it: by the last answer.
    bool is_expiry_wrong = false;  // Never begun; the next session has the time right.
    Time sent_at{0};
    Time begun_at{0};
    std::function<void(Ending)> ended;
  };

  struct Plan {
    TransactionPlan plan;
    std::function<void(Ending)> ended;
  };

  struct Finished {
    core::TransactionId id;
    std::uint32_t transaction = 0;
    bool rolled_back = false;
    std::vector<std::string> queues;
  };

  void on_reply(core::LinkId link, const core::Reply& reply) override;
  void on_closed(core::LinkId link) override;

  void connect();
  void plan_connect(Time delay);
  void leave();
  void choose_node();
  void take(const core::Opened& opened);
  void take(const core::Denied& denied);
  void take(const core::Concluded& concluded);
  void take_open_denied(const core::Denied& denied);
  void excuse_if_expired(const Pending& pending, bool may_have_begun);
  void start_over(core::Epoch above);
  void give_up_all();
  void resume();
  void release_plans();
  void compose(Plan plan);
  void add_part(const PartPlan& plan, std::uint32_t index, Pending& pending,
                HistoryTransaction& history);
  void send_submit(Pending& pending, bool retry);
  void plan_resubmit(core::Sequence sequence, Time delay);
  void plan_ask(core::Sequence sequence, Time delay);
  [[nodiscard]] bool has_ended_after(core::Sequence sequence) const;
  void finish(core::Sequence sequence, Ending ending);
  void repeat_now_and_then(const core::TransactionId& id);
  void plan_watch();
  void watch();
  void acknowledge_now_and_then();
  void record(Happened what, std::uint32_t transaction, core::Hlc at);
  [[nodiscard]] core::Sequence ack_upto() const;
  [[nodiscard]] core::Sequence previous_at(const std::string& queue) const;
  [[nodiscard]] std::uint64_t clock_ms() const;
  [[nodiscard]] core::Hlc expiry() const;
  Time between(Time low, Time high);

  World& world_;  // Must outlive the session.
  Random random_;
  std::string base_label_;
  std::string account_;
  std::string label_;
  std::string name_;
  std::vector<std::size_t> homes_;
  std::uint64_t life_ = 0;
  bool stopped_ = false;
  State state_ = State::away;
  core::LinkId link_;
  std::size_t node_ = 0;
  std::size_t home_index_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t open_request_ = 0;
  Time opening_since_{0};

  core::ClientId client_;
  core::Epoch epoch_;
  core::Epoch above_;
  core::NodeId node_id_;
  std::uint32_t producer_ = 0;
  std::uint64_t retention_ms_ = 0;
  core::Hlc opened_clock_;
  Time opened_at_{0};
  core::Hlc newest_;  // The newest commit timestamp it knows of.
  core::Sequence next_{1};
  core::Sequence acknowledged_;  // Told to the node of this link.
  std::map<core::Sequence, Pending> pending_;
  std::optional<core::Sequence> first_given_up_;
  std::map<core::Sequence, Finished> finished_;  // Of this epoch; the newest few hundred.
  std::map<std::uint64_t, core::Sequence> requests_;
  std::map<std::string, std::vector<core::Sequence>> chain_;  // By queue: not known rolled back.
  std::vector<Plan> plans_;
  SessionCounts counts_;
};

}  // namespace nemcon::sim
