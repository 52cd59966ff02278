// Rot: one flipped bit in the bytes that the log writes for a record or a row, read again by the
// log's own functions. Nothing: the log says that it is damaged.
#pragma once

#include <cstdint>
#include <optional>

#include "core/effects.hpp"
#include "log/store_rows.hpp"

namespace nemcon::sim {

struct RottenRecord {
  core::Lsn lsn;
  std::uint64_t bit = 0;  // Any number: of the bits that there are.
};

struct RottenRow {
  log::RowPlace place;
  std::uint64_t bit = 0;
};

[[nodiscard]] std::optional<core::Record> read_rotten(const core::Record& written,
                                                      const RottenRecord& rot);
[[nodiscard]] std::optional<core::Row> read_rotten(const core::Row& written, const RottenRow& rot);

}  // namespace nemcon::sim
