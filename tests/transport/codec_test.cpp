// Goal: whatever our side sends, the other side reads as the same value, and nothing that is not
// exactly a frame of the schema is taken for one.
// Method: one value of each kind and many random ones through encode and decode, compared as
// text that the codec has no part in; then frames with one thing wrong.
#include "transport/codec.hpp"

#include <gtest/gtest.h>

#include "tests/transport/samples.hpp"

namespace nemcon::transport {
namespace {

using core::Errc;
using samples::describe;
using samples::frame_of;
using samples::received;

const DecodeLimits limits = samples::default_limits();

template <class Item>
core::Result<std::vector<Item>> decode_all(std::string_view frame);

template <>
core::Result<std::vector<core::Message>> decode_all(std::string_view frame) {
  core::Result<PeerFrame> decoded = decode_peer(received(frame), limits);
  if (!decoded) return decoded.error();
  EXPECT_EQ(describe(decoded->header), describe(samples::frame_header()));
  return std::move(decoded).value().messages;
}

template <>
core::Result<std::vector<core::Request>> decode_all(std::string_view frame) {
  return decode_requests(received(frame), limits);
}

template <>
core::Result<std::vector<core::Reply>> decode_all(std::string_view frame) {
  return decode_replies(received(frame), limits);
}

template <class Item>
void expect_round_trip(const Item& item) {
  const core::Result<std::vector<Item>> decoded = decode_all<Item>(frame_of(item));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().detail << "\n" << describe(item);
  ASSERT_EQ(decoded->size(), 1U);
  EXPECT_EQ(describe(decoded->front()), describe(item));
}

// The payload of `frame` with the header made to fit.
std::string with_payload(FrameKind kind, std::string_view payload) {
  FrameBuffer out;
  encode_ping(out, 0);
  std::string frame(out.view().substr(0, frame_header_bytes));
  frame[5] = static_cast<char>(kind);
  for (std::size_t i = 0; i < 4; ++i) {
    frame[8 + i] = static_cast<char>(payload.size() >> (8 * (3 - i)));
  }
  return frame.append(payload);
}

std::string error_of(std::string_view requests_payload) {
  const auto decoded =
      decode_requests(received(with_payload(FrameKind::requests, requests_payload)), limits);
  if (decoded) return "no error";
  EXPECT_EQ(decoded.error().code, Errc::remote_malformed);
  return decoded.error().detail;
}

// A frame of one Unsubscribe{7}, of which tests change one part.
std::string unsubscribe(std::string_view subscription) {
  return std::string("\x91\x92\x06\x91") + std::string(subscription);
}

// ---- what is sent arrives -------------------------------------------------------------------

TEST(Codec, EveryKindArrivesAsItWasSent) {
  for (const auto& [name, value] : samples::messages())
    expect_round_trip(value);
  for (const auto& [name, value] : samples::requests())
    expect_round_trip(value);
  for (const auto& [name, value] : samples::replies())
    expect_round_trip(value);
}

TEST(Codec, TheSamplesAreOfEveryKind) {
  const auto messages = samples::messages();
  const auto requests = samples::requests();
  const auto replies = samples::replies();

  ASSERT_EQ(messages.size(), std::variant_size_v<core::Message>);
  ASSERT_EQ(requests.size(), std::variant_size_v<core::Request>);
  ASSERT_EQ(replies.size(), std::variant_size_v<core::Reply>);
  for (std::size_t i = 0; i < messages.size(); ++i)
    EXPECT_EQ(messages[i].value.index(), i);
  for (std::size_t i = 0; i < requests.size(); ++i)
    EXPECT_EQ(requests[i].value.index(), i);
  for (std::size_t i = 0; i < replies.size(); ++i)
    EXPECT_EQ(replies[i].value.index(), i);
}

TEST(Codec, AnyValueArrivesAsItWasSent) {
  samples::Random random(20'240'601);
  for (int i = 0; i < 500; ++i) {
    expect_round_trip(samples::random_message(random));
    expect_round_trip(samples::random_request(random));
    expect_round_trip(samples::random_reply(random));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Codec, BodiesReferIntoTheFrameAndKeepIt) {
  const std::string body(5000, 'b');
  const core::Delivered delivered{.content = {.headers = {}, .body = core::Bytes{body}}};
  ReceivedFrame frame = received(frame_of(core::Reply{delivered}));
  const std::string_view frame_bytes = frame.view;
  const std::weak_ptr<const void> owner = frame.owner;

  auto decoded = decode_replies(frame, limits);
  ASSERT_TRUE(decoded.has_value());
  frame = {};
  std::vector<core::Reply> replies = std::move(decoded).value();
  const core::Bytes kept = std::get<core::Delivered>(replies[0]).content.body;
  replies.clear();

  EXPECT_EQ(kept.view(), body);
  EXPECT_GE(kept.view().data(), frame_bytes.data());
  EXPECT_LE(kept.view().data() + body.size(), frame_bytes.data() + frame_bytes.size());
  EXPECT_FALSE(owner.expired());
}

TEST(Codec, NothingButBodiesKeepsTheFrame) {
  const core::Denied denied{.text = std::string(200, 't')};
  ReceivedFrame frame = received(frame_of(core::Reply{denied}));
  const std::weak_ptr<const void> owner = frame.owner;

  const auto decoded = decode_replies(frame, limits);
  frame = {};

  EXPECT_TRUE(owner.expired());
  EXPECT_EQ(std::get<core::Denied>(decoded->front()).text, denied.text);
}

// ---- many items -----------------------------------------------------------------------------

// Sends all items in as many frames as it takes; returns how many frames that were.
std::size_t frame_count_of(std::span<const core::Request> requests) {
  FrameBuffer out;
  std::size_t frame_count = 0;
  while (!requests.empty()) {
    const auto count = encode_requests(out, requests, limits);
    if (!count) return 0;
    const auto decoded = decode_requests(received(out.view()), limits);
    EXPECT_TRUE(decoded.has_value()) << decoded.error().detail;
    EXPECT_EQ(decoded->size(), *count);
    for (std::size_t i = 0; i < *count; ++i) {
      EXPECT_EQ(describe((*decoded)[i]), describe(requests[i]));
    }
    requests = requests.subspan(*count);
    ++frame_count;
  }
  return frame_count;
}

core::Request submit_of(std::size_t body_bytes) {
  const core::Part part{
      .target = "orders",
      .content = {.headers = {}, .body = core::Bytes{std::string(body_bytes, 'x')}}};
  return core::Submit{.parts = {part}};
}

TEST(Codec, ManyItemsShareAFrame) {
  const std::vector<core::Request> requests(100, submit_of(100));
  EXPECT_EQ(frame_count_of(requests), 1U);
}

TEST(Codec, AFrameIsClosedWhenItIsLargeEnough) {
  const std::vector<core::Request> requests(100, submit_of(batch_bytes_target / 10));
  EXPECT_EQ(frame_count_of(requests), 10U);
}

TEST(Codec, ManyTinyItemsAreSplitSoThatTheOtherSideAffordsThem) {
  const std::vector<core::Request> requests(5000, core::AddCredit{.subscription = 1, .credit = 1});
  const std::size_t frame_count = frame_count_of(requests);
  EXPECT_GT(frame_count, 1U);
  EXPECT_LT(frame_count, 50U);
}

TEST(Codec, AWholeTransactionFitsIntoOneFrame) {
  const core::Limits defaults;
  core::Submit submit;
  const std::size_t body_bytes = defaults.transaction_bytes_max / defaults.operations_max;
  for (std::uint32_t i = 0; i < defaults.operations_max; ++i) {
    submit.parts.push_back(
        {.target = std::string(255, 'q') + "@" + std::string(255, 'n'),
         .token = core::LeaseToken{~std::uint64_t{0}},
         .previous = core::Sequence{~std::uint64_t{0}},
         .limit = ~std::uint64_t{0},
         .content = {.headers = {}, .body = core::Bytes{std::string(body_bytes, 'x')}}});
  }
  const std::vector<core::Request> requests = {submit};
  EXPECT_EQ(frame_count_of(requests), 1U);
}

TEST(Codec, APrepareOfAWholeTransactionFitsIntoOneFrame) {
  const core::Limits defaults;
  core::Descriptor descriptor = samples::descriptor();
  core::Prepare prepare;
  const std::size_t body_bytes = defaults.transaction_bytes_max / defaults.operations_max;
  for (std::uint32_t i = 0; i < defaults.operations_max; ++i) {
    descriptor.branches[0].operations.push_back(
        {.target = std::string(255, 'q'),
         .token = core::LeaseToken{~std::uint64_t{0}},
         .previous = core::Sequence{~std::uint64_t{0}},
         .limit = ~std::uint64_t{0},
         .payload_bytes = ~std::uint64_t{0},
         .payload = {~std::uint64_t{0}, ~std::uint64_t{0}}});
    prepare.contents.push_back({.headers = {}, .body = core::Bytes{std::string(body_bytes, 'x')}});
  }
  prepare.descriptor = std::make_shared<const core::Descriptor>(descriptor);
  expect_round_trip(core::Message{prepare});
}

TEST(Codec, WhatCanNeverFitIsAnErrorOfOurs) {
  FrameBuffer out;
  const core::Request huge = submit_of(limits.frame_bytes_max);
  const core::Request long_text =
      core::Settle{.text = std::string(limits.string_bytes_max + 1, 't')};
  const core::Request many_tokens =
      core::Settle{.tokens = std::vector<core::LeaseToken>(limits.array_count_max + 1)};

  for (const core::Request& request : {huge, long_text, many_tokens}) {
    const auto count = encode_requests(out, {&request, 1}, limits);
    ASSERT_FALSE(count.has_value());
    EXPECT_EQ(count.error().code, Errc::local_full);
    EXPECT_EQ(out.byte_count(), 0U);
  }
}

TEST(Codec, WhatDoesNotFitIsLeftForTheNextFrame) {
  const std::vector<core::Request> requests = {submit_of(10), submit_of(limits.frame_bytes_max)};
  FrameBuffer out;

  const auto count = encode_requests(out, requests, limits);

  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(*count, 1U);
  EXPECT_EQ(out.view(), frame_of(requests[0]));
}

TEST(Codec, AReusedBufferLeavesNothingBehind) {
  FrameBuffer out;
  const core::Request large = submit_of(1U << 20U);
  const core::Request small = submit_of(3);
  ASSERT_TRUE(encode_requests(out, {&large, 1}, limits).has_value());
  ASSERT_TRUE(encode_requests(out, {&small, 1}, limits).has_value());
  EXPECT_EQ(out.view(), frame_of(small));
}

// ---- frame header ---------------------------------------------------------------------------

TEST(Codec, AFrameTellsItsKindAndVersion) {
  FrameBuffer out;
  encode_control(out, FrameKind::hold);

  const auto info = read_frame_info(out.view());

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->kind, FrameKind::hold);
  EXPECT_EQ(info->version, protocol_version);
}

TEST(Codec, AnotherVersionIsSaidToBeOne) {
  std::string frame = frame_of(samples::requests()[0].value);
  for (const int version : {2, 3, 127, 255}) {
    frame[4] = static_cast<char>(version);
    const auto info = read_frame_info(frame);
    ASSERT_FALSE(info.has_value());
    EXPECT_EQ(info.error().code, Errc::remote_version);
    EXPECT_EQ(decode_requests(received(frame), limits).error().code, Errc::remote_version);
  }
}

TEST(Codec, EveryByteOfTheHeaderCounts) {
  const std::string frame = frame_of(samples::requests()[0].value);
  for (std::size_t i = 0; i < frame_header_bytes; ++i) {
    for (const int flip : {1, 2, 16, 128}) {
      std::string changed = frame;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      EXPECT_FALSE(decode_requests(received(changed), limits).has_value()) << "byte " << i;
    }
  }
}

TEST(Codec, AFrameOfAnotherKindIsNotRead) {
  const ReceivedFrame requests = received(frame_of(samples::requests()[0].value));
  EXPECT_FALSE(decode_replies(requests, limits).has_value());
  EXPECT_FALSE(decode_peer(requests, limits).has_value());
  EXPECT_FALSE(decode_greeting(requests.view).has_value());
  EXPECT_FALSE(decode_mark(requests.view).has_value());
}

TEST(Codec, AFrameLongerThanTheLimitIsNotRead) {
  DecodeLimits tight = limits;
  const std::string frame = frame_of(samples::requests()[1].value);
  tight.frame_bytes_max = frame.size() - 1;
  EXPECT_FALSE(decode_requests(received(frame), tight).has_value());
  tight.frame_bytes_max = frame.size();
  EXPECT_TRUE(decode_requests(received(frame), tight).has_value());
}

// ---- values ---------------------------------------------------------------------------------

TEST(Codec, NumbersMayComeInAnyWidthThatHoldsThem) {
  using namespace std::string_literals;
  const std::string forms[] = {"\x07"s,           "\xcc\x07"s,       "\xcd\0\x07"s,
                               "\xce\0\0\0\x07"s, "\xd0\x07"s,       "\xcf\0\0\0\0\0\0\0\x07"s,
                               "\xd1\0\x07"s,     "\xd2\0\0\0\x07"s, "\xd3\0\0\0\0\0\0\0\x07"s};
  for (const std::string& form : forms) {
    const std::string frame = with_payload(FrameKind::requests, unsubscribe(form));
    const auto decoded = decode_requests(received(frame), limits);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().detail;
    EXPECT_EQ(std::get<core::Unsubscribe>(decoded->front()).subscription, 7U);
  }
}

TEST(Codec, WhatIsNotSuchANumberIsAnError) {
  using namespace std::string_literals;
  const std::string forms[] = {
      "\xff"s,         "\xd0\x80"s,        "\xd3\x80\0\0\0\0\0\0\0"s, "\xc0"s, "\xc3"s,
      "\xca\0\0\0\0"s, "\xa1z"s,           "\xcb\0\0\0\0\0\0\0\0"s,   "\xc1"s, "\x90"s,
      "\x80"s,         "\xc7\x01\x01\x01"s};
  for (const std::string& form : forms)
    EXPECT_NE(error_of(unsubscribe(form)), "no error");
}

TEST(Codec, ANumberMustFitItsField) {
  // AddCredit{1, 2^32}: credit has 32 bits.
  using namespace std::string_literals;
  EXPECT_EQ(error_of("\x91\x92\x05\x92\x01\xcf\0\0\0\x01\0\0\0\0"s),
            "byte 26: a number out of range");
}

TEST(Codec, AnUnknownEnumeratorIsAnError) {
  // Settle{1, how, [], 0, ""}: ack to extend are 0 to 3.
  using namespace std::string_literals;
  EXPECT_EQ(error_of("\x91\x92\x07\x95\x01\x03\x90\x00\xa0"s), "no error");
  EXPECT_EQ(error_of("\x91\x92\x07\x95\x01\x04\x90\x00\xa0"s), "byte 18: an unknown enumerator");
}

TEST(Codec, AnUnknownKindIsAnError) {
  EXPECT_EQ(error_of("\x91\x92\x0d\x91\x07"), "byte 15: an unknown kind");
}

TEST(Codec, AStructHasExactlyItsFields) {
  EXPECT_EQ(error_of("\x91\x92\x06\x90"), "byte 16: an array of the wrong length");
  EXPECT_EQ(error_of("\x91\x92\x06\x92\x07\x07"), "byte 16: an array of the wrong length");
}

TEST(Codec, NothingMayFollowTheDocument) {
  EXPECT_EQ(error_of(unsubscribe("\x07") + "\xc0"), "byte 17: bytes after the end");
}

TEST(Codec, AFrameIsNeverEmpty) {
  EXPECT_EQ(error_of("\x90"), "an empty frame");
  EXPECT_NE(error_of(""), "no error");
}

TEST(Codec, AnArrayIsNotLongerThanTheFrame) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of("\xdd\0\0\xff\xff"s), "byte 17: cut short");
  EXPECT_EQ(error_of("\xdd\x0f\xff\xff\xff"s), "byte 17: too long");
  EXPECT_EQ(error_of("\xdd\xff\xff\xff\xff"s), "byte 17: too long");
}

TEST(Codec, ElementsAreCounted) {
  DecodeLimits tight = limits;
  tight.elements_max = 4;
  const std::string frame = with_payload(FrameKind::requests, unsubscribe("\x07"));
  EXPECT_FALSE(decode_requests(received(frame), tight).has_value());
  tight.elements_max = 5;
  EXPECT_TRUE(decode_requests(received(frame), tight).has_value());
}

TEST(Codec, TextsAndBodiesHaveALimit) {
  DecodeLimits tight = limits;
  const std::string unserve = frame_of(core::Request{core::Unserve{.service = "reserve"}});
  tight.string_bytes_max = 6;
  EXPECT_FALSE(decode_requests(received(unserve), tight).has_value());
  tight.string_bytes_max = 7;
  EXPECT_TRUE(decode_requests(received(unserve), tight).has_value());
  tight.bin_bytes_max = 99;
  EXPECT_FALSE(decode_requests(received(frame_of(submit_of(100))), tight).has_value());
}

TEST(Codec, DepthIsThatOfTheSchema) {
  const std::string deep(100'000, '\x91');
  EXPECT_EQ(error_of(deep), "byte 14: an array of the wrong length");
}

// ---- handshake and control ------------------------------------------------------------------

TEST(Codec, HandshakeFramesArriveAsSent) {
  FrameBuffer out;
  const Greeting greeting{.role = Role::peer,
                          .version_min = 1,
                          .version_max = 4,
                          .frame_bytes_max = 70'000,
                          .name = "shop"};
  const Welcome welcome{.version = 1, .frame_bytes_max = 1U << 25U, .name = "warehouse"};
  const Refused refused{
      .reason = RefusalReason::fault, .version_min = 1, .version_max = 2, .text = "two votes"};

  encode(out, greeting);
  EXPECT_EQ(decode_greeting(out.view()).value(), greeting);
  EXPECT_EQ(read_frame_info(out.view())->version, 0);
  encode(out, welcome);
  EXPECT_EQ(decode_welcome(out.view()).value(), welcome);
  encode(out, refused);
  EXPECT_EQ(decode_refused(out.view()).value(), refused);
}

TEST(Codec, AHandshakeFrameIsSmall) {
  FrameBuffer out;
  encode(out, Greeting{.role = Role::client, .name = std::string(1025, 'n')});
  EXPECT_FALSE(decode_greeting(out.view()).has_value());
  encode(out, Refused{.text = std::string(5000, 't')});
  EXPECT_EQ(decode_refused(out.view())->text, std::string(1024, 't'));
}

TEST(Codec, AGreetingOffersAVersion) {
  FrameBuffer out;
  encode(out, Greeting{.role = Role::client, .version_min = 2, .version_max = 1, .name = {}});
  EXPECT_FALSE(decode_greeting(out.view()).has_value());
}

TEST(Codec, MarksComeBack) {
  FrameBuffer out;
  encode_ping(out, 0x123456789abcdef0);
  EXPECT_EQ(decode_mark(out.view()).value(), 0x123456789abcdef0U);
  encode_pong(out, 0);
  EXPECT_EQ(decode_mark(out.view()).value(), 0U);
}

// ---- headers --------------------------------------------------------------------------------

TEST(Codec, HeadersArriveAsSent) {
  const Headers headers = {{"", "empty name"}, {"a", ""}, {"trace", std::string(300, 'v')}};
  EXPECT_EQ(decode_headers(encode_headers(headers).value()).value(), headers);
}

TEST(Codec, NoHeadersAreNoBytes) {
  EXPECT_EQ(encode_headers({}).value(), "");
  EXPECT_EQ(decode_headers("").value(), Headers{});
  EXPECT_EQ(decode_headers("\x80").value(), Headers{});
}

TEST(Codec, AHeaderComesOnce) {
  EXPECT_FALSE(decode_headers("\x82\xa1z\xa1x\xa1z\xa1y").has_value());
}

TEST(Codec, HeadersAreCounted) {
  Headers headers;
  while (headers.size() < header_count_max)
    headers[std::to_string(headers.size())] = "v";
  EXPECT_EQ(decode_headers(encode_headers(headers).value()).value(), headers);
  headers["one more"] = "v";
  EXPECT_FALSE(encode_headers(headers).has_value());
}

TEST(Codec, HeadersAreAMapOfStrings) {
  for (const std::string_view bad :
       {"\x81\xa1z", "\x81\xa1z\x07", "\x81\x07\xa1z", "\x92\xa1z\xa1z", "\x81\xa1z\xa1z\xc0",
        "\xde\xff\xff", "\xc0"}) {
    EXPECT_FALSE(decode_headers(bad).has_value());
  }
}

}  // namespace
}  // namespace nemcon::transport
