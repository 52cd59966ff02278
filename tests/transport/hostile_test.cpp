// Goal: whatever the bytes are, decoding gives a value or an Error, and takes at most four times
// the frame and 64 KiB of memory.
// Method: good frames cut at every byte, with bytes changed at random, frames made to cost the
// most, and MessagePack documents made at random. Every allocation is counted; with a sanitizer
// this also looks for reads beyond the frame. All seeds are fixed.
#include <gtest/gtest.h>

#include "tests/transport/counted_memory.hpp"
#include "tests/transport/samples.hpp"
#include "transport/codec.hpp"
#include "transport/wire_types.hpp"

namespace nemcon::transport {
namespace {

using samples::received;

const DecodeLimits limits = samples::default_limits();

std::vector<std::string> good_frames() {
  std::vector<std::string> frames;
  for (const auto& sample : samples::messages())
    frames.push_back(samples::frame_of(sample.value));
  for (const auto& sample : samples::requests())
    frames.push_back(samples::frame_of(sample.value));
  for (const auto& sample : samples::replies())
    frames.push_back(samples::frame_of(sample.value));
  return frames;
}

std::string with_length(std::string frame) {
  const std::size_t payload_bytes = frame.size() - frame_header_bytes;
  for (std::size_t i = 0; i < 4; ++i) {
    frame[8 + i] = static_cast<char>(payload_bytes >> (8 * (3 - i)));
  }
  return frame;
}

std::string with_payload(FrameKind kind, std::string_view payload) {
  FrameBuffer out;
  encode_ping(out, 0);
  std::string frame(out.view().substr(0, frame_header_bytes));
  frame[5] = static_cast<char>(kind);
  return with_length(frame.append(payload));
}

enum class Verdict { value, error };

// Decodes as whatever the header says, and holds the decoder to its promise about memory.
Verdict try_decode(std::string_view bytes) {
  const ReceivedFrame frame = received(bytes);
  const samples::PeakMemory memory;
  Verdict verdict = Verdict::error;
  const auto note = [&verdict](const auto& result) {
    if (result) {
      verdict = Verdict::value;
    } else {
      EXPECT_TRUE(result.error().code == core::Errc::remote_malformed ||
                  result.error().code == core::Errc::remote_version);
      EXPECT_FALSE(result.error().detail.empty());
    }
  };
  note(decode_peer(frame, limits));
  note(decode_requests(frame, limits));
  note(decode_replies(frame, limits));
  note(decode_greeting(frame.view));
  note(decode_welcome(frame.view));
  note(decode_refused(frame.view));
  note(decode_mark(frame.view));
  // A text of the Error beside it, which is small and of fixed length.
  EXPECT_LE(memory.bytes(), decode_bytes_factor * bytes.size() + decode_bytes_base + 256);
  return verdict;
}

TEST(Hostile, AFrameCutShortIsAnError) {
  for (const std::string& frame : good_frames()) {
    for (std::size_t length = 0; length < frame.size(); ++length) {
      const std::string cut = frame.substr(0, length);
      ASSERT_EQ(try_decode(cut), Verdict::error);
      if (length >= frame_header_bytes) {
        ASSERT_EQ(try_decode(with_length(cut)), Verdict::error);
      }
    }
  }
}

TEST(Hostile, AByteTooManyIsAnError) {
  for (const std::string& frame : good_frames()) {
    for (const char byte : {'\0', '\x90', '\xc0', '\xff'}) {
      ASSERT_EQ(try_decode(frame + byte), Verdict::error);
      ASSERT_EQ(try_decode(with_length(frame + byte)), Verdict::error);
    }
  }
}

TEST(Hostile, AnyByteMayBeAnything) {
  for (const std::string& frame : good_frames()) {
    for (std::size_t i = frame_header_bytes; i < frame.size(); ++i) {
      for (int byte = 0; byte < 256; byte += 11) {
        std::string changed = frame;
        changed[i] = static_cast<char>(byte);
        try_decode(changed);
      }
    }
    if (HasFailure()) return;
  }
}

TEST(Hostile, ManyBytesMayBeAnything) {
  samples::Random random(31);
  const std::vector<std::string> frames = good_frames();
  std::size_t value_count = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string frame = frames[random() % frames.size()];
    for (std::size_t n = 1 + random() % 4; n > 0; --n) {
      const std::size_t at = frame_header_bytes + random() % (frame.size() - frame_header_bytes);
      switch (random() % 3) {
        case 0:
          frame[at] = static_cast<char>(random());
          break;
        case 1:
          frame.insert(at, 1 + random() % 3, static_cast<char>(random()));
          break;
        default:
          frame.erase(at, random() % 3);
          break;
      }
    }
    if (try_decode(with_length(frame)) == Verdict::value) ++value_count;
    if (HasFailure()) return;
  }
  // Some changes only change a value: the test reaches past the first check.
  EXPECT_GT(value_count, 300U);
}

// ---- frames that cost the most --------------------------------------------------------------

std::string array_of(std::size_t count, std::string_view item) {
  std::string document = "\xdd";
  for (std::size_t i = 0; i < 4; ++i)
    document += static_cast<char>(count >> (8 * (3 - i)));
  for (std::size_t i = 0; i < count; ++i)
    document += item;
  return document;
}

TEST(Hostile, TheSmallestItemsDoNotCostMoreThanIsAllowed) {
  using namespace std::string_literals;
  for (const std::size_t count : {10UL, 100UL, 1000UL, 10'000UL, 65'536UL}) {
    try_decode(with_payload(FrameKind::requests, array_of(count, "\x92\x06\x91\x07")));
    try_decode(with_payload(FrameKind::requests, array_of(count, "\x90")));
    try_decode(with_payload(FrameKind::replies, array_of(count, "\x92\x05\x92\x07\x90")));
    // Submit: its parts are small on the wire and large in memory.
    const std::string part = "\x96\x00\xa1q\x00\x00\x00\x92\xc4\x00\xc4\x00"s;
    const std::string id =
        "\x94\xc4\x10"s + std::string(16, 'i') + "\xc4\x10" + std::string(16, 'c') + "\x01\x01";
    const std::string submit =
        "\x91\x92\x01\x98\x01"s + id + array_of(count, part) + "\x00\xc2\x00\x00\x00"s;
    try_decode(with_payload(FrameKind::requests, submit));
    // Strings just too long to live inside a std::string.
    const std::string unserve = "\x92\x09\x91\xb0" + std::string(16, 's');
    try_decode(with_payload(FrameKind::requests, array_of(count, unserve)));
  }
}

TEST(Hostile, ASubmitOfManySmallPartsIsStillRead) {
  core::Submit submit;
  submit.parts.assign(500, core::Part{.target = "q"});
  EXPECT_EQ(try_decode(samples::frame_of(core::Request{submit})), Verdict::value);
}

TEST(Hostile, AnArrayThatIsOnlyAnnouncedCostsNothing) {
  const samples::PeakMemory memory;
  try_decode(with_payload(FrameKind::requests, "\xdd\x7f\xff\xff\xff"));
  try_decode(with_payload(FrameKind::replies, "\xdd\x7f\xff\xff\xff"));
  try_decode(with_payload(FrameKind::peer, "\x92\xdd\x7f\xff\xff\xff"));
  EXPECT_LT(memory.bytes(), 1024U);
}

TEST(Hostile, HeadersCostNoMoreThanTheirLength) {
  const Headers few = {{"a", "1"}, {"b", "2"}};
  const std::string good = encode_headers(few).value();
  samples::Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const samples::PeakMemory memory;
    static_cast<void>(decode_headers(bytes));
    ASSERT_LE(memory.bytes(), decode_bytes_factor * bytes.size() + decode_bytes_base);
  }
}

// ---- documents at random --------------------------------------------------------------------

void append_random_document(std::string& out, samples::Random& random, int depth) {
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  const auto append = [&](char type, std::size_t byte_count) {
    out += type;
    for (; byte_count > 0; --byte_count)
      out += static_cast<char>(random());
  };
  switch (below(depth > 0 ? 9 : 6)) {
    case 0:
      return append(static_cast<char>(below(128)), 0);
    case 1:
      return append(static_cast<char>(0xcc + below(4)), std::size_t{1} << below(4));
    case 2:
      out += static_cast<char>(0xa0 + 3);
      out += "abc";
      return;
    case 3:
      out += static_cast<char>(0xc4);
      out += '\x10';
      return append('\0', 15);
    case 4:
      return append(below(2) == 0 ? '\xc2' : '\xc3', 0);
    case 5:
      return append('\xc0', 0);
    default: {
      const std::size_t count = below(9);
      out += static_cast<char>(0x90 + count);
      for (std::size_t i = 0; i < count; ++i)
        append_random_document(out, random, depth - 1);
      return;
    }
  }
}

TEST(Hostile, ARandomDocumentIsAValueOrAnError) {
  samples::Random random(77);
  const FrameKind kinds[] = {FrameKind::peer, FrameKind::requests, FrameKind::replies,
                             FrameKind::ping};
  for (int i = 0; i < 30'000; ++i) {
    std::string document;
    append_random_document(document, random, 6);
    try_decode(with_payload(kinds[random() % 4], document));
    if (HasFailure()) return;
  }
}

TEST(Hostile, RandomBytesAreAnError) {
  samples::Random random(78);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    ASSERT_EQ(try_decode(bytes), Verdict::error);
  }
}

}  // namespace
}  // namespace nemcon::transport
