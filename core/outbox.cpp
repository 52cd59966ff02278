#include "core/outbox.hpp"

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "core/overloaded.hpp"

namespace nemcon::core {

void Outbox::release_after(Lsn after, Item item, Effects& effects) {
  const bool early =
      planted(Mutant::promise_before_flush) ||
      (planted(Mutant::reply_before_flush) && std::holds_alternative<ClientReply>(item));
  if (after <= durable_ || early) {
    release(std::move(item), effects);
  } else {
    NEMCON_CHECK(after <= written_, after, written_);
    held_[after].push_back(std::move(item));
  }
}

void Outbox::on_durable(Lsn upto, Effects& effects) {
  NEMCON_CHECK(upto <= written_, upto, written_);
  durable_ = std::max(durable_, upto);
  while (!held_.empty() && held_.begin()->first <= durable_) {
    std::vector<Item> items = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    for (Item& item : items)
      release(std::move(item), effects);
  }
}

void Outbox::release(Item&& item, Effects& effects) {
  std::visit(Overloaded{
                 [&](Send& send) { effects.sends.push_back(std::move(send)); },
                 [&](SendToSelf& send) { to_self_.push_back(std::move(send.message)); },
                 [&](ClientReply& reply) { effects.replies.push_back(std::move(reply)); },
                 [&](Checkpoint& checkpoint) { effects.checkpoint = std::move(checkpoint); },
             },
             item);
}

}  // namespace nemcon::core
