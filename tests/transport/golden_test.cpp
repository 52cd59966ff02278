// Goal: the bytes on the wire never change without our noticing: nodes of one protocol version
// understand each other whatever they were built from.
// Method: one file of hexadecimal digits for each kind of message, request, reply, handshake and
// control frame, in tests/golden/v<version>/. Encoding the sample must give the file, decoding
// the file must give the sample.
//
// NEMCON_GOLDEN_WRITE=1 writes the files instead. Only for a new kind, or before a version is
// released: what is released never changes, a new format is a new version and a new folder.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "tests/transport/samples.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {
namespace {

using samples::describe;
using samples::received;

const DecodeLimits limits = samples::default_limits();

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
    text += (i + 1) % 32 == 0 || i + 1 == bytes.size() ? '\n' : ' ';
  }
  return text;
}

std::string from_hex(const std::string& text) {
  std::istringstream in(text);
  std::string bytes;
  for (std::string byte; in >> byte;) {
    bytes += static_cast<char>(std::stoul(byte, nullptr, 16));
  }
  return bytes;
}

class Golden : public testing::Test {
 protected:
  // Compares with the file of this name, or writes it. Returns the bytes of the file.
  std::string check(const std::string& name, const std::string& frame) {
    const std::filesystem::path path = std::filesystem::path(NEMCON_GOLDEN) / (name + ".hex");
    if (std::getenv("NEMCON_GOLDEN_WRITE") != nullptr) std::ofstream(path) << to_hex(frame);
    std::ifstream in(path);
    EXPECT_TRUE(in.is_open()) << path;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(to_hex(frame), text) << name << " is encoded differently now";
    return from_hex(text);
  }
};

TEST_F(Golden, MessagesAreWhatTheyWere) {
  for (const auto& [name, value] : samples::messages()) {
    const std::string bytes = check("message_" + name, samples::frame_of(value));
    const auto decoded = decode_peer(received(bytes), limits);
    ASSERT_TRUE(decoded.has_value()) << name << ": " << decoded.error().detail;
    EXPECT_EQ(describe(decoded->header), describe(samples::frame_header()));
    EXPECT_EQ(describe(decoded->messages.at(0)), describe(value));
  }
}

TEST_F(Golden, RequestsAreWhatTheyWere) {
  for (const auto& [name, value] : samples::requests()) {
    const std::string bytes = check("request_" + name, samples::frame_of(value));
    const auto decoded = decode_requests(received(bytes), limits);
    ASSERT_TRUE(decoded.has_value()) << name << ": " << decoded.error().detail;
    EXPECT_EQ(describe(decoded->at(0)), describe(value));
  }
}

TEST_F(Golden, RepliesAreWhatTheyWere) {
  for (const auto& [name, value] : samples::replies()) {
    const std::string bytes = check("reply_" + name, samples::frame_of(value));
    const auto decoded = decode_replies(received(bytes), limits);
    ASSERT_TRUE(decoded.has_value()) << name << ": " << decoded.error().detail;
    EXPECT_EQ(describe(decoded->at(0)), describe(value));
  }
}

TEST_F(Golden, HandshakesAreWhatTheyWere) {
  const Greeting greeting{.role = Role::client, .frame_bytes_max = 17'498'112, .name = "checkout"};
  const Welcome welcome{.version = 1, .frame_bytes_max = 17'498'112, .name = "warehouse"};
  const Refused refused{.reason = RefusalReason::unknown, .text = "not a peer of this node"};
  FrameBuffer out;

  encode(out, greeting);
  EXPECT_EQ(decode_greeting(check("greeting", std::string(out.view()))).value(), greeting);
  encode(out, welcome);
  EXPECT_EQ(decode_welcome(check("welcome", std::string(out.view()))).value(), welcome);
  encode(out, refused);
  EXPECT_EQ(decode_refused(check("refusal", std::string(out.view()))).value(), refused);
}

TEST_F(Golden, ControlFramesAreWhatTheyWere) {
  FrameBuffer out;
  encode_ping(out, 1'048'577);
  EXPECT_EQ(decode_mark(check("ping", std::string(out.view()))).value(), 1'048'577U);
  encode_pong(out, 1'048'577);
  EXPECT_EQ(decode_mark(check("pong", std::string(out.view()))).value(), 1'048'577U);
  encode_control(out, FrameKind::hold);
  check("hold", std::string(out.view()));
  encode_control(out, FrameKind::go_on);
  check("go_on", std::string(out.view()));
  encode_control(out, FrameKind::bye);
  check("bye", std::string(out.view()));
}

TEST_F(Golden, HeadersAreWhatTheyWere) {
  const Headers headers = {{"content-type", "text/plain"}, {"priority", "4"}};
  const std::string bytes = check("headers", encode_headers(headers).value());
  EXPECT_EQ(decode_headers(bytes).value(), headers);
}

TEST_F(Golden, NoFileIsLeftOver) {
  std::set<std::string> names = {"greeting", "welcome", "refusal", "ping",   "pong",
                                 "hold",     "go_on",   "bye",     "headers"};
  for (const auto& sample : samples::messages())
    names.insert("message_" + sample.name);
  for (const auto& sample : samples::requests())
    names.insert("request_" + sample.name);
  for (const auto& sample : samples::replies())
    names.insert("reply_" + sample.name);

  for (const auto& entry : std::filesystem::directory_iterator(NEMCON_GOLDEN)) {
    EXPECT_TRUE(names.contains(entry.path().stem().string())) << entry.path();
  }
}

}  // namespace
}  // namespace nemcon::transport
