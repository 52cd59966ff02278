// Cast: the processes of one run of the demo, by name: three nodes, two services, the client that
// feeds orders, the audit.
//
// Everything that they write is under one directory. One thread at a time. Errors:
// std::runtime_error that names the process and shows the end of what it said.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/demo/process.hpp"

namespace nemcon::demo {

enum class Mode : std::uint8_t { s, x, c };

struct Setting {
  std::string directory;  // Of this run; must be there.
  std::string templates;  // Where shop.toml, warehouse.toml and billing.toml are.
  std::string programs;   // Where demo-reserve and its like are.
  std::string nemcond;
  std::string log_level = "info";  // Of the nodes.
  Mode mode = Mode::x;
  std::string orders;
  std::string details;
  std::string products;
  std::int64_t stock_factor = 20;
  std::int64_t in_flight = 256;
  std::uint64_t seed = 1;
};

// Nodes, then services: what may be killed.
constexpr std::array<std::string_view, 5> killable = {"shop", "warehouse", "billing", "reserve",
                                                      "charge"};
constexpr std::size_t node_count = 3;

class Cast {
 public:
  // Renders the configuration files; starts nothing.
  explicit Cast(Setting setting);

  // By name, also "orders" and "audit". It must not run already.
  void start(std::string_view name);

  // Nodes and services, until each says that it is ready.
  void start_all();

  // SIGKILL. Throws when it had ended by itself before.
  void kill(std::string_view name);

  // SIGTERM to services and nodes, and the same order of waiting. Throws when one does not end
  // well within its time.
  void stop_all();

  // How it ended; nothing while it runs.
  [[nodiscard]] std::optional<std::string> find_end(std::string_view name);

  // Throws when any of the killable ones that should run has ended.
  void check_running();

  // The last line on its standard output that begins so; empty when there is none.
  [[nodiscard]] std::string last_line(std::string_view name, std::string_view beginning) const;

  // The last line of its standard error.
  [[nodiscard]] std::string last_error(std::string_view name) const;

  void tell(std::string_view name, const std::string& line);

  [[nodiscard]] std::string file(std::string_view name) const;

 private:
  [[nodiscard]] Command command_of(std::string_view name) const;
  [[nodiscard]] std::string address(std::size_t node) const;
  void render(std::size_t node) const;
  void await_line(std::string_view name, std::string_view beginning);
  [[noreturn]] void fail(std::string_view name, const std::string& what) const;

  Setting setting_;
  std::array<int, node_count> ports_{};
  std::map<std::string, std::unique_ptr<Process>, std::less<>> processes_;
};

// The text of a configuration file for this run. Throws when the template has not what is to be
// replaced, exactly once.
struct Replacement {
  std::string from;
  std::string to;
};

[[nodiscard]] std::string replaced(std::string text, const std::vector<Replacement>& replacements);

}  // namespace nemcon::demo
