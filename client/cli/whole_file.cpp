#include "client/cli/whole_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace nemcon::cli {

namespace {

core::Error cannot_be_read(const std::string& file, const std::string& why) {
  return {core::Errc::local_refused, file + " cannot be read: " + why};
}

}  // namespace

// Not by a stream: one throws at the first read of a directory.
core::Result<std::string> read_whole_file(const std::string& file, std::size_t byte_count_max) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_be_read(file, std::strerror(errno));
  std::string text;
  std::array<char, 65'536> chunk{};
  ssize_t count = 1;
  while (count > 0 && text.size() <= byte_count_max) {
    count = ::read(descriptor, chunk.data(), chunk.size());
    if (count > 0) text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  const int number = errno;
  ::close(descriptor);
  if (count < 0) return cannot_be_read(file, std::strerror(number));
  if (text.size() > byte_count_max) {
    return cannot_be_read(file, "it is larger than " + std::to_string(byte_count_max) + " bytes");
  }
  return text;
}

}  // namespace nemcon::cli
