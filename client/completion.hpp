// Completion: where one conclusion goes: a future or a callback, exactly once.
//
// Made by the calling thread, kept by the loop, told by the loop (futures) or by the callback
// thread.
#pragma once

#include <future>
#include <optional>
#include <utility>

#include <nemcon/outcome.hpp>
#include <nemcon/transaction.hpp>

#include "client/gate.hpp"

namespace nemcon::client {

// How one submission ended, or what is known at the deadline.
struct Conclusion {
  Outcome outcome;
  // Nothing was ever begun and the application may do it again: futures throw it as an Error.
  bool is_refusal = false;
};

class Completion {
 public:
  explicit Completion(std::promise<Outcome> promise) : promise_(std::move(promise)) {}

  explicit Completion(OutcomeCallback callback) : callback_(std::move(callback)) {}

  // Its place in the gate is free again when the application has been told.
  void hold(Gate::Pass pass) { pass_ = std::move(pass); }

  // True: tell it on the callback thread.
  [[nodiscard]] bool has_callback() const { return !promise_.has_value(); }

  // Once. What a callback throws comes out.
  void tell(const Conclusion& conclusion);

 private:
  std::optional<std::promise<Outcome>> promise_;
  OutcomeCallback callback_;
  Gate::Pass pass_;
};

}  // namespace nemcon::client
