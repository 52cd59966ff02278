#include "tests/system/keyed_mesh.hpp"

#include <algorithm>
#include <chrono>
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

void KeyedMesh::make(const std::vector<std::string>& names) {
  names_ = names;
  std::vector<std::string> words = {"mesh", "init"};
  words.insert(words.end(), names.begin(), names.end());
  words.insert(words.end(), {"--directory", workspace_.path()});
  const Ran ran = nemcon(words);
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
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

Daemon& KeyedMesh::begin(const std::string& name, const std::vector<std::string>& wrapper) {
  auto& daemon = daemons_[name];
  daemon.reset();
  daemon = std::make_unique<Daemon>(
      workspace_, DaemonOptions{.name = name,
                                .arguments = {"--config", workspace_.path(name + ".toml")},
                                .wrapper = wrapper,
                                .directory = {}});
  return *daemon;
}

void KeyedMesh::start() {
  for (const std::string& name : names_)
    ASSERT_TRUE(begin(name).wait_until_ready()) << diagnostics();
  for (const std::string& name : names_) {
    Client client(as_operator(name));
    const Clock::time_point give_up = Clock::now() + patience;
    const auto all_live = [&] {
      const std::vector<NodeStatus> nodes = client.status().nodes;
      return std::ranges::all_of(nodes, &NodeStatus::live);
    };
    while (!all_live()) {
      ASSERT_LT(Clock::now(), give_up) << diagnostics();
      std::this_thread::sleep_for(20ms);
    }
  }
}

ClientOptions KeyedMesh::as_operator(const std::string& node) const {
  return {.nodes = {endpoints_.at(node)},
          .key_file = key_file("operator"),
          .node_keys = {keys_.at(node)}};
}

ClientOptions KeyedMesh::add_client(const std::string& node, const std::string& name) {
  const std::string key = nemcon({"keygen", key_file(name)}).out.substr(0, 40);
  write(node, config(node) + "\n[[client]]\nname = \"" + name + "\"\npublic_key = \"" + key +
                  "\"\nallow = [\"send *@*\", \"consume *@*\", \"call *@*\", \"browse *@*\"]\n");
  ClientOptions options = as_operator(node);
  options.name = name;
  options.key_file = key_file(name);
  return options;
}

std::string KeyedMesh::diagnostics() const {
  std::string text;
  for (const auto& [name, daemon] : daemons_)
    text += "---- " + name + "\n" + daemon->diagnostics();
  return text;
}

}  // namespace nemcon::tests
