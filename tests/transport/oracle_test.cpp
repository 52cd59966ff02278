// Goal: what we write is MessagePack, and we read what others write.
// Method: msgpack-cxx, whose parser we do not use, as the second opinion. It must parse what we
// encode and what our reader accepts, and our reader must accept what it writes of the same value.
#include <gtest/gtest.h>
#include <msgpack.hpp>

#include "tests/transport/samples.hpp"
#include "transport/codec.hpp"

namespace nemcon::transport {
namespace {

using samples::describe;
using samples::received;

const DecodeLimits limits = samples::default_limits();

// The whole document, or nothing.
bool try_parse(std::string_view document, msgpack::object_handle& handle) {
  std::size_t used = 0;
  try {
    const msgpack::unpack_limit bounds(1U << 17U, 1U << 17U, 1U << 25U, 1U << 25U, 0, 64);
    handle = msgpack::unpack(document.data(), document.size(), used, nullptr, nullptr, bounds);
  } catch (const std::exception&) {
    return false;
  }
  return used == document.size();
}

std::string_view document_of(std::string_view frame) {
  return frame.substr(frame_header_bytes);
}

std::string repacked(std::string_view frame) {
  msgpack::object_handle handle;
  EXPECT_TRUE(try_parse(document_of(frame), handle));
  msgpack::sbuffer packed;
  msgpack::pack(packed, handle.get());
  std::string result(frame.substr(0, frame_header_bytes));
  for (std::size_t i = 0; i < 4; ++i) {
    result[8 + i] = static_cast<char>(packed.size() >> (8 * (3 - i)));
  }
  return result.append(packed.data(), packed.size());
}

TEST(Oracle, ParsesAndWritesWhatWeWriteAndWeReadItBack) {
  samples::Random random(9);
  for (int i = 0; i < 500; ++i) {
    const core::Message message = samples::random_message(random);
    const core::Request request = samples::random_request(random);
    const core::Reply reply = samples::random_reply(random);

    const auto messages = decode_peer(received(repacked(samples::frame_of(message))), limits);
    const auto requests = decode_requests(received(repacked(samples::frame_of(request))), limits);
    const auto replies = decode_replies(received(repacked(samples::frame_of(reply))), limits);

    ASSERT_TRUE(messages.has_value()) << messages.error().detail;
    ASSERT_TRUE(requests.has_value()) << requests.error().detail;
    ASSERT_TRUE(replies.has_value()) << replies.error().detail;
    ASSERT_EQ(describe(messages->messages.at(0)), describe(message));
    ASSERT_EQ(describe(requests->at(0)), describe(request));
    ASSERT_EQ(describe(replies->at(0)), describe(reply));
  }
}

TEST(Oracle, SeesTheFieldsWhereTheDocumentSaysTheyAre) {
  core::Submit submit{.request = 2,
                      .id = {.initiator = {0x0102030405060708, 0x090a0b0c0d0e0f10},
                             .client = {1, 2},
                             .epoch = core::Epoch{3},
                             .sequence = core::Sequence{70'000}},
                      .expires = core::Hlc::never()};
  submit.parts.push_back(
      {.target = "orders@shop",
       .content = {.headers = {}, .body = core::Bytes{std::string("order 17")}}});
  const std::string frame = samples::frame_of(core::Request{submit});

  msgpack::object_handle handle;
  ASSERT_TRUE(try_parse(document_of(frame), handle));
  const auto items = handle.get().as<std::vector<msgpack::object>>();
  ASSERT_EQ(items.size(), 1U);
  const auto item = items[0].as<std::vector<msgpack::object>>();
  EXPECT_EQ(item.at(0).as<int>(), 1);
  const auto fields = item.at(1).as<std::vector<msgpack::object>>();
  ASSERT_EQ(fields.size(), 8U);
  EXPECT_EQ(fields[0].as<int>(), 2);
  const auto id = fields[1].as<std::vector<msgpack::object>>();
  ASSERT_EQ(id.at(0).type, msgpack::type::BIN);
  EXPECT_EQ(std::string(id[0].via.bin.ptr, id[0].via.bin.size),
            "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
  EXPECT_EQ(id.at(3).as<std::uint64_t>(), 70'000U);
  const auto part = fields[2].as<std::vector<msgpack::object>>().at(0);
  const auto part_fields = part.as<std::vector<msgpack::object>>();
  EXPECT_EQ(part_fields.at(1).as<std::string>(), "orders@shop");
  const auto content = part_fields.at(5).as<std::vector<msgpack::object>>();
  EXPECT_EQ(std::string(content.at(1).via.bin.ptr, content.at(1).via.bin.size), "order 17");
  EXPECT_EQ(fields[4].as<bool>(), false);
  EXPECT_EQ(fields[7].as<std::uint64_t>(), ~std::uint64_t{0});
}

TEST(Oracle, ReadsHeadersAsAMap) {
  const Headers headers = {{"a", "1"}, {"trace", std::string(300, 'v')}};
  const std::string encoded = encode_headers(headers).value();
  msgpack::object_handle handle;
  ASSERT_TRUE(try_parse(encoded, handle));
  EXPECT_EQ((handle.get().as<std::map<std::string, std::string>>()), headers);
}

TEST(Oracle, ParsesWhateverWeAccept) {
  samples::Random random(10);
  std::vector<std::string> frames;
  for (const auto& sample : samples::requests())
    frames.push_back(samples::frame_of(sample.value));
  int accepted_count = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string frame = frames[random() % frames.size()];
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      frame[frame_header_bytes + random() % (frame.size() - frame_header_bytes)] =
          static_cast<char>(random());
    }
    if (!decode_requests(received(frame), limits)) continue;
    ++accepted_count;
    msgpack::object_handle handle;
    ASSERT_TRUE(try_parse(document_of(frame), handle));
  }
  EXPECT_GT(accepted_count, 1000);
}

}  // namespace
}  // namespace nemcon::transport
