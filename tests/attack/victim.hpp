// Victim: the node that is attacked, "shop", as an attacker knows it from its own files.
#pragma once

#include <string>

#include "node/config.hpp"
#include "transport/keys.hpp"

namespace nemcon::attack {

// Of the nodes of the mesh this one runs as no nemcond: an attacker has its key.
constexpr const char* rogue_name = "mallory";

// A client whom shop knows, and who may do little or nothing.
constexpr const char* guest_name = "guest";

struct Victim {
  // The directory of the mesh, with the files of the rogue node and all keys. Throws
  // std::runtime_error where they cannot be read.
  explicit Victim(const std::string& directory);

  [[nodiscard]] transport::KeyPair keys_of(const std::string& name) const;

  std::string directory;
  node::Config rogue;  // The configuration of the rogue node.
  std::string endpoint;
  // The same, for connections from another address of this machine than honest clients have.
  std::string endpoint_from_elsewhere;
  transport::PublicKey public_key;
};

}  // namespace nemcon::attack
