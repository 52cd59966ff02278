#include <nemcon/error.hpp>

namespace nemcon {
inline namespace v0 {

namespace {

// What is thrown must say enough for a line in somebody's diagnostics.
std::string worded(Reason reason, const std::string& what) {
  if (reason == Reason::none) return what.empty() ? "failed" : what;
  if (what.empty()) return to_text(reason);
  return what + " (" + to_text(reason) + ")";
}

}  // namespace

Error::Error(ErrorClass error_class, Reason reason, const std::string& what, TransactionId id)
    : std::runtime_error(worded(reason, what)), class_(error_class), reason_(reason), id_(id) {}

Error::~Error() = default;

const char* to_text(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::retryable:
      return "retryable";
    case ErrorClass::rolled_back:
      return "rolled back";
    case ErrorClass::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace v0
}  // namespace nemcon
