// Goal: what is written comes back, whatever it is; what was not written is an Error or harmless.
// Method: values of every kind with every field set, compared by a printer that knows nothing of
// the archive; then every truncation, random damage and planted lies.
#include "log/archive.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/journal_format.hpp"
#include "log/store_rows.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

constexpr std::uint64_t seed_count = 60;

// Decodes into a variant and says what came of it.
template <class T>
std::string decoded_dump(const std::string& bytes) {
  T value;
  const Status read = decode(bytes, value);
  return read ? dump(value) : "error: " + read.error().detail;
}

TEST(Archive, EveryKindOfRecordComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < seed_count; ++seed) {
    Random random{seed};
    for (const core::Record& record : all_records(random)) {
      EXPECT_EQ(decoded_dump<core::Record>(encoded(record)), dump(record)) << kind_of(record);
    }
  }
}

TEST(Archive, EveryKindOfRowComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < seed_count; ++seed) {
    Random random{seed};
    for (const core::Row& row : all_rows(random)) {
      EXPECT_EQ(decoded_dump<core::Row>(encoded(row)), dump(row)) << row.index();
    }
  }
}

TEST(Archive, EmptyValuesComeBackToo) {
  EXPECT_EQ(decoded_dump<core::Record>(encoded(core::Record{core::Voted{}})),
            dump(core::Record{core::Voted{}}));
  EXPECT_EQ(decoded_dump<core::Row>(encoded(core::Row{core::SessionRow{}})),
            dump(core::Row{core::SessionRow{}}));
}

TEST(Archive, BytesMayReferToTheirBufferOrBeCopied) {
  core::Content content;
  content.body = core::Bytes{"body"};
  const auto owner = std::make_shared<const std::string>(encoded(content));
  core::Content referring;
  core::Content copying;

  BinaryReader refers{owner, *owner};
  refers(referring);
  BinaryReader copies{*owner};
  copies(copying);

  EXPECT_EQ(referring, content);
  EXPECT_EQ(copying, content);
  EXPECT_GE(referring.body.view().data(), owner->data());
  EXPECT_LT(referring.body.view().data(), owner->data() + owner->size());
  EXPECT_FALSE(copying.body.view().data() >= owner->data() &&
               copying.body.view().data() < owner->data() + owner->size());
  EXPECT_EQ(owner.use_count(), 3);  // Ours, the reader's and the body's; empty headers hold none.
}

TEST(Archive, WhatIsMostlyEmptyMayBeLarge) {
  core::Decided decided;
  decided.replies.resize(100'000);
  const core::Record many_replies = decided;
  EXPECT_EQ(decoded_dump<core::Record>(encoded(many_replies)), dump(many_replies));
  core::Descriptor descriptor;
  descriptor.branches.resize(256);
  for (core::Branch& branch : descriptor.branches)
    branch.operations.resize(1024);
  const core::Record voted =
      core::Voted{.key = {}, .descriptor = std::make_shared<core::Descriptor>(descriptor)};
  EXPECT_EQ(decoded_dump<core::Record>(encoded(voted)), dump(voted));
}

TEST(Archive, MoreElementsThanTheBytesCanHoldAreNotMadeRoomFor) {
  std::vector<core::Operation> many(1);
  std::string bytes = encoded(many);
  bytes.append(decode_bytes_base, '\0');
  bytes.replace(0, 1, "\x80\x80\x04");  // Now it says 65,536.
  EXPECT_NE(decode(bytes, many).error().detail.find("fewer elements than it says"),
            std::string::npos);
  EXPECT_LE(many.capacity(), 1U);
}

TEST(Archive, EveryTruncationIsAnError) {
  Random random{1};
  for (const core::Record& record : all_records(random)) {
    const std::string whole = encoded(record);
    for (std::size_t count = 0; count < whole.size(); ++count) {
      core::Record value;
      EXPECT_FALSE(decode(whole.substr(0, count), value)) << kind_of(record) << " " << count;
    }
    core::Record value;
    EXPECT_FALSE(decode(whole + '\0', value)) << kind_of(record);
  }
}

// Whatever is accepted has one spelling: nothing was made up, skipped or rounded.
TEST(Archive, DamageIsAnErrorOrIsWrittenBackByteForByte) {
  std::size_t error_count = 0;
  std::size_t value_count = 0;
  for (std::uint64_t seed = 0; seed < seed_count; ++seed) {
    Random random{seed};
    for (const core::Row& row : all_rows(random)) {
      std::string bytes = encoded(row);
      const std::uint64_t flips = 1 + random.below(3);
      for (std::uint64_t i = 0; i < flips; ++i) {
        char& byte = bytes[random.below(bytes.size())];
        byte = static_cast<char>(byte ^ static_cast<char>(1U << random.below(8)));
      }
      core::Row value;
      if (decode(bytes, value)) {
        ++value_count;
        EXPECT_EQ(encoded(value), bytes);
      } else {
        ++error_count;
      }
    }
  }
  EXPECT_GT(error_count, 50U);
  EXPECT_GT(value_count, 50U);
}

TEST(Archive, GarbageIsAnErrorOrIsWrittenBackByteForByte) {
  Random random{5};
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = random.bytes(random.below(200));
    core::Record value;
    if (decode(bytes, value)) {
      EXPECT_EQ(encoded(value), bytes);
    }
  }
}

template <class T>
std::string error_of(const std::string& bytes) {
  T value{};
  const Status read = decode(bytes, value);
  return read ? "none" : read.error().detail;
}

TEST(Archive, CountsThatTheBytesCannotHoldAreRefusedBeforeAnyMemoryIsTaken) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(error_of<Texts>("\xff\xff\xff\x07"), "it has fewer elements than it says");
  EXPECT_EQ(error_of<Texts>("\xff\xff\xff\xff\x0f"),
            "a number is too large or spelt in a longer way than it needs");
  EXPECT_EQ(error_of<std::string>("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "it ends too early");
}

TEST(Archive, ANumberHasOneSpelling) {
  const std::string too = "a number is too large or spelt in a longer way than it needs";
  EXPECT_EQ(error_of<std::uint64_t>(std::string{"\x80\x00", 2}), too);
  EXPECT_EQ(error_of<std::uint64_t>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), too);
  EXPECT_EQ(error_of<std::uint64_t>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "none");
  EXPECT_EQ(error_of<std::uint32_t>("\x80\x80\x80\x80\x10"), too);
  EXPECT_EQ(error_of<std::uint16_t>("\x80\x80\x04"), too);
  EXPECT_EQ(error_of<bool>("\x02"), "neither false nor true");
}

TEST(Archive, UnknownKindsAreErrors) {
  EXPECT_EQ(error_of<core::Choice>("\x03"), "an unknown kind");
  EXPECT_EQ(error_of<core::Record>("\x13"),
            "a number is too large or spelt in a longer way than it needs");
}

TEST(Archive, TheKeysOfAMapRise) {
  using Map = std::map<std::uint8_t, std::uint8_t>;
  EXPECT_EQ(error_of<Map>("\x02\x01\x07\x02\x07"), "none");
  EXPECT_EQ(error_of<Map>("\x02\x01\x07\x01\x07"), "the keys of a map do not rise");
  EXPECT_EQ(error_of<Map>("\x02\x02\x07\x01\x07"), "the keys of a map do not rise");
}

// The worked example of docs/log-format.md. These bytes are on people's disks: they do not change.
TEST(Archive, TheBytesAreThoseOfTheFormatPage) {
  const core::Record record =
      core::Removed{.queue = core::QueueId{300},
                    .position = {.at = core::Hlc{0x0102030405060708ULL}, .tie = {}, .part = 5},
                    .bytes = 100};

  const std::string expected{
      "\x10"                              // Kind 16: Removed.
      "\xac\x02"                          // Queue 300.
      "\x08\x07\x06\x05\x04\x03\x02\x01"  // Timestamp.
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  // Tie: initiator,
      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  // client,
      "\0\0"                              // epoch, sequence.
      "\x05"                              // Part.
      "\x64",                             // 100 bytes.
      1 + 2 + 8 + 16 + 16 + 2 + 1 + 1};
  EXPECT_EQ(encoded(record), expected);
}

std::string hex(std::string_view bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4U]);
    text.push_back(digits[static_cast<unsigned char>(c) & 0xfU]);
  }
  return text;
}

TEST(Archive, TheBatchIsThatOfTheFormatPage) {
  const core::Record record =
      core::Removed{.queue = core::QueueId{300},
                    .position = {.at = core::Hlc{0x0102030405060708ULL}, .tie = {}, .part = 5},
                    .bytes = 100};
  BatchHead head;
  head.segment = 2;
  head.offset = 8192;
  head.generation = 3;
  head.first = core::Lsn{42};
  head.previous = 0x1122334455667788ULL;
  head.byte_count = static_cast<std::uint32_t>(batch_head_bytes + record_byte_count(record));
  head.record_count = 1;
  std::string batch(page_bytes, 'x');

  encode_batch(key_of(0), head, std::vector{write(42, record)}, batch);

  EXPECT_EQ(hex(batch.substr(0, 64)),
            "94ac3075cf8485a84e4241540200000000200000000000000300000000000000"
            "2a0000000000000088776655443322116b000000010000002f00000010ac0208");
  EXPECT_EQ(batch.substr(107), std::string(page_bytes - 107, '\0'));
  const std::string segment =
      encode_head(key_of(0), {.segment = 2, .byte_count = 25'165'824, .base = core::Lsn{}});
  EXPECT_EQ(hex(segment.substr(0, 40)),
            "1d237e1cdf5effb44e454d4a524e4c310100000002000000000080010000000000000000"
            "00000000");
}

TEST(Archive, TheStoredMessageIsThatOfTheFormatPage) {
  const core::Row row = message(1, 7, "body");
  const RowPlace place = place_of(row);
  std::string value(value_byte_count(row), 'x');

  encode_value(key_of(0), place, row, value);

  EXPECT_EQ(place.table, Table::messages);
  EXPECT_EQ(hex(place.key), "000000010000000000000007000000");
  EXPECT_EQ(hex(value), "e9df2d3a5594d1ae" + std::string(70, '0') + "04746573740004626f647900");
}

}  // namespace
}  // namespace nemcon::log::test
