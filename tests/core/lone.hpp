// Lone: one engine whose peers are played by the test. By default it is node 1, "b", in a mesh of
// three; all peers are live and say only what the test says for them.
#pragma once

#include <map>
#include <vector>

#include "tests/core/node.hpp"

namespace nemcon::core::tests {

// What a played peer says of itself in every frame.
struct Ghost {
  Incarnation incarnation;
  Boot boot{1};
  std::uint64_t nonce = 0;
  std::uint64_t lsn = 10;
  std::int64_t skew_ms = 0;
  std::vector<QueueNotice> queues;
  std::vector<std::string> services;
};

class Lone {
 public:
  // Begins the first life and greets all peers.
  explicit Lone(const Layout& layout);
  Lone(const Layout& layout, std::size_t self);

  Node& operator*() { return node_; }

  Node* operator->() { return &node_; }

  // A message comes in from a peer.
  Effects hear(std::size_t from, Message message);
  Effects hear(std::size_t from, const FrameHeader& header, Message message);

  // The link comes up and the peer says HELLO.
  Effects greet(std::size_t peer);
  Effects greet(std::size_t peer, const std::optional<Sighting>& seen);
  Effects lose(std::size_t peer);

  // Ends this life; the next one hears HELLO of all peers at once.
  void crash_and_recover();

  Ghost& ghost(std::size_t peer) { return ghosts_.at(peer); }

  [[nodiscard]] FrameHeader header_from(std::size_t peer) const;

  [[nodiscard]] std::size_t self() const { return self_; }

 private:
  std::size_t self_;
  Node node_;
  std::map<std::size_t, Ghost> ghosts_;
};

// What peers say about a told transaction.
[[nodiscard]] Value yes_at(Hlc at);
[[nodiscard]] Value yes_now();
[[nodiscard]] Value no_because(Reason reason);
[[nodiscard]] Vote vote_of(const Told& told, std::uint8_t branch, const Value& value);
[[nodiscard]] Decision commit_of(const Told& told, Hlc at);
[[nodiscard]] Decision roll_back_of(const Told& told);
[[nodiscard]] Forget forget_of(const Told& told, const Outcome& outcome);
[[nodiscard]] AskPromise ask_promise_of(const Told& told, const Ballot& ballot);
[[nodiscard]] Ballot ballot_of(std::uint32_t round, std::size_t leader);

}  // namespace nemcon::core::tests
