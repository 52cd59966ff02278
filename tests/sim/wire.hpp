// Wire: what one node says, as it comes out of the frame at the other: by the product's encoder and
// decoder, so that nothing reaches another node but by its bytes.
#pragma once

#include <string>
#include <vector>

#include "core/options.hpp"
#include "tests/sim/network.hpp"
#include "transport/codec.hpp"

namespace nemcon::sim {

struct Carried {
  std::vector<Frame> frames;  // In order; one, but for the largest.
  std::string trouble;        // Not every message came through, or not as it was.
};

class Wire {
 public:
  explicit Wire(const core::Limits& limits) : limits_(transport::decode_limits(limits)) {}

  [[nodiscard]] Carried carry(const Frame& frame);

  // True: who speaks another version than the frame's refuses it for that.
  [[nodiscard]] bool is_refused_by_others(const Frame& frame);

 private:
  transport::DecodeLimits limits_;
  transport::FrameBuffer buffer_;
  transport::FrameBuffer again_;
};

}  // namespace nemcon::sim
