#include "tests/attack/victim.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nemcon::attack {

Victim::Victim(const std::string& place) : directory(place) {
  node::CheckedConfig read = node::read_config(directory + "/" + rogue_name + ".toml", rogue_name);
  if (!read.errors.empty()) throw std::runtime_error(read.errors.front());
  rogue = std::move(read.config);
  const auto shop = std::ranges::find(rogue.peers, "shop", &node::PeerConfig::name);
  if (shop == rogue.peers.end()) throw std::runtime_error("no peer shop");
  endpoint = shop->endpoint;
  constexpr std::string_view tcp = "tcp://";
  endpoint_from_elsewhere = "tcp://127.0.0.2:0;" + endpoint.substr(tcp.size());
  public_key = shop->public_keys.at(0);
}

transport::KeyPair Victim::keys_of(const std::string& name) const {
  core::Result<transport::KeyPair> keys = transport::read_key_file(directory + "/" + name + ".key");
  if (!keys) throw std::runtime_error(keys.error().detail);
  return std::move(keys).value();
}

}  // namespace nemcon::attack
