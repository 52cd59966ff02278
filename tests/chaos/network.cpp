#include "tests/chaos/network.hpp"

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/check.hpp"
#include "tests/chaos/command.hpp"

namespace nemcon::chaos {
namespace {

const std::string prefix = "10.77.0.";

void write_file(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text;
}

// The file that holds a new namespace; this thread's own stays as it is.
int new_space() {
  int file = -1;
  std::thread([&file] {
    if (unshare(CLONE_NEWNET) != 0) return;
    file = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }).join();
  if (file < 0) throw std::runtime_error("no new network namespace");
  return file;
}

std::string path_of(int space) {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(space);
}

}  // namespace

bool enter_own_namespaces() {
  const uid_t user = getuid();
  const gid_t group = getgid();
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) return false;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
  }
  // What is mounted from here on is seen by nobody else.
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

Network::Network(std::size_t node_count) : nodes_(node_count) {
  run_or_throw({"ip", "link", "set", "lo", "up"});
  run_or_throw({"ip", "link", "add", "mesh", "type", "bridge"});
  run_or_throw({"ip", "address", "add", address(clients) + "/24", "dev", "mesh"});
  run_or_throw({"ip", "link", "set", "mesh", "up"});
  for (std::size_t node = 0; node < node_count; ++node)
    add_node(node);
  probe();
}

Network::~Network() {
  for (const Node& node : nodes_) {
    if (node.space >= 0) close(node.space);
  }
}

std::string Network::address(std::size_t node) const {
  return prefix + std::to_string(node == clients ? 254 : node + 1);
}

std::vector<std::string> Network::wrapper(std::size_t node) const {
  return {"nsenter", "--net=" + path_of(nodes_.at(node).space), "--"};
}

std::vector<std::string> Network::in_node(std::size_t node,
                                          std::vector<std::string> command) const {
  std::vector<std::string> all = wrapper(node);
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

void Network::add_node(std::size_t node) {
  nodes_[node].space = new_space();
  const std::string link = "node" + std::to_string(node);
  run_or_throw({"ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns",
                path_of(nodes_[node].space)});
  run_or_throw({"ip", "link", "set", link, "master", "mesh", "up"});
  run_or_throw(in_node(node, {"ip", "link", "set", "lo", "up"}));
  run_or_throw(in_node(node, {"ip", "address", "add", address(node) + "/24", "dev", "eth0"}));
  run_or_throw(in_node(node, {"ip", "link", "set", "eth0", "up"}));
}

void Network::probe() {
  can_filter_ = run(in_node(0, {"nft", "-f", "-"}), "add table inet probe\n").ok;
  if (!can_filter_) missing_.emplace_back("nftables: no cuts, no loss");
  can_reset_ = run(in_node(0, {"ss", "-K", "dst", "10.77.0.250"})).ok;
  if (!can_reset_) missing_.emplace_back("ss -K: no resets");
  can_delay_ =
      run(in_node(0, {"tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", "1ms"}))
          .ok;
  can_shape_ = run(in_node(0, {"tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate",
                               "1mbit", "burst", "16kb", "latency", "100ms"}))
                   .ok;
  if (!can_delay_ && can_shape_) {
    missing_.emplace_back("tc netem: delay by a narrow link instead");
  } else if (!can_delay_) {
    missing_.emplace_back("tc netem and tbf: no delay");
  }
  (void)set_delay(0, 0);
}

void Network::cut(std::size_t from, std::size_t to) {
  cuts_.emplace(from, to);
  filter(to == clients ? from : to);
}

void Network::mend(std::size_t from, std::size_t to) {
  const auto found = cuts_.find({from, to});
  if (found == cuts_.end()) return;
  cuts_.erase(found);
  filter(to == clients ? from : to);
}

void Network::set_loss(std::size_t node, unsigned percent) {
  nodes_.at(node).loss_percent = percent;
  filter(node);
}

// The whole table, since that is one step for the kernel.
void Network::filter(std::size_t node) {
  if (!can_filter_) return;
  std::string in;
  std::string out;
  for (const auto& [from, to] : cuts_) {
    if (to == node) in += "ip saddr " + address(from) + " drop\n";
    if (to == clients && from == node) out += "ip daddr " + address(clients) + " drop\n";
  }
  if (nodes_[node].loss_percent != 0) {
    in += "iifname \"eth0\" numgen random mod 100 < " + std::to_string(nodes_[node].loss_percent) +
          " drop\n";
  }
  const std::string rules =
      "add table inet chaos\ndelete table inet chaos\ntable inet chaos {\nchain in {\n"
      "type filter hook input priority 0;\n" +
      in + "}\nchain out {\ntype filter hook output priority 0;\n" + out + "}\n}\n";
  const Ended ended = run(in_node(node, {"nft", "-f", "-"}), rules);
  if (!ended.ok) throw std::runtime_error("nft: " + ended.output + rules);
}

bool Network::set_delay(std::size_t node, unsigned delay_ms) {
  if (!can_slow()) return false;
  std::vector<std::string> command = {"tc", "qdisc", "replace", "dev", "eth0", "root"};
  const std::string delay = std::to_string(delay_ms) + "ms";
  if (delay_ms == 0) {
    command = {"tc", "qdisc", "delete", "dev", "eth0", "root"};
  } else if (can_delay_) {
    command.insert(command.end(), {"netem", "delay", delay, std::to_string(delay_ms / 2) + "ms"});
  } else {
    // Two full segments are the burst; what is behind them waits.
    const std::string rate = std::to_string(24'000 / delay_ms + 1) + "kbit";
    command.insert(command.end(), {"tbf", "rate", rate, "burst", "4kb", "latency",
                                   std::to_string(delay_ms * 10) + "ms"});
  }
  nodes_.at(node).is_slow = delay_ms != 0;
  return run(in_node(node, command)).ok;
}

bool Network::try_reset(std::size_t node, std::size_t other) {
  const Ended ended = run(in_node(node, {"ss", "-H", "-K", "dst", address(other)}));
  return ended.ok && !ended.output.empty();
}

void Network::clear() {
  cuts_.clear();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    nodes_[node].loss_percent = 0;
    filter(node);
    if (nodes_[node].is_slow) (void)set_delay(node, 0);
  }
}

}  // namespace nemcon::chaos
