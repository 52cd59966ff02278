// Cluster: the nemcond processes of one round, with their files, clocks and disks.
//
// One thread. It ends only what it started, and that dies with it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/chaos/disk_watch.hpp"
#include "tests/chaos/network.hpp"
#include "tests/chaos/plan.hpp"
#include "tests/system/daemon.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::chaos {

class Cluster {
 public:
  // `network` is null for a mesh on loopback.
  Cluster(const tests::Workspace& workspace, const Plan& plan, const Network* network);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  [[nodiscard]] const std::string& name(std::size_t node) const { return nodes_.at(node).name; }

  // How a client reaches these nodes, tried in this order; `name` is of its session, or empty. In
  // a network there are keys.
  [[nodiscard]] ClientOptions door(const std::vector<std::size_t>& nodes,
                                   const std::string& name) const;

  void start(std::size_t node);

  // Told of each start, before it.
  std::function<void(const std::string& node)> on_start;

  // True once it has printed its ready line; false when that did not come in time.
  [[nodiscard]] bool wait_until_ready(std::size_t node);

  // Whether it has printed that line by now.
  [[nodiscard]] bool is_ready(std::size_t node) const;

  [[nodiscard]] bool is_running(std::size_t node) const { return nodes_.at(node).runs; }

  [[nodiscard]] bool is_paused(std::size_t node) const { return nodes_.at(node).is_paused; }

  void kill(std::size_t node);
  void pause(std::size_t node);
  void resume(std::size_t node);

  void set_clock(std::size_t node, Milliseconds offset);

  [[nodiscard]] bool has_small_disk(std::size_t node) const {
    return nodes_.at(node).has_small_disk;
  }

  void fill_disk(std::size_t node);
  void free_disk(std::size_t node);

  // What the node has said of its disk by now.
  [[nodiscard]] const DiskWatch& look_at_disk(std::size_t node);

  // What small disks hold is copied beside them, for somebody to look into.
  void keep() const;

  // A node of the mesh that is no nemcond (Plan::has_liar, and a network): what it is known by is
  // in the directory of the workspace.
  [[nodiscard]] bool has_liar() const { return !liar_.key.empty(); }

  // What no fault explains: a process that ended by itself, or said that a promise was broken.
  [[nodiscard]] std::vector<std::string> troubles();

 private:
  struct Node {
    std::string name;
    std::string endpoint;
    std::string key;      // Its public one; empty without keys.
    std::string program;  // Plan::other_nemcond, or empty.
    std::string config;
    std::string clock_file;
    std::string data;
    DiskWatch disk;
    std::unique_ptr<tests::Daemon> daemon;
    unsigned life = 0;
    bool runs = false;
    bool is_paused = false;
    bool has_small_disk = false;
  };

  void write_config(Node& node, const std::vector<QueuePlan>& queues, const Plan& plan);
  void mount_small_disk(Node& node);
  void look_at(Node& node);

  const tests::Workspace& workspace_;
  const Network* network_;
  std::vector<Node> nodes_;
  Node liar_;               // It lives where the first node lives.
  std::string client_key_;  // The public one of all clients.
  std::vector<std::string> troubles_;
};

}  // namespace nemcon::chaos
