// Mesh: a few nodes and the messages between them, in a pool from which the test takes what it
// wants: deliver, drop, double, hold back or reorder. And Caller: a client of one node.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/node.hpp"

namespace nemcon::core::tests {

struct Envelope {
  std::size_t from = 0;
  std::size_t to = 0;
  FrameHeader header;
  Message message;
};

// Which messages are meant; what is absent matches all. Hellos only when they are named.
struct Match {
  std::optional<std::size_t> from;
  std::optional<std::size_t> to;
  std::string kind;

  [[nodiscard]] bool operator()(const Envelope& envelope) const;
};

class Mesh {
 public:
  // All nodes are up, know each other and have nothing to say.
  explicit Mesh(const Layout& layout);

  Node& operator[](std::size_t node) { return *nodes_[node]; }

  [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }

  // ---- the pool -----------------------------------------------------------------------------
  // Delivers, in the order of sending, until nothing that is not held back is under way.
  void run();

  // Held back in the pool until release().
  void hold(const Match& match);
  void release();

  // The first that matches, held back or not; false when there is none.
  [[nodiscard]] bool try_deliver(const Match& match);
  Effects deliver(const Match& match);
  std::size_t drop(const Match& match);

  // The first that matches goes into the pool once more.
  void duplicate(const Match& match);

  // The last sent of each kind comes first.
  void reverse();
  [[nodiscard]] std::size_t pending_count(const Match& match);

  // Puts a message of the test's own into the pool.
  void forge(std::size_t from, std::size_t to, Message message);

  // Everything sent since the last forget_sent(), in order.
  [[nodiscard]] std::vector<Envelope> sent(const Match& match);

  [[nodiscard]] std::size_t sent_count(const Match& match) { return sent(match).size(); }

  void forget_sent();

  // ---- time ---------------------------------------------------------------------------------
  // Time goes on, with all that it wakes and all messages that can be delivered.
  void run_for(Duration duration);

  [[nodiscard]] Instant now() const { return now_; }

  // ---- faults -------------------------------------------------------------------------------
  void crash(std::size_t node);

  // Starts the node again from checkpoint and journal; the links come back.
  void recover(std::size_t node);
  void crash_and_recover(std::size_t node);

  // Both ways; what is under way between the two is lost.
  void cut(std::size_t a, std::size_t b);
  void heal(std::size_t a, std::size_t b);

 private:
  void collect();
  [[nodiscard]] bool is_held(const Envelope& envelope) const;
  Effects hand_over(const Envelope& envelope);
  void connect(std::size_t node);
  void set_now(Instant now);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::vector<bool>> linked_;
  std::vector<Envelope> pool_;
  std::vector<Envelope> sent_;
  std::vector<Match> held_;
  Instant now_{std::chrono::seconds{1}};
};

class Caller {
 public:
  // Opens a session at once; anonymous with an empty name.
  Caller(Node& node, const std::string& name);

  // With a key: what it stands for need not be what the client calls itself.
  Caller(Node& node, const std::string& name, std::string key);

  // Goes on at another node, with the same session.
  void move_to(Node& node);

  // A new session of the same name at the same node.
  void open_anew();

  // Sends SUBMIT with the next sequence number; the answer comes when it comes.
  TransactionId submit(const std::vector<Part>& parts);
  TransactionId submit(Submit submit);

  // The same again, marked as sent before.
  void resubmit(const TransactionId& id, const std::vector<Part>& parts);
  void ask(const TransactionId& id);
  void acknowledge(std::uint64_t upto);

  Effects request(Request request);
  void leave();

  [[nodiscard]] TransactionId next_id();
  [[nodiscard]] Submit draft(const TransactionId& id, const std::vector<Part>& parts) const;

  // The newest answer to a submission or question about this id at the present node.
  [[nodiscard]] std::optional<Concluded> answer(const TransactionId& id) const;
  [[nodiscard]] bool is_committed(const TransactionId& id) const;
  [[nodiscard]] bool is_rolled_back(const TransactionId& id) const;

  // The newest reply of that kind to this client.
  template <class Kind>
  [[nodiscard]] std::optional<Kind> last() const {
    const std::vector<Kind> found = all<Kind>();
    if (found.empty()) return std::nullopt;
    return found.back();
  }

  template <class Kind>
  [[nodiscard]] std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const ClientReply& reply : node_->replies()) {
      if (reply.link != link_) continue;
      if (const auto* kind = std::get_if<Kind>(&reply.reply)) found.push_back(*kind);
    }
    return found;
  }

  // ---- consuming ----------------------------------------------------------------------------
  void subscribe(const std::string& queue, std::uint32_t credit);
  Effects settle(Settlement how, const std::vector<LeaseToken>& tokens);

  // Bodies of what was delivered so far, in order.
  [[nodiscard]] std::vector<std::string> delivered() const;

  // ---- serving ------------------------------------------------------------------------------
  void serve(const std::string& service);

  // Answers the newest ServicePrepare.
  void vote_yes(const std::string& reply);
  void vote_no(const std::string& why);
  void done(const CallKey& call);

  [[nodiscard]] LinkId link() const { return link_; }

  [[nodiscard]] ClientId client() const { return client_; }

  [[nodiscard]] Epoch epoch() const { return epoch_; }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] Node& node() { return *node_; }

 private:
  void connect(Epoch epoch);

  Node* node_;
  std::string name_;
  std::string key_;
  LinkId link_;
  ClientId client_;
  Epoch epoch_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t next_request_ = 1;
};

}  // namespace nemcon::core::tests
