// Node: one node of the mesh inside this process; what `nemcond` runs, and what an application
// may embed.
//
// start() opens the data directory, recovers, binds, and leaves three threads running: the loop
// (sockets and engine), the journal and the store. A flush or a store write that fails
// ends the whole process at once with exit code 3, since nobody can know what is on the disk;
// an embedding application shares that fate.
//
// All members may be called from any thread. At most one Node per data directory; several in a
// process are allowed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "node/config.hpp"
#include "node/fail_points.hpp"
#include "node/reload.hpp"
#include "node/trace.hpp"

namespace nemcon::node {

// A storage failure: what is durable can be told only by a new start.
constexpr int exit_storage_failed = 3;

class Node {
 public:
  // Blocks until the node has recovered and listens. Errors: the data directory is in use, of
  // another node or of a newer format, its journal is damaged, its key cannot be used, its
  // membership file is older than one before, an address cannot be bound, a stranger's key was not
  // refused; nothing has been changed then. `trace` and `fail_points` must outlive the node.
  [[nodiscard]] static core::Result<std::unique_ptr<Node>> start(const Config& config,
                                                                 const Trace& trace,
                                                                 FailPoints& fail_points);

  // Stops and waits.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Puts on record that a node did not start for the sake of its membership file; only where there
  // is a data directory already, and nobody uses it.
  static void note_refused_start(const Config& config, const std::string& why);

  // Puts on record that a membership file was not taken by a reload.
  void note_refused_members(const Config& next, const std::string& why);

  // Where it listens; a port * of the configuration has become the real one.
  [[nodiscard]] const std::vector<std::string>& endpoints() const;

  // Makes of `next` what can be made of it while the node runs, and says what was not; blocks until
  // it is done, some milliseconds, and until the calls of others are; after some seconds what is
  // not done yet is named as pending. Errors: the key or the membership file cannot be used, and
  // nothing has changed.
  [[nodiscard]] core::Result<Reload> reload(const Config& next);

  // Takes no new work from now on, finishes what is under way for at most 5 s, flushes, ends the
  // threads. Returns at once; again does nothing.
  void stop();

  // Blocks until the node has stopped.
  void wait();

 private:
  class Parts;

  explicit Node(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace nemcon::node
