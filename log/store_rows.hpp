// Rows as keys and values. Keys compare as bytes the way the ids compare as numbers, so that
// the order of the store is the order of the queue. A value is 8 bytes of checksum over table,
// key and what follows, then the row as archive.hpp writes it.
//
//   messages, returned   queue (4), timestamp (8), 0 or 1 and the tie-breaking transaction (48),
//                        part (2); all big-endian. No tie sorts before every tie.
//
// Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/row.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/tables.hpp"

namespace nemcon::log {

constexpr std::string_view state_key = "state";  // In meta: core::MetaRow.
constexpr std::string_view upto_key = "upto";    // In meta: Upto.
constexpr std::string_view sums_key = "sums";    // In sums: Sums.

// The Lsn of the last checkpoint.
struct Upto {
  core::Lsn lsn;
};

template <class Archive>
void fields(Archive& archive, Upto& v) {
  archive(v.lsn);
}

// Of each table all checksums of its rows, added up. A page that LMDB finds in the place of another
// one shows rows that are whole, and old: only their sum tells.
struct Sums {
  std::array<std::uint64_t, tables.size()> of_table{};

  [[nodiscard]] std::uint64_t& of(Table table) { return of_table[static_cast<std::size_t>(table)]; }
};

struct RowPlace {
  Table table = Table::meta;
  std::string key;
};

[[nodiscard]] RowPlace place_of(const core::Row& row);
[[nodiscard]] RowPlace place_of(const core::RowKey& key);

// Where the messages of a queue begin, and where a message lies.
[[nodiscard]] std::string queue_prefix(core::QueueId queue);
[[nodiscard]] std::string message_key(core::QueueId queue, const core::Position& position);

struct MessagePlace {
  core::QueueId queue;
  core::Position position;
};

// Nothing when the bytes are not what message_key() makes.
[[nodiscard]] std::optional<MessagePlace> parse_message_key(std::string_view key);

// Measure, then fill exactly as many bytes.
[[nodiscard]] std::size_t value_byte_count(const core::Row& row);
void encode_value(const ChecksumKey& key, const RowPlace& place, const core::Row& row,
                  std::span<char> into);
[[nodiscard]] std::string upto_value(const ChecksumKey& key, core::Lsn upto);

// Always of sums_byte_count().
[[nodiscard]] std::string sums_value(const ChecksumKey& key, const Sums& sums);

[[nodiscard]] std::size_t sums_byte_count();

// As it stands there, right or not; 0 where there is none.
[[nodiscard]] std::uint64_t checksum_of(std::string_view value);

// What lies in the store at a place. `bytes` is owned by `owner`, which a message's content
// goes on referring to. An Error names table and key: nothing was handed out.
struct StoredBytes {
  Table table = Table::meta;
  std::string_view key;
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

[[nodiscard]] Result<core::Row> decode_row(const ChecksumKey& key, const StoredBytes& stored);
[[nodiscard]] Result<core::Lsn> decode_upto(const ChecksumKey& key, const StoredBytes& stored);
[[nodiscard]] Result<Sums> decode_sums(const ChecksumKey& key, const StoredBytes& stored);

}  // namespace nemcon::log
