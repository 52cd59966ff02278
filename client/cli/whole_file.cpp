#include "client/cli/whole_file.hpp"

#include "transport/small_file.hpp"

namespace nemcon::cli {

core::Result<std::string> read_whole_file(const std::string& file, std::size_t byte_count_max) {
  core::Result<std::string> text = transport::read_file(file, byte_count_max);
  if (text) return text;
  return core::Error{core::Errc::local_refused, file + " cannot be read: " + text.error().detail};
}

}  // namespace nemcon::cli
