// Submissions: the clients of this node: their sessions, what they submit, and what they ask.
// Turns a submission into a drive, or answers it from what is known already.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/composer.hpp"
#include "core/context.hpp"
#include "core/deadlines.hpp"
#include "core/driver.hpp"
#include "core/participant.hpp"

namespace nemcon::core {

struct Client {
  LinkId link;
  std::string name;  // Empty: anonymous.
  ClientId id;
  Epoch epoch;
  std::string principal;  // Whose permissions count: its name, or what its key stands for.
  std::string producer;   // In whose order its messages are.
};

class Submissions {
 public:
  Submissions(Context& context, Participant& participant, Driver& driver)
      : context_(context), participant_(participant), driver_(driver), composer_(context) {}

  // Whom the key of a link stands for. Before its Open.
  void on_known(const ClientKnown& known) { known_[known.link] = known.name; }

  void on_open(LinkId link, const Open& open);
  void on_submit(const Client& client, const Submit& submit);
  void on_ask(const Client& client, const Ask& ask);
  void on_acknowledge(const Client& client, const Acknowledge& acknowledge);
  void on_client_gone(LinkId link);

  // Answers to the questions that this class asked of other nodes.
  void on_status(const NodeId& from, const TransactionStatus& status);

  [[nodiscard]] const Client* find(LinkId link) const;

  [[nodiscard]] std::size_t inquiry_count() const { return inquiries_.size(); }

  void on_deadline(Instant now);

  [[nodiscard]] std::optional<Instant> earliest() const { return deadlines_.earliest(); }

 private:
  // A question to the mesh about an id that this node knows nothing of: for a client that asks,
  // or before a resubmission is carried out here.
  struct Inquiry {
    std::vector<Waiter> waiters;
    std::optional<Submit> submit;  // Present: carry it out when nobody knows the id.
    Client client;                 // Whose submit it is.
    std::set<NodeId> expected;
    std::set<NodeId> answered;
    Knowledge best = Knowledge::none;
    DescriptorPtr descriptor;
    Digest digest;
    bool too_old = false;
    // What nodes say that nothing shows to be named by it. Two that say the same are believed.
    std::map<NodeId, Outcome> hearsay;
    std::set<NodeId> too_old_by_hearsay;
    bool conflict = false;  // A submission is known that says nothing of others (Rule P-40).
  };

  [[nodiscard]] const Transaction* find_telling(const TransactionId& id) const;
  [[nodiscard]] bool try_answer_known(const TransactionId& id, const Waiter& waiter);
  [[nodiscard]] std::optional<NotComposed> refuse(const Client& client, const Submit& submit);
  [[nodiscard]] std::optional<NotComposed> refuse_expiry(const Submit& submit) const;
  [[nodiscard]] std::optional<NotComposed> refuse_quota(const Client& client, const Submit& submit);
  [[nodiscard]] bool try_send_alone(const Client& client, const Submit& submit);
  void start(const Client& client, const Submit& submit);
  void deny(const Waiter& waiter, const NotComposed& why);
  [[nodiscard]] bool may_have_begun(const Submit& submit) const;
  void turn_away_fenced(const Waiter& waiter, const Submit& submit);
  void acknowledge_upto(const Client& client, Epoch epoch, Sequence upto);
  void conclude(const Waiter& waiter, const TransactionId& id, const Outcome& outcome,
                const std::vector<Content>& replies);
  void inquire(const Client& client, const TransactionId& id, const Waiter& waiter,
               const Submit* submit);
  void finish_inquiry(TransactionId id);
  void on_outcome(const TransactionId& id, Inquiry& inquiry, const Outcome& outcome);
  [[nodiscard]] bool is_about(const Inquiry& inquiry, const NodeId& from,
                              const TransactionStatus& status) const;
  [[nodiscard]] bool is_credible(const Inquiry& inquiry, const NodeId& from,
                                 const TransactionStatus& status) const;
  [[nodiscard]] Epoch new_epoch(Epoch newest, Epoch above);
  [[nodiscard]] std::optional<std::string> refuse_name(LinkId link, const Open& open) const;
  [[nodiscard]] std::optional<NotComposed> refuse_new_session(const std::string& name) const;
  [[nodiscard]] std::optional<NotComposed> refuse_new_epoch(const Client& client);
  void welcome(const Client& client, std::uint64_t request);

  Context& context_;
  Participant& participant_;
  Driver& driver_;
  Composer composer_;
  std::map<LinkId, Client> clients_;
  std::map<LinkId, std::string> known_;  // By their keys.
  std::map<TransactionId, Inquiry> inquiries_;
  Deadlines<TransactionId> deadlines_{context_.options.nonce};
};

}  // namespace nemcon::core
