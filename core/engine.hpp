// Engine: one node of the mesh, as a pure state machine. No clock, thread, socket, disk or
// randomness of its own: everything comes in by step() and goes out by Effects.
//
// One thread at a time; step() never blocks and never calls back.
#pragma once

#include <memory>

#include "core/effects.hpp"
#include "core/options.hpp"

namespace nemcon::core {

class Engine {
 public:
  Engine(Options options, Restored restored);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void step(const Input& input, Effects& effects);

  // Goes with a frame to this peer. Always true at the moment it is asked for.
  [[nodiscard]] FrameHeader header_for(PeerIndex to) const;

  // True while new work must wait: stop reading from clients until it is false again.
  [[nodiscard]] bool is_congested() const;

  // True when, after StopRequested, nothing is under way that a restart would have to redo.
  [[nodiscard]] bool is_quiet() const;

  // The durable state as rows, messages in memory included: equal states give equal text. For
  // tests and the simulator.
  [[nodiscard]] std::vector<Row> dump() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nemcon::core
