#include <nemcon/outcome.hpp>

#include "client/convert.hpp"
#include "core/request.hpp"

namespace nemcon {
inline namespace v0 {

std::optional<TransactionId> TransactionId::parse(std::string_view text) {
  core::TransactionId id;
  if (!core::try_parse(std::string{text}, id)) return std::nullopt;
  return client::to_public(id);
}

std::string TransactionId::text() const {
  return core::to_text(client::to_core(*this));
}

const char* to_text(Reason reason) {
  return core::to_text(client::to_core(reason));
}

const char* to_text(State state) {
  switch (state) {
    case State::committed:
      return "committed";
    case State::rolled_back:
      return "rolled back";
    case State::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string Outcome::summary() const {
  std::string line = to_text(state);
  if (state == State::committed) return line;
  if (!by.empty()) line += " by " + by;
  if (!text.empty()) line += ": " + text;
  if (reason != Reason::none) line += std::string{" ("} + to_text(reason) + ")";
  return line;
}

}  // namespace v0
}  // namespace nemcon
