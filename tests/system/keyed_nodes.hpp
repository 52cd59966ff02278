// KeyedNodes: daemons as `nemcon mesh init` sets them up, with keys; but for the ports, and a small
// journal. What goes wrong in the setting up is thrown, as std::runtime_error.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nemcon/nemcon.hpp>

#include "tests/client/process.hpp"
#include "tests/system/daemon.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::tests {

[[nodiscard]] std::string replaced(std::string text, const std::string& what,
                                   const std::string& by);

// The command line, with nothing from our environment.
[[nodiscard]] Ran nemcon(std::vector<std::string> words);

class KeyedNodes {
 public:
  void make(const std::vector<std::string>& names);

  [[nodiscard]] std::string key_file(const std::string& name) const {
    return workspace_.path(name + ".key");
  }

  void write(const std::string& name, const std::string& text) const {
    (void)workspace_.write(name + ".toml", text);
  }

  [[nodiscard]] std::string config(const std::string& name) const {
    return workspace_.read(name + ".toml");
  }

  // `wrapper` is a program that runs it.
  Daemon& begin(const std::string& name, const std::vector<std::string>& wrapper = {});

  // All of them, until each sees the others take part.
  void start() { start(names_); }

  // Only these, until they see each other.
  void start(const std::vector<std::string>& names);

  [[nodiscard]] ClientOptions as_operator(const std::string& node) const;

  // A client of its own at that node, known there by a new key; it may do everything.
  ClientOptions add_client(const std::string& node, const std::string& name);

  // `allow` as in the file: "\"send other\", \"browse *\""; empty: nothing.
  ClientOptions add_client(const std::string& node, const std::string& name,
                           const std::string& allow);

  // The key of a node is replaced as docs/operations.md says, while all work; `go_on` comes before,
  // between and after the steps.
  void replace_key(const std::string& name, const std::function<void()>& go_on);

  [[nodiscard]] std::string new_key() const;  // That replace_key() will go over to; makes it.

  [[nodiscard]] Ran reload(const std::string& name) const {
    return nemcon({"reload", workspace_.path("nemcon-data/" + name)});
  }

  [[nodiscard]] std::string diagnostics() const;

 protected:
  Workspace workspace_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> endpoints_;
  std::map<std::string, std::string> keys_;  // Public ones, by node.
  std::map<std::string, std::unique_ptr<Daemon>> daemons_;
};

}  // namespace nemcon::tests
