#include "tests/system/mesh.hpp"

#include <chrono>
#include <set>
#include <thread>

#include "core/check.hpp"
#include "tests/system/caller.hpp"

namespace nemcon::tests {

Mesh::Mesh(const std::vector<std::string>& names, const std::string& transactions,
           const std::string& limits)
    : names_(names) {
  std::set<std::string> taken;
  for (const std::string& name : names) {
    std::string endpoint = free_endpoint();
    while (!taken.insert(endpoint).second)
      endpoint = free_endpoint();
    endpoints_[name] = endpoint;
  }
  for (const std::string& name : names) {
    std::string text = "[node]\nname = '" + name + "'\ndata = '" + workspace_.path(name) +
                       "'\nlisten = '" + endpoints_[name] + "'\n[[queue]]\nname = 'inbox'\n";
    for (const std::string& peer : names) {
      if (peer == name) continue;
      text += "[[peer]]\nname = '" + peer + "'\nendpoint = '" + endpoints_[peer] + "'\n";
    }
    text += "[transactions]\n" + transactions + "\n[limits]\nmax_message_bytes = '64KiB'\n" +
            "max_transaction_bytes = '256KiB'\n" + limits + "\n";
    (void)workspace_.write(name + ".toml", text);
  }
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
    Caller caller(endpoint(name), "");
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
