// Error: what the library throws when it cannot give a result. Three classes, since an
// application can only do three things about it.
//
// Wrong use (a transaction committed twice with more parts, an address that is none) is not an
// Error but std::invalid_argument or std::logic_error: a bug of the caller.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include <nemcon/export.hpp>
#include <nemcon/outcome.hpp>

namespace nemcon {
inline namespace v0 {

enum class ErrorClass : std::uint8_t {
  retryable,    // Surely without effect: do the same again, now or later.
  rolled_back,  // Surely without effect, and the same again would meet the same objection.
  unknown,      // May have taken effect: ask Client::outcome(error.id()).
};

// Lower-case words: "retryable", "rolled back", "unknown".
NEMCON_EXPORT const char* to_text(ErrorClass error_class);

class NEMCON_EXPORT Error : public std::runtime_error {
 public:
  Error(ErrorClass error_class, Reason reason, const std::string& what, TransactionId id = {});
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
  ~Error() override;

  [[nodiscard]] ErrorClass error_class() const { return class_; }

  [[nodiscard]] bool is_retryable() const { return class_ == ErrorClass::retryable; }

  [[nodiscard]] Reason reason() const { return reason_; }

  // The transaction that it is about; none when there is none.
  [[nodiscard]] const TransactionId& id() const { return id_; }

 private:
  ErrorClass class_;
  Reason reason_;
  TransactionId id_;
};

}  // namespace v0
}  // namespace nemcon
