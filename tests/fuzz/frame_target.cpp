// Invariants tested: whatever bytes come in as a frame, decoding gives a value or an Error with a
// text of bounded length, never anything else, and allocates no more than codec.hpp says. What was
// decoded is encoded and decoded again to the same. What our reader takes for a document,
// msgpack-cxx takes for the same one.
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <msgpack.hpp>

#include "core/check.hpp"
#include "core/options.hpp"
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/target.hpp"
#include "transport/codec.hpp"

namespace nemcon {
namespace {

using transport::FrameBuffer;
using transport::ReceivedFrame;

constexpr std::size_t error_bytes_max = 1024;

ReceivedFrame received(std::string_view bytes) {
  auto owner = std::make_shared<const std::string>(bytes);
  const std::string_view view = *owner;
  return {.owner = std::move(owner), .view = view};
}

void check_error(const core::Error& error) {
  NEMCON_CHECK(
      error.code == core::Errc::remote_malformed || error.code == core::Errc::remote_version,
      error.detail);
  NEMCON_CHECK(!error.detail.empty() && error.detail.size() <= error_bytes_max, error.detail);
}

// The promise of codec.hpp, and what an Error may take for its text.
std::uint64_t allocated_bytes_max(std::size_t frame_bytes) {
  return 4 * frame_bytes + (64U << 10U) + 2 * error_bytes_max;
}

template <class Decode>
auto decode_within_limits(const ReceivedFrame& frame, Decode decode) {
  const std::uint64_t before = fuzz::allocated_bytes();
  auto decoded = decode(frame);
  const std::uint64_t allocated = fuzz::allocated_bytes() - before;
  NEMCON_CHECK(allocated <= allocated_bytes_max(frame.view.size()), allocated);
  return decoded;
}

// The document of a frame as msgpack-cxx reads it and writes it again: each number and each length
// in its shortest form.
std::string rewritten_by_msgpack(std::string_view frame) {
  const std::string_view document = frame.substr(transport::frame_header_bytes);
  std::size_t end = 0;
  const msgpack::object_handle handle = msgpack::unpack(document.data(), document.size(), end);
  NEMCON_CHECK(end == document.size(), end);
  msgpack::sbuffer buffer;
  msgpack::pack(buffer, handle.get());
  return {buffer.data(), buffer.size()};
}

// Two frames with the same bytes hold the same: comparing bytes spares a comparison of every type.
template <class Decode, class Encode>
void check_round_trip(std::string_view bytes, Decode decode, Encode encode) {
  const auto decoded = decode_within_limits(received(bytes), decode);
  if (!decoded) {
    check_error(decoded.error());
    return;
  }
  FrameBuffer once;
  if (!encode(once, *decoded)) return;  // More than one frame holds, or nothing.
  const auto again = decode(received(once.view()));
  NEMCON_CHECK(again.has_value());
  FrameBuffer twice;
  NEMCON_CHECK(encode(twice, *again));
  NEMCON_CHECK(once.view() == twice.view());
  NEMCON_CHECK(rewritten_by_msgpack(bytes) == rewritten_by_msgpack(once.view()));
}

// Greetings, welcomes and refusals.
template <class Handshake>
void check_handshake(std::string_view bytes,
                     core::Result<Handshake> (*decode)(std::string_view frame)) {
  check_round_trip(
      bytes, [&](const ReceivedFrame& frame) { return decode(frame.view); },
      [](FrameBuffer& out, const Handshake& handshake) {
        encode(out, handshake);
        return true;
      });
}

void check_mark(std::string_view bytes) {
  const auto mark = transport::decode_mark(bytes);
  if (!mark) return check_error(mark.error());
  FrameBuffer out;
  transport::encode_ping(out, *mark);
  NEMCON_CHECK(transport::decode_mark(out.view()).has_value());
}

void check_headers(std::string_view bytes) {
  const auto headers = transport::decode_headers(bytes);
  if (!headers) return check_error(headers.error());
  const auto encoded = transport::encode_headers(*headers);
  NEMCON_CHECK(encoded.has_value());
  const auto again = transport::decode_headers(*encoded);
  NEMCON_CHECK(again.has_value() && *again == *headers);
}

}  // namespace
}  // namespace nemcon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  using namespace nemcon;  // NOLINT(google-build-using-namespace): the function cannot be in it.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  const std::string_view view(reinterpret_cast<const char*>(bytes), byte_count);
  const transport::DecodeLimits limits = transport::decode_limits(core::Limits{});
  check_round_trip(
      view, [&](const ReceivedFrame& frame) { return transport::decode_peer(frame, limits); },
      [&](FrameBuffer& out, const transport::PeerFrame& frame) {
        if (frame.messages.empty()) return false;
        const auto count = transport::encode_peer(out, frame.header, frame.messages, limits);
        return count && *count == frame.messages.size();
      });
  check_round_trip(
      view, [&](const ReceivedFrame& frame) { return transport::decode_requests(frame, limits); },
      [&](FrameBuffer& out, const std::vector<core::Request>& requests) {
        if (requests.empty()) return false;
        const auto count = transport::encode_requests(out, requests, limits);
        return count && *count == requests.size();
      });
  check_round_trip(
      view, [&](const ReceivedFrame& frame) { return transport::decode_replies(frame, limits); },
      [&](FrameBuffer& out, const std::vector<core::Reply>& replies) {
        if (replies.empty()) return false;
        const auto count = transport::encode_replies(out, replies, limits);
        return count && *count == replies.size();
      });
  check_handshake<transport::Greeting>(view, transport::decode_greeting);
  check_handshake<transport::Welcome>(view, transport::decode_welcome);
  check_handshake<transport::Refused>(view, transport::decode_refused);
  check_mark(view);
  check_headers(view);
  return 0;
}
