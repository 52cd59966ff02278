#include "node/node_keys.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/check.hpp"

namespace nemcon::node {

core::Result<transport::NodeKeys> load_keys(const Config& config) {
  core::Result<transport::KeyPair> own = transport::read_key_file(config.secret_key_file);
  if (!own) return own.error();
  transport::NodeKeys keys;
  keys.own = std::make_shared<const transport::KeyPair>(std::move(own).value());
  for (const PeerConfig& peer : config.peers)
    keys.peers[peer.name] = peer.public_keys;
  for (const ClientConfig& client : config.clients)
    keys.clients[client.name] = client.public_keys;
  const MembersConfig& members = config.members;
  if (!members.file.empty() &&
      std::ranges::find(members.own_keys, keys.own->public_key) == members.own_keys.end()) {
    return core::Error{core::Errc::local_refused,
                       members.file + ": [[peer]] \"" + config.name + "\" has not the public key " +
                           transport::to_text(keys.own->public_key) + " of this node's " +
                           config.secret_key_file +
                           ", so that no other node would let it in; have the operator add it and "
                           "sign the file: nemcon membership sign"};
  }
  for (const auto* const names : {&keys.peers, &keys.clients}) {
    for (const auto& [name, public_keys] : *names) {
      for (const transport::PublicKey& key : public_keys) {
        if (key != keys.own->public_key) continue;
        return core::Error{core::Errc::local_refused,
                           config.secret_key_file + ": its public key is also that of \"" + name +
                               "\" in the configuration; each needs a key of its own (nemcon "
                               "keygen)"};
      }
    }
  }
  return keys;
}

void keep_memory_private() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  NEMCON_CHECK(::setrlimit(RLIMIT_CORE, &none) == 0);
  NEMCON_CHECK(::prctl(PR_SET_DUMPABLE, 0) == 0);
}

}  // namespace nemcon::node
