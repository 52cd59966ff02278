// Invariant tested: whatever bytes come in as a frame, decoding gives a value or an Error with a
// text of bounded length, never anything else; and what was decoded is encoded and decoded again to
// the same.
#include <memory>
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "core/options.hpp"
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

// Two frames with the same bytes hold the same: comparing bytes spares a comparison of every type.
template <class Decode, class Encode>
void check_round_trip(std::string_view bytes, Decode decode, Encode encode) {
  const auto decoded = decode(received(bytes));
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
  return 0;
}
