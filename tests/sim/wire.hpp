// Wire: what one node says, as it comes out of the frame at the other: by the product's encoder and
// decoder, so that nothing reaches another node but by its bytes. The same for a client and its
// node.
#pragma once

#include <string>
#include <vector>

#include "core/options.hpp"
#include "core/request.hpp"
#include "core/result.hpp"
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

  // Each in a frame of its own. An error says how it did not come through as it was.
  [[nodiscard]] core::Result<core::Request> carry(const core::Request& request);
  [[nodiscard]] core::Result<core::Reply> carry(const core::Reply& reply);

  // True: who speaks another version than the frame's refuses it for that.
  [[nodiscard]] bool is_refused_by_others(const Frame& frame);

 private:
  template <class Item, class Encode, class Decode>
  [[nodiscard]] core::Result<Item> carry_one(const Item& item, Encode encode, Decode decode);

  transport::DecodeLimits limits_;
  transport::FrameBuffer buffer_;
  transport::FrameBuffer again_;
};

}  // namespace nemcon::sim
