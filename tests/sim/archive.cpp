#include "tests/sim/archive.hpp"

namespace nemcon::sim {
namespace {

template <class Result, class T>
Result hash_of(const T& value) {
  HashArchive archive;
  archive(value);
  Result result;
  result.high = archive.high();
  result.low = archive.low();
  return result;
}

core::Digest of_descriptor(const core::Descriptor& descriptor) {
  return hash_of<core::Digest>(descriptor);
}

core::Digest of_content(const core::Content& content) {
  return hash_of<core::Digest>(content);
}

core::ClientId of_name(const std::string& client_name) {
  return hash_of<core::ClientId>(client_name);
}

core::NodeId of_node(const std::string& node_name, std::uint64_t salt) {
  return {.high = hash_of<core::Digest>(node_name).high ^ salt, .low = salt};
}

}  // namespace

core::Hashing test_hashing() {
  return {.of_descriptor = of_descriptor,
          .of_content = of_content,
          .of_name = of_name,
          .of_node = of_node};
}

}  // namespace nemcon::sim
