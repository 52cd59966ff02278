// The membership file: which nodes a mesh has, signed by its operator. A text (TOML, whose first
// line but comments is `serial = N`) and below it one line with the signature, a comment for TOML:
//
//   serial = 7
//   [[peer]]
//   name = "shop"
//   ...
//   # nemcon members 7 5f0c...      the serial again, and 128 hexadecimal digits
//
// Promise: a text with any byte changed, added or missing is not taken. What the rest of the text
// means is not known here (node/config.cpp). Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "transport/operator_key.hpp"

namespace nemcon::transport {

struct Members {
  std::uint64_t serial = 0;
  std::string content;  // Without the signature.
  std::string digest;   // Of the content: 64 hexadecimal digits.
};

// local_refused, in words that fit behind "FILE: ".
[[nodiscard]] core::Result<Members> open_members(std::string_view text, const OperatorKey& key);

struct SignedText {
  std::string text;
  std::uint64_t serial = 0;
  bool is_changed = false;  // False: it bore this very signature already.
};

// Of a text that has a signature or none yet. A changed one gets the next serial, unless it has a
// higher one than it was signed with. local_refused, in words that fit behind "FILE: ".
[[nodiscard]] core::Result<SignedText> sign_members(std::string_view text,
                                                    const OperatorSecret& secret);

}  // namespace nemcon::transport
