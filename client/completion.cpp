#include "client/completion.hpp"

#include <exception>

#include <nemcon/error.hpp>

namespace nemcon::client {

void Completion::tell(const Conclusion& conclusion) {
  if (!promise_) {
    if (callback_) callback_(conclusion.outcome);
    return;
  }
  // The place must be free before the future is ready: whoever waits for the future may expect
  // the next submission not to wait.
  pass_ = Gate::Pass{};
  const Outcome& outcome = conclusion.outcome;
  if (conclusion.is_refusal) {
    promise_->set_exception(std::make_exception_ptr(
        Error{ErrorClass::retryable, outcome.reason, outcome.text, outcome.id}));
  } else {
    promise_->set_value(outcome);
  }
}

}  // namespace nemcon::client
