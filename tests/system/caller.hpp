// Caller: a client of one node, one question at a time. It speaks the wire protocol and nothing
// else, so that a test of the node does not rest on the client library.
//
// Every call waits for at most `patience` and then fails the test.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/request.hpp"
#include "transport/links.hpp"

namespace nemcon::tests {

// What an encrypted link needs: the caller's own key, and the node's public one.
struct CallerKeys {
  std::shared_ptr<const transport::KeyPair> own;
  transport::PublicKey node;
};

class Caller {
 public:
  // Connects and opens a session; anonymous without a name.
  Caller(const std::string& endpoint, const std::string& name)
      : Caller(endpoint, name, std::nullopt) {}

  Caller(const std::string& endpoint, const std::string& name,
         const std::optional<CallerKeys>& keys);
  ~Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] const core::Opened& session() const { return session_; }

  // A new transaction of this session.
  [[nodiscard]] core::Submit transaction(std::vector<core::Part> parts);

  // The answer to it, Concluded or Denied; absent when the link broke first.
  [[nodiscard]] std::optional<core::Reply> submit(const core::Submit& submit);

  // transaction() and submit(); true when it was committed.
  [[nodiscard]] bool commit(std::vector<core::Part> parts);

  // The bodies of the first `count` messages of a queue of this node, which stay leased.
  [[nodiscard]] std::vector<std::string> receive(const std::string& queue, std::size_t count);

  // Takes the first `count` messages of a queue of this node away, by receiving and
  // acknowledging them. True when the node has confirmed all.
  [[nodiscard]] bool consume(const std::string& queue, std::size_t count);

  // Messages that wait in a queue of this node.
  [[nodiscard]] std::uint64_t message_count(const std::string& queue);

  // Transactions that the node knows no outcome of.
  [[nodiscard]] std::uint64_t undecided_count();

  // As the node sees it; true when `peer` takes part.
  [[nodiscard]] bool sees(const std::string& peer);

  [[nodiscard]] core::Report inspect(core::Topic topic);

 private:
  void send(const core::Request& request);
  // Waits for some, or until the deadline.
  void take_events(core::Instant deadline);
  // The next event of the link; absent when patience is over.
  [[nodiscard]] std::optional<transport::ClientEvent> next_event();
  // The next reply; absent when the link is down or patience is over.
  [[nodiscard]] std::optional<core::Reply> next_reply();
  [[nodiscard]] std::vector<core::Delivered> deliveries(const std::string& queue,
                                                        std::size_t count);

  transport::ClientSocket socket_;
  std::deque<transport::ClientEvent> events_;
  core::Opened session_;
  bool is_over_ = false;  // LinkDown has come.
  std::uint64_t request_ = 0;
  std::uint64_t sequence_ = 0;
};

[[nodiscard]] core::Part deliver(const std::string& target, const std::string& body);

}  // namespace nemcon::tests
