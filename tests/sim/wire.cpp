#include "tests/sim/wire.hpp"

#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace nemcon::sim {

Carried Wire::carry(const Frame& frame) {
  Carried carried;
  std::span<const core::Message> left = frame.messages;
  while (!left.empty()) {
    const auto count = transport::encode_peer(buffer_, frame.header, left, limits_);
    if (!count) {
      carried.trouble = "does not encode: " + count.error().detail;
      return carried;
    }
    const std::string_view bytes = buffer_.view();
    auto received = std::make_shared<const std::string>(bytes);
    const std::string_view view = *received;
    auto decoded = transport::decode_peer({.owner = std::move(received), .view = view}, limits_);
    if (!decoded) {
      carried.trouble = "does not decode: " + decoded.error().detail;
      return carried;
    }
    const auto repeated =
        transport::encode_peer(again_, decoded->header, decoded->messages, limits_);
    if (!repeated || again_.view() != bytes) {
      carried.trouble = "is another one when it has been decoded";
      return carried;
    }
    transport::PeerFrame peer = std::move(decoded).value();
    carried.frames.push_back({.header = peer.header, .messages = std::move(peer.messages)});
    left = left.subspan(*count);
  }
  return carried;
}

template <class Item, class Encode, class Decode>
core::Result<Item> Wire::carry_one(const Item& item, Encode encode, Decode decode) {
  const auto trouble = [](const std::string& what) {
    return core::Error{core::Errc::remote_malformed, what};
  };
  const auto count = encode(buffer_, std::span<const Item>{&item, 1}, limits_);
  if (!count) return trouble("does not encode: " + count.error().detail);
  const std::string_view bytes = buffer_.view();
  auto received = std::make_shared<const std::string>(bytes);
  const std::string_view view = *received;
  auto decoded = decode({.owner = std::move(received), .view = view}, limits_);
  if (!decoded) return trouble("does not decode: " + decoded.error().detail);
  std::vector<Item> items = std::move(decoded).value();
  if (items.size() != 1) return trouble("is not one when it has been decoded");
  const auto repeated = encode(again_, std::span<const Item>{items}, limits_);
  if (!repeated || again_.view() != bytes)
    return trouble("is another one when it has been decoded");
  return std::move(items.front());
}

core::Result<core::Request> Wire::carry(const core::Request& request) {
  return carry_one(request, transport::encode_requests, transport::decode_requests);
}

core::Result<core::Reply> Wire::carry(const core::Reply& reply) {
  return carry_one(reply, transport::encode_replies, transport::decode_replies);
}

bool Wire::is_refused_by_others(const Frame& frame) {
  if (!transport::encode_peer(buffer_, frame.header, frame.messages, limits_)) return false;
  auto bytes = std::make_shared<std::string>(buffer_.view());
  constexpr std::size_t version_at = 4;
  (*bytes)[version_at] = transport::protocol_version + 1;
  const std::string_view view = *bytes;
  const auto decoded = transport::decode_peer({.owner = std::move(bytes), .view = view}, limits_);
  return !decoded && decoded.error().code == core::Errc::remote_version;
}

}  // namespace nemcon::sim
