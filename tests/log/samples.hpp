// Samples: records and rows of every kind with every field set to something, and a text of all
// fields that does not go through the archive under test.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/effects.hpp"
#include "log/checksum.hpp"
#include "log/tables.hpp"
#include "tests/log/random.hpp"

namespace nemcon::log::test {

// One of each kind, in the order of the variant.
[[nodiscard]] std::vector<core::Record> all_records(Random& random);
[[nodiscard]] std::vector<core::Row> all_rows(Random& random);

// Equal texts mean equal values: every field is in it.
[[nodiscard]] std::string dump(const core::Record& record);
[[nodiscard]] std::string dump(const core::Row& row);

// A record of about `body_bytes` whose text is in it.
[[nodiscard]] core::Record sent(const std::string& text, std::size_t body_bytes);

[[nodiscard]] core::Write write(std::uint64_t lsn, core::Record record);

[[nodiscard]] core::MessageRow message(std::uint32_t queue, std::uint64_t at,
                                       const std::string& body);

// Values as a function makes them.
class FilledBy final : public Scribe {
 public:
  using Fill = std::function<void(const Change& change, std::span<char> into)>;

  explicit FilledBy(Fill fill) : fill_(std::move(fill)) {}

  void fill(const Change& change, std::span<char> into) override { fill_(change, into); }

 private:
  Fill fill_;
};

[[nodiscard]] ChecksumKey key_of(unsigned char first_byte);

}  // namespace nemcon::log::test
