#include "tests/chaos/window.hpp"

#include <chrono>
#include <utility>

namespace nemcon::chaos {

void Window::commit(Transaction transaction, std::uint32_t index,
                    std::optional<Delivery> consumed) {
  Open open{.transaction = std::move(transaction),
            .index = index,
            .id = {},
            .consumed = std::move(consumed),
            .outcome = {},
            .was_named = false,
            .is_asked = false};
  // Who has asked for the id cannot be given another one after a fail-over; both ways are used.
  if (index % 2 == 0) {
    try {
      open.id = open.transaction.id();
    } catch (const Error&) {
      stage_.recorder.denied(index);
      return;
    }
    open.was_named = true;
    stage_.recorder.name(index, open.id);
  }
  if (begin(open)) open_.push_back(std::move(open));
}

bool Window::begin(Open& open) {
  try {
    open.outcome = open.transaction.commit_async();
    return true;
  } catch (const Error&) {
    // No room before the deadline: as if it had not been begun.
    stage_.recorder.denied(open.index);
    return false;
  }
}

void Window::begin_again(Open& open) {
  open.is_asked = !open.was_named;
  open.outcome = open.was_named ? open.transaction.commit_async() : client_.outcome_async(open.id);
}

void Window::look() {
  for (std::size_t at = 0; at < open_.size();) {
    const bool is_ready =
        open_[at].outcome.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    if (is_ready && take(open_[at])) {
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      ++at;
    }
  }
}

bool Window::take(Open& open) {
  try {
    const Outcome outcome = open.outcome.get();
    if (!outcome.id.is_none()) {
      open.id = outcome.id;
      stage_.recorder.name(open.index, outcome.id);
    }
    if (outcome.state == State::unknown) {
      stage_.recorder.unknown(open.index, to_text(outcome.reason) + (": " + outcome.text));
      begin_again(open);
      return false;
    }
    if (outcome.committed()) observe(outcome.at);
    stage_.recorder.told(open.index, outcome);
  } catch (const Error& error) {
    // No answer to a question says nothing of the transaction.
    if (open.is_asked || error.error_class() == ErrorClass::unknown) {
      stage_.recorder.unknown(open.index, error.what());
      begin_again(open);
      return false;
    }
    stage_.recorder.denied(open.index);
  }
  return true;
}

void Window::abandon() {
  for (const Open& open : open_) {
    stage_.recorder.abandon(open.index);
    if (open.id.is_none()) continue;
    stage_.orphans.add({.transaction = open.index, .id = open.id, .client = name_});
  }
  open_.clear();
}

}  // namespace nemcon::chaos
