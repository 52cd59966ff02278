// The client file: where the nodes of a mesh are and whose keys they have, so that one option of
// the command line says it all. `nemcon mesh init` writes one.
#pragma once

#include <string>
#include <vector>

namespace nemcon::cli {

struct KnownNode {
  std::string name;
  std::string endpoint;
  std::vector<std::string> public_keys;  // Several while one is replaced; none without keys.
};

struct ClientFile {
  std::string secret_key_file;  // Empty without keys. Relative ones are beside the client file.
  bool insecure = false;        // Plain text may leave this machine.
  std::vector<KnownNode> nodes;
};

// Blocks on the file. Throws Misuse, which names file, line and key, for what cannot be understood.
[[nodiscard]] ClientFile read_client_file(const std::string& file);

}  // namespace nemcon::cli
