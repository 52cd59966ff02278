// Mesh: some daemons on loopback that name each other in their files; each with one queue
// `inbox` and a small journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/system/caller.hpp"
#include "tests/system/daemon.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::tests {

enum class MeshLinks : std::uint8_t { plain, curve };

class Mesh {
 public:
  // `transactions` is the body of the [transactions] section.
  Mesh(const std::vector<std::string>& names, const std::string& transactions)
      : Mesh(names, transactions, "") {}

  // `limits` is added to that of [limits].
  Mesh(const std::vector<std::string>& names, const std::string& transactions,
       const std::string& limits)
      : Mesh(names, transactions, limits, MeshLinks::plain) {}

  // With encrypted links there is one client, who may do everything.
  Mesh(const std::vector<std::string>& names, const std::string& transactions,
       const std::string& limits, MeshLinks links);

  // Starts one; `arguments` come after --config. Its earlier life must be over.
  Daemon& start(const std::string& name, const std::vector<std::string>& arguments);

  // Starts all that do not run. True when they are ready and take part in each other's mesh.
  [[nodiscard]] bool start_all();

  [[nodiscard]] Daemon& daemon(const std::string& name) { return *daemons_.at(name); }

  [[nodiscard]] const std::string& endpoint(const std::string& name) const {
    return endpoints_.at(name);
  }

  // Of the client; empty with plain links.
  [[nodiscard]] std::string client_key_file() const;

  // Of a node, as its peers and clients are given it; empty with plain links.
  [[nodiscard]] std::string public_key(const std::string& name) const;

  [[nodiscard]] std::string data_directory(const std::string& name) const {
    return workspace_.path(name);
  }

  // What all of them have said, for a failed test.
  [[nodiscard]] std::string diagnostics() const;

 private:
  [[nodiscard]] std::string security_of(const std::string& name) const;
  [[nodiscard]] std::optional<CallerKeys> keys_for(const std::string& name) const;

  Workspace workspace_;  // First, so that it goes last.
  std::vector<std::string> names_;
  std::map<std::string, std::string> endpoints_;
  std::map<std::string, transport::PublicKey> keys_;  // None with plain links.
  std::string client_key_;
  std::map<std::string, std::unique_ptr<Daemon>> daemons_;
};

}  // namespace nemcon::tests
