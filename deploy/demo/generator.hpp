// Generated orders and products in the Northwind layout, for when there are no real ones.
//
// The same seed and count give the same bytes on every machine. The stock grows with the number of
// orders, so that the share that is sold out stays about that of the 830 Northwind orders.
#pragma once

#include <cstdint>
#include <string>

namespace nemcon::demo {

struct GeneratedFiles {
  std::string orders;
  std::string details;
  std::string products;
};

// Texts of the three files.
[[nodiscard]] GeneratedFiles generate(std::uint64_t seed, std::int64_t order_count);

// Writes orders.csv, order-details.csv and products.csv into a directory, which must be there.
// std::runtime_error when that fails.
void write_generated(const GeneratedFiles& files, const std::string& directory);

}  // namespace nemcon::demo
