// Outbox: a promise leaves after its record is durable, and this class alone says so. Whatever
// relies on a write is handed over with that write's number and comes out once the journal has
// it (Rule P-8). Messages to the own node take the same way and come out as `to_self`.
#pragma once

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "core/effects.hpp"

namespace nemcon::core {

struct SendToSelf {
  Message message;
};

using OutboxItem = std::variant<Send, SendToSelf, ClientReply, Checkpoint>;

class Outbox {
 public:
  using Item = OutboxItem;

  explicit Outbox(Lsn durable) : durable_(durable), written_(durable) {}

  // After recovery: everything up to here came from the journal.
  void restore(Lsn upto) { durable_ = written_ = upto; }

  // The number of the next record.
  Lsn assign() { return written_ = Lsn{written_.value() + 1}; }

  [[nodiscard]] Lsn written() const { return written_; }

  [[nodiscard]] Lsn durable() const { return durable_; }

  [[nodiscard]] bool is_empty() const { return next_ == held_.size(); }

  // Hands over at once when `after` is durable already, else at its WriteDurable.
  void release_after(Lsn after, Item item, Effects& effects);

  void on_durable(Lsn upto, Effects& effects);

  // What came out for the own node, in order.
  [[nodiscard]] std::vector<Message> take_to_self() { return std::exchange(to_self_, {}); }

 private:
  struct Held {
    Lsn after;
    Item item;
  };

  void release(Item&& item, Effects& effects);

  Lsn durable_;
  Lsn written_;
  // In the order of `after`; those before `next_` are out.
  std::vector<Held> held_;
  std::size_t next_ = 0;
  std::vector<Message> to_self_;
};

}  // namespace nemcon::core
