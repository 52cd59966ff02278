#include "tests/chaos/cluster.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <nemcon/keys.hpp>
#include <sys/mount.h>
#include <unistd.h>

#include "core/check.hpp"
#include "tests/attack/victim.hpp"

namespace nemcon::chaos {
namespace {

// Room for the journal (26 MiB), the ballast (16 MiB) and the store of one round.
const char* const small_disk_size = "size=96m";

constexpr const char* client_name = "chaos";
constexpr const char* client_key_name = "chaos.key";

std::string ordering_of(sim::QueueOrder order) {
  if (order == sim::QueueOrder::producer) return "producer";
  return order == sim::QueueOrder::mesh ? "mesh" : "none";
}

std::string section_of(const QueuePlan& queue) {
  std::string text = "[[queue]]\nname = '" + queue.name + "'\nordering = '" +
                     ordering_of(queue.order) + "'\nlease = '" +
                     std::to_string(queue.lease.count()) +
                     "ms'\nmax_deliveries = " + std::to_string(queue.deliveries_max) + "\n";
  if (queue.messages_max != 0) {
    text += "max_messages = " + std::to_string(queue.messages_max) + "\n";
    if (queue.waits_when_full) text += "when_full = 'wait'\n";
  }
  return text;
}

std::string shim() {
  return CLOCK_SHIM;
}

}  // namespace

Cluster::Cluster(const tests::Workspace& workspace, const Plan& plan, const Network* network)
    : workspace_(workspace), network_(network), nodes_(plan.nodes.size()) {
  std::set<std::string> taken;
  for (std::size_t index = 0; index < nodes_.size(); ++index) {
    Node& node = nodes_[index];
    node.name = plan.nodes[index].name;
    if (index == plan.other_node) node.program = plan.other_nemcond;
    node.data = workspace.path(node.name);
    do {
      node.endpoint = network == nullptr ? tests::free_endpoint()
                                         : "tcp://" + network->address(index) + ":7411";
    } while (!taken.insert(node.endpoint).second);
    node.clock_file = workspace.write(node.name + ".clock", std::string(sizeof(std::int64_t), 0));
    const bool wants_small_disk =
        plan.faults.disk_full.count() != 0 && plan.faults.disk_victim == index;
    if (network != nullptr && wants_small_disk) mount_small_disk(node);
  }
  if (network != nullptr) {
    for (Node& node : nodes_)
      node.key = make_key_file(workspace.path(node.name + ".key"));
    client_key_ = make_key_file(workspace.path(client_key_name));
  }
  if (network != nullptr && plan.has_liar) {
    liar_.name = attack::rogue_name;
    liar_.data = workspace.path(liar_.name);
    liar_.endpoint = "tcp://" + network->address(0) + ":7412";
    liar_.key = make_key_file(workspace.path(liar_.name + ".key"));
    write_config(liar_, {}, plan);
  }
  for (std::size_t index = 0; index < nodes_.size(); ++index)
    write_config(nodes_[index], plan.nodes[index].queues, plan);
}

ClientOptions Cluster::door(const std::vector<std::size_t>& nodes, const std::string& name) const {
  ClientOptions options{.nodes = {}, .name = name};
  options.insecure = true;  // Namespaces of this machine.
  for (const std::size_t node : nodes)
    options.nodes.push_back(nodes_.at(node).endpoint);
  if (client_key_.empty()) return options;
  options.key_file = workspace_.path(client_key_name);
  for (const std::size_t node : nodes)
    options.node_keys.push_back(nodes_.at(node).key);
  // All have one key, and each a session of its own.
  if (!name.empty()) options.name = std::string(client_name) + "/" + name;
  return options;
}

Cluster::~Cluster() {
  for (Node& node : nodes_) {
    node.daemon.reset();
    if (node.has_small_disk) umount2(node.data.c_str(), MNT_DETACH);
  }
}

void Cluster::mount_small_disk(Node& node) {
  std::filesystem::create_directory(node.data);
  node.has_small_disk = mount("tmpfs", node.data.c_str(), "tmpfs", 0, small_disk_size) == 0;
}

void Cluster::write_config(Node& node, const std::vector<QueuePlan>& queues, const Plan& plan) {
  std::string text = "[node]\nname = '" + node.name + "'\ndata = '" + node.data +
                     "/data'\nlisten = '" + node.endpoint + "'\n";
  if (!node.key.empty()) {
    text += "[security]\nsecret_key_file = '" + node.name + ".key'\n[[client]]\nname = '" +
            client_name + "'\npublic_key = '" + client_key_ +
            "'\nallow = ['send *@*', 'consume *@*', 'serve *@*', 'call *@*', 'browse *@*']\n";
  }
  const auto add_peer = [&](const Node& peer) {
    if (&peer == &node) return;
    text += "[[peer]]\nname = '" + peer.name + "'\nendpoint = '" + peer.endpoint + "'\n";
    if (!peer.key.empty()) text += "public_key = '" + peer.key + "'\n";
  };
  std::ranges::for_each(nodes_, add_peer);
  if (has_liar()) add_peer(liar_);
  for (const QueuePlan& queue : queues)
    text += section_of(queue);
  text += "[transactions]\n" + plan.transactions_section() +
          "[limits]\nmax_message_bytes = '64KiB'\nmax_transaction_bytes = '256KiB'\n";
  node.config = workspace_.write(node.name + ".toml", text);
  std::filesystem::create_directories(node.data);
}

void Cluster::start(std::size_t index) {
  Node& node = nodes_.at(index);
  NEMCON_CHECK(!node.runs, node.name);
  // It dies with this program, however that ends.
  std::vector<std::string> wrapper = {"setpriv", "--pdeathsig", "KILL"};
  if (network_ != nullptr) {
    for (const std::string& word : network_->wrapper(index))
      wrapper.push_back(word);
  }
  wrapper.insert(wrapper.end(),
                 {"env", "LD_PRELOAD=" + shim(), "NEMCON_CHAOS_CLOCK=" + node.clock_file});
  ++node.life;
  if (on_start) on_start(node.name);
  const std::string life = node.name + "-" + std::to_string(node.life);
  node.daemon = std::make_unique<tests::Daemon>(
      workspace_,
      tests::DaemonOptions{.name = life,
                           .arguments = {"--config", node.config, "--log-level", "debug"},
                           .wrapper = wrapper,
                           .directory = {},
                           .program = node.program});
  node.disk.follow(workspace_.path(life + ".err"));
  node.runs = true;
  node.is_paused = false;
}

bool Cluster::wait_until_ready(std::size_t node) {
  return nodes_.at(node).daemon->wait_until_ready();
}

bool Cluster::is_ready(std::size_t index) const {
  const Node& node = nodes_.at(index);
  return node.runs && node.daemon->output().find('\n') != std::string::npos;
}

void Cluster::kill(std::size_t index) {
  Node& node = nodes_.at(index);
  if (!node.runs) return;
  look_at(node);
  node.daemon->kill();
  node.runs = false;
  node.is_paused = false;
}

void Cluster::pause(std::size_t index) {
  Node& node = nodes_.at(index);
  if (!node.runs || !node.daemon->is_running()) return;
  node.daemon->signal(SIGSTOP);
  node.is_paused = true;
}

void Cluster::resume(std::size_t index) {
  Node& node = nodes_.at(index);
  if (!node.is_paused) return;
  node.daemon->signal(SIGCONT);
  node.is_paused = false;
}

void Cluster::set_clock(std::size_t index, Milliseconds offset) {
  const std::int64_t nanoseconds = std::chrono::nanoseconds{offset}.count();
  // In place: the process has this very file mapped. One aligned word, so never half of it.
  const int file = open(nodes_.at(index).clock_file.c_str(), O_WRONLY | O_CLOEXEC);
  NEMCON_CHECK(file >= 0);
  NEMCON_CHECK(pwrite(file, &nanoseconds, sizeof nanoseconds, 0) == sizeof nanoseconds);
  close(file);
}

void Cluster::fill_disk(std::size_t index) {
  std::ofstream filler(nodes_.at(index).data + "/filler", std::ios::binary);
  const std::string zeros(1 << 18, '\0');
  while (filler.write(zeros.data(), static_cast<std::streamsize>(zeros.size())).flush()) {
  }
}

void Cluster::free_disk(std::size_t index) {
  std::error_code ignored;
  std::filesystem::remove(nodes_.at(index).data + "/filler", ignored);
}

const DiskWatch& Cluster::look_at_disk(std::size_t index) {
  DiskWatch& disk = nodes_.at(index).disk;
  disk.look();
  return disk;
}

void Cluster::keep() const {
  for (const Node& node : nodes_) {
    std::error_code ignored;
    if (!node.has_small_disk) continue;
    std::filesystem::copy(node.data, node.data + ".small-disk",
                          std::filesystem::copy_options::recursive, ignored);
  }
}

// Of the life that goes on or is about to be ended.
void Cluster::look_at(Node& node) {
  if (!node.daemon->is_running()) {
    const tests::Exit exit = node.daemon->wait();
    troubles_.push_back("node-died: " + node.name + " ended by itself, exit code " +
                        std::to_string(exit.code) + ", signal " + std::to_string(exit.signal));
  }
  const std::string said = node.daemon->diagnostics();
  for (const char* const bad : {"FENCED", "broke the protocol", "CHECK failed"}) {
    const std::size_t at = said.find(bad);
    if (at == std::string::npos) continue;
    const std::size_t begin = said.rfind('\n', at) + 1;
    const std::string line = said.substr(begin, said.find('\n', at) - begin);
    // Of a liar that is what it has to say.
    if (has_liar() && line.find("peer=" + liar_.name) != std::string::npos) continue;
    troubles_.push_back("node-said: " + node.name + ": " + line);
  }
}

std::vector<std::string> Cluster::troubles() {
  for (Node& node : nodes_) {
    if (node.runs) look_at(node);
  }
  return troubles_;
}

}  // namespace nemcon::chaos
