// Context: what the roles of one engine share: the durable state and the only ways to change it
// and to speak. Lives as long as the engine; `now` and the effects are those of the running step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/effects.hpp"
#include "core/membership.hpp"
#include "core/options.hpp"
#include "core/outbox.hpp"
#include "core/permissions.hpp"
#include "core/plausible.hpp"
#include "core/quotas.hpp"
#include "core/random.hpp"
#include "core/state.hpp"

namespace nemcon::core {

enum class Urgency {
  urgent,  // Somebody waits for it.
  lazy,    // May ride with the next batch.
};

class Context {
 public:
  explicit Context(Options given);

  void begin_step(const Input& input, Effects& effects);

  // Appends to the journal and applies to the state.
  Lsn write(Record record, Urgency urgency);

  // For messages that carry no promise (docs/protocol.md, Rule P-8).
  void send(const NodeId& to, Message message);

  // For all others: leaves once everything that was written so far is durable.
  void promise(const NodeId& to, Message message);

  void reply(LinkId link, Reply reply);

  void promise_reply(LinkId link, Reply reply) {
    reply_after(outbox.written(), link, std::move(reply));
  }

  void reply_after(Lsn lsn, LinkId link, Reply reply);

  void note(const char* what, const TransactionId& id, std::string detail = {});
  void note(const char* what, std::string detail = {});
  void blame(const NodeId& node, std::string what);
  void blame(PeerIndex peer, std::string what);

  // Rule P-43: true when no honest node would say so; the peer was blamed.
  template <class Said>
  bool is_absurd(PeerIndex from, const Said& said) {
    const char* const what = find_absurd(said);
    if (what != nullptr) blame(from, what);
    return what != nullptr;
  }

  // Rule P-43: only nodes that the transaction names have a say in it. True: `from` is none of
  // them, it was blamed, and what it said is to be ignored.
  bool is_stranger(const NodeId& from, const Descriptor& descriptor, const char* what);
  void fence(std::string why);

  // Tells the diagnostics of a refusal, and gives its words. `through`: the peer that asked for a
  // client of its own; empty: the client itself.
  std::string deny(const std::string& principal, Verb verb, const std::string& name,
                   const std::string& node, const std::string& through);
  // Whether the node that sends this may speak for its principal here. Rule P-42.
  [[nodiscard]] bool may_vouch(const NodeId& from, const Descriptor& descriptor) const;
  // A peer says what the client of this transaction has acknowledged. Rules P-15 and P-42.
  void take_acknowledged(const NodeId& from, const Descriptor& descriptor, Sequence ack_upto);
  std::string deny_vouching(const std::string& peer, const std::string& principal);

  // No new work: stopping, no room, or not taking part.
  [[nodiscard]] std::optional<Reason> refuses_work() const;

  // Rule P-44.
  [[nodiscard]] bool refuses_for_room() const;

  // What a peer may not send: a descriptor that breaks the rules, under another digest than its
  // own, or in the name of a client that the transaction id does not belong to (Rule P-15).
  // Hashes the descriptor, unless this very copy was checked a short while ago.
  [[nodiscard]] Status check(const DescriptorPtr& descriptor, const Digest& digest);

  // It was made here, under this digest.
  void take_as_checked(const DescriptorPtr& descriptor, const Digest& digest);

  // The id of an anonymous session of a client that is known by its key: what the client chose,
  // with a mark of its name in it, so that nobody can pass for it.
  [[nodiscard]] ClientId marked(ClientId chosen, std::string_view principal) const;

  // How long the refusal of a transaction is kept of which only the id is known: longer than any
  // copy of an anonymous client's transaction is accepted; for ever (until acknowledged) else.
  [[nodiscard]] Hlc tombstone_expiry(const TransactionId& id) const;

  [[nodiscard]] bool is_self(const NodeId& node) const { return node == options.node; }

  [[nodiscard]] Instant now() const { return now_; }

  [[nodiscard]] Effects& effects() { return *effects_; }

  Options options;
  Permissions permissions;
  Quotas quotas{options.nonce};
  State state;
  Outbox outbox;
  HybridClock clock;
  Membership membership;
  Random random;
  bool disk_full = false;
  bool stopping = false;

 private:
  void hand_over(Lsn after, const NodeId& to, Message message);

  struct Checked {
    DescriptorPtr descriptor;
    Digest digest;
  };

  // One copy passes through several roles, all of which have to be sure of it.
  static constexpr std::size_t checked_max = 4096;
  [[nodiscard]] Checked& checked_slot(const DescriptorPtr& descriptor);

  std::vector<Checked> checked_;  // Made with the first descriptor: many engines never see one.
  Instant now_{};
  Effects* effects_ = nullptr;
};

}  // namespace nemcon::core
