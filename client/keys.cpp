#include "transport/keys.hpp"

#include <stdexcept>

#include <nemcon/keys.hpp>

namespace nemcon {
inline namespace v0 {

std::string make_key_file(const std::string& file) {
  const core::Result<transport::PublicKey> made = transport::make_key_file(file);
  if (!made) throw std::runtime_error(made.error().detail);
  return transport::to_text(*made);
}

std::string public_key_of(const std::string& key_file) {
  const core::Result<transport::KeyPair> read = transport::read_key_file(key_file);
  if (!read) throw std::runtime_error(read.error().detail);
  return transport::to_text(read->public_key);
}

}  // namespace v0
}  // namespace nemcon
