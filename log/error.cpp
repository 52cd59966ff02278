#include "log/error.hpp"

#include <system_error>

namespace nemcon::log {

using core::Errc;

Error no_room(const std::string& what) {
  return Error{Errc::local_full, what};
}

Error failed(const std::string& what, int error_number) {
  return Error{Errc::local_failed, what + ": " + std::generic_category().message(error_number)};
}

Error corrupt(const std::string& what) {
  return Error{Errc::local_corrupt, what};
}

Error refused(const std::string& what) {
  return Error{Errc::local_refused, what};
}

bool is_no_room(const Error& error) {
  return error.code == Errc::local_full;
}

}  // namespace nemcon::log
