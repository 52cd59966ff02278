// Stage: plays the commands of one script on a mesh of real engines, and tells what happened.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/mesh.hpp"
#include "tests/sim/names.hpp"

namespace nemcon::scenarios {

class Stage {
 public:
  // Carries out one command; the lines say what happened. A command that cannot be understood is
  // a line that begins with "error:".
  [[nodiscard]] std::vector<std::string> play(const std::string& command);

 private:
  using Words = std::vector<std::string>;
  using Handler = void (Stage::*)(const Words&);

  void make_mesh(const Words& words);
  void add_client(const Words& words);
  void move_client(const Words& words);
  void submit(const Words& words);
  void ask(const Words& words);
  void acknowledge(const Words& words);
  void subscribe(const Words& words);
  void settle(const Words& words);
  void serve(const Words& words);
  void vote(const Words& words);
  void report(const Words& words);
  void let_run(const Words& words);
  void steer(const Words& words);
  void disturb(const Words& words);
  void copy_disk(const Words& words);
  void show(const Words& words);

  [[nodiscard]] std::vector<core::Part> parts_of(const Words& words, std::size_t first,
                                                 const core::tests::Caller& caller) const;
  [[nodiscard]] core::tests::Match match_of(const Words& words) const;
  [[nodiscard]] std::size_t node_of(const std::string& name) const;
  [[nodiscard]] core::tests::Caller& client_of(const std::string& name);
  void watch(std::size_t node);
  void tell(std::size_t node, const core::Effects& effects);
  void line(const std::string& who, const std::string& what);

  std::unique_ptr<core::tests::Mesh> mesh_;
  std::map<std::string, std::unique_ptr<core::tests::Caller>> clients_;
  std::map<std::string, core::TransactionId> transactions_;
  std::map<std::size_t, core::tests::Disk> backups_;
  sim::Names names_;
  std::vector<std::string> lines_;
};

}  // namespace nemcon::scenarios
