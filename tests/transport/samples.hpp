// Values of every kind that travels, for the tests of the codec.
//
//   messages(), requests(), replies(): one of each kind, all fields set, always the same. The
//     golden files are made of these.
//   random_*(): any of them, filled at random.
//   describe(): the value as text, not by way of the codec; equal texts mean equal values.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "core/request.hpp"
#include "transport/codec.hpp"

namespace nemcon::samples {

struct NamedMessage {
  std::string name;
  core::Message value;
};

struct NamedRequest {
  std::string name;
  core::Request value;
};

struct NamedReply {
  std::string name;
  core::Reply value;
};

std::vector<NamedMessage> messages();
std::vector<NamedRequest> requests();
std::vector<NamedReply> replies();

core::FrameHeader frame_header();
core::Descriptor descriptor();

using Random = std::mt19937_64;

core::Message random_message(Random& random);
core::Request random_request(Random& random);
core::Reply random_reply(Random& random);
core::Descriptor random_descriptor(Random& random);

std::string describe(const core::FrameHeader& value);
std::string describe(const core::Message& value);
std::string describe(const core::Request& value);
std::string describe(const core::Reply& value);

// A frame as the transport hands it over: in memory of its own, which it owns.
transport::ReceivedFrame received(std::string_view frame);

transport::DecodeLimits default_limits();

// One frame with one item.
std::string frame_of(const core::Message& message);
std::string frame_of(const core::Request& request);
std::string frame_of(const core::Reply& reply);

}  // namespace nemcon::samples
