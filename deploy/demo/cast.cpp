#include "deploy/demo/cast.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include <unistd.h>

namespace nemcon::demo {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<int, node_count> template_ports = {7411, 7412, 7413};
constexpr seconds start_patience{90};
constexpr seconds stop_patience{20};
constexpr milliseconds poll_interval{10};

std::string read_file(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::runtime_error(file + ": cannot be read");
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

std::string address_of(int port) {
  return "tcp://127.0.0.1:" + std::to_string(port);
}

const char* mode_text(Mode mode) {
  switch (mode) {
    case Mode::s:
      return "witnesses = 1";
    case Mode::x:
      return "witnesses = 3";
    case Mode::c:
      return "coordinator = \"shop\"";
  }
  return "";
}

bool is_node(std::string_view name) {
  for (std::size_t i = 0; i < node_count; ++i) {
    if (killable[i] == name) return true;
  }
  return false;
}

std::string last_line_of(const std::string& file, std::string_view beginning) {
  std::ifstream in{file, std::ios::binary};
  std::string last;
  for (std::string line; std::getline(in, line);) {
    // A line that is still being written has no end yet.
    if (line.starts_with(beginning) && !in.eof()) last = line;
  }
  return last;
}

// The last lines of a file, for people.
std::string tail_of(const std::string& file) {
  constexpr std::size_t shown_max = 2000;
  std::ifstream in{file, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
  if (text.size() > shown_max) text.erase(0, text.size() - shown_max);
  return text;
}

}  // namespace

std::string replaced(std::string text, const std::vector<Replacement>& replacements) {
  for (const auto& [from, to] : replacements) {
    const std::size_t place = text.find(from);
    if (place == std::string::npos) throw std::runtime_error("the template has no " + from);
    if (text.find(from, place + 1) != std::string::npos) {
      throw std::runtime_error("the template has more than one " + from);
    }
    text.replace(place, from.size(), to);
  }
  return text;
}

Cast::Cast(Setting setting) : setting_(std::move(setting)) {
  for (std::size_t node = 0; node < node_count; ++node) {
    const auto spread = static_cast<unsigned>(setting_.seed * 131 + node * 2911);
    ports_[node] = free_port(spread + static_cast<unsigned>(getpid()) * 17);
  }
  for (std::size_t node = 0; node < node_count; ++node)
    render(node);
}

void Cast::render(std::size_t node) const {
  const std::string name{killable[node]};
  std::vector<Replacement> replacements = {
      {"\"nemcon-data/" + name + "\"", "\"" + file(name + ".data") + "\""},
      {"witnesses = 3", mode_text(setting_.mode)}};
  for (std::size_t i = 0; i < node_count; ++i)
    replacements.push_back({"\"" + address_of(template_ports[i]) + "\"", "\"" + address(i) + "\""});
  const std::string text = read_file(setting_.templates + "/" + name + ".toml");
  std::ofstream out{file(name + ".toml"), std::ios::binary};
  out << replaced(text, replacements) << std::flush;
  if (!out) throw std::runtime_error(file(name + ".toml") + ": cannot be written");
}

std::string Cast::file(std::string_view name) const {
  return setting_.directory + "/" + std::string{name};
}

std::string Cast::address(std::size_t node) const {
  return address_of(ports_[node]);
}

Command Cast::command_of(std::string_view name) const {
  const std::string program = setting_.programs + "/demo-" + std::string{name};
  const std::string output = file(name);
  const std::string factor = std::to_string(setting_.stock_factor);
  if (is_node(name)) {
    return {setting_.nemcond,
            {"--config", file(name) + ".toml", "--log-level", setting_.log_level},
            output};
  }
  if (name == "reserve") {
    return {program,
            {"--node", address(1), "--database", file("stock.sqlite"), "--products",
             setting_.products, "--stock-factor", factor},
            output};
  }
  if (name == "charge") {
    return {program, {"--node", address(2), "--database", file("accounts.sqlite")}, output};
  }
  if (name == "orders") {
    return {program,
            {"--node", address(0), address(1), address(2), "--orders", setting_.orders, "--details",
             setting_.details, "--outcomes", file("outcomes.csv"), "--in-flight",
             std::to_string(setting_.in_flight), "--gated"},
            output};
  }
  return {program,
          {"--shop",         address(0),
           "--warehouse",    address(1),
           "--billing",      address(2),
           "--orders",       setting_.orders,
           "--details",      setting_.details,
           "--products",     setting_.products,
           "--outcomes",     file("outcomes.csv"),
           "--stock",        file("stock.sqlite"),
           "--accounts",     file("accounts.sqlite"),
           "--stock-factor", factor},
          output};
}

void Cast::start(std::string_view name) {
  processes_[std::string{name}] = std::make_unique<Process>(command_of(name));
}

void Cast::start_all() {
  for (std::size_t node = 0; node < node_count; ++node)
    start(killable[node]);
  for (std::size_t node = 0; node < node_count; ++node)
    await_line(killable[node], "ready ");
  for (std::size_t i = node_count; i < killable.size(); ++i)
    start(killable[i]);
  for (std::size_t i = node_count; i < killable.size(); ++i)
    await_line(killable[i], "serving ");
}

void Cast::await_line(std::string_view name, std::string_view beginning) {
  const auto end = std::chrono::steady_clock::now() + start_patience;
  while (last_line(name, beginning).empty()) {
    check_running();
    if (std::chrono::steady_clock::now() > end) fail(name, "is not ready after 90 s");
    std::this_thread::sleep_for(poll_interval);
  }
}

void Cast::kill(std::string_view name) {
  const auto found = processes_.find(name);
  if (!found->second->kill()) fail(name, "had ended before it was killed");
  processes_.erase(found);
}

void Cast::stop_all() {
  for (std::size_t i = killable.size(); i > 0; --i) {
    const std::string_view name = killable[i - 1];
    const auto end = processes_.at(std::string{name})->stop(SIGTERM, stop_patience);
    if (!end) fail(name, "did not stop within 20 s");
    if (*end != exited_well) fail(name, "stopped with " + *end);
  }
}

std::optional<std::string> Cast::find_end(std::string_view name) {
  return processes_.at(std::string{name})->find_end();
}

void Cast::check_running() {
  for (const auto& [name, process] : processes_) {
    const auto end = process->find_end();
    const bool is_job = name == "orders" || name == "audit";
    if (end && !is_job) fail(name, "ended by itself: " + *end);
  }
}

std::string Cast::last_line(std::string_view name, std::string_view beginning) const {
  return last_line_of(file(name) + ".out", beginning);
}

std::string Cast::last_error(std::string_view name) const {
  return last_line_of(file(name) + ".err", "");
}

void Cast::tell(std::string_view name, const std::string& line) {
  processes_.at(std::string{name})->tell(line);
}

void Cast::fail(std::string_view name, const std::string& what) const {
  throw std::runtime_error(std::string{name} + " " + what + "\n" + tail_of(file(name) + ".out") +
                           tail_of(file(name) + ".err"));
}

}  // namespace nemcon::demo
