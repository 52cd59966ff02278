// What a scripted node answers, in few words.
#pragma once

#include <string>

#include "core/request.hpp"

namespace nemcon::tests {

inline core::Concluded committed(const core::Submit& submit) {
  return {.request = submit.request,
          .id = submit.id,
          .verdict = core::Verdict::committed,
          .at = core::Hlc::from_ms(1'000)};
}

inline core::Concluded rolled_back(const core::Submit& submit, core::Reason reason,
                                   std::string text = {}) {
  return {.request = submit.request,
          .id = submit.id,
          .verdict = core::Verdict::rolled_back,
          .reason = reason,
          .text = std::move(text),
          .by = "warehouse"};
}

inline core::Denied denied(std::uint64_t request, core::Reason reason, bool retryable) {
  return {.request = request, .retryable = retryable, .reason = reason, .text = "for a test"};
}

// The body of the submission's first part.
inline std::string body_of(const core::Submit& submit) {
  return std::string{submit.parts.at(0).content.body.view()};
}

}  // namespace nemcon::tests
