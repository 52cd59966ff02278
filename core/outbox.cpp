#include "core/outbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

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
    // Nearly always the last one: few promises rely on less than all that was written.
    const auto first = held_.begin() + static_cast<std::ptrdiff_t>(next_);
    auto place = held_.end();
    while (place != first && std::prev(place)->after > after)
      --place;
    held_.insert(place, {.after = after, .item = std::move(item)});
  }
}

void Outbox::on_durable(Lsn upto, Effects& effects) {
  NEMCON_CHECK(upto <= written_, upto, written_);
  durable_ = std::max(durable_, upto);
  while (next_ < held_.size() && held_[next_].after <= durable_)
    release(std::move(held_[next_++].item), effects);
  if (2 * next_ < held_.size()) return;
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(next_));
  next_ = 0;
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
