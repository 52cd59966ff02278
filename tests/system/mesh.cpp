#include "tests/system/mesh.hpp"

#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "core/check.hpp"
#include "transport/keys.hpp"

namespace nemcon::tests {

Mesh::Mesh(const std::vector<std::string>& names, const std::string& transactions,
           const std::string& limits, MeshLinks links)
    : names_(names) {
  std::set<std::string> taken;
  for (const std::string& name : names) {
    std::string endpoint = free_endpoint();
    while (!taken.insert(endpoint).second)
      endpoint = free_endpoint();
    endpoints_[name] = endpoint;
    if (links == MeshLinks::plain) continue;
    keys_[name] = *transport::make_key_file(workspace_.path(name + ".key"));
  }
  if (links == MeshLinks::curve)
    client_key_ = to_text(*transport::make_key_file(workspace_.path("client.key")));
  for (const std::string& name : names) {
    std::string text = "[node]\nname = '" + name + "'\ndata = '" + workspace_.path(name) +
                       "'\nlisten = '" + endpoints_[name] + "'\n[[queue]]\nname = 'inbox'\n";
    for (const std::string& peer : names) {
      if (peer == name) continue;
      text += "[[peer]]\nname = '" + peer + "'\nendpoint = '" + endpoints_[peer] + "'\n";
      if (keys_.contains(peer)) text += "public_key = '" + public_key(peer) + "'\n";
    }
    text += security_of(name);
    text += "[transactions]\n" + transactions + "\n[limits]\nmax_message_bytes = '64KiB'\n" +
            "max_transaction_bytes = '256KiB'\n" + limits + "\n";
    (void)workspace_.write(name + ".toml", text);
  }
}

std::string Mesh::security_of(const std::string& name) const {
  if (keys_.empty()) return {};
  return "[[client]]\nname = 'tester'\npublic_key = '" + client_key_ +
         "'\nallow = ['send *@*', 'consume *', 'call *@*', 'serve *', 'browse *@*']\n" +
         "[security]\nsecret_key_file = '" + workspace_.path(name + ".key") + "'\n";
}

std::string Mesh::client_key_file() const {
  return keys_.empty() ? std::string{} : workspace_.path("client.key");
}

std::string Mesh::public_key(const std::string& name) const {
  return keys_.empty() ? std::string{} : to_text(keys_.at(name));
}

std::optional<CallerKeys> Mesh::keys_for(const std::string& name) const {
  if (keys_.empty()) return std::nullopt;
  auto own = transport::read_key_file(client_key_file());
  NEMCON_CHECK(own.has_value(), client_key_file());
  return CallerKeys{.own = std::make_shared<const transport::KeyPair>(std::move(own).value()),
                    .node = keys_.at(name)};
}

Daemon& Mesh::start(const std::string& name, const std::vector<std::string>& arguments) {
  auto& daemon = daemons_[name];
  NEMCON_CHECK(daemon == nullptr || !daemon->is_running(), name);
  std::vector<std::string> all = {"--config", workspace_.path(name + ".toml")};
  all.insert(all.end(), arguments.begin(), arguments.end());
  daemon = std::make_unique<Daemon>(
      workspace_, DaemonOptions{.name = name, .arguments = all, .wrapper = {}, .directory = {}});
  return *daemon;
}

bool Mesh::start_all() {
  for (const std::string& name : names_) {
    const auto found = daemons_.find(name);
    if (found == daemons_.end() || !found->second->is_running()) start(name, {});
  }
  for (const std::string& name : names_) {
    if (!daemon(name).wait_until_ready()) return false;
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (const std::string& name : names_) {
    Caller caller(endpoint(name), "", keys_for(name));
    for (const std::string& peer : names_) {
      while (peer != name && !caller.sees(peer)) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
      }
    }
  }
  return true;
}

std::string Mesh::diagnostics() const {
  std::string all;
  for (const auto& [name, daemon] : daemons_) {
    all += "---- " + name + "\n" + daemon->diagnostics();
  }
  return all;
}

}  // namespace nemcon::tests
