// The wire format: frames between nodes, and between a client and its node. docs/wire.md is the
// specification; golden bytes in tests/golden/ hold it still.
//
//   frame   = magic "NMCN" | version u8 | kind u8 | 0 0 | payload_bytes u32 | payload
//   payload = one MessagePack document; big-endian, as everything here
//
// Promise: decoding never trusts. Whatever the bytes are, the answer is a value or an Error
// (remote_malformed, remote_version), and what it allocates is at most 4 times the frame plus
// 64 KiB. Nothing is thrown. The bodies in what is returned refer into the received buffer and
// keep it alive; nothing else does.
//
// Pure functions: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/message.hpp"
#include "core/options.hpp"
#include "core/request.hpp"
#include "core/result.hpp"

namespace nemcon::transport {

constexpr std::uint8_t protocol_version = 1;
constexpr std::size_t frame_header_bytes = 12;

// The values are on the wire: a new kind goes to the end, an old one is never used again.
enum class FrameKind : std::uint8_t {
  greeting,  // First on a connection, from the side that connected.
  welcome,   // The answer: go on.
  refusal,   // The answer: no; or, later: nothing more is read from this connection.
  peer,      // core::FrameHeader and messages, node to node.
  requests,  // Client to node.
  replies,   // Node to client.
  ping,      // Whoever gets it answers with pong and the same mark.
  pong,
  hold,  // Node to client: send no requests until go_on.
  go_on,
  bye,  // Client to node: it leaves.
};

struct FrameInfo {
  std::uint8_t version = 0;  // 0 in greeting, welcome and refusal: these never change.
  FrameKind kind = FrameKind::greeting;
};

// Checks the twelve bytes and the length; remote_version when it is a frame of another version.
[[nodiscard]] core::Result<FrameInfo> read_frame_info(std::string_view frame);

// ---- limits ---------------------------------------------------------------------------------

struct DecodeLimits {
  std::size_t frame_bytes_max = 0;
  std::uint32_t array_count_max = 0;  // Of one array.
  std::uint32_t map_count_max = 0;
  std::uint32_t string_bytes_max = 0;
  std::uint32_t bin_bytes_max = 0;
  std::uint32_t elements_max = 0;  // All values of a frame together.
  // The depth is that of the schema: no input can make the decoder go deeper.
};

// The largest frame, header included. A Submit or a Prepare with a whole transaction must fit
// into one: transaction_bytes_max, 64 KiB, and what each of its operations may add in names,
// ids and hashes.
[[nodiscard]] std::size_t frame_bytes_max(const core::Limits& limits);

[[nodiscard]] DecodeLimits decode_limits(const core::Limits& limits);

// The same for frames that somebody else will decode, who said how large they may be.
[[nodiscard]] DecodeLimits limits_of_receiver(const DecodeLimits& own,
                                              std::uint64_t frame_bytes_max);

// ---- encoding -------------------------------------------------------------------------------

// Where a frame is encoded into. Reuse it: it keeps its memory, unless that has become large.
class FrameBuffer {
 public:
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), byte_count_}; }

  [[nodiscard]] std::size_t byte_count() const { return byte_count_; }

  void clear();

  // Inline: the packer calls it for every value, mostly with one to nine bytes.
  void write(const char* bytes, std::size_t byte_count) {
    if (capacity_ - byte_count_ < byte_count) [[unlikely]] {
      grow(byte_count);
    }
    if (byte_count != 0) std::memcpy(bytes_.get() + byte_count_, bytes, byte_count);
    byte_count_ += byte_count;
  }

  // Forgets what was written after the first `byte_count` bytes.
  void truncate(std::size_t byte_count);

  // Writes over what is there.
  void overwrite(std::size_t offset, std::string_view bytes);

 private:
  void grow(std::size_t byte_count);

  // Invariant: byte_count_ <= capacity_.
  std::unique_ptr<char[]> bytes_;
  std::size_t byte_count_ = 0;
  std::size_t capacity_ = 0;
};

// A frame that has reached this many bytes is closed, and the next begun: a small body that is
// kept must not keep a large frame alive, and heartbeats wait behind a frame.
constexpr std::size_t batch_bytes_target = std::size_t{64} << 10U;

// A node takes a frame in one go, and each request in it is work.
constexpr std::size_t requests_per_frame_max = 256;

// Each replaces what is in `out` by one frame with as many of the leading items as one frame
// should hold, and returns their number, at least one. `items` must not be empty.
// local_full: the first item alone does not fit into the largest frame; `out` is empty then.
[[nodiscard]] core::Result<std::size_t> encode_peer(FrameBuffer& out,
                                                    const core::FrameHeader& header,
                                                    std::span<const core::Message> items,
                                                    const DecodeLimits& limits);
[[nodiscard]] core::Result<std::size_t> encode_requests(FrameBuffer& out,
                                                        std::span<const core::Request> items,
                                                        const DecodeLimits& limits);
[[nodiscard]] core::Result<std::size_t> encode_replies(FrameBuffer& out,
                                                       std::span<const core::Reply> items,
                                                       const DecodeLimits& limits);

// ---- decoding -------------------------------------------------------------------------------

// A frame as it came in. What is decoded refers into `view` and shares `owner`, which keeps it.
struct ReceivedFrame {
  std::shared_ptr<const void> owner;
  std::string_view view;
};

struct PeerFrame {
  core::FrameHeader header;
  std::vector<core::Message> messages;
};

[[nodiscard]] core::Result<PeerFrame> decode_peer(const ReceivedFrame& frame,
                                                  const DecodeLimits& limits);
[[nodiscard]] core::Result<std::vector<core::Request>> decode_requests(const ReceivedFrame& frame,
                                                                       const DecodeLimits& limits);
[[nodiscard]] core::Result<std::vector<core::Reply>> decode_replies(const ReceivedFrame& frame,
                                                                    const DecodeLimits& limits);

// ---- handshake and control frames -----------------------------------------------------------

enum class Role : std::uint8_t { peer, client };

struct Greeting {
  Role role = Role::client;
  std::uint8_t version_min = protocol_version;
  std::uint8_t version_max = protocol_version;
  std::uint64_t frame_bytes_max = 0;  // The largest frame that the sender takes.
  std::string name;                   // The node's, or the client's; a client may be anonymous.

  friend bool operator==(const Greeting&, const Greeting&) = default;
};

struct Welcome {
  std::uint8_t version = protocol_version;  // Spoken from now on, both ways.
  std::uint64_t frame_bytes_max = 0;        // The largest frame that the sender takes.
  std::string name;                         // The node's.

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

enum class RefusalReason : std::uint8_t {
  version,    // No common version.
  unknown,    // A peer of this name is not configured here.
  forbidden,  // The authenticator says no.
  malformed,  // What came was not this protocol; the connection is muted.
  fault,      // The sender broke the rules of the commit protocol; muted.
  full,       // Too many clients.
  replaced,   // The same peer has connected anew.
  stranger,   // No greeting came on this connection, or so long ago that it was given up.
};

struct Refused {
  RefusalReason reason = RefusalReason::malformed;
  std::uint8_t version_min = protocol_version;  // What the refusing side speaks.
  std::uint8_t version_max = protocol_version;
  std::string text;

  friend bool operator==(const Refused&, const Refused&) = default;
};

void encode(FrameBuffer& out, const Greeting& greeting);
void encode(FrameBuffer& out, const Welcome& welcome);
void encode(FrameBuffer& out, const Refused& refused);

// ping, pong: the mark is echoed. hold, go_on, bye have none.
void encode_ping(FrameBuffer& out, std::uint64_t mark);
void encode_pong(FrameBuffer& out, std::uint64_t mark);
void encode_control(FrameBuffer& out, FrameKind kind);

[[nodiscard]] core::Result<Greeting> decode_greeting(std::string_view frame);
[[nodiscard]] core::Result<Welcome> decode_welcome(std::string_view frame);
[[nodiscard]] core::Result<Refused> decode_refused(std::string_view frame);
[[nodiscard]] core::Result<std::uint64_t> decode_mark(std::string_view frame);  // ping, pong

// ---- parts ----------------------------------------------------------------------------------

using Headers = std::map<std::string, std::string>;

constexpr std::size_t header_count_max = 256;

// Content::headers. No headers give no bytes. local_full: more than header_count_max.
[[nodiscard]] core::Result<std::string> encode_headers(const Headers& headers);

// A name that comes twice is malformed.
[[nodiscard]] core::Result<Headers> decode_headers(std::string_view encoded);

// The one encoding of a descriptor that is hashed: the same value gives the same bytes.
void encode_canonical(FrameBuffer& out, const core::Descriptor& descriptor);

}  // namespace nemcon::transport
