// One cell of the kill matrix: a mesh of three, a transaction over two of its nodes and a service,
// and one node that dies by SIGKILL at a named point of it, starts again, and must find the same
// end as everybody else.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <nemcon/client.hpp>

#include "tests/system/mesh.hpp"

namespace nemcon::tests {

// A service that keeps what it holds and what it carried out, by call. It outlives the nodes.
class Ledger {
 public:
  [[nodiscard]] Service service();

  [[nodiscard]] std::size_t applied_count() const;
  [[nodiscard]] bool is_settled() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> held_;
  std::map<std::string, int> applied_;
};

struct Cell {
  std::string mode;   // S, X, C.
  std::string role;   // initiator, participant, witness.
  std::string point;  // A fail point of nemcond.
};

// A witness of mode X has something to do once the initiator is gone, which has told nobody yet how
// it ends: it stays away until the others have an outcome.
[[nodiscard]] bool loses_initiator(const Cell& cell);

struct Verdict {
  bool reached = false;  // The point was passed, so the node did die there.
  bool committed = false;
  std::string violation;  // Empty when all is well.
};

// One mesh for all cells of a mode; cells one after the other.
class MatrixMesh {
 public:
  explicit MatrixMesh(const std::string& mode);
  ~MatrixMesh();
  MatrixMesh(const MatrixMesh&) = delete;
  MatrixMesh& operator=(const MatrixMesh&) = delete;

  [[nodiscard]] bool start();
  [[nodiscard]] Verdict run(const Cell& cell);

 private:
  [[nodiscard]] std::string node_of(const std::string& role) const;
  [[nodiscard]] std::future<Outcome> begin_one(const std::string& body);
  bool revive(const std::string& name);
  [[nodiscard]] Outcome commit_through_death(const Cell& cell, bool& reached);
  [[nodiscard]] std::string differences();
  [[nodiscard]] std::string audit(const std::string& name, bool committed);

  Mesh mesh_;
  Ledger ledger_;
  std::uint64_t expected_ = 0;  // Committed so far.
  std::uint64_t round_ = 0;
  std::unique_ptr<Client> server_;  // Serves at node two.
  std::unique_ptr<Client> sender_;  // Begins at node one, goes on at any.
};

}  // namespace nemcon::tests
