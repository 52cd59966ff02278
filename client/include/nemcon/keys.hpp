// Keys: files with the secret keys by which nodes know their clients and each other.
//
// All calls block on the file and may come from any thread. What is wrong with a file is a
// std::runtime_error, whose text names the file and the remedy.
#pragma once

#include <string>

#include <nemcon/export.hpp>

namespace nemcon {
inline namespace v0 {

// Writes a new secret key, for its owner only (mode 0600), and returns its public key: 40 printable
// characters, which may be shown to everybody. An existing file is never overwritten.
NEMCON_EXPORT std::string make_key_file(const std::string& file);

// The public key of the secret key in that file. A file that others may read is refused.
[[nodiscard]] NEMCON_EXPORT std::string public_key_of(const std::string& key_file);

}  // namespace v0
}  // namespace nemcon
