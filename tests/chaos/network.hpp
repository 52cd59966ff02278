// Network: a namespace of its own for every node, joined by a bridge in one for this program, and
// what can go wrong in between.
//
// None of it has a name that others could see: namespaces are held by open files, so all is gone
// with this process, however that ends. One thread. Errors: std::runtime_error.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace nemcon::chaos {

// Leaves the network and the mounts of the machine for new ones; as root, or in a new space of
// users. To be called before there is any thread. False when that is not permitted.
[[nodiscard]] bool enter_own_namespaces();

class Network {
 public:
  // An end of a cut that is no node: where the clients are.
  static constexpr std::size_t clients = 100;

  // In the namespaces of enter_own_namespaces().
  explicit Network(std::size_t node_count);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] std::string address(std::size_t node) const;

  // Runs a program in the node's namespace: comes before the program's own words.
  [[nodiscard]] std::vector<std::string> wrapper(std::size_t node) const;

  // What is not to be had on this machine, in words.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

  [[nodiscard]] bool can_filter() const { return can_filter_; }

  [[nodiscard]] bool can_slow() const { return can_delay_ || can_shape_; }

  [[nodiscard]] bool can_reset() const { return can_reset_; }

  // Packets from `from` do not arrive at `to`. At least one of them is a node.
  void cut(std::size_t from, std::size_t to);
  void mend(std::size_t from, std::size_t to);

  // Of what arrives at the node; 0: none.
  void set_loss(std::size_t node, unsigned percent);

  // What leaves the node takes so long, more or less; 0: no time. By a narrow link where the kernel
  // cannot delay. False when that did not work.
  [[nodiscard]] bool set_delay(std::size_t node, unsigned delay_ms);

  // Ends the connections between the two. False: there were none.
  [[nodiscard]] bool try_reset(std::size_t node, std::size_t other);

  // No trouble any more.
  void clear();

 private:
  struct Node {
    int space = -1;  // The open file that holds the namespace.
    unsigned loss_percent = 0;
    bool is_slow = false;
  };

  [[nodiscard]] std::vector<std::string> in_node(std::size_t node,
                                                 std::vector<std::string> command) const;
  void add_node(std::size_t node);
  void probe();
  void filter(std::size_t node);

  std::vector<Node> nodes_;
  std::multiset<std::pair<std::size_t, std::size_t>> cuts_;
  std::vector<std::string> missing_;
  bool can_filter_ = false;
  bool can_delay_ = false;
  bool can_shape_ = false;
  bool can_reset_ = false;
};

}  // namespace nemcon::chaos
