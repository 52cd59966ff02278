// A file as one text.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.hpp"

namespace nemcon::cli {

// local_refused: "FILE cannot be read: why", also of a directory, and of one that is larger than
// `byte_count_max`.
[[nodiscard]] core::Result<std::string> read_whole_file(const std::string& file,
                                                        std::size_t byte_count_max = std::size_t{1}
                                                                                     << 30U);

}  // namespace nemcon::cli
