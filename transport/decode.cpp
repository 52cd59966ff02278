// The decoding half of codec.hpp: everything that looks at bytes of strangers.
#include <algorithm>
#include <limits>
#include <string>

#include "transport/codec.hpp"
#include "transport/reader.hpp"
#include "transport/wire_types.hpp"

namespace nemcon::transport {

namespace {

constexpr std::string_view magic = "NMCN";

// One header in memory: two strings, and the links of a tree with three pointers and a colour.
constexpr std::size_t header_bytes = 2 * sizeof(std::string) + 4 * sizeof(void*) + allocation_bytes;

// Frames that are read before anybody is known are small.
constexpr DecodeLimits small_limits = {.frame_bytes_max = 4096,
                                       .array_count_max = 16,
                                       .map_count_max = 0,
                                       .string_bytes_max = handshake_text_bytes_max,
                                       .bin_bytes_max = 0,
                                       .elements_max = 16};

core::Error malformed(const char* what) {
  return {core::Errc::remote_malformed, what};
}

// Frames that come before a version is agreed on never change their form.
bool is_handshake(FrameKind kind) {
  return kind == FrameKind::greeting || kind == FrameKind::welcome || kind == FrameKind::refusal;
}

// The document of a frame that must be of this kind.
core::Result<std::string_view> open_frame(std::string_view frame, FrameKind kind,
                                          std::size_t frame_bytes_max) {
  if (frame.size() > frame_bytes_max) return malformed("frame too long");
  const core::Result<FrameInfo> info = read_frame_info(frame);
  if (!info) return info.error();
  if (info->kind != kind) return malformed("a frame of another kind");
  return frame.substr(frame_header_bytes);
}

template <class Item>
core::Result<std::vector<Item>> decode_items(const ReceivedFrame& frame, FrameKind kind,
                                             const DecodeLimits& limits) {
  const core::Result<std::string_view> document =
      open_frame(frame.view, kind, limits.frame_bytes_max);
  if (!document) return document.error();
  Reader reader(frame.owner, *document, limits);
  std::vector<Item> items;
  reader.read(items);
  if (!reader.finish()) return reader.error();
  if (items.empty()) return malformed("an empty frame");
  return items;
}

// Reads a frame of which all fields are known to be small.
template <class... Fields>
core::Status decode_small(std::string_view frame, FrameKind kind, Fields&... values) {
  const core::Result<std::string_view> document =
      open_frame(frame, kind, small_limits.frame_bytes_max);
  if (!document) return document.error();
  const std::shared_ptr<const void> nobody;
  Reader reader(nobody, *document, small_limits);
  reader(values...);
  if (!reader.finish()) return reader.error();
  return core::Nothing{};
}

}  // namespace

core::Result<FrameInfo> read_frame_info(std::string_view frame) {
  if (frame.size() < frame_header_bytes) return malformed("cut short within the frame header");
  if (!frame.starts_with(magic)) return malformed("not a frame");
  const auto byte = [frame](std::size_t i) { return static_cast<std::uint8_t>(frame[i]); };
  const FrameInfo info{.version = byte(4), .kind = static_cast<FrameKind>(byte(5))};
  // Nothing more is known about the frames of another version, so nothing more is asked.
  if (info.version != protocol_version && info.version != 0) {
    return core::Error{core::Errc::remote_version,
                       "a frame of protocol version " + std::to_string(info.version)};
  }
  if (!is_known(info.kind)) return malformed("an unknown kind of frame");
  if (is_handshake(info.kind) != (info.version == 0)) {
    return malformed("a version that does not fit the kind of frame");
  }
  if (byte(6) != 0 || byte(7) != 0) return malformed("reserved bytes are set");
  std::uint64_t payload_bytes = 0;
  for (std::size_t i = 8; i < frame_header_bytes; ++i)
    payload_bytes = payload_bytes << 8U | byte(i);
  if (payload_bytes != frame.size() - frame_header_bytes) return malformed("a wrong length");
  return info;
}

std::size_t frame_bytes_max(const core::Limits& limits) {
  // Target (twice 255 and "@"), ids, numbers and digest of one operation, each in its widest form.
  constexpr std::size_t operation_bytes_max = 640;
  constexpr std::size_t rest_bytes_max = std::size_t{64} << 10U;
  return limits.transaction_bytes_max + limits.operations_max * operation_bytes_max +
         rest_bytes_max;
}

DecodeLimits decode_limits(const core::Limits& limits) {
  // Texts are reasons and names; a reply of a service is a Bytes.
  constexpr std::uint32_t string_bytes_max = std::uint32_t{64} << 10U;
  // The longest arrays are lease tokens of one Settle, and an operator's list of transactions.
  constexpr std::uint32_t array_count_max = std::uint32_t{64} << 10U;
  constexpr std::uint32_t elements_max = std::uint32_t{4} << 20U;
  const std::size_t frame_bytes = frame_bytes_max(limits);
  NEMCON_CHECK(frame_bytes <= std::numeric_limits<std::uint32_t>::max(), frame_bytes);
  return {.frame_bytes_max = frame_bytes,
          .array_count_max = array_count_max,
          .map_count_max = header_count_max,
          .string_bytes_max = string_bytes_max,
          .bin_bytes_max = static_cast<std::uint32_t>(frame_bytes),
          .elements_max = elements_max};
}

DecodeLimits limits_of_receiver(const DecodeLimits& own, std::uint64_t frame_bytes_max) {
  const std::uint64_t byte_count =
      std::min<std::uint64_t>(frame_bytes_max, std::numeric_limits<std::uint32_t>::max());
  DecodeLimits limits = own;
  limits.frame_bytes_max = byte_count;
  limits.bin_bytes_max = static_cast<std::uint32_t>(byte_count);
  return limits;
}

core::Result<PeerFrame> decode_peer(const ReceivedFrame& frame, const DecodeLimits& limits) {
  const core::Result<std::string_view> document =
      open_frame(frame.view, FrameKind::peer, limits.frame_bytes_max);
  if (!document) return document.error();
  Reader reader(frame.owner, *document, limits);
  PeerFrame result;
  reader(result.header, result.messages);
  if (!reader.finish()) return reader.error();
  if (result.messages.empty()) return malformed("an empty frame");
  return result;
}

core::Result<std::vector<core::Request>> decode_requests(const ReceivedFrame& frame,
                                                         const DecodeLimits& limits) {
  auto requests = decode_items<core::Request>(frame, FrameKind::requests, limits);
  if (requests && (*requests).size() > requests_per_frame_max)
    return malformed("too many requests in a frame");
  return requests;
}

core::Result<std::vector<core::Reply>> decode_replies(const ReceivedFrame& frame,
                                                      const DecodeLimits& limits) {
  return decode_items<core::Reply>(frame, FrameKind::replies, limits);
}

core::Result<Greeting> decode_greeting(std::string_view frame) {
  Greeting v;
  const core::Status status = decode_small(frame, FrameKind::greeting, v.role, v.version_min,
                                           v.version_max, v.frame_bytes_max, v.name);
  if (!status) return status.error();
  if (v.version_min > v.version_max) return malformed("no version");
  return v;
}

core::Result<Welcome> decode_welcome(std::string_view frame) {
  Welcome v;
  const core::Status status =
      decode_small(frame, FrameKind::welcome, v.version, v.frame_bytes_max, v.name);
  if (!status) return status.error();
  return v;
}

core::Result<Refused> decode_refused(std::string_view frame) {
  Refused v;
  const core::Status status =
      decode_small(frame, FrameKind::refusal, v.reason, v.version_min, v.version_max, v.text);
  if (!status) return status.error();
  return v;
}

core::Result<std::uint64_t> decode_mark(std::string_view frame) {
  const core::Result<FrameInfo> info = read_frame_info(frame);
  if (!info) return info.error();
  if (info->kind != FrameKind::ping && info->kind != FrameKind::pong) {
    return malformed("a frame of another kind");
  }
  const std::shared_ptr<const void> nobody;
  Reader reader(nobody, frame.substr(frame_header_bytes), small_limits);
  std::uint64_t mark = 0;
  reader.read(mark);
  if (!reader.finish()) return reader.error();
  return mark;
}

core::Result<Headers> decode_headers(std::string_view encoded) {
  Headers headers;
  if (encoded.empty()) return headers;
  constexpr auto as_large_as_it_comes = std::numeric_limits<std::uint32_t>::max();
  const DecodeLimits limits = {.frame_bytes_max = encoded.size(),
                               .array_count_max = 0,
                               .map_count_max = header_count_max,
                               .string_bytes_max = as_large_as_it_comes,
                               .bin_bytes_max = 0,
                               .elements_max = 1 + 2 * header_count_max};
  const std::shared_ptr<const void> nobody;
  Reader reader(nobody, encoded, limits);
  std::size_t count = 0;
  reader.read_map_count(count);
  for (std::size_t i = 0; i < count && reader.is_sound(); ++i) {
    std::string name;
    std::string value;
    const bool read = reader.charge(header_bytes) && reader.read(name) && reader.read(value);
    if (read && !headers.try_emplace(std::move(name), std::move(value)).second) {
      reader.fail("a header that comes twice");
    }
  }
  if (!reader.finish()) return reader.error();
  return headers;
}

}  // namespace nemcon::transport
