#include "tests/system/keyed_nodes.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace nemcon::tests {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

Ran nemcon(std::vector<std::string> words) {
  words.insert(words.begin(), NEMCON_CLI);
  return run(words, {}, {"NEMCON_NODE=", "NEMCON_CONFIG="});
}

void KeyedNodes::make(const std::vector<std::string>& names) {
  names_ = names;
  std::vector<std::string> words = {"mesh", "init"};
  words.insert(words.end(), names.begin(), names.end());
  words.insert(words.end(), {"--directory", workspace_.path()});
  const Ran ran = nemcon(words);
  if (ran.exit_code != 0) throw std::runtime_error("nemcon mesh init: " + ran.err);
  int port = 7411;
  std::map<std::string, std::string> ports;
  for (const std::string& name : names) {
    endpoints_[name] = free_endpoint();
    ports["tcp://127.0.0.1:" + std::to_string(port++)] = endpoints_[name];
    keys_[name] = nemcon({"keygen", "--show", key_file(name)}).out.substr(0, 40);
  }
  for (const std::string& name : names) {
    std::string text = workspace_.read(name + ".toml") +
                       "\n[limits]\nmax_message_bytes = '64KiB'\n"
                       "max_transaction_bytes = '256KiB'\n";
    for (const auto& [from, to] : ports)
      text = replaced(text, from, to);
    write(name, text);
  }
  std::string text = workspace_.read("operator.toml");
  for (const auto& [from, to] : ports)
    text = replaced(text, from, to);
  write("operator", text);
}

Daemon& KeyedNodes::begin(const std::string& name, const std::vector<std::string>& wrapper) {
  auto& daemon = daemons_[name];
  daemon.reset();
  daemon = std::make_unique<Daemon>(
      workspace_, DaemonOptions{.name = name,
                                .arguments = {"--config", workspace_.path(name + ".toml")},
                                .wrapper = wrapper,
                                .directory = {}});
  return *daemon;
}

void KeyedNodes::start(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = daemons_.find(name);
    Daemon& daemon = found == daemons_.end() ? begin(name) : *found->second;
    if (!daemon.wait_until_ready()) throw std::runtime_error("not ready: " + diagnostics());
  }
  for (const std::string& name : names) {
    Client client(as_operator(name));
    const Clock::time_point give_up = Clock::now() + patience;
    const auto all_live = [&] {
      const std::vector<NodeStatus> nodes = client.status().nodes;
      return std::ranges::all_of(nodes, [&names](const NodeStatus& node) {
        return node.live || std::ranges::find(names, node.name) == names.end();
      });
    };
    while (!all_live()) {
      if (Clock::now() >= give_up) throw std::runtime_error("no mesh: " + diagnostics());
      std::this_thread::sleep_for(20ms);
    }
  }
}

std::string KeyedNodes::new_key() const {
  const std::string file = workspace_.path("next.key");
  const Ran made = nemcon({"keygen", file});
  if (made.exit_code != 0) throw std::runtime_error("nemcon keygen: " + made.err);
  return nemcon({"keygen", "--show", file}).out.substr(0, 40);
}

void KeyedNodes::replace_key(const std::string& name, const std::function<void()>& go_on) {
  const std::string old_key = keys_.at(name);
  const std::string next =
      nemcon({"keygen", "--show", workspace_.path("next.key")}).out.substr(0, 40);
  const auto change = [this](const std::string& node, const std::string& what) {
    const Ran ran = reload(node);
    if (ran.exit_code == 0 && ran.out.find(what) != std::string::npos) return;
    throw std::runtime_error("reload of " + node + ": " + ran.out + ran.err);
  };
  go_on();
  // 1. The others take both.
  for (const std::string& other : names_) {
    if (other == name || !daemons_.contains(other)) continue;
    write(other,
          replaced(config(other), '"' + old_key + '"', "[\"" + old_key + "\", \"" + next + "\"]"));
    change(other, "changed: peer " + name + ": public_key");
  }
  go_on();
  // 2. It changes over.
  std::filesystem::rename(workspace_.path("next.key"), key_file(name));
  change(name, "changed: [security] the key of this node");
  keys_[name] = next;
  go_on();
  // 3. The others forget the old one.
  for (const std::string& other : names_) {
    if (other == name || !daemons_.contains(other)) continue;
    write(other, replaced(config(other), '"' + old_key + "\", ", ""));
    change(other, "changed: peer " + name + ": public_key");
  }
  go_on();
}

ClientOptions KeyedNodes::as_operator(const std::string& node) const {
  return {.nodes = {endpoints_.at(node)},
          .key_file = key_file("operator"),
          .node_keys = {keys_.at(node)}};
}

ClientOptions KeyedNodes::add_client(const std::string& node, const std::string& name) {
  return add_client(node, name, R"("send *@*", "consume *@*", "call *@*", "browse *@*")");
}

ClientOptions KeyedNodes::add_client(const std::string& node, const std::string& name,
                                     const std::string& allow) {
  const std::string key = nemcon({"keygen", key_file(name)}).out.substr(0, 40);
  const std::string grants = allow.empty() ? "" : "allow = [" + allow + "]\n";
  write(node, config(node) + "\n[[client]]\nname = \"" + name + "\"\npublic_key = \"" + key +
                  "\"\n" + grants);
  ClientOptions options = as_operator(node);
  options.name = name;
  options.key_file = key_file(name);
  return options;
}

std::string KeyedNodes::diagnostics() const {
  std::string text;
  for (const auto& [name, daemon] : daemons_)
    text += "---- " + name + "\n" + daemon->diagnostics();
  return text;
}

}  // namespace nemcon::tests
